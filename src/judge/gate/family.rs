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
