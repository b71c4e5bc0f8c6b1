//! Progress on stderr: the panel's exact text for known snapshots, and the program on a terminal and on a pipe.

mod on_stderr;

use std::time::Duration;

use a7probe::judge::gate::{Gate, GateProgress};
use a7probe::judge::summary::Observed;
use a7probe::report::{
    EndpointProgress, Glyphs, OfferedLoad, PanelView, PlannedEnd, ProgressSnapshot, ProgressStage,
    SecondP95, SendingProgress, Style,
};
use a7probe::verdict::Verdict;
use serde_json::{Value, json};

use crate::screens::looks_as_its_snapshot;

fn ms(ms: f64) -> Duration {
    Duration::from_secs_f64(ms / 1e3)
}

fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Decided, or as far as that from a verdict.
fn gate(endpoint: &str, metric: &str, verdict: Verdict, open: Option<f64>) -> GateProgress {
    GateProgress {
        endpoint: 0,
        gate: Gate::parse(&format!("{endpoint} {metric} <= 150ms")).expect("a gate"),
        verdict: match open {
            Some(_) => Verdict::Inconclusive,
            None => verdict,
        },
        towards: verdict,
        progress: open.unwrap_or(1.0),
        held_by: None,
        expected_at: None,
    }
}

/// P95 in ms of one second after the other.
fn seconds(p95_ms: &[u64]) -> Vec<SecondP95> {
    let seconds = p95_ms.iter();
    seconds.map(|ms| SecondP95::Value(ms * 1_000_000)).collect()
}

fn health() -> EndpointProgress {
    EndpointProgress {
        name: "health".to_owned(),
        requests: 280,
        failed: 0,
        percentiles: [1.80, 221.0, 318.0].map(|value| Observed::Value(ms(value))),
        seconds: seconds(&[
            290, 240, 150, 290, 100, 40, 190, 140, 90, 140, 390, 290, 150, 190,
        ]),
        gates: vec![
            gate("health", "p50", Verdict::Pass, None),
            gate("health", "p95", Verdict::Fail, None),
            gate("health", "p99", Verdict::Fail, Some(0.8649)),
        ],
    }
}

fn search() -> EndpointProgress {
    EndpointProgress {
        name: "search".to_owned(),
        requests: 280,
        failed: 0,
        percentiles: [17.2, 29.0, 37.2].map(|value| Observed::Value(ms(value))),
        seconds: seconds(&[30, 24, 24, 24, 30, 36, 24, 36, 24, 30, 24, 24, 30, 24]),
        gates: vec![
            gate("search", "p50", Verdict::Pass, None),
            gate("search", "p95", Verdict::Pass, None),
            gate("search", "p99", Verdict::Pass, Some(0.47)),
        ],
    }
}

fn snapshot(endpoints: Vec<EndpointProgress>) -> ProgressSnapshot {
    ProgressSnapshot {
        label: String::new(),
        stage: ProgressStage::Running,
        elapsed: s(14),
        end: PlannedEnd::AtMost(s(120)),
        to_go: Some(s(16)),
        endpoints,
        sending: SendingProgress {
            sent_per_s: Some(40.0),
            offered: OfferedLoad::Each(20.0),
            in_flight: 2,
            send_lag_p99: Some(ms(0.41)),
        },
    }
}

fn view(columns: u16, rows: u16) -> PanelView {
    PanelView {
        style: Style {
            width: Some(columns),
            ..Style::default()
        },
        rows,
        drawing: 2,
    }
}

fn ascii(columns: u16, rows: u16) -> PanelView {
    let mut view = view(columns, rows);
    view.style.glyphs = Glyphs::Ascii;
    view
}

/// This number of endpoints; those at these places have an open gate.
fn many(count: usize, open: &[usize]) -> ProgressSnapshot {
    let endpoints = (0..count).map(|at| {
        let mut endpoint = search();
        endpoint.name = format!("checkout-with-coupon-{at}");
        if !open.contains(&at) {
            endpoint.gates[2] = gate("search", "p99", Verdict::Pass, None);
        }
        endpoint
    });
    snapshot(endpoints.collect())
}

#[test]
fn the_panel_looks_as_its_snapshots_do() {
    let both = snapshot(vec![health(), search()]);
    let mut failing = snapshot(vec![health(), search()]);
    failing.to_go = None;
    failing.endpoints[1].failed = 31;
    failing.endpoints[1].percentiles[1] = Observed::Failed;
    failing.endpoints[1].percentiles[2] = Observed::Failed;
    failing.endpoints[1].seconds.push(SecondP95::Failed);
    let mut closed = snapshot(vec![health()]);
    closed.end = PlannedEnd::Requests(10_000);
    closed.endpoints[0].gates.clear();
    closed.sending.sent_per_s = Some(812.4);
    closed.sending.offered = OfferedLoad::AtATime(50);
    closed.sending.send_lag_p99 = None;
    for (name, snapshot, view) in [
        ("panel", &both, view(80, 24)),
        ("panel-40-columns", &both, view(40, 24)),
        ("panel-ascii", &both, ascii(80, 24)),
        ("panel-failing", &failing, view(80, 24)),
        ("panel-closed", &closed, view(80, 24)),
        ("panel-many", &many(17, &[1, 15]), view(80, 40)),
        ("panel-12-rows", &many(17, &[1, 15]), view(80, 12)),
    ] {
        let lines = snapshot.panel(&view);
        looks_as_its_snapshot(name, &(lines.join("\n") + "\n"));
    }
}

#[test]
fn no_panel_is_wider_or_higher_than_its_terminal() {
    let mut long = many(12, &[3]);
    long.label = "block 3 of 12 (before)".to_owned();
    long.endpoints[0].name = "名前\n".repeat(30);
    for snapshot in [snapshot(vec![health(), search()]), long] {
        for columns in [1, 2, 7, 20, 33, 40, 80, 200] {
            for rows in [1, 2, 5, 24, 60] {
                for view in [view(columns, rows), ascii(columns, rows)] {
                    let lines = snapshot.panel(&view);
                    let most = usize::from(rows).saturating_sub(1).max(1);
                    assert!(lines.len() <= most, "{rows}: {lines:#?}");
                    for line in &lines {
                        let width = line.chars().count();
                        // Below that the indent and the names alone have no room.
                        let fits = width <= usize::from(columns) || columns < 20;
                        assert!(fits, "{columns}: {line}");
                    }
                }
            }
        }
    }
}

#[test]
fn the_first_line_says_what_happens() {
    let head = |change: &dyn Fn(&mut ProgressSnapshot)| {
        let mut snapshot = snapshot(vec![health()]);
        change(&mut snapshot);
        let lines = snapshot.panel(&view(80, 24));
        let end = lines.iter().position(String::is_empty).expect("a table");
        lines[..end].join("\n")
    };
    let hint = "Ctrl-C: stop and report";
    for (change, expected) in [
        (
            &(|s: &mut ProgressSnapshot| {
                s.stage = ProgressStage::WarmUp {
                    elapsed: ms(1_900.0),
                    of: ms(2_000.0),
                };
            }) as &dyn Fn(&mut ProgressSnapshot),
            format!("⠹ warm-up, 1 s of 2 s{:33}{hint}", ""),
        ),
        (
            &|s| s.end = PlannedEnd::After(Duration::from_secs(1_200)),
            format!("⠹ 14 s of 20 min · about 16 s to go{:19}{hint}", ""),
        ),
        (
            &|s| {
                s.label = "block 3 of 12 (before)".to_owned();
                s.to_go = None;
            },
            "⠹ block 3 of 12 (before) · 14 s of 120 s at most · end unknown".to_owned(),
        ),
        (
            &|s| s.stage = ProgressStage::Decided,
            format!("⠹ decided · waiting for 2 answers{:21}{hint}", ""),
        ),
        (
            &|s| s.stage = ProgressStage::Stopping,
            "⠹ Stopping: waiting for 2 answers. Ctrl-C again quits now and loses the result."
                .to_owned(),
        ),
    ] {
        assert_eq!(head(change), expected);
    }
    let mut audit = snapshot(Vec::new());
    audit.stage = ProgressStage::Audit(s(12));
    assert_eq!(
        audit.panel(&view(80, 24)),
        ["⠹ audit: waiting for accepted events to be processed · 12 s"]
    );
}

#[test]
fn gates_of_one_name_are_told_apart_and_the_client_is_named() {
    let mut endpoint = health();
    endpoint.gates.truncate(2);
    endpoint.gates[0].gate = Gate::parse("health p95 <= 1s").expect("a gate");
    endpoint.gates[1] = gate("health", "p95", Verdict::Fail, Some(1.0));
    let lines = snapshot(vec![endpoint]).panel(&view(80, 24));
    assert!(
        lines.contains(&"  health  P95 ≤ 1 s PASS · P95 ≤ 150 ms 100% to FAIL".to_owned()),
        "{lines:#?}"
    );
}

#[test]
fn plain_lines_have_the_figures_of_the_panel() {
    let mut both = snapshot(vec![health(), search()]);
    both.elapsed = s(10);
    both.endpoints[1].failed = 3;
    assert_eq!(
        both.plain(),
        [
            "10 s  health 280: P95 221 ms (P50 PASS, P95 FAIL, P99 86% to FAIL)",
            "10 s  search 280: P95 29.0 ms, 3 failed (P50 PASS, P95 PASS, P99 47% to PASS)",
            "10 s  about 16 s to go",
        ]
    );
    both.label = "block 3 of 12 (before)".to_owned();
    both.to_go = None;
    assert_eq!(
        both.plain().last().map(String::as_str),
        Some("10 s  block 3 of 12 (before), end unknown")
    );
    let many = many(12, &[11]).plain();
    assert_eq!(many.len(), 12);
    assert_eq!(many[10], "14 s  and 2 more endpoints, all gates decided");
    both.stage = ProgressStage::Stopping;
    assert_eq!(
        both.plain(),
        ["Stopping: waiting for 2 answers. Ctrl-C again quits now and loses the result."]
    );
}

#[test]
fn a_json_object_has_the_figures_of_the_panel() {
    let line = snapshot(vec![health()]).json();
    assert!(!line.contains('\n'));
    let object: Value = serde_json::from_str(&line).expect("JSON");
    assert_eq!(
        object,
        json!({
            "schema": "a7probe.progress/1",
            "part": null,
            "stage": "running",
            "elapsed_s": 14.0,
            "planned_s": 120.0,
            "planned_requests": null,
            "ends_early": true,
            "to_go_s": 16.0,
            "sent_per_s": 40.0,
            "offered_per_s": 20.0,
            "in_flight": 2,
            "send_lag_p99_ms": 0.41,
            "endpoints": [{
                "name": "health",
                "requests": 280,
                "failed": 0,
                "p50_ms": 1.8,
                "p95_ms": 221.0,
                "p99_ms": 318.0,
                "p95_of_second_ms": 190.0,
                "gates": [
                    { "gate": "health p50 <= 150ms", "verdict": "PASS", "towards": "PASS",
                      "progress": 1.0, "client_limited": false },
                    { "gate": "health p95 <= 150ms", "verdict": "FAIL", "towards": "FAIL",
                      "progress": 1.0, "client_limited": false },
                    { "gate": "health p99 <= 150ms", "verdict": null, "towards": "FAIL",
                      "progress": 0.865, "client_limited": false },
                ],
            }],
        })
    );
}
