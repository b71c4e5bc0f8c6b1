//! What differs between two plans or two machines, in words.

use crate::run::run_file::{FactDifference, MachineDifference, MachineFact};

/// `rate of ingest: 20/s before, 50/s after`.
pub fn fact_difference(difference: &FactDifference) -> String {
    let FactDifference {
        fact,
        before,
        after,
    } = difference;
    format!("{fact}: {before} before, {after} after")
}

pub(in crate::report) fn machine_difference(difference: &MachineDifference) -> String {
    let MachineDifference {
        fact,
        certified,
        here,
    } = difference;
    match fact {
        MachineFact::Processor => format!("processor {certified} there, {here} here"),
        MachineFact::System => format!("system {certified} there, {here} here"),
        MachineFact::Cores => format!("{certified} processors there, {here} here"),
    }
}
