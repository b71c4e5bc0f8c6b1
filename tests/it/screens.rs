//! Screens for people: the exact text of runs whose truth is known, at 80 columns; narrower, in ASCII and in colour, the
//! same words.

mod changes;
mod demo;

use std::fs;
use std::io::Read;
use std::os::fd::OwnedFd;
use std::process::Stdio;
use std::time::Duration;

use a7probe::judge::gate::{self, Gate, Subject};
use a7probe::report::{
    Colour, Glyphs, Report, ReportFormat, ReportKind, Style, Verbosity, write_certificate,
};
use a7probe::run::recording::{Recording, TimeBase};
use a7probe::run::run_file::{CheckUnit, Run, SelftestCertificate, SelftestCheck};
use a7probe::run::sample::{ConnectionUse, FailureKind, Outcome, Phases, Sample};
use a7probe::run::schedule::request_trace;
use uuid::Uuid;

use crate::harness::{a7probe, temp_dir};
use crate::runs;

/// How one request ended, and after how long.
type End = (Outcome, u16, Duration);

fn ok(micros: u64) -> End {
    (Outcome::Ok, 200, Duration::from_micros(micros))
}

/// Requests on the grid of 20 a second, without a lag.
fn recording(requests: u64, end: impl Fn(u64) -> End) -> Recording {
    recording_every(requests, 50_000_000, end)
}

/// Requests that all end ok, `apart_ns` apart; `micros` gives the response time of each in µs.
pub(crate) fn recording_at(requests: u64, apart_ns: u64, micros: impl Fn(u64) -> u64) -> Recording {
    recording_every(requests, apart_ns, |index| ok(micros(index)))
}

fn recording_every(requests: u64, apart_ns: u64, end: impl Fn(u64) -> End) -> Recording {
    let mut recording =
        Recording::new(TimeBase::IntendedStart, &[runs::TARGET]).with_own_error(runs::OWN_ERROR);
    for index in 0..requests {
        let due = index * apart_ns;
        let (outcome, status, took) = end(index);
        recording.add(&Sample {
            index,
            intended_start_ns: Some(due),
            dispatched_ns: due,
            sent_ns: Some(due),
            finished_ns: due + took.as_nanos() as u64,
            outcome,
            status: (status > 0).then_some(status),
            connection: Some(ConnectionUse::Reused),
            phases: Phases::default(),
            body_bytes: 60,
            server_timing: Vec::new(),
        });
    }
    recording
}

/// The same of a run with `--trace`.
fn traced(requests: u64, end: impl Fn(u64) -> End) -> Recording {
    let mut recording = recording(requests, end);
    recording.name_traces(|index| request_trace(Uuid::nil(), 0, index).trace_id());
    recording
}

/// The report of a run of one endpoint under the usual gates; its plan has the rate at which requests were due.
pub(crate) fn report_of(recording: Recording) -> Report {
    let seconds = recording.last_sent_ns.map_or(1.0, |ns| ns as f64 / 1e9);
    let per_s = recording.planned() as f64 / seconds.max(1e-3);
    let mut run = run_of(recording);
    run.plan.endpoints[0].rate_per_s = a7probe::units::Rate::per_second(per_s.max(1.0).round());
    report(&run, &USUAL)
}

/// From 12 to 41 ms, the same every second.
fn fast(index: u64) -> End {
    ok(12_000 + (index * 7 % 20) * 1_500)
}

/// Every eighth request is slow, two of them in a row.
fn two_groups(index: u64) -> End {
    match index % 16 {
        3 | 4 => ok(180_000 + index * 400),
        _ => ok(1_500 + index % 5 * 200),
    }
}

/// Of 600 requests, 14 fail: with a status, or at the timeout of 5 s.
fn failing(index: u64) -> End {
    match index {
        i if i % 50 == 49 => (
            Outcome::Failed(FailureKind::Status),
            500,
            Duration::from_millis(2),
        ),
        100 | 400 => (Outcome::Timeout, 0, Duration::from_secs(5)),
        _ => fast(index),
    }
}

/// Two of 600 are slow.
fn rarely_slow(index: u64) -> End {
    match index {
        200 | 500 => ok(188_000),
        _ => fast(index),
    }
}

pub(crate) fn run_of(recording: Recording) -> Run {
    let mut run = runs::run(recording.clone(), recording);
    run.endpoints.truncate(1);
    run.plan.endpoints.truncate(1);
    run
}

fn report(run: &Run, gates: &[&str]) -> Report {
    let mut report = Report::new(ReportKind::Measure, run.plan.target.clone());
    report.add_run("", run);
    let gates: Vec<Gate> = gates
        .iter()
        .map(|gate| Gate::parse(gate).expect("a gate"))
        .collect();
    report.findings = gate::judge(&gates, &Subject::of_run(run));
    report
}

const USUAL: [&str; 3] = ["p50 <= 150ms", "p95 <= 150ms", "p99 <= 150ms"];

/// Every screen that is held to a snapshot in `fixtures/screens`.
fn screens() -> Vec<(&'static str, Report)> {
    let both = runs::run(recording(600, fast), recording(600, two_groups));
    vec![
        ("pass", report(&run_of(recording(600, fast)), &USUAL)),
        ("fail", report(&run_of(recording(400, two_groups)), &USUAL)),
        ("failures", report(&run_of(recording(600, failing)), &USUAL)),
        ("traces", report(&run_of(traced(600, failing)), &USUAL)),
        (
            "inconclusive",
            report(&run_of(recording(600, rarely_slow)), &USUAL),
        ),
        ("no-gates", report(&run_of(recording(600, fast)), &[])),
        (
            "other-gates",
            report(
                &run_of(recording(600, failing)),
                &["p95 <= 50ms", "error_rate <= 1%", "p99 <= 40ms warn"],
            ),
        ),
        ("two-endpoints", report(&both, &USUAL)),
        ("nothing", report(&run_of(recording(0, fast)), &USUAL)),
    ]
}

/// The screens of one run and of two.
pub(crate) fn all_screens() -> Vec<(&'static str, Report)> {
    screens().into_iter().chain(changes::screens()).collect()
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
fn screens_look_as_their_snapshots_do() {
    for (name, report) in screens() {
        looks_as_its_snapshot(name, &written(&report, terminal(80)));
    }
}

/// Holds a screen to `fixtures/screens/NAME.snap`; `INSTA_UPDATE=always` writes it anew.
#[track_caller]
pub(crate) fn looks_as_its_snapshot(name: &str, text: &str) {
    insta::with_settings!({
        snapshot_path => "../../fixtures/screens",
        prepend_module_to_snapshot => false,
        omit_expression => true,
    }, {
        insta::assert_snapshot!(name, text);
    });
}

#[test]
fn no_line_is_wider_than_the_terminal() {
    for (name, report) in all_screens() {
        for width in [80, 100, 120] {
            for verbosity in [Verbosity::Brief, Verbosity::Normal, Verbosity::Full] {
                let style = Style {
                    verbosity,
                    ..terminal(width)
                };
                for line in written(&report, style).lines() {
                    let columns = line.chars().count();
                    assert!(columns <= usize::from(width), "{name} at {width}: {line}");
                    assert_eq!(line, line.trim_end(), "{name}");
                }
            }
        }
    }
}

#[test]
fn ascii_has_no_other_characters() {
    for (name, report) in all_screens() {
        for verbosity in [Verbosity::Brief, Verbosity::Normal] {
            let style = Style {
                glyphs: Glyphs::Ascii,
                verbosity,
                ..terminal(80)
            };
            let text = written(&report, style);
            assert!(text.is_ascii(), "{name}: {text}");
        }
    }
}

#[test]
fn colours_add_nothing_but_colours() {
    for (name, report) in all_screens() {
        let style = Style {
            colour: Colour::Always,
            ..terminal(80)
        };
        let coloured = written(&report, style);
        let plain = a7probe::printable::COLOURS
            .iter()
            .fold(coloured.clone(), |text, escape| text.replace(escape, ""));
        assert_ne!(coloured, plain, "{name}");
        assert_eq!(plain, written(&report, terminal(80)), "{name}");
    }
}

#[test]
fn the_first_line_alone_answers() {
    for (name, report) in all_screens() {
        let brief = written(
            &report,
            Style {
                verbosity: Verbosity::Brief,
                ..terminal(80)
            },
        );
        let whole = written(&report, terminal(80));
        assert!(whole.starts_with(&brief), "{name}: {brief}");
    }
}

/// A self-test of another machine: every figure exact but the P99 without a delay.
fn certificate(p99_ms: f64) -> SelftestCertificate {
    let check = |scenario: &str, figure: &str, unit, truth, measured, tolerance| SelftestCheck {
        scenario: scenario.to_owned(),
        figure: figure.to_owned(),
        unit,
        truth,
        measured,
        tolerance,
    };
    let (ms, requests) = (CheckUnit::Ms, CheckUnit::Requests);
    let stall = "stall 250 ms every 1 s";
    let checks = vec![
        check("null server", "own error", ms, 0.0, 0.16, 10.0),
        check("no delay", "answered", requests, 200.0, 200.0, 0.0),
        check("no delay", "P50", ms, 0.0, 0.08, 1.4),
        check("no delay", "P95", ms, 0.0, 0.27, 1.4),
        check("no delay", "P99", ms, 0.0, p99_ms, 1.4),
        check(stall, "answered", requests, 600.0, 600.0, 0.0),
        check(stall, "P50", ms, 2.0, 2.22, 10.8),
        check(stall, "P95", ms, 202.0, 202.01, 10.8),
        check(stall, "P99", ms, 242.0, 241.07, 10.8),
        check(stall, "above 150 ms", requests, 61.2, 62.0, 3.7),
    ];
    let started_at = "2026-01-02T03:04:05Z".parse().expect("a time");
    let mut certificate = SelftestCertificate::new(started_at, true, runs::calibration(), checks);
    certificate.environment.cpu = "A processor".to_owned();
    certificate.environment.os = "An operating system".to_owned();
    certificate.environment.a7probe = "0.0.0".to_owned();
    certificate.environment.cores = 2;
    certificate
}

fn certified(certificate: &SelftestCertificate, style: Style) -> String {
    let mut out = Vec::new();
    write_certificate(certificate, &style, &mut out).expect("memory takes it");
    String::from_utf8(out).expect("UTF-8")
}

#[test]
fn a_self_test_names_what_failed_first_and_last() {
    let passed = certified(&certificate(0.9), terminal(80));
    assert!(
        passed.starts_with("PASS  all 10 checks are within tolerance\n"),
        "{passed}"
    );
    let failed = certified(&certificate(1.49), terminal(80));
    looks_as_its_snapshot("selftest-fail", &failed);
    let last = failed.lines().last();
    assert_eq!(
        last,
        Some("FAIL  no delay, P99: error +1.49 ms, allowed 1.40 ms")
    );
    assert!(
        failed.lines().all(|line| line.chars().count() <= 80),
        "{failed}"
    );
    let ascii = Style {
        glyphs: Glyphs::Ascii,
        ..terminal(80)
    };
    assert!(certified(&certificate(1.49), ascii).is_ascii());
}

/// What the program shows on a terminal of 80 columns.
pub(crate) fn on_a_terminal(arguments: &[&str], variables: &[(&str, &str)]) -> String {
    let (terminal, program) = pseudo_terminal();
    let folder = temp_dir();
    fs::copy("fixtures/evidence.txt", folder.path().join("evidence.txt")).expect("a copy");
    let mut command = a7probe(folder.path(), arguments);
    for name in ["NO_COLOR", "CLICOLOR_FORCE", "LC_ALL", "LC_CTYPE"] {
        command.env_remove(name);
    }
    command.env("TERM", "xterm").env("LANG", "C.UTF-8");
    command.envs(variables.iter().copied());
    command.stdout(Stdio::from(program));
    let mut child = command.spawn().expect("the program starts");
    // The other end is open in the command still; the terminal ends with it.
    drop(command);
    let mut text = Vec::new();
    // Linux ends a terminal without a program with EIO.
    let _ = fs::File::from(terminal).read_to_end(&mut text);
    child.wait().expect("it ends");
    String::from_utf8(text)
        .expect("UTF-8")
        .replace("\r\n", "\n")
}

/// Both ends of a terminal of 80 columns.
pub(crate) fn pseudo_terminal() -> (OwnedFd, OwnedFd) {
    use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
    let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a terminal");
    grantpt(&terminal).expect("granted");
    unlockpt(&terminal).expect("unlocked");
    let name = ptsname(&terminal, Vec::new()).expect("a name");
    let program = fs::OpenOptions::new()
        .read(true)
        .write(true)
        .open(name.to_str().expect("UTF-8"))
        .expect("the other end");
    let program = OwnedFd::from(program);
    resize(&program, 80);
    (terminal, program)
}

/// Gives a terminal another width.
pub(crate) fn resize(terminal: &OwnedFd, columns: u16) {
    use rustix::termios::{Winsize, tcsetwinsize};
    let size = Winsize {
        ws_row: 40,
        ws_col: columns,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    tcsetwinsize(terminal, size).expect("a size");
}

const ESCAPE: char = '\u{1b}';

#[test]
fn a_terminal_gets_colours_unless_it_is_told_otherwise() {
    let judge = ["judge", "evidence.txt"];
    let coloured = on_a_terminal(&judge, &[]);
    assert!(
        coloured.starts_with("\u{1b}[1;31mFAIL\u{1b}[0m  evidence"),
        "{coloured}"
    );
    for variables in [
        [("NO_COLOR", "1")],
        [("TERM", "dumb")],
        [("A7PROBE_COLOR", "never")],
    ] {
        let plain = on_a_terminal(&judge, &variables);
        assert!(!plain.contains(ESCAPE), "{variables:?}: {plain}");
        assert!(plain.starts_with("FAIL  evidence"), "{plain}");
    }
    let never = on_a_terminal(&["judge", "evidence.txt", "--color", "never"], &[]);
    assert!(!never.contains(ESCAPE), "{never}");
}

#[test]
fn a_terminal_whose_locale_is_not_utf_8_gets_ascii() {
    for (arguments, variables) in [
        (&["judge", "evidence.txt"][..], &[("LC_ALL", "C")][..]),
        (&["judge", "evidence.txt", "--ascii"], &[]),
    ] {
        let text = on_a_terminal(arguments, variables);
        assert!(text.is_ascii(), "{text}");
        assert!(text.contains("<= 150 ms"), "{text}");
    }
}
