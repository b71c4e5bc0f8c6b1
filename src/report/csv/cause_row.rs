//! A diagnosis as CSV: one row a cause.

use serde::Serialize;

use crate::judge::diagnosis::{CauseFinding, RootCause};
use crate::report::diagnosis_report::DiagnosisReport;
use crate::report::json::support_word;
use crate::report::text::diagnosis::{self as text, EndpointNames};

/// One cause in CSV.
#[derive(Serialize)]
pub(super) struct CauseRow {
    cause: RootCause,
    support: &'static str,
    evidence: String,
    next: Option<String>,
}

/// Every cause, the likely ones first.
pub(super) fn cause_rows(report: &DiagnosisReport) -> Vec<CauseRow> {
    let names = EndpointNames::of(&report.observations);
    let row = |finding: &CauseFinding| {
        let evidence: Vec<String> = text::evidence_of(finding, names).collect();
        CauseRow {
            cause: finding.cause,
            support: support_word(finding),
            evidence: evidence.join("; "),
            next: text::next_of(finding, names),
        }
    };
    report.diagnosis.findings.iter().map(row).collect()
}
