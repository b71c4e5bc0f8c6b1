//! Screens of two runs: a verdict for each gate, the largest effect without one, a table without boxes for each endpoint.

use std::time::Duration;

use a7probe::judge::comparison::{
    self, Comparison, Noise, Pair, Side, compare, compare_in_turns, quantiles, whole,
};
use a7probe::judge::gate::{self, Gate, Scope, Subject};
use a7probe::report::{ComparisonReport, EndpointReport, Note, Report, ReportKind, TurnsReport};
use a7probe::run::plan::Guard;
use a7probe::run::recording::Recording;
use a7probe::run::run_file::Run;

use super::{ESCAPE, End, looks_as_its_snapshot, ok, on_a_terminal, recording, terminal, written};
use crate::runs;

/// Every screen of two runs that is held to a snapshot in `fixtures/screens`.
pub(super) fn screens() -> Vec<(&'static str, Report)> {
    let slow = || recording(600, |index| spread(index, 100_000));
    let quick = || recording(600, |index| spread(index, 200));
    let runs = |after: Recording| (runs::run(quick(), slow()), runs::run(quick(), after));
    let (before, improved) = runs(recording(600, |index| spread(index, 1_000)));
    let (_, regressed) = runs(recording(600, |index| spread(index, 120_000)));
    let (_, nearly) = runs(recording(600, |index| spread(index, 31_000)));
    let (_, failing) = runs(recording(600, half_failing));
    vec![
        (
            "compare-improved",
            of_runs(
                &before,
                &improved,
                &["ingest p95 reduction >= 70%", "ingest p95 <= 100ms"],
            ),
        ),
        (
            "compare-regressed",
            of_runs(&before, &regressed, &["p95 <= baseline + 10%"]),
        ),
        (
            "compare-inconclusive",
            of_runs(&before, &nearly, &["ingest p95 reduction >= 70%"]),
        ),
        ("compare-no-gates", of_runs(&before, &improved, &[])),
        (
            "compare-failing",
            of_runs(
                &before,
                &failing,
                &["ingest p95 <= baseline + 10%", "ingest error_rate <= 1%"],
            ),
        ),
        (
            "compare-warns-only",
            of_runs(&before, &nearly, &["ingest p95 reduction >= 90% warn"]),
        ),
        ("compare-cannot", of_lists(10)),
        ("ab", of_blocks(6, 60_000, &["p95 reduction >= 25%"])),
        ("ab-few-pairs", of_blocks(4, 99_000, &[])),
    ]
}

/// Latencies from the shortest to four times that, most of them short, in an order without a trend.
pub(super) fn spread(index: u64, shortest_us: u64) -> End {
    let place = (index * 269 % 600) as f64 / 600.0;
    ok((shortest_us as f64 * (1.0 + 3.0 * place.powi(3))) as u64)
}

/// Every second request fails.
fn half_failing(index: u64) -> End {
    match index % 2 {
        0 => spread(index, 100_000),
        _ => super::failing(49),
    }
}

fn parsed(gates: &[&str]) -> Vec<Gate> {
    let gates = gates.iter();
    gates.map(|gate| gate.parse().expect("a gate")).collect()
}

fn side(recording: &Recording, guard: Guard) -> Side<'_> {
    Side {
        recording,
        timeout: Some(Duration::from_secs(5)),
        guard,
    }
}

/// As `compare before.json after.json` reports them.
pub(super) fn of_runs(before: &Run, after: &Run, gates: &[&str]) -> Report {
    let mut report = Report::new(ReportKind::Compare, "before.json → after.json");
    report.add_compared_run("before", before);
    report.add_compared_run("after", after);
    let gates = parsed(gates);
    let pairs = before.endpoints.iter().zip(&after.endpoints);
    let comparisons: Vec<Comparison> = pairs
        .map(|(before, after)| {
            let sides = Pair {
                before: side(&before.recording, Guard::default()),
                after: side(&after.recording, Guard::default()),
            };
            compare(&*after.name, sides, &quantiles(&gates), &Noise::default())
        })
        .collect();
    judged(&mut report, &gates, &Subject::of_run(after), &comparisons);
    report.notes = vec![Note::DriftNotControlled];
    let shown = |run: &Run, number: usize| {
        let endpoint = &run.endpoints[number];
        EndpointReport::of_run(&*endpoint.name, &endpoint.recording, &run.plan)
    };
    let numbers = 0..after.endpoints.len();
    report.comparison = Some(ComparisonReport {
        sides: numbers
            .map(|number| Pair {
                before: shown(before, number),
                after: shown(after, number),
            })
            .collect(),
        ..whole_report(comparisons, None)
    });
    report
}

fn judged(report: &mut Report, gates: &[Gate], after: &[Subject<'_>], of: &[Comparison]) {
    let on_one_run = gates.iter();
    let on_one_run = on_one_run.filter(|gate| gate.condition.scope() == Scope::OneRun);
    let on_one_run: Vec<Gate> = on_one_run.cloned().collect();
    report.findings = gate::judge(&on_one_run, after);
    report.findings.extend(comparison::judge(gates, of));
}

fn whole_report(comparisons: Vec<Comparison>, turns: Option<TurnsReport>) -> ComparisonReport {
    ComparisonReport {
        noise: Noise::default(),
        comparisons,
        audits: Vec::new(),
        sides: Vec::new(),
        turns,
    }
}

/// Two files of another tool with this many latencies each.
fn of_lists(samples: u64) -> Report {
    let list = |shortest_us| {
        let latencies = (0..samples).map(|index| Some(spread(index * 60, shortest_us).2));
        Recording::from_latencies(&latencies.collect::<Vec<_>>(), &[])
    };
    let mut report = Report::new(ReportKind::Compare, "old.txt → new.txt");
    let gates = parsed(&["p95 reduction >= 70%"]);
    let (before, after) = (list(100_000), list(20_000));
    let sides = Pair {
        before: side(&before, Guard::default()),
        after: side(&after, Guard::default()),
    };
    let comparisons = vec![compare(
        "latency",
        sides,
        &quantiles(&gates),
        &Noise::default(),
    )];
    judged(&mut report, &gates, &[], &comparisons);
    report.notes = vec![Note::DriftNotControlled, Note::NoPlan];
    report.comparison = Some(whole_report(comparisons, None));
    report
}

/// As `ab` reports this many pairs of blocks of 10 s.
fn of_blocks(pairs: u64, after_us: u64, gates: &[&str]) -> Report {
    let block = Duration::from_secs(10);
    let of_side = |shortest_us: u64| -> Vec<Recording> {
        let blocks = 0..pairs;
        blocks
            .map(|pair| {
                // Each block is a little apart from the others.
                let apart = 100 + pair * 7 % 5;
                recording(200, |index| spread(index * 3, shortest_us * apart / 100))
            })
            .collect()
    };
    let (before, after) = (of_side(100_000), of_side(after_us));
    let blocks: Vec<Pair<&Recording>> = before
        .iter()
        .zip(&after)
        .map(|(before, after)| Pair { before, after })
        .collect();
    let wholes = Pair {
        before: whole(&before, block).expect("blocks"),
        after: whole(&after, block).expect("blocks"),
    };
    let gates = parsed(gates);
    let sides = Pair {
        before: side(&wholes.before, Guard::default()),
        after: side(&wholes.after, Guard::default()),
    };
    let comparisons = vec![compare_in_turns(
        "search",
        sides,
        &blocks,
        &quantiles(&gates),
        &Noise::default(),
    )];
    let mut report = Report::new(ReportKind::Ab, "http://old → http://new");
    let run = |recording: &Recording| super::run_of(recording.clone());
    report.add_compared_run("before", &run(&wholes.before));
    report.add_compared_run("after", &run(&wholes.after));
    judged(&mut report, &gates, &[], &comparisons);
    let turns = TurnsReport {
        pairs,
        pairs_planned: 6,
        block,
        settle: Duration::from_secs(2),
        same: false,
    };
    report.comparison = Some(whole_report(comparisons, Some(turns)));
    report
}

#[test]
fn screens_of_two_runs_look_as_their_snapshots_do() {
    for (name, report) in screens() {
        looks_as_its_snapshot(name, &written(&report, terminal(80)));
    }
}

#[test]
fn the_effects_are_those_of_the_glossary_and_no_change_is_called_none() {
    let effects = [
        "improved",
        "regressed",
        "within 5%",
        "below 1 ms",
        "inconclusive",
        "cannot compare",
        "–",
    ];
    for (name, report) in screens() {
        let text = written(&report, terminal(80));
        let rows = text.lines().filter(|line| line.starts_with("  P"));
        for row in rows {
            let effect = row.rsplit("  ").next().unwrap_or_default().trim();
            assert!(effects.contains(&effect), "{name}: {row}");
        }
        for word in ["unchanged", "no difference", "┌", "│"] {
            assert!(!text.contains(word), "{name}: {word}");
        }
    }
}

#[test]
fn a_comparison_on_a_terminal_has_colours_and_glyphs_as_it_was_told() {
    let compare = [
        "compare",
        "evidence.txt",
        "evidence.txt",
        "--gate",
        "p95 reduction >= 70%",
    ];
    let coloured = on_a_terminal(&compare, &[]);
    let first = "\u{1b}[1;33mINCONCLUSIVE\u{1b}[0m  latency  P95 cannot be compared";
    assert!(coloured.starts_with(first), "{coloured}");
    for variables in [[("NO_COLOR", "1")], [("TERM", "dumb")]] {
        let plain = on_a_terminal(&compare, &variables);
        assert!(!plain.contains(ESCAPE), "{variables:?}: {plain}");
    }
    let ascii = on_a_terminal(
        &[&compare[..], &["--ascii", "--color", "never"]].concat(),
        &[],
    );
    assert!(ascii.is_ascii(), "{ascii}");
    assert!(ascii.contains("gate: reduction >= 70%"), "{ascii}");
}
