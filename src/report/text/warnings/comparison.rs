//! Why two sides may not be comparable, in words.

use crate::judge::warning::ComparisonWarning;
use crate::report::text::fact_difference;
use crate::report::text::warning_text::WarningText;
use crate::run::run_file::FactDifference;

pub(super) fn warning(warning: &ComparisonWarning) -> WarningText {
    match warning {
        ComparisonWarning::DifferentPlans { difference } => WarningText::new(
            format!("different plans: {}", fact_difference(difference)),
            "measure both with the same plan",
        ),
        ComparisonWarning::DifferentProtocols { difference } => WarningText::new(
            format!(
                "the protocols differ: {} before, {} after; the change includes what the protocol makes of it",
                difference.before, difference.after
            ),
            "if that is not what you compare, measure both with --http2 or both without",
        ),
        ComparisonWarning::UnknownPlan { field } => WarningText::new(
            format!(
                "{field}: unknown whether both runs have the same; the file of an older a7probe does not record it"
            ),
            "measure both with this a7probe",
        ),
        ComparisonWarning::SidesExchanged => WarningText::new(
            "the run before is the side after of an ab",
            "if that is a mistake, swap the files",
        ),
        ComparisonWarning::SameRun => WarningText::new(
            "before and after are the same run",
            "the second measurement was probably saved under the first name",
        ),
        ComparisonWarning::AfterIsEarlier => WarningText::new(
            "the run after was made earlier than the run before",
            "if that is a mistake, swap the files",
        ),
        ComparisonWarning::DifferentMachines { differences } => WarningText::new(
            {
                let differences: Vec<String> = differences.iter().map(fact_difference).collect();
                format!(
                    "measured from different machines: {}",
                    differences.join("; ")
                )
            },
            "measure both from the same machine with the same a7probe",
        ),
        ComparisonWarning::BaselineElsewhere { differences } => WarningText::new(
            {
                let differences: Vec<String> = differences.iter().map(fact_here).collect();
                let differences = differences.join("; ");
                format!("the baseline was measured on a different machine ({differences})")
            },
            "measure the baseline here, or use ab",
        ),
        ComparisonWarning::OtherBaseline { recorded, given } => WarningText::new(
            format!("the run was measured against another baseline: {recorded}, now {given}"),
            "judge with the same file, unless you mean to change the baseline",
        ),
        ComparisonWarning::MissingEndpoint { endpoint, only_in } => WarningText::new(
            format!("endpoint {endpoint} is only in the run {only_in} and is not compared"),
            "measure the same endpoints on both sides",
        ),
    }
}

/// `8 cores, here 2`, `processor AMD EPYC, here Intel Xeon`.
fn fact_here(difference: &FactDifference) -> String {
    let FactDifference {
        fact,
        before,
        after,
    } = difference;
    match fact.as_str() {
        "cores" => format!("{before} {fact}, here {after}"),
        _ => format!("{fact} {before}, here {after}"),
    }
}
