//! The program's stderr during a run: a pseudo-terminal that changes its size, a pipe, signals.

use std::fs::File;
use std::io::Read;
use std::os::fd::OwnedFd;
use std::process::{Child, Output, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::harness::{a7probe, code, eventually, run, signal, stderr, stdout, temp_dir};
use crate::screens::{pseudo_terminal, resize};
use crate::scripted::{OK, Server};

/// Without a warm-up and a calibration, 100 requests a second.
fn arguments<'a>(url: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let common = [
        "measure",
        url,
        "--get",
        "health=/",
        "-q",
        "100",
        "--warmup",
        "0s",
        "--no-calibration",
    ];
    [&common[..], more].concat()
}

/// Decided by every run here.
const GATE: [&str; 3] = ["--gate", "p50 <= 5s", "--iid"];

/// The program with stderr on a terminal of 80 columns, and the other end of that.
fn on_a_terminal(server: &Server, more: &[&str], term: &str) -> (Child, OwnedFd, OwnedFd) {
    let (terminal, program) = pseudo_terminal();
    let folder = temp_dir();
    let url = server.url();
    let mut command = a7probe(folder.path(), &arguments(&url, more));
    for name in ["NO_COLOR", "CLICOLOR_FORCE", "LC_ALL", "LC_CTYPE"] {
        command.env_remove(name);
    }
    command.env("TERM", term).env("LANG", "C.UTF-8");
    let own_end = program.try_clone().expect("one more descriptor");
    command.stderr(Stdio::from(program));
    let child = command.spawn().expect("the program starts");
    (child, terminal, own_end)
}

/// Reads on until this text has come.
fn read_until(terminal: &mut File, text: &mut String, wanted: &str) {
    let mut part = [0; 4096];
    while !text.contains(wanted) {
        let n = terminal
            .read(&mut part)
            .expect("the program is still running");
        text.push_str(&String::from_utf8_lossy(&part[..n]));
    }
}

fn read_to_end(terminal: &mut File, text: &mut String) {
    let mut rest = Vec::new();
    // Linux ends a terminal without a program with EIO.
    let _ = terminal.read_to_end(&mut rest);
    text.push_str(&String::from_utf8_lossy(&rest));
}

/// The lines of every panel that was drawn.
fn panels(text: &str) -> Vec<Vec<String>> {
    let drawn = text.split("\u{1b}[?7l").skip(1);
    drawn
        .map(|panel| {
            let panel = panel.split("\u{1b}[?7h").next().unwrap_or_default();
            let lines = panel
                .split("\u{1b}[K")
                .map(|line| line.trim_matches(['\r', '\n']));
            let lines = lines.map(|line| {
                let colours = a7probe::printable::COLOURS.iter();
                colours.fold(line.to_owned(), |line, colour| line.replace(colour, ""))
            });
            lines.collect()
        })
        .collect()
}

#[test]
fn a_terminal_gets_a_panel_that_follows_its_size_and_is_gone_at_the_end() {
    let server = Server::answering(OK);
    let (mut child, terminal, own_end) =
        on_a_terminal(&server, &[&["-z", "4s"][..], &GATE].concat(), "xterm");
    let mut terminal = File::from(terminal);
    let mut text = String::new();
    read_until(&mut terminal, &mut text, "send lag P99");
    resize(&own_end, 40);
    drop(own_end);
    read_to_end(&mut terminal, &mut text);
    child.wait().expect("it ends");
    let panels = panels(&text);
    let first = panels[0].join("\n");
    for part in ["of 4 s", "Ctrl-C: stop and report", "requests", "in flight"] {
        assert!(first.contains(part), "{part}: {first}");
    }
    let last = panels.last().expect("several");
    assert!(
        last.iter().all(|line| line.chars().count() <= 40),
        "{last:#?}"
    );
    // What follows the removal of the last panel is none of it.
    let (_, after) = text.rsplit_once("\u{1b}[J").expect("it was removed");
    assert!(
        !after.contains("in flight") && !after.contains("P95"),
        "{after}"
    );
}

#[test]
fn a_terminal_without_a_movable_cursor_and_none_get_no_panel() {
    let server = Server::answering(OK);
    for (more, term) in [
        (&["-n", "50"][..], "dumb"),
        (&["-n", "50", "--progress", "panel"], "dumb"),
        (&["-n", "50", "--progress", "none"], "xterm"),
        (&["-n", "50", "--quiet"], "xterm"),
    ] {
        let more = [more, &GATE].concat();
        let (mut child, terminal, own_end) = on_a_terminal(&server, &more, term);
        drop(own_end);
        let mut text = String::new();
        read_to_end(&mut File::from(terminal), &mut text);
        child.wait().expect("it ends");
        assert!(!text.contains('\u{1b}'), "{more:?}: {text}");
    }
}

#[test]
fn json_is_an_object_a_second_on_stderr_and_the_result_stays_on_stdout() {
    let (server, folder) = (Server::answering(OK), temp_dir());
    let url = server.url();
    let more = ["-z", "3s", "--progress", "json", "--output", "json"];
    let output = run(
        folder.path(),
        &arguments(&url, &[&more[..], &GATE].concat()),
    );
    assert!(!stdout(&output).is_empty());
    let objects: Vec<Value> = stderr(&output)
        .lines()
        .filter(|line| line.starts_with('{'))
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    assert!(objects.len() >= 2, "{}", stderr(&output));
    for object in &objects {
        assert_eq!(object["schema"], "a7probe.progress/1");
        assert_eq!(object["stage"], "running");
        assert_eq!(object["planned_s"], 3.0);
    }
    let [first, second] =
        [&objects[0], &objects[1]].map(|o| o["endpoints"][0]["requests"].as_u64());
    assert!(first > Some(0) && second > first, "{objects:#?}");
}

/// A run against a service that takes requests and never answers, stopped by one signal when some are under way.
fn stopped(more: &[&str], wanted: &str) -> (Child, tempfile::TempDir) {
    let server = Server::tcp(|conversation| while conversation.request().is_some() {});
    let folder = temp_dir();
    let url = server.url();
    let more = [more, &["-z", "60s", "-t", "60s", "--no-preflight"]].concat();
    let mut command = a7probe(folder.path(), &arguments(&url, &more));
    let said = folder.path().join("stderr.txt");
    command.stderr(File::create(&said).expect("a file"));
    let child = command.spawn().expect("the program starts");
    eventually("requests are under way", || server.received().len() > 5);
    signal(child.id(), "INT");
    eventually("it says so", || {
        std::fs::read_to_string(&said).is_ok_and(|text| text.contains(wanted))
    });
    (child, folder)
}

fn ended(child: Child) -> Output {
    child.wait_with_output().expect("it ends")
}

#[test]
fn the_first_signal_is_answered_at_once_and_the_second_quits_without_a_result() {
    for (more, wanted) in [
        (&[][..], "Ctrl-C again quits now and loses the result."),
        (&["--progress", "json"], "\"stage\":\"stopping\""),
        (&["--quiet"], "Stopping. Ctrl-C again quits now"),
    ] {
        let (child, _folder) = stopped(more, wanted);
        signal(child.id(), "INT");
        let began = std::time::Instant::now();
        let output = ended(child);
        // The timeout of the requests is a minute.
        assert!(began.elapsed() < Duration::from_secs(30), "{more:?}");
        assert_eq!(code(&output), 130, "{more:?}");
        assert_eq!(stdout(&output), "", "{more:?}");
    }
    let (child, folder) = stopped(&[], "Stopping: waiting for ");
    signal(child.id(), "INT");
    ended(child);
    let said = std::fs::read_to_string(folder.path().join("stderr.txt")).expect("text");
    let stops = said.matches("Stopping").count();
    assert_eq!(stops, 1, "{said}");
}

#[test]
fn a_panel_says_that_it_stops() {
    let server = Server::tcp(|conversation| while conversation.request().is_some() {});
    let more = ["-z", "60s", "-t", "60s", "--no-preflight"];
    let (child, terminal, own_end) = on_a_terminal(&server, &more, "xterm");
    drop(own_end);
    let mut terminal = File::from(terminal);
    let mut text = String::new();
    read_until(&mut terminal, &mut text, "in flight");
    signal(child.id(), "INT");
    read_until(&mut terminal, &mut text, "Stopping: waiting for ");
    signal(child.id(), "INT");
    let output = ended(child);
    assert_eq!((code(&output), stdout(&output)), (130, String::new()));
}
