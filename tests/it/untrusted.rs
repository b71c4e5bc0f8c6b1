//! Names from files, of files and from servers reach the terminal, reports and CI logs without control characters, and
//! begin no line of their own; messages name the file and say the reason once.

use std::path::Path;
use std::process::Output;
use std::time::Duration;

use a7probe::printable::is_unprintable;

use crate::harness::{self, temp_dir};
use crate::runs;
use crate::scripted::Server;

/// Everything that moves a cursor, reverses text, hides it or is a command of a CI runner.
const HOSTILE: &str = "a\u{1b}[31m\u{1b}]0;t\u{7}\u{9b}2J\u{202e}\u{2066}\u{200f}\u{61c}\u{200b}\u{feff}\r\n::error::b";

#[track_caller]
fn is_harmless(text: &[u8], of: &str) {
    let text = String::from_utf8(text.to_vec()).unwrap();
    let bad = text
        .chars()
        .find(|&c| is_unprintable(c) && c != '\n' && c != '\t');
    assert_eq!(bad, None, "{of}: {text:?}");
    let command = text
        .lines()
        .find(|line| line.trim_start().starts_with("::"));
    assert_eq!(command, None, "{of}: {text}");
}

#[track_caller]
fn both_are_harmless(output: &Output, of: &str) {
    is_harmless(&output.stdout, of);
    is_harmless(&output.stderr, of);
}

#[test]
fn names_of_files_are_shown_without_control_characters() {
    let folder = temp_dir();
    let name = HOSTILE.replace('/', "");
    std::fs::write(folder.path().join(&name), "1ms\n2ms\n3ms\n").unwrap();
    let missing = format!("{name}.json");
    for arguments in [
        &["judge", &name][..],
        &["judge", &missing],
        &["judge", &name, &name],
        &["compare", &name, &missing],
        &["judge", &name, "--output", "markdown"],
        &["judge", &name, "--output", "csv"],
        &["judge", &name, "--output", "json"],
        &["measure", "http://127.0.0.1:9", "--config", &missing],
        &[
            "measure",
            "http://127.0.0.1:9",
            "-d",
            &format!("@{missing}"),
        ],
        &["measure", "http://127.0.0.1:9", "--cacert", &missing],
        &[
            "measure",
            "http://127.0.0.1:9",
            "--save",
            &format!("{missing}/x.json"),
        ],
        &["measure", "http://127.0.0.1:9", &format!("--{name}")],
        &["measure", &format!("http://{name}/")],
        &["measure", "http://127.0.0.1:9", "--gate", &name],
        &["init", &format!("{missing}/x")],
    ] {
        let output = harness::run(folder.path(), arguments);
        assert!(!output.stderr.is_empty() || !output.stdout.is_empty());
        both_are_harmless(&output, &format!("{arguments:?}"));
    }
}

#[test]
fn names_in_a_run_file_are_shown_without_control_characters() {
    let folder = temp_dir();
    let fast = || runs::all_ok((0..600).map(|_| Duration::from_millis(5)));
    let mut run = runs::run(fast(), fast());
    run.plan.endpoints[0].name = HOSTILE.to_owned();
    run.endpoints[0].name = HOSTILE.to_owned();
    run.gates = vec![format!("{HOSTILE} p95 <= 1ms")];
    run.environment.a7probe = HOSTILE.to_owned();
    run.save(&folder.path().join("run.json")).unwrap();
    for more in [
        &[][..],
        &["-v"],
        &["--output", "markdown"],
        &["--output", "csv"],
        &["--output", "json"],
        &["--target", "1s"],
        &[
            "--report",
            "markdown=out.md",
            "--report",
            "csv=out.csv",
            "--report",
            "json=out.json",
        ],
        &[
            "--report",
            "human=out.txt",
            "--report",
            "hgrm=out.hgrm",
            "--report",
            "hlog=out.hlog",
        ],
    ] {
        let output = harness::run(folder.path(), &[&["judge", "run.json"], more].concat());
        both_are_harmless(&output, &format!("{more:?}"));
    }
    both_are_harmless(
        &harness::run(folder.path(), &["compare", "run.json", "run.json"]),
        "compare",
    );
    for file in std::fs::read_dir(folder.path()).unwrap() {
        let path = file.unwrap().path();
        if path.file_name().is_none_or(|name| name != "run.json") {
            is_harmless(&std::fs::read(&path).unwrap(), &path.display().to_string());
        }
    }
}

#[test]
fn titles_and_values_of_a_table_are_shown_without_control_characters() {
    let folder = temp_dir();
    let title = HOSTILE.replace(['\r', '\n'], "");
    let quoted = format!("\"{HOSTILE}\"");
    for text in [
        format!("{title},{title}2\n1,2\n3,4\n"),
        format!("{quoted},x\n1,2\n3,4\n"),
        format!("latency_ms,label\n1,{quoted}\n{title},b\n"),
        title.clone(),
        format!("{{\"{title}\": 1}}"),
        format!("{{\"format\": \"{title}\"}}"),
    ] {
        std::fs::write(folder.path().join("t.csv"), &text).unwrap();
        for more in [&[][..], &["--column", &title], &["--unit", "ms"]] {
            let output = harness::run(folder.path(), &[&["judge", "t.csv"], more].concat());
            both_are_harmless(&output, &text);
        }
    }
    std::fs::write(
        folder.path().join("a7probe.toml"),
        format!("\"{title}\" = 1\n"),
    )
    .unwrap();
    both_are_harmless(
        &harness::run(folder.path(), &["measure", "http://127.0.0.1:9"]),
        "settings",
    );
}

#[test]
fn what_a_server_says_is_shown_without_control_characters() {
    let status = HOSTILE.replace(['\r', '\n'], "");
    for answer in [
        format!("HTTP/1.1 500 {status}\r\ncontent-length: 0\r\n\r\n"),
        format!("HTTP/1.1 302 Found\r\nlocation: {status}\r\ncontent-length: 0\r\n\r\n"),
        format!("HTTP/1.1 200 OK\r\nserver-timing: {status};dur=1\r\ncontent-length: 0\r\n\r\n"),
        format!("{HOSTILE}\r\n\r\n"),
    ] {
        let server = Server::answering(answer.clone().into_bytes());
        let folder = temp_dir();
        let url = server.url();
        let size = [
            "-n",
            "5",
            "-q",
            "50",
            "--iid",
            "--warmup",
            "0s",
            "--no-calibration",
        ];
        for more in [&[][..], &["--no-preflight", "-v"]] {
            let gate = ["--gate", "* p50 <= 1s"];
            let arguments = [&["measure", url.as_str()][..], &size, &gate, more].concat();
            both_are_harmless(&harness::run(folder.path(), &arguments), &answer);
        }
    }
}

#[test]
fn a_file_that_cannot_be_written_is_named_with_the_reason_once() {
    let folder = temp_dir();
    std::fs::write(folder.path().join("times.txt"), "1ms\n".repeat(100)).unwrap();
    std::fs::create_dir(folder.path().join("folder")).unwrap();
    let error = |arguments: &[&str]| {
        let output = harness::run(folder.path(), arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        let text = String::from_utf8(output.stderr).unwrap();
        assert!(!text.contains("os error"), "{text}");
        text
    };
    let url = "http://127.0.0.1:9";
    assert_eq!(
        error(&["measure", url, "--save", "none/x.json"]),
        "error: cannot write none/x.json: no such file or directory\n\
         hint: choose a writable folder; nothing was sent\n"
    );
    assert_eq!(
        error(&["measure", url, "--save", "folder"]),
        "error: cannot write folder: is a directory\n\
         hint: name a file in that folder; nothing was sent\n"
    );
    assert_eq!(
        error(&["judge", "times.txt", "--report", "json=none/x.json"]),
        "error: cannot write none/x.json: no such file or directory\n\
         hint: choose a folder that exists, is writable and has room\n"
    );
    if Path::new("/dev/full").exists() {
        assert_eq!(
            error(&["judge", "times.txt", "--report", "json=/dev/full"]),
            "error: cannot write /dev/full: no space left on device\n\
             hint: choose a folder that exists, is writable and has room\n"
        );
    }
}

#[test]
fn a_cell_that_begins_like_a_formula_is_text() {
    let folder = temp_dir();
    std::fs::write(folder.path().join("=cmd|' !A1.txt"), "1ms\n".repeat(100)).unwrap();
    let output = harness::run(
        folder.path(),
        &["judge", "=cmd|' !A1.txt", "--output", "csv"],
    );
    let text = String::from_utf8(output.stdout).unwrap();
    let rows: Vec<&str> = text.lines().skip(1).collect();
    assert!(!rows.is_empty(), "{text}");
    assert!(rows.iter().all(|row| row.starts_with("'=cmd")), "{text}");
}
