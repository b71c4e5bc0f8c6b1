//! Do the parts of a series differ in level, in whatever direction? Halves by a rank test, tenths by analysis of
//! variance of ranks.
//!
//! Both look at twenty batches of neighbours, each given by the mean rank of its values among all. The yardstick is how
//! much neighbouring batches differ, not neighbouring values, so that values that come in spells or depend on the one
//! before count for no more than they are worth.

use super::two_groups;

/// Batches: two of each tenth.
pub const BATCHES: usize = 20;

/// Two-sided level of the test of the halves.
const HALVES: f64 = 0.005;

/// Of the differences within tenths, this many of the largest are left out: a change inside a tenth is not noise. The
/// other eight are the yardstick.
const LEFT_OUT: usize = 2;

/// How many times the variance within tenths (without [`LEFT_OUT`], and with all) the variance between them must be.
///
/// By simulation of 600 values: at most 1 series in 100 reaches both by chance, whether the values are independent, in
/// spells of 5 or 20, or first-order autoregressive with 0.9; with independent ones it is 1 in 1000.
const RATIOS: (f64, f64) = (36.0, 3.0);

/// Whether the batches of the first half are all in all lower or higher than those of the second: the two-sided test of
/// Wilcoxon, Mann and Whitney at 0.5 %.
pub fn halves_differ(batches: &[f64; BATCHES]) -> bool {
    let (first, second) = batches.split_at(BATCHES / 2);
    let lower = two_groups::p_first_larger(second, first);
    2.0 * lower.min(two_groups::p_first_larger(first, second)) <= HALVES
}

/// Whether the tenths differ by far more than their own halves do: Kruskal and Wallis' comparison of mean ranks, with
/// the variance of batches as the yardstick. Finds a change that the halves share, such as a slow middle.
pub fn tenths_differ(batches: &[f64; BATCHES]) -> bool {
    let tenths: Vec<(f64, f64)> = batches.chunks(2).map(|t| (t[0], t[1])).collect();
    let count = tenths.len() as f64;
    let mean = batches.iter().sum::<f64>() / BATCHES as f64;
    let squares = |&(a, b): &(f64, f64)| 2.0 * ((a + b) / 2.0 - mean).powi(2);
    let between = tenths.iter().map(squares).sum::<f64>() / (count - 1.0);
    let mut within: Vec<f64> = tenths.iter().map(|(a, b)| (a - b).powi(2) / 2.0).collect();
    within.sort_unstable_by(f64::total_cmp);
    let average = |part: &[f64]| part.iter().sum::<f64>() / part.len() as f64;
    let usual = average(&within[..within.len() - LEFT_OUT]);
    between > usual * RATIOS.0 && between > average(&within) * RATIOS.1
}

/// After how many batches the level changes most: where the sum of deviations from the mean is farthest from 0.
pub fn largest_step(batches: &[f64; BATCHES]) -> usize {
    let mean = batches.iter().sum::<f64>() / BATCHES as f64;
    let mut sum = 0.0;
    let mut best = (0.0, BATCHES / 2);
    for (index, batch) in batches[..BATCHES - 1].iter().enumerate() {
        sum += batch - mean;
        if f64::abs(sum) > best.0 {
            best = (f64::abs(sum), index + 1);
        }
    }
    best.1
}

#[cfg(test)]
mod tests {
    use super::{BATCHES, halves_differ, largest_step, tenths_differ};

    /// A level for each batch, and a little noise without order.
    fn levels(level: impl Fn(usize) -> f64) -> [f64; BATCHES] {
        let noise = |i: usize| (i as f64 * 0.618_033_988_749_895).fract() * 0.2;
        std::array::from_fn(|i| level(i) + noise(i + 1))
    }

    #[test]
    fn a_step_in_either_direction_is_a_difference_of_halves_and_tenths() {
        for sign in [1.0, -1.0] {
            let step = levels(|i| if i < 10 { 0.0 } else { sign });
            assert!(halves_differ(&step) && tenths_differ(&step));
            assert_eq!(largest_step(&step), 10);
            let late = levels(|i| if i < 17 { 0.0 } else { sign });
            assert_eq!(largest_step(&late), 17);
        }
    }

    #[test]
    fn a_slow_middle_is_a_difference_of_tenths_alone() {
        let middle = levels(|i| if (7..13).contains(&i) { 1.0 } else { 0.0 });
        assert!(!halves_differ(&middle) && tenths_differ(&middle));
    }

    #[test]
    fn what_does_not_change_or_only_once_for_a_moment_does_not_differ() {
        for same in [levels(|_| 0.0), [7.0; BATCHES]] {
            assert!(!halves_differ(&same) && !tenths_differ(&same));
        }
        let moment = levels(|i| if i == 4 { 1.0 } else { 0.0 });
        assert!(!halves_differ(&moment) && !tenths_differ(&moment));
        let quiet: [f64; BATCHES] = std::array::from_fn(|i| if i == 4 { 1.0 } else { 0.0 });
        assert!(!halves_differ(&quiet) && !tenths_differ(&quiet));
    }
}
