//! Why two sides may not be comparable, in words.

use crate::judge::warning::ComparisonWarning;
use crate::report::text::fact_difference;
use crate::report::text::warning_text::WarningText;

pub(super) fn warning(warning: &ComparisonWarning) -> WarningText {
    match warning {
        ComparisonWarning::DifferentPlans { difference } => WarningText::new(
            format!("different plans: {}", fact_difference(difference)),
            "measure both with the same plan",
        ),
        ComparisonWarning::UnknownPlan { field } => WarningText::new(
            format!(
                "{field}: unknown whether it is the same; the file of an older a7probe hides it"
            ),
            "measure both with this a7probe",
        ),
        ComparisonWarning::SidesExchanged => WarningText::new(
            "the side after of the ab is given as the run before",
            "if that is not meant, change their places",
        ),
        ComparisonWarning::SameRun => WarningText::new(
            "before and after are the same run",
            "give the files of two runs",
        ),
        ComparisonWarning::AfterIsEarlier => WarningText::new(
            "the run after was made earlier than the run before",
            "if that is not meant, change their places",
        ),
        ComparisonWarning::DifferentMachines { differences } => WarningText::new(
            {
                let differences: Vec<String> = differences.iter().map(fact_difference).collect();
                format!("measured from different places: {}", differences.join("; "))
            },
            "measure both from the same machine with the same a7probe",
        ),
        ComparisonWarning::MissingEndpoint { endpoint, only_in } => WarningText::new(
            format!("endpoint {endpoint} is only in the run {only_in} and is not compared"),
            "measure the same endpoints on both sides",
        ),
    }
}
