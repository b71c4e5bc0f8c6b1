//! The screen of the demo: verdicts first, four parts, at most two screens of 24 lines.

use std::collections::HashMap;
use std::time::Duration;

use a7probe::judge::gate::{self, Subject};
use a7probe::report::{Colour, DemoReport, Glyphs, Report, ReportKind, Style};
use a7probe::run::completion::EventReport;
use a7probe::run::run_file::Run;

use super::changes::of_runs;
use super::{looks_as_its_snapshot, recording, terminal};
use crate::runs;

/// What the change must do.
const PROMISES: [&str; 2] = ["ingest p95 <= 100ms", "ingest p95 reduction >= 70%"];

/// Of the accepted events, those that the server knows.
enum Known {
    All,
    AllButThree,
}

/// The mode after takes so long at least for an answer.
fn demo(after_us: u64, known: Known) -> DemoReport {
    let quick = || recording(600, |index| super::changes::spread(index, 200));
    let mode = |shortest_us| {
        let latencies = recording(600, |index| super::changes::spread(index, shortest_us));
        runs::run(quick(), latencies)
    };
    let (before, after) = (mode(100_000), mode(after_us));
    let accepted = &after.endpoints[1].recording;
    let done = match known {
        Known::All => 600,
        Known::AllButThree => 597,
    };
    let reports: HashMap<u64, EventReport> = (0..done)
        .map(|index| (index, runs::done(120 + index % 50 * 10)))
        .collect();
    DemoReport {
        completion: runs::all_known(accepted, &reports),
        comparison: of_runs(&before, &after, &PROMISES),
        before: judged(&before),
        after: judged(&after),
        took: Duration::from_secs(71),
        file: "a7probe-demo/report.html".to_owned(),
    }
}

fn judged(run: &Run) -> Report {
    let mut report = Report::new(ReportKind::Measure, run.plan.target.clone());
    report.add_run("", run);
    let gates = gate::default_gates(runs::TARGET);
    report.findings = gate::judge(&gates, &Subject::of_run(run));
    report
}

fn screens() -> [(&'static str, DemoReport); 3] {
    [
        ("demo-passed", demo(1_000, Known::All)),
        ("demo-failed", demo(60_000, Known::AllButThree)),
        ("demo-above-its-limit", demo(31_000, Known::All)),
    ]
}

fn written(demo: &DemoReport, style: Style) -> String {
    let mut out = Vec::new();
    demo.write(&style, &mut out).expect("memory takes it");
    String::from_utf8(out).expect("UTF-8")
}

#[test]
fn the_demo_says_its_verdicts_first_and_fits_two_screens() {
    for (name, demo) in screens() {
        let text = written(&demo, terminal(80));
        looks_as_its_snapshot(name, &text);
        assert!(text.lines().count() <= 48, "{name}: {text}");
        for line in text.lines() {
            assert!(line.chars().count() <= 80, "{name}: {line}");
            assert_eq!(line, line.trim_end(), "{name}");
        }
        let piped = written(&demo, Style::default());
        assert!(!piped.contains('█'), "{name}: {piped}");
    }
}

#[test]
fn the_demo_is_the_same_in_ascii_and_in_colour() {
    for (name, demo) in screens() {
        let ascii = Style {
            glyphs: Glyphs::Ascii,
            ..terminal(80)
        };
        let text = written(&demo, ascii);
        assert!(text.is_ascii(), "{name}: {text}");
        let coloured = Style {
            colour: Colour::Always,
            ..terminal(80)
        };
        let coloured = written(&demo, coloured);
        let plain = a7probe::printable::COLOURS
            .iter()
            .fold(coloured.clone(), |text, escape| text.replace(escape, ""));
        assert_ne!(coloured, plain, "{name}");
        assert_eq!(plain, written(&demo, terminal(80)), "{name}");
    }
}
