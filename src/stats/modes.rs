//! How many modes has a distribution: one, or two with a significant valley between them?

use super::binomial;

/// Ratio of the widths of neighbouring bins; modes that are closer count as one.
pub const BIN_RATIO: f64 = 2.0;

/// Fewest values of a distribution for a statement about modes.
pub const MIN_VALUES: u64 = 20;

/// A mode holds at least this share of the values: 1 in 20.
const MIN_SHARE: u64 = 20;

/// Level of the test of the valley.
const ALPHA: f64 = 0.01;

/// The modes of a distribution of positive values.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Modes {
    /// Too few values to tell.
    Unknown,
    /// No valley is shown.
    One,
    /// A valley is shown, with so large a share of the values above it.
    Two {
        /// Where the lower mode is: the middle of its bin.
        lower: f64,
        /// Where the upper mode is.
        upper: f64,
        /// Share of the values above the valley.
        upper_share: f64,
    },
}

/// Tells the modes of values with their counts.
///
/// Values are counted in bins that double in width. Had the distribution one mode, a bin between two others would
/// expect at least as many values as the smaller of them, so that of v values in the valley and p in the smaller peak,
/// v would be at least half: two modes are shown if P(Bin(v + p, 1/2) ≤ v) ≤ 1 %, for the peaks that show it best.
pub fn modes(values: impl IntoIterator<Item = (f64, u64)>) -> Modes {
    let mut bins = std::collections::BTreeMap::<i32, u64>::new();
    for (value, count) in values {
        let bin = value.max(f64::MIN_POSITIVE).log(BIN_RATIO).floor() as i32;
        *bins.entry(bin).or_default() += count;
    }
    let total: u64 = bins.values().sum();
    if total < MIN_VALUES {
        return Modes::Unknown;
    }
    let (Some(first), Some(last)) = (bins.keys().next(), bins.keys().last()) else {
        return Modes::Unknown;
    };
    let row: Vec<u64> = (*first..=*last)
        .map(|bin| bins.get(&bin).copied().unwrap_or(0))
        .collect();
    let middle = |at: usize| BIN_RATIO.powf(f64::from(*first + at as i32) + 0.5);
    let Some((p, lower, valley, upper)) = best_valley(&row, total) else {
        return Modes::One;
    };
    let above: u64 = row[valley + 1..].iter().sum();
    if p <= ALPHA {
        Modes::Two {
            lower: middle(lower),
            upper: middle(upper),
            upper_share: above as f64 / total as f64,
        }
    } else {
        Modes::One
    }
}

/// The valley with the smallest p-value: (p, lower peak, valley, upper peak).
fn best_valley(row: &[u64], total: u64) -> Option<(f64, usize, usize, usize)> {
    let valleys = 1..row.len().saturating_sub(1);
    valleys
        .filter_map(|valley| {
            let (below, above) = (&row[..valley], &row[valley + 1..]);
            let enough = |side: &[u64]| side.iter().sum::<u64>() * MIN_SHARE >= total;
            if !enough(below) || !enough(above) {
                return None;
            }
            let lower = highest(below);
            let upper = valley + 1 + highest(above);
            let (v, peak) = (row[valley], row[lower].min(row[upper]));
            let p = if v < peak {
                binomial::p_pass(v + peak, v, 0.5)
            } else {
                1.0
            };
            Some((p, lower, valley, upper))
        })
        .min_by(|a, b| a.0.total_cmp(&b.0))
}

fn highest(row: &[u64]) -> usize {
    (0..row.len()).max_by_key(|&at| row[at]).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::{Modes, modes};

    fn of(values: impl IntoIterator<Item = f64>) -> Modes {
        modes(values.into_iter().map(|value| (value, 1)))
    }

    #[test]
    fn a_lognormal_latency_has_one_mode() {
        // Quantiles of a lognormal with σ = 0.4255, by a rational approximation of the logit kind.
        let values = (1..200).map(|i| {
            let p = f64::from(i) / 200.0;
            155.2 * (0.4255 * (p / (1.0 - p)).ln() / 1.702).exp()
        });
        assert_eq!(of(values), Modes::One);
        assert_eq!(of((0..100).map(|_| 170.0)), Modes::One);
    }

    #[test]
    fn a_loop_that_is_blocked_half_of_the_time_makes_two() {
        // Half are quick, the others wait for what is left of 170 ms.
        let quick = (0..50).map(|i| 0.4 + f64::from(i) * 0.004);
        let blocked = (0..50).map(|i| 0.5 + 170.0 * f64::from(i) / 50.0);
        let Modes::Two {
            lower,
            upper,
            upper_share,
        } = of(quick.chain(blocked))
        else {
            panic!("two modes");
        };
        assert!(lower < 1.0 && upper > 64.0, "{lower} {upper}");
        assert!((0.3..=0.5).contains(&upper_share), "{upper_share}");
    }

    #[test]
    fn a_few_outliers_are_no_mode_and_few_values_tell_nothing() {
        let outliers = (0..2).map(|_| 900.0).chain((0..98).map(|_| 1.0));
        assert_eq!(of(outliers), Modes::One);
        assert_eq!(of([1.0, 100.0]), Modes::Unknown);
        assert_eq!(of([]), Modes::Unknown);
    }
}
