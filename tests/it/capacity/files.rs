//! Saved searches: shown again, judged by a gate, compared, in every format; and what a damaged file says.

use std::path::Path;

use serde_json::Value;

use crate::harness::{a7probe, code, json, run, stderr, stdout, temp_dir};
use crate::page::markup;

const SEARCH: &str = include_str!("../../../fixtures/capacity-search.json");

/// The search of the fixture with other rates, in a file of this folder.
fn saved(folder: &Path, name: &str, change: impl Fn(&mut Value)) {
    let mut search: Value = serde_json::from_str(SEARCH).expect("a fixture");
    change(&mut search);
    let text = serde_json::to_string_pretty(&search).expect("JSON");
    std::fs::write(folder.join(name), text).expect("a file");
}

fn rates(lower: f64, upper: f64) -> impl Fn(&mut Value) {
    move |search| {
        search["lower_per_s"] = lower.into();
        search["upper_per_s"] = upper.into();
    }
}

#[test]
fn a_saved_search_is_shown_again_with_its_exit_code() {
    let folder = temp_dir();
    saved(folder.path(), "a.json", |_| {});
    let output = run(folder.path(), &["judge", "a.json"]);
    let text = stdout(&output);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let first = "search holds P95 ≤ 150 ms at 190/s; fails at 207/s (trials of 30 s)";
    assert_eq!(text.lines().next(), Some(first));
    assert!(text.contains("207/s   confirm"), "{text}");
    let again = run(folder.path(), &["judge", "a.json", "--output", "json"]);
    let original: Value = serde_json::from_str(SEARCH).expect("a fixture");
    assert_eq!(json(&again), original);
}

#[test]
fn a_gate_on_a_saved_search_passes_fails_and_stays_open() {
    let folder = temp_dir();
    saved(folder.path(), "a.json", |_| {});
    for (gate, exit, begin) in [
        (
            "capacity >= 150/s",
            0,
            "PASS  search  capacity ≥ 150/s: holds",
        ),
        (
            "search capacity >= 300/s",
            1,
            "FAIL  search  capacity < 300/s: fails",
        ),
        (
            "capacity >= 300/s warn",
            0,
            "FAIL  search  capacity < 300/s",
        ),
        (
            "capacity >= 200/s",
            3,
            "INCONCLUSIVE  search  capacity ≥ 200/s not decided",
        ),
    ] {
        let output = run(folder.path(), &["judge", "a.json", "--gate", gate]);
        assert_eq!(code(&output), exit, "{gate}: {}", stderr(&output));
        assert!(stdout(&output).starts_with(begin), "{}", stdout(&output));
    }
    let warn = [
        "judge",
        "a.json",
        "--gate",
        "capacity >= 200/s",
        "--inconclusive",
        "warn",
    ];
    let output = run(folder.path(), &warn);
    assert_eq!(code(&output), 0);
    assert!(
        stderr(&output).contains("ends with exit code 0"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn every_format_is_written_or_refused_in_one_line() {
    let folder = temp_dir();
    saved(folder.path(), "a.json", |_| {});
    for (format, part) in [
        ("json", "\"a7probe.capacity/1\""),
        ("markdown", "| 207/s | confirm |"),
        ("csv", "expand,"),
        ("html", "<title>search holds P95 ≤ 150 ms at 190/s"),
        ("svg", "fails at 207/s"),
        ("junit", "<testcase name=\"capacity ("),
        ("github", "### search holds"),
        ("comment", "<!-- a7probe -->"),
        ("openmetrics", "bound=\"upper\"} 207"),
        ("human", "search holds"),
    ] {
        let report = format!("{format}=-");
        let output = run(folder.path(), &["judge", "a.json", "--report", &report]);
        let text = stdout(&output);
        assert_eq!(code(&output), 0, "{format}: {}", stderr(&output));
        assert!(text.contains(part), "{format}: {text}");
    }
    for format in ["hlog", "hgrm", "bmf", "gab"] {
        let report = format!("{format}=x");
        for command in [&["judge", "a.json"][..], &["compare", "a.json", "a.json"]] {
            let output = run(folder.path(), &[command, &["--report", &report]].concat());
            assert_eq!(code(&output), 2);
            let text = stderr(&output);
            assert!(text.contains("trials at several rates"), "{format}: {text}");
            assert!(
                text.contains("hint: use html, svg, markdown"),
                "{format}: {text}"
            );
        }
    }
}

#[test]
fn what_a_search_has_not_cannot_be_judged_or_compared() {
    let folder = temp_dir();
    saved(folder.path(), "a.json", |_| {});
    for (arguments, part) in [
        (
            &["--gate", "p95 <= 100ms"][..],
            "a saved search has no latencies",
        ),
        (
            &["--gate", "other capacity >= 1/s"],
            "the endpoint is search",
        ),
        (
            &["--target", "100ms"],
            "--target has no use with a saved capacity search",
        ),
        (&["--iid"], "--iid has no use"),
        (
            &["a.json2"],
            "a.json is a capacity search, which is judged alone",
        ),
    ] {
        saved(folder.path(), "a.json2", rates(100.0, 120.0));
        let output = run(folder.path(), &[&["judge", "a.json"], arguments].concat());
        assert_eq!(code(&output), 2, "{arguments:?}");
        assert!(stderr(&output).contains(part), "{}", stderr(&output));
    }
}

#[test]
fn a_cut_or_damaged_file_says_what_is_wrong_with_it() {
    let folder = temp_dir();
    std::fs::write(folder.path().join("cut.json"), &SEARCH[..SEARCH.len() / 2]).expect("a file");
    saved(folder.path(), "swapped.json", rates(207.0, 190.0));
    saved(folder.path(), "new.json", |search| {
        search["schema"] = "a7probe.capacity/2".into()
    });
    saved(folder.path(), "good.json", |_| {});
    for (file, part) in [
        ("cut.json", "cut.json is incomplete: JSON ends at line"),
        (
            "swapped.json",
            "the capacity file is damaged: it holds at 207/s and fails at 190/s",
        ),
        (
            "new.json",
            "a7probe.capacity/2 is newer than a7probe.capacity/1",
        ),
    ] {
        for command in [&["judge", file][..], &["compare", "good.json", file]] {
            let output = run(folder.path(), command);
            assert_eq!(code(&output), 2, "{}", stdout(&output));
            let text = stderr(&output);
            assert!(text.contains(part) && text.contains("hint: "), "{text}");
        }
    }
}

#[test]
fn brackets_that_do_not_overlap_are_a_change() {
    let folder = temp_dir();
    saved(folder.path(), "a.json", |_| {});
    for (lower, upper, first) in [
        (
            414.0,
            454.0,
            "search  capacity rose: holds P95 ≤ 150 ms at 414/s, failed at 207/s before",
        ),
        (
            90.0,
            100.0,
            "search  capacity fell: fails P95 ≤ 150 ms at 100/s, held at 190/s before",
        ),
        (
            200.0,
            220.0,
            "search  no change is shown: 190/s to 207/s before, 200/s to 220/s after",
        ),
    ] {
        saved(folder.path(), "b.json", |search| {
            rates(lower, upper)(search);
            search["started_at"] = "2030-01-01T00:00:00Z".into();
        });
        let output = run(folder.path(), &["compare", "a.json", "b.json"]);
        assert_eq!(code(&output), 0, "{}", stderr(&output));
        assert_eq!(stdout(&output).lines().next(), Some(first));
    }
    let gated = ["compare", "a.json", "b.json", "--gate", "capacity >= 300/s"];
    let output = run(folder.path(), &[&gated[..], &["--output", "json"]].concat());
    assert_eq!(code(&output), 1);
    let found = json(&output);
    assert_eq!(found["schema"], "a7probe.capacity-change/1");
    assert_eq!(
        (&found["change"], &found["verdict"]),
        (&"not_shown".into(), &"FAIL".into())
    );
    for format in [
        "markdown",
        "csv",
        "html",
        "svg",
        "junit",
        "github",
        "comment",
        "openmetrics",
    ] {
        let report = format!("{format}=-");
        let output = run(
            folder.path(),
            &["compare", "a.json", "b.json", "--report", &report],
        );
        assert_eq!(code(&output), 0, "{format}: {}", stderr(&output));
        assert!(!stdout(&output).is_empty());
    }
}

#[test]
fn searches_with_another_goal_or_plan_are_named_and_refused() {
    let folder = temp_dir();
    saved(folder.path(), "a.json", |_| {});
    saved(folder.path(), "b.json", |search| {
        search["gates"] = serde_json::json!(["search p95 <= 200ms"]);
        search["plan"]["endpoints"][0]["method"] = "POST".into();
        search["started_at"] = "2030-01-01T00:00:00Z".into();
    });
    let output = run(folder.path(), &["compare", "a.json", "b.json"]);
    let text = stderr(&output);
    assert_eq!(code(&output), 2, "{text}");
    for part in [
        "gates: search p95 <= 150ms before, search p95 <= 200ms after",
        "method of search: GET before, POST after",
        "--allow-different-plans",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let allowed = ["compare", "a.json", "b.json", "--allow-different-plans"];
    let output = run(folder.path(), &allowed);
    assert_eq!(code(&output), 0);
    assert!(
        stderr(&output).contains("warning: different plans: gates"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn a_search_and_a_run_are_not_compared() {
    let folder = temp_dir();
    saved(folder.path(), "a.json", |_| {});
    std::fs::write(folder.path().join("list.txt"), "10ms\n20ms\n").expect("a file");
    let output = run(folder.path(), &["compare", "a.json", "list.txt"]);
    assert_eq!(code(&output), 2);
    let text = stderr(&output);
    let error = "a.json is a capacity search, and list.txt is latencies of another tool";
    assert!(text.contains(error), "{text}");
}

#[test]
fn the_schemas_of_searches_are_printed() {
    let folder = temp_dir();
    for (name, title) in [
        ("capacity", "JsonCapacity"),
        ("capacity-change", "JsonCapacityChange"),
    ] {
        let output = run(folder.path(), &["schema", name]);
        assert_eq!(json(&output)["title"], title);
    }
}

/// Names from a file are text in a page and a picture, whatever they are.
#[test]
fn pages_and_pictures_are_well_formed_and_let_no_markup_in() {
    let folder = temp_dir();
    saved(folder.path(), "a.json", |search| {
        search["endpoint"] = "\"><script>alert(1)</script>".into();
        search["url"] = "http://h/<b>&'".into();
        search["gates"] = serde_json::json!(["* p95 <= 150ms"]);
    });
    for arguments in [&["judge", "a.json"][..], &["compare", "a.json", "a.json"]] {
        for format in ["html=-", "svg=-"] {
            let output = run(folder.path(), &[arguments, &["--report", format]].concat());
            let text = stdout(&output);
            assert_eq!(markup::check(&text), Ok(()), "{format}");
            assert!(
                !text.contains("<script") && !text.contains("<b>&'"),
                "{text}"
            );
        }
    }
}

#[test]
fn github_gets_a_summary_and_both_rates_unless_it_is_refused() {
    let folder = temp_dir();
    saved(folder.path(), "a.json", |_| {});
    let gate = ["judge", "a.json", "--gate", "capacity >= 300/s"];
    let in_github = |arguments: &[&str]| {
        let mut command = a7probe(folder.path(), arguments);
        command
            .env("GITHUB_ACTIONS", "true")
            .env("GITHUB_STEP_SUMMARY", "summary.md")
            .env("GITHUB_OUTPUT", "outputs");
        command.output().expect("the program starts")
    };
    let silent = in_github(&[&gate[..], &["--no-ci"]].concat());
    assert!(!folder.path().join("summary.md").exists());
    assert!(!stderr(&silent).contains("::error"));
    let output = in_github(&gate);
    let text = stderr(&output);
    let annotation =
        "::error title=FAIL%3A capacity >= 300/s (search p95 <= 150ms)::search  capacity < 300/s";
    assert!(text.contains(annotation), "{text}");
    let summary = std::fs::read_to_string(folder.path().join("summary.md")).expect("a summary");
    assert!(
        summary.starts_with("### ❌ FAIL: search  capacity"),
        "{summary}"
    );
    let outputs = std::fs::read_to_string(folder.path().join("outputs")).expect("outputs");
    for line in [
        "verdict=FAIL",
        "exit-code=1",
        "capacity-lower=190",
        "capacity-upper=207",
    ] {
        assert!(outputs.lines().any(|own| own == line), "{outputs}");
    }
}
