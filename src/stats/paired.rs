//! The change between two interleaved series, from pairs of adjacent blocks.
//!
//! In ABBA order each pair of blocks sees the same weather, so the logarithms of their ratios are free
//! of linear drift and their scatter is what the instrument and the service really do from block to
//! block. A Student t interval on their mean, taken back by the exponential, is an interval of the
//! geometric mean ratio.

use super::beta;

/// Fewer pairs than this give an interval that rests on the assumption of normality alone.
pub const MIN_PAIRS: usize = 6;

/// The mean ratio after/before over pairs of blocks, with its two-sided interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PairedRatio {
    /// Geometric mean of the ratios.
    pub ratio: f64,
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
    /// A percentile of a block fell among failures, or is zero: it has no logarithm.
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

/// The t interval of the ratio over pairs (before, after) of one percentile per block, in any unit.
///
/// # Errors
/// If there are fewer than [`MIN_PAIRS`] pairs, or a value is not a positive finite number.
///
/// # Panics
/// If `confidence` is not inside (0, 1).
pub fn ratio(pairs: &[(f64, f64)], confidence: f64) -> Result<PairedRatio, PairedError> {
    if pairs.len() < MIN_PAIRS {
        return Err(PairedError::TooFew(pairs.len()));
    }
    let logs = pairs
        .iter()
        .enumerate()
        .map(|(index, &pair)| log_ratio(index, pair))
        .collect::<Result<Vec<f64>, _>>()?;
    let count = logs.len() as f64;
    let mean = logs.iter().sum::<f64>() / count;
    let variance = logs.iter().map(|log| (log - mean).powi(2)).sum::<f64>() / (count - 1.0);
    let reach = t_quantile(count - 1.0, confidence) * (variance / count).sqrt();
    Ok(PairedRatio {
        ratio: mean.exp(),
        low: (mean - reach).exp(),
        high: (mean + reach).exp(),
        pairs: logs.len(),
    })
}

fn log_ratio(index: usize, (before, after): (f64, f64)) -> Result<f64, PairedError> {
    let usable = |value: f64| value > 0.0 && value.is_finite();
    if usable(before) && usable(after) {
        Ok((after / before).ln())
    } else {
        Err(PairedError::NoRatio {
            index,
            before,
            after,
        })
    }
}

/// The t with `P(|T| ≤ t) = confidence`, from `P(|T| > t) = I_{ν/(ν+t²)}(ν/2, 1/2)`.
fn t_quantile(freedom: f64, confidence: f64) -> f64 {
    let x = beta::lower_quantile(1.0 - confidence, freedom / 2.0, 0.5);
    (freedom * (1.0 - x) / x).sqrt()
}

#[cfg(test)]
mod tests {
    use super::{MIN_PAIRS, PairedError, ratio, t_quantile};

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
        let reach = 2.570581835636314 * (7.0_f64 / 30.0).sqrt();
        assert!((found.ratio - 1.0).abs() < 1e-12);
        assert!((found.low.ln() + reach).abs() < 1e-12 && (found.high.ln() - reach).abs() < 1e-12);
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
        for value in [found.ratio, found.low, found.high] {
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
        assert!((found.ratio - 0.8).abs() < 1e-12, "{found:?}");
    }

    #[test]
    fn what_has_no_ratio_is_refused() {
        assert_eq!(
            ratio(&[(1.0, 1.0); MIN_PAIRS - 1], 0.95),
            Err(PairedError::TooFew(5))
        );
        let mut pairs = [(1.0, 1.0); MIN_PAIRS];
        pairs[2].1 = f64::INFINITY;
        assert_eq!(
            ratio(&pairs, 0.95),
            Err(PairedError::NoRatio {
                index: 2,
                before: 1.0,
                after: f64::INFINITY
            })
        );
        pairs[2] = (0.0, 1.0);
        assert_eq!(
            ratio(&pairs, 0.95),
            Err(PairedError::NoRatio {
                index: 2,
                before: 0.0,
                after: 1.0
            })
        );
    }
}
