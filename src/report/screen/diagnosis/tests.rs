//! Screens of diagnoses of services with a known cause, held to their snapshots.

use std::time::Duration;

use crate::judge::diagnosis::sample_steps::{observed, over_http2, quick, step, timed_step};
use crate::judge::diagnosis::{Diagnosis, Observations};
use crate::printable::COLOURS;
use crate::report::{
    Colour, DiagnosisReport, Glyphs, Report, ReportFormat, ReportKind, Style, Verbosity,
};

fn report(observations: Observations) -> Report {
    let budget = Duration::from_secs(60);
    let mut report = Report::new(ReportKind::Diagnose, "http://127.0.0.1:8080");
    report.diagnosis = Some(DiagnosisReport {
        budget,
        took: Duration::from_secs(58),
        timeout: Duration::from_secs(6),
        diagnosis: Diagnosis::of(&observations).within(budget),
        observations,
    });
    report
}

/// A call to a provider inside the request blocks the loop: health waits for it, and at the full rate most requests are
/// not answered.
fn blocked() -> Observations {
    let call = |i: u32| Some(150.0 + f64::from(i * 37 % 60) * 4.5);
    let waiting = (0..300u32).map(|i| match i % 4 {
        0 | 1 => Some(0.3 + f64::from(i % 7) / 100.0),
        _ => Some(40.0 + f64::from(i * 53 % 300) * 0.7),
    });
    let swamped = (0..33u32).map(|i| (i % 7 < 3).then_some(300.0 + f64::from(i) * 20.0));
    let alone = (0..120u32).map(|i| Some(0.17 + f64::from(i % 7) / 500.0));
    let connecting = (0..80u32).map(|i| Some(0.3 + f64::from(i % 9) / 50.0));
    Observations {
        alone: Some(step(20.0, alone)),
        new_connections: Some(step(20.0, connecting)),
        one_at_a_time: Some(timed_step(4.0, 0.86, (0..60).map(call))),
        probe_during_load: Some(step(20.0, waiting)),
        load_during_probe: Some(timed_step(4.0, 0.86, (0..60).map(call))),
        ..observed(Some(step(20.0, swamped)))
    }
}

/// Five requests of each step are too few for every test.
fn too_little() -> Observations {
    Observations {
        alone: Some(quick(5)),
        new_connections: Some(quick(5)),
        one_at_a_time: Some(step(4.0, [Some(1.0); 5])),
        probe_during_load: Some(quick(5)),
        load_during_probe: None,
        ..observed(None)
    }
}

/// Over HTTP/2, and the server allows one stream a connection: health waits behind ingest, and a burst one after the other.
fn shared_connection() -> Observations {
    let waiting = (0..300u32).map(|i| match i % 4 {
        0 | 1 => Some(0.3 + f64::from(i % 7) / 100.0),
        _ => Some(20.0 + f64::from(i * 53 % 300) * 0.1),
    });
    let offered = (0..90u32).map(|i| Some(20.0 + f64::from(i % 3) / 50.0));
    Observations {
        one_at_a_time: Some(step(
            4.0,
            (0..60u32).map(|i| Some(20.0 + f64::from(i % 5) / 100.0)),
        )),
        probe_during_load: Some(step(20.0, waiting)),
        sharing: over_http2(20.0, 2.5, Some(1)),
        ..observed(Some(step(20.0, offered)))
    }
}

fn screens() -> [(&'static str, Report); 5] {
    let healthy = (0..90u32).map(|i| Some(1.0 + f64::from(i % 3) / 50.0));
    let cut = Observations {
        new_connections: None,
        one_at_a_time: None,
        probe_during_load: None,
        load_during_probe: None,
        ..observed(None)
    };
    [
        ("diagnose-cause", report(blocked())),
        (
            "diagnose-nothing",
            report(observed(Some(step(20.0, healthy)))),
        ),
        ("diagnose-open", report(too_little())),
        ("diagnose-shared-connection", report(shared_connection())),
        ("diagnose-cut", report(cut)),
    ]
}

fn written(report: &Report, style: Style) -> String {
    let mut out = Vec::new();
    report
        .write(ReportFormat::Human, &style, &mut out)
        .expect("memory takes it");
    String::from_utf8(out).expect("UTF-8")
}

fn terminal(width: u16) -> Style {
    Style {
        width: Some(width),
        ..Style::default()
    }
}

#[test]
fn a_diagnosis_names_its_cause_first() {
    for (name, report) in screens() {
        insta::with_settings!({
            snapshot_path => "../../../../fixtures/screens",
            prepend_module_to_snapshot => false,
            omit_expression => true,
        }, {
            insta::assert_snapshot!(name, written(&report, terminal(80)));
        });
    }
}

#[test]
fn the_first_line_alone_is_the_brief_screen() {
    for (name, report) in screens() {
        let brief = Style {
            verbosity: Verbosity::Brief,
            ..terminal(80)
        };
        let brief = written(&report, brief);
        let whole = written(&report, terminal(80));
        assert!(whole.starts_with(&brief), "{name}: {brief}");
    }
}

#[test]
fn no_line_of_a_diagnosis_is_wider_than_the_terminal() {
    for (name, report) in screens() {
        for width in [80, 120] {
            for verbosity in [Verbosity::Brief, Verbosity::Normal, Verbosity::Full] {
                let style = Style {
                    verbosity,
                    ..terminal(width)
                };
                for line in written(&report, style).lines() {
                    assert!(line.chars().count() <= usize::from(width), "{name}: {line}");
                    assert_eq!(line, line.trim_end(), "{name}");
                }
            }
        }
    }
}

#[test]
fn a_diagnosis_is_the_same_in_ascii_and_in_colour() {
    for (name, report) in screens() {
        for verbosity in [Verbosity::Normal, Verbosity::Full] {
            let ascii = Style {
                glyphs: Glyphs::Ascii,
                verbosity,
                ..terminal(80)
            };
            let text = written(&report, ascii);
            assert!(text.is_ascii(), "{name}: {text}");
        }
        let coloured = Style {
            colour: Colour::Always,
            ..terminal(80)
        };
        let coloured = written(&report, coloured);
        let plain = COLOURS
            .iter()
            .fold(coloured.clone(), |text, escape| text.replace(escape, ""));
        assert_ne!(coloured, plain, "{name}");
        assert_eq!(plain, written(&report, terminal(80)), "{name}");
    }
}
