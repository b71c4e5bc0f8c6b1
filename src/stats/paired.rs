//! The change between two interleaved series, from pairs of adjacent blocks.
//!
//! In ABBA order each pair of blocks sees the same weather, so the logarithms of their ratios are free
//! of linear drift and their scatter is what the instrument and the service really do from block to
//! block. A Student t interval on their mean, taken back by the exponential, is an interval of the
//! geometric mean ratio.
//!
//! A percentile that stands among failures is slower than any latency, however long. Its logarithm is taken as a number
//! that grows beyond all bounds, and the interval's ends as their limits: an end is 0 or ∞ as soon as one pair has a
//! failure on one side, and both are the same only if most pairs say so. The limit of a t interval over values that are
//! some growing number times −1, 0 or 1, and finite rests, has the signs of the interval over −1, 0 and 1.

use super::beta;

/// Fewer pairs than this give an interval that rests on the assumption of normality alone.
pub const MIN_PAIRS: usize = 6;

/// A mean over pairs of blocks, with its two-sided interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PairedMean {
    /// Of ratios the geometric mean, of differences the mean; may be infinite, or 0 of ratios.
    pub mean: f64,
    /// Lower end of the interval.
    pub low: f64,
    /// Upper end of the interval.
    pub high: f64,
    /// Number of pairs.
    pub pairs: usize,
}

/// Why pairs give no interval.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum PairedError {
    /// Fewer than [`MIN_PAIRS`].
    #[error("{0} pairs of blocks are too few: at least {MIN_PAIRS}")]
    TooFew(usize),
    /// A value is zero or none at all, or both are infinite: nothing can be said of their change.
    #[error("pair {index} has no ratio: {before} before, {after} after")]
    NoRatio {
        /// Position of the pair, from 0.
        index: usize,
        /// The value before.
        before: f64,
        /// The value after.
        after: f64,
    },
}

/// The t interval of the ratio after/before over pairs (before, after) of one percentile per block, in any unit;
/// ∞ is a percentile that stands among failures.
///
/// # Errors
/// If there are fewer than [`MIN_PAIRS`] pairs, a value is not positive, or both values of a pair are infinite.
///
/// # Panics
/// If `confidence` is not inside (0, 1).
pub fn ratio(pairs: &[(f64, f64)], confidence: f64) -> Result<PairedMean, PairedError> {
    let logs = changes(pairs, |before, after| (after / before).ln())?;
    let found = interval(&logs, confidence);
    Ok(PairedMean {
        mean: found.mean.exp(),
        low: found.low.exp(),
        high: found.high.exp(),
        ..found
    })
}

/// The t interval of the difference after − before, over the same pairs and in their unit.
///
/// # Errors
/// As [`ratio`].
///
/// # Panics
/// If `confidence` is not inside (0, 1).
pub fn difference(pairs: &[(f64, f64)], confidence: f64) -> Result<PairedMean, PairedError> {
    let differences = changes(pairs, |before, after| after - before)?;
    Ok(interval(&differences, confidence))
}

fn changes(pairs: &[(f64, f64)], of: impl Fn(f64, f64) -> f64) -> Result<Vec<f64>, PairedError> {
    if pairs.len() < MIN_PAIRS {
        return Err(PairedError::TooFew(pairs.len()));
    }
    let usable = |&(before, after): &(f64, f64)| {
        before > 0.0 && after > 0.0 && (before.is_finite() || after.is_finite())
    };
    match pairs.iter().position(|pair| !usable(pair)) {
        Some(index) => Err(PairedError::NoRatio {
            index,
            before: pairs[index].0,
            after: pairs[index].1,
        }),
        None => Ok(pairs
            .iter()
            .map(|&(before, after)| of(before, after))
            .collect()),
    }
}

/// The t interval of the mean; of infinite values, the limit as they grow together.
fn interval(values: &[f64], confidence: f64) -> PairedMean {
    if values.iter().all(|value| value.is_finite()) {
        return finite_interval(values, confidence);
    }
    let sign = |value: &f64| {
        if value.is_finite() {
            0.0
        } else {
            value.signum()
        }
    };
    let signs: Vec<f64> = values.iter().map(sign).collect();
    let limit = finite_interval(&signs, confidence);
    // An end whose sign is not clear is open.
    let end = |value: f64, open: f64| match value {
        v if v > 1e-12 => f64::INFINITY,
        v if v < -1e-12 => f64::NEG_INFINITY,
        _ => open,
    };
    PairedMean {
        mean: end(limit.mean, f64::NAN),
        low: end(limit.low, f64::NEG_INFINITY),
        high: end(limit.high, f64::INFINITY),
        ..limit
    }
}

fn finite_interval(values: &[f64], confidence: f64) -> PairedMean {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (count - 1.0);
    let half_width = t_quantile(count - 1.0, confidence) * (variance / count).sqrt();
    PairedMean {
        mean,
        low: mean - half_width,
        high: mean + half_width,
        pairs: values.len(),
    }
}

/// The t with `P(|T| ≤ t) = confidence`, from `P(|T| > t) = I_{ν/(ν+t²)}(ν/2, 1/2)`.
fn t_quantile(freedom: f64, confidence: f64) -> f64 {
    let x = beta::lower_quantile(1.0 - confidence, freedom / 2.0, 0.5);
    (freedom * (1.0 - x) / x).sqrt()
}

#[cfg(test)]
mod tests {
    use super::{MIN_PAIRS, PairedError, difference, ratio, t_quantile};

    #[test]
    fn t_quantiles_are_those_of_the_tables() {
        for (freedom, expected) in [
            (5.0, 2.570581835636314),
            (9.0, 2.262157162798205),
            (30.0, 2.0422724563012373),
        ] {
            assert!(
                (t_quantile(freedom, 0.95) / expected - 1.0).abs() < 1e-12,
                "freedom {freedom}"
            );
        }
        assert!((t_quantile(5.0, 0.99) / 4.032142983555228 - 1.0).abs() < 1e-12);
    }

    #[test]
    fn the_interval_is_that_of_the_mean_of_the_logarithms() {
        // Logarithms −1.5, −0.5, 0.5, 1.5, −1, 1: mean 0, sum of squares 7, standard error √(7/5/6).
        let pairs = [-1.5_f64, -0.5, 0.5, 1.5, -1.0, 1.0].map(|log| (10.0, 10.0 * log.exp()));
        let found = ratio(&pairs, 0.95).expect("six pairs");
        let half_width = 2.570581835636314 * (7.0_f64 / 30.0).sqrt();
        assert!((found.mean - 1.0).abs() < 1e-12);
        assert!(
            (found.low.ln() + half_width).abs() < 1e-12
                && (found.high.ln() - half_width).abs() < 1e-12
        );
        assert_eq!(found.pairs, 6);
    }

    #[test]
    fn equal_ratios_leave_no_interval() {
        let found = ratio(
            &[
                (100.0, 30.0),
                (200.0, 60.0),
                (50.0, 15.0),
                (10.0, 3.0),
                (20.0, 6.0),
                (1.0, 0.3),
            ],
            0.95,
        );
        let found = found.expect("six pairs");
        for value in [found.mean, found.low, found.high] {
            assert!((value - 0.3).abs() < 1e-12, "{found:?}");
        }
    }

    #[test]
    fn linear_drift_in_abba_order_cancels() {
        // Before 100, after 80, both times 1 + 2 % per block: A B B A B A A B …, two pairs from each
        // four blocks.
        let drift = |block: u32| 1.0 + 0.02 * f64::from(block);
        let pairs: Vec<(f64, f64)> = (0..6)
            .map(|quad| {
                let [a1, b1, b2, a2] = [0, 1, 2, 3].map(|block| drift(4 * quad + block));
                (100.0 * (a1 + a2) / 2.0, 80.0 * (b1 + b2) / 2.0)
            })
            .collect();
        let found = ratio(&pairs, 0.95).expect("six pairs");
        assert!((found.mean - 0.8).abs() < 1e-12, "{found:?}");
    }

    #[test]
    fn what_has_no_ratio_is_refused() {
        assert_eq!(
            ratio(&[(1.0, 1.0); MIN_PAIRS - 1], 0.95),
            Err(PairedError::TooFew(5))
        );
        let mut pairs = [(1.0, 1.0); MIN_PAIRS];
        for (before, after) in [(f64::INFINITY, f64::INFINITY), (0.0, 1.0), (1.0, 0.0)] {
            pairs[2] = (before, after);
            let refused = PairedError::NoRatio {
                index: 2,
                before,
                after,
            };
            assert_eq!(ratio(&pairs, 0.95), Err(refused));
            assert_eq!(difference(&pairs, 0.95), Err(refused));
        }
    }

    #[test]
    fn a_failure_is_slower_than_any_number() {
        // k of 6 blocks after fail: low = (x/6)(k − t·√(k(6−k)/5)) with t = 2.5706 is above zero from k = 4 on.
        let failing = |k: usize| -> Vec<(f64, f64)> {
            let after = |i| if i < k { f64::INFINITY } else { 10.0 };
            (0..6).map(|i| (10.0, after(i))).collect()
        };
        for (k, low) in [(1, 0.0), (3, 0.0), (4, f64::INFINITY), (6, f64::INFINITY)] {
            let found = ratio(&failing(k), 0.95).expect("six pairs");
            assert_eq!((found.low, found.high), (low, f64::INFINITY), "{k}");
            let back: Vec<(f64, f64)> = failing(k).iter().map(|&(a, b)| (b, a)).collect();
            let found = ratio(&back, 0.95).expect("six pairs");
            assert_eq!((found.low, found.high), (0.0, 1.0 / low), "{k}");
        }
        // The limit is what growing numbers come to.
        let grown = |k: usize, x: f64| -> Vec<(f64, f64)> {
            let after = |i| if i < k { 10.0 * f64::exp(x) } else { 10.0 };
            (0..6).map(|i| (10.0, after(i))).collect()
        };
        let low = |k| ratio(&grown(k, 600.0), 0.95).expect("six pairs").low;
        assert!(low(3) < 1e-10 && low(4) > 1e10);
    }

    #[test]
    fn the_difference_has_the_interval_of_its_mean() {
        // Differences −1.5, −0.5, 0.5, 1.5, −1, 1: standard error √(7/5/6).
        let pairs = [-1.5, -0.5, 0.5, 1.5, -1.0, 1.0].map(|d| (10.0, 10.0 + d));
        let found = difference(&pairs, 0.95).expect("six pairs");
        let half_width = 2.570581835636314 * (7.0_f64 / 30.0).sqrt();
        assert!((found.low + half_width).abs() < 1e-12 && (found.high - half_width).abs() < 1e-12);
    }
}
