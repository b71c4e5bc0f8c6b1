//! The gates as test cases of a JUnit report.

pub(in crate::report) mod capacity;

use std::io::{self, Write};

use quick_junit::{NonSuccessKind, TestCase, TestCaseStatus, TestSuite};

use crate::judge::gate::{Finding, Severity};
use crate::report::model::{InconclusivePolicy, Report};
use crate::report::text;
use crate::verdict::Verdict;

/// One test suite an endpoint, one test case a gate. The names hold no measured value, so that a test keeps its history.
/// A report without gates has one skipped case: parsers take a file without any for a mistake.
pub(in crate::report) fn write(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let mut junit = quick_junit::Report::new("a7probe");
    for endpoint in endpoints(report) {
        let mut suite = TestSuite::new(endpoint);
        let findings = report.findings.iter().filter(|f| f.endpoint == endpoint);
        suite.add_test_cases(findings.map(|finding| case(finding, report.inconclusive)));
        junit.add_test_suite(suite);
    }
    if report.findings.is_empty() {
        let mut suite = TestSuite::new(&report.title);
        suite.add_test_case(overall(report));
        junit.add_test_suite(suite);
    }
    junit.serialize(&mut *out).map_err(io::Error::other)
}

/// Endpoints that have a gate, in the order of the findings.
fn endpoints(report: &Report) -> Vec<&str> {
    let mut names: Vec<&str> = Vec::new();
    for finding in &report.findings {
        if !names.contains(&finding.endpoint.as_str()) {
            names.push(&finding.endpoint);
        }
    }
    names
}

fn case(finding: &Finding, inconclusive: InconclusivePolicy) -> TestCase {
    let reason = text::reason(finding);
    let mut description = reason.clone();
    if let Some(step) = text::next_step(finding) {
        description.push_str("\nnext: ");
        description.push_str(&step);
    }
    let status = match (finding.severity(), finding.verdict) {
        (_, Verdict::Pass) => TestCaseStatus::success(),
        (Severity::Warns, verdict) => skipped(&format!("{verdict}, a warning only: {reason}")),
        (Severity::Decides, Verdict::Fail) => broken(
            NonSuccessKind::Failure,
            finding.verdict,
            &reason,
            &description,
        ),
        (Severity::Decides, Verdict::Inconclusive) => match inconclusive {
            InconclusivePolicy::Fail => broken(
                NonSuccessKind::Error,
                finding.verdict,
                &reason,
                &description,
            ),
            InconclusivePolicy::Warn => skipped(&format!("INCONCLUSIVE: {reason}")),
        },
        (Severity::Decides, Verdict::NotJudged) => skipped(&format!("NOT JUDGED: {reason}")),
    };
    let mut case = TestCase::new(finding.gate.to_string(), status);
    case.set_classname(format!("a7probe.{}", finding.endpoint));
    case
}

fn skipped(message: &str) -> TestCaseStatus {
    let mut status = TestCaseStatus::skipped();
    status.set_message(message);
    status
}

fn broken(
    kind: NonSuccessKind,
    verdict: Verdict,
    message: &str,
    description: &str,
) -> TestCaseStatus {
    let mut status = TestCaseStatus::non_success(kind);
    status.set_message(message);
    status.set_type(verdict.as_str());
    status.set_description(description);
    status
}

/// The one case of a report without gates: a diagnosis, or latencies that were shown and not judged.
fn overall(report: &Report) -> TestCase {
    let line = text::verdict_line(report).unwrap_or_else(|| "no gate was judged".to_owned());
    let status = match (report.verdict(), report.inconclusive) {
        (Some(Verdict::Pass), _) => TestCaseStatus::success(),
        (Some(Verdict::Fail), _) => broken(NonSuccessKind::Failure, Verdict::Fail, &line, &line),
        (Some(Verdict::Inconclusive), InconclusivePolicy::Fail) => {
            broken(NonSuccessKind::Error, Verdict::Inconclusive, &line, &line)
        }
        (Some(Verdict::Inconclusive | Verdict::NotJudged) | None, _) => skipped(&line),
    };
    let mut case = TestCase::new(report.kind.as_str(), status);
    case.set_classname("a7probe");
    case
}
