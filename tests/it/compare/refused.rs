//! Runs that cannot be compared, and the message that says why.

use std::fs;
use std::time::Duration;

use a7probe::exit::Exit;
use insta::assert_snapshot;

use super::{Case, improved, scaled, slow};

use crate::runs;

#[test]
fn runs_of_different_plans_are_refused_and_what_differs_is_named() {
    let mut after = runs::run(scaled(0.01), scaled(0.25));
    after.plan.timeout = Duration::from_secs(30);
    after.plan.endpoints[1].rate_per_s = a7probe::units::Rate::per_second(50.0);
    let case = Case::of_runs(runs::run(scaled(0.01), slow()), after);
    let refused = case.runs(&[]);
    assert_eq!((refused.exit, refused.stdout.as_str()), (Exit::Error, ""));
    assert_snapshot!(refused.stderr, @r#"
    error: the runs have different plans:
      rate of ingest: 20/s before, 50/s after
      timeout: 5s before, 30s after
    hint: measure both with the same plan, or add --allow-different-plans
    "#);
    let allowed = case.runs(&["--allow-different-plans"]);
    assert_eq!(allowed.exit, Exit::Pass);
    assert_snapshot!(allowed.stderr, @r#"
    warning: different plans: rate of ingest: 20/s before, 50/s after
    hint: measure both with the same plan
    warning: different plans: timeout: 5s before, 30s after
    hint: measure both with the same plan
    warning: after: ingest did not get the full load: 20/s of 50/s
    hint: lower the rate, or raise the in-flight cap: -c together with -q
    "#);
}

#[test]
fn what_cannot_be_compared_ends_in_one_message_and_code_2() {
    let case = improved();
    let whole = fs::read_to_string(case.path("before.json")).expect("the run");
    case.write("cut.json", &whole[..whole.len() / 3]);
    case.write("foreign.json", r#"{"metrics": {}}"#);
    case.write("array.json", "[163.2, 320.5]");
    case.write(
        "newer.json",
        &whole.replace("a7probe.run/1", "a7probe.run/2"),
    );
    case.write("empty.txt", "");
    case.write("no-unit.txt", "163.2\n");
    for (file, flags, message) in [
        (
            "missing.json",
            vec![],
            "error: cannot compare missing.json: cannot read the file: no such file",
        ),
        (
            "cut.json",
            vec![],
            "error: cut.json is incomplete: JSON ends at line",
        ),
        (
            "foreign.json",
            vec![],
            "error: cannot compare foreign.json: JSON that is neither an a7probe run nor a known tool's result: its keys are metrics\nhint: ",
        ),
        (
            "array.json",
            vec![],
            "error: cannot compare array.json: it is JSON, but not an a7probe run",
        ),
        (
            "newer.json",
            vec![],
            "error: cannot compare newer.json: a7probe.run/2 is newer than a7probe.run/1, which this a7probe reads\nhint: update",
        ),
        (
            "empty.txt",
            vec![],
            "error: cannot compare empty.txt: the file is empty",
        ),
        (
            "no-unit.txt",
            vec![],
            "error: no-unit.txt line 1: '163.2' has no unit\nhint: add --unit s, ms, us or ns",
        ),
        (".", vec![], "error: cannot compare ."),
        (
            "after.json",
            vec!["--gate", "ingset p95 <= 1s"],
            "did you mean 'ingest p95 <= 1s'?",
        ),
        (
            "after.json",
            vec!["--gate", "p95 <= 20s"],
            "the run's timeout was 5 s",
        ),
        (
            "after.json",
            vec!["--endpoint", "x"],
            "error: --endpoint x needs a list of latencies",
        ),
        (
            "after.json",
            vec!["--report", "json=/nonexistent/a.json"],
            "error: cannot write /nonexistent/a.json",
        ),
    ] {
        let answer = case.compare("before.json", file, &flags);
        assert_eq!(
            (answer.exit, answer.stdout.as_str()),
            (Exit::Error, ""),
            "{file}"
        );
        assert!(answer.stderr.contains(message), "{file}: {}", answer.stderr);
        assert_eq!(
            answer.stderr.matches("error: ").count(),
            1,
            "{}",
            answer.stderr
        );
    }
}
