//! Do two large groups of counted values differ? The rank test of Wilcoxon, Mann and Whitney, with many ties.

use statrs::function::erf::erfc;

/// How often a value occurs in one group and in the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ValueCounts {
    /// In the first group.
    pub first: u64,
    /// In the second group.
    pub second: u64,
}

/// The two-sided p-value of "both groups are alike", by the normal approximation with the correction for ties (Lehmann,
/// Nonparametrics, 1975, 1.2). `values` are the counts of every value, ascending. 1 if a group is empty or all values
/// are the same.
///
/// ```
/// use a7probe::stats::rank_sum::{ValueCounts, p_alike};
///
/// let alike = ValueCounts { first: 50, second: 50 };
/// assert_eq!(p_alike(&[alike, alike]), 1.0);
/// let lower = ValueCounts { first: 90, second: 10 };
/// let upper = ValueCounts { first: 10, second: 90 };
/// assert!(p_alike(&[lower, upper]) < 1e-20);
/// ```
pub fn p_alike(values: &[ValueCounts]) -> f64 {
    let sum = |count: fn(&ValueCounts) -> u64| values.iter().map(count).sum::<u64>() as f64;
    let (n, m) = (sum(|v| v.first), sum(|v| v.second));
    if n == 0.0 || m == 0.0 {
        return 1.0;
    }
    let all = n + m;
    let (mut before, mut rank_sum, mut ties) = (0.0, 0.0, 0.0);
    for value in values {
        let tied = (value.first + value.second) as f64;
        rank_sum += value.first as f64 * (before + (tied + 1.0) / 2.0);
        before += tied;
        // In parts of all³, which would not fit the precision.
        let part = tied / all;
        ties += part * (part * part - 1.0 / (all * all));
    }
    let u = rank_sum - n * (n + 1.0) / 2.0;
    let variance = n * m * all / 12.0 * (1.0 - 1.0 / (all * all) - ties) * all / (all - 1.0);
    if variance <= 0.0 {
        return 1.0;
    }
    // Half a pair towards the middle: the correction for continuity.
    let distance = ((u - n * m / 2.0).abs() - 0.5).max(0.0);
    erfc(distance / variance.sqrt() / std::f64::consts::SQRT_2)
}

#[cfg(test)]
mod tests {
    use super::{ValueCounts, p_alike};

    fn counts(pairs: &[[u64; 2]]) -> Vec<ValueCounts> {
        let counts = pairs
            .iter()
            .map(|&[first, second]| ValueCounts { first, second });
        counts.collect()
    }

    #[test]
    fn the_p_values_are_those_of_the_textbook() {
        // From the ranks one by one: U, its variance with Σ(t³ − t), and erfc, computed apart in Python.
        // x = [1, 2, 2, 3, 5], y = [2, 3, 4, 4, 6, 7]
        let ties = [[1, 0], [2, 1], [1, 1], [0, 2], [1, 0], [0, 1], [0, 1]];
        let p = p_alike(&counts(&ties));
        assert!((p - TIES).abs() < 1e-9, "{p}");
        // x = 1..=20, y = 11..=30
        let mut shifted = vec![[1, 0]; 10];
        shifted.extend([[1, 1]; 10]);
        shifted.extend([[0, 1]; 10]);
        let p = p_alike(&counts(&shifted));
        assert!((p - SHIFTED).abs() < 1e-9, "{p}");
    }

    const TIES: f64 = 0.13862587987892772;
    const SHIFTED: f64 = 5.212549620603763e-05;

    #[test]
    fn a_million_values_keep_their_precision() {
        // 64 equal steps of a group of a million against one of 63 million: no difference.
        let alike = counts(&[[15_625, 984_375]; 64]);
        assert!(p_alike(&alike) > 0.999);
        let same = counts(&[[1_000_000, 63_000_000]]);
        assert_eq!(p_alike(&same), 1.0);
        assert_eq!(p_alike(&counts(&[[5, 0]])), 1.0);
    }
}
