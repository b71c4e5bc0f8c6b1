//! Names, paths, file names and texts of servers never become markup.

use a7probe::judge::gate::{self, Gate, Subject};
use a7probe::report::{Report, ReportFormat, ReportKind, SavedRunLink};
use a7probe::run::completion::{Audit, AuditTrouble};
use proptest::prelude::*;

use super::{markup, written};
use crate::runs;
use crate::screens::recording_at;

/// A report in which every text from outside is this one.
fn everywhere(text: &str) -> Report {
    let quick = || recording_at(60, 50_000_000, |index| 1_000 + index);
    let mut run = runs::run(quick(), quick());
    run.endpoints[0].name = text.to_owned();
    run.plan.endpoints[0].name = text.to_owned();
    run.plan.endpoints[0].path = text.to_owned();
    run.plan.endpoints[0].method = text.to_owned();
    run.plan.target = text.to_owned();
    run.environment.cpu = text.to_owned();
    run.environment.os = text.to_owned();
    run.endpoints[0].audit = Some(Audit::Unread {
        reason: AuditTrouble::stated(text),
        resends: None,
    });
    let mut report = Report::new(ReportKind::Measure, text);
    report.add_run(text, &run);
    report.add_list("list", &quick(), text);
    let gates = [Gate::parse("p95 <= 1us").expect("a gate")];
    report.findings = gate::judge(&gates, &Subject::of_run(&run));
    report.saved = vec![SavedRunLink::new(text, text.as_ref())];
    report
}

fn is_harmless(text: &str) -> Result<(), TestCaseError> {
    let report = everywhere(text);
    let plain = everywhere("plain");
    for format in [ReportFormat::Html, ReportFormat::Svg] {
        let page = written(&report, format);
        let checked = markup::check(&page);
        prop_assert!(checked.is_ok(), "{:?}: {:?}", text, checked);
        let expected = written(&plain, format);
        for tag in ["<script", "<img", "<svg", "<a ", "<style", "<path"] {
            // A longer name may cost a label, and never adds an element that runs.
            if ["<script", "<img", "<style"].contains(&tag) {
                prop_assert_eq!(page.matches(tag).count(), expected.matches(tag).count());
            }
        }
    }
    Ok(())
}

#[test]
fn known_attacks_stay_text() {
    for text in [
        "<script>alert(1)</script>",
        "\"><img src=x onerror=alert(1)>",
        "' onload='alert(1)",
        "</style><script>alert(1)</script>",
        "</title><script>alert(1)</script>",
        "]]><!--",
        "&lt;script&gt;",
        "javascript:alert(1)",
        "a\u{202e}b\u{0}c\u{1b}[31m",
    ] {
        is_harmless(text).unwrap_or_else(|e| panic!("{text}: {e}"));
    }
    let page = written(&everywhere("javascript:alert(1)"), ReportFormat::Html);
    assert!(!page.contains("href=\"javascript:"), "{page}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn no_text_becomes_markup(text in "(<|>|&|\"|'|/|=|;|!|-|[a-z#]|\\PC|\\pC){1,24}") {
        is_harmless(&text)?;
    }
}
