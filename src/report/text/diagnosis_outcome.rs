//! What a diagnosis comes to, in one line.

use super::diagnosis::{self as text, EndpointNames};
use crate::judge::diagnosis::{DiagnosisOutcome, RootCause, Support};
use crate::report::diagnosis_report::DiagnosisReport;

/// The likely causes, or that there is none, or that it cannot be told.
pub(in crate::report) fn outcome(report: &DiagnosisReport) -> String {
    match report.diagnosis.outcome() {
        DiagnosisOutcome::NothingWrong => {
            "nothing wrong: every cause is ruled out, and P95 is within the target".to_owned()
        }
        DiagnosisOutcome::NotEnough => {
            let nothing = report.diagnosis.finding(RootCause::Nothing);
            match nothing.and_then(|nothing| nothing.evidence.last()) {
                Some(why) => format!(
                    "cannot tell: {}",
                    text::evidence(why, EndpointNames::of(&report.observations))
                ),
                None => "cannot tell".to_owned(),
            }
        }
        DiagnosisOutcome::Found(first) => {
            let others: Vec<&str> = report
                .diagnosis
                .findings
                .iter()
                .filter(|f| f.support == Support::Supported && f.cause != first)
                .map(|f| text::cause(f.cause))
                .collect();
            let first = text::cause(first);
            if others.is_empty() {
                format!("likely cause: {first}")
            } else {
                format!("likely cause: {first}; with it: {}", others.join(", "))
            }
        }
    }
}
