//! What a diagnosis comes to, in one line.

use super::diagnosis::cause;
use super::diagnosis_lines::is_of_a_cause;
use crate::judge::diagnosis::{
    BoundedShare, CauseEvidence, CauseFinding, DiagnosisOutcome, OverallReason, RootCause, Support,
};
use crate::report::diagnosis_report::DiagnosisReport;
use crate::report::figures::share;
use crate::units::Pretty;

/// The likely causes, or that there is none, or that the diagnosis cannot tell.
pub(in crate::report) fn outcome(report: &DiagnosisReport) -> String {
    let findings = &report.diagnosis.findings;
    match report.diagnosis.outcome() {
        DiagnosisOutcome::Found(first) => {
            let others = findings.iter();
            let others = others.filter(|f| f.support == Support::Supported && f.cause != first);
            let others: Vec<&str> = others.map(|f| cause(f.cause)).collect();
            let also = match others.as_slice() {
                [] => String::new(),
                others => format!(" (also: {})", others.join(", ")),
            };
            format!("likely cause: {}{also}", cause(first))
        }
        DiagnosisOutcome::NothingWrong => format!("no cause found{}", above(report)),
        DiagnosisOutcome::NotEnough => match overall(report) {
            Some(OverallReason::BeyondTarget) => format!("no cause shown{}", above(report)),
            Some(OverallReason::TargetOpen) => {
                format!(
                    "every cause is ruled out; too few requests{}",
                    above(report)
                )
            }
            _ => cannot_tell(findings),
        },
    }
}

/// `: 0% slower than 150 ms at light load`.
fn above(report: &DiagnosisReport) -> String {
    let target = Pretty(report.observations.target);
    light_load(report).map_or_else(String::new, |slower| {
        format!(
            ": {} slower than {target} at light load",
            share(slower.share())
        )
    })
}

fn nothing(report: &DiagnosisReport) -> Option<&CauseFinding> {
    report.diagnosis.finding(RootCause::Nothing)
}

fn light_load(report: &DiagnosisReport) -> Option<&BoundedShare> {
    let mut evidence = nothing(report)?.evidence.iter();
    evidence.find_map(|evidence| match evidence {
        CauseEvidence::AboveTarget { share, .. } => Some(share),
        _ => None,
    })
}

fn overall(report: &DiagnosisReport) -> Option<OverallReason> {
    let mut evidence = nothing(report)?.evidence.iter();
    evidence.find_map(|evidence| match evidence {
        CauseEvidence::Overall(reason) => Some(*reason),
        _ => None,
    })
}

fn cannot_tell(findings: &[CauseFinding]) -> String {
    let causes = || findings.iter().filter(|f| is_of_a_cause(f));
    let open = causes().filter(|f| f.support == Support::NotEnough).count();
    match causes().count() {
        all if all == open => format!("cannot tell: all {all} causes are open"),
        all => format!("cannot tell: {open} of {all} causes are open"),
    }
}
