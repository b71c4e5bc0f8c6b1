//! Many gates on one run: FAILs are held to the level over their family.

use super::spec::{ALPHA, Severity};
use crate::stats::binomial;

/// Which p-values are significant, those that decide among each other and those that warn among each other.
pub(super) fn significant_fails(p_values: &[(Severity, f64)]) -> Vec<bool> {
    let mut fails = vec![false; p_values.len()];
    for severity in [Severity::Decides, Severity::Warns] {
        let family: Vec<usize> = (0..p_values.len())
            .filter(|&i| p_values[i].0 == severity)
            .collect();
        let own: Vec<f64> = family.iter().map(|&i| p_values[i].1).collect();
        family
            .into_iter()
            .zip(binomial::holm(&own, ALPHA))
            .for_each(|(i, significant)| fails[i] = significant);
    }
    fails
}

/// The level at which Holm tests each FAIL: α divided by the number of gates of its family whose p-value is no smaller.
pub(super) fn fail_levels(p_values: &[(Severity, f64)]) -> Vec<f64> {
    let level = |at: usize| {
        let (severity, p_value) = p_values[at];
        let family = p_values.iter().enumerate();
        let left = family.filter(|&(other, &(of, p))| {
            of == severity && (p > p_value || p == p_value && other >= at)
        });
        ALPHA / left.count().max(1) as f64
    };
    (0..p_values.len()).map(level).collect()
}

#[cfg(test)]
mod tests {
    use super::{Severity, fail_levels, significant_fails};

    #[test]
    fn a_fail_is_tested_at_the_level_that_smaller_p_values_leave() {
        let of = |p_value| (Severity::Decides, p_value);
        let family = [of(0.2), of(0.001), of(1.0), (Severity::Warns, 0.04)];
        let levels = fail_levels(&family);
        let expected = [0.025, 0.05 / 3.0, 0.05, 0.05];
        for (level, expected) in levels.into_iter().zip(expected) {
            assert!((level - expected).abs() < 1e-12, "{level}, {expected}");
        }
        assert_eq!(significant_fails(&family), [false, true, false, true]);
    }
}
