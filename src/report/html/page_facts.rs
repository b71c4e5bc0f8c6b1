//! Facts of the head of the page: the measured service, when and how much.

use crate::report::model::{Report, ReportKind};
use crate::report::text;

/// `https://a7.example`, `2026-11-23 14:02:10 UTC`, `20/s each`, `30 s`.
pub(super) fn meta(report: &Report) -> Vec<String> {
    let mut facts = match (&report.comparison, report.kind) {
        (Some(whole), _) => text::comparison_facts(report, whole),
        (None, ReportKind::Measure | ReportKind::Judge | ReportKind::Merge) => text::facts(report),
        (None, _) => vec![report.title.clone()],
    };
    if let Some(run) = report.runs.first() {
        facts.insert(1.min(facts.len()), text::page::started(run));
    }
    facts
}
