//! A capacity search, or a gate on it, as one test case.

use std::io::{self, Write};

use quick_junit::{NonSuccessKind, TestCase, TestCaseStatus, TestSuite};

use super::super::capacity::gate;
use crate::exit::Exit;
use crate::report::capacity_report::CapacityReport;
use crate::report::model::InconclusivePolicy;
use crate::report::text::capacity as text;
use crate::verdict::Verdict;

/// One test case: the search, or the gate on the capacity. Its name holds no measured value.
pub(in crate::report) fn write(report: &CapacityReport, out: &mut dyn Write) -> io::Result<()> {
    let mut suite = TestSuite::new(&report.endpoint);
    let mut case = TestCase::new(gate(report), status(report));
    case.set_classname(format!("a7probe.{}", report.endpoint));
    suite.add_test_case(case);
    let mut junit = quick_junit::Report::new("a7probe");
    junit.add_test_suite(suite);
    junit.serialize(&mut *out).map_err(io::Error::other)
}

fn status(report: &CapacityReport) -> TestCaseStatus {
    let line = text::capacity_headline(report).text;
    let skipped = |message: &str| {
        let mut status = TestCaseStatus::skipped();
        status.set_message(message);
        status
    };
    let broken = |kind: NonSuccessKind| {
        let mut status = TestCaseStatus::non_success(kind);
        status.set_message(line.as_str());
        status.set_type(report.verdict().as_str());
        let next = text::capacity_next(report);
        let next = next.map_or_else(String::new, |next| format!("\nnext: {next}"));
        status.set_description(format!("{line}{next}"));
        status
    };
    match (report.verdict(), report.exit()) {
        (Verdict::Pass, _) => TestCaseStatus::success(),
        (verdict, Exit::Pass) => skipped(&format!("{verdict}, a warning only: {line}")),
        (Verdict::Fail, _) => broken(NonSuccessKind::Failure),
        (Verdict::Inconclusive | Verdict::NotJudged, _) => match report.inconclusive {
            InconclusivePolicy::Fail => broken(NonSuccessKind::Error),
            InconclusivePolicy::Warn => skipped(&format!("INCONCLUSIVE: {line}")),
        },
    }
}
