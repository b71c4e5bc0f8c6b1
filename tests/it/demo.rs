//! `demo` as a newcomer runs it, and as an impatient one ends it.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use a7probe::run::run_file::Run;
use serde_json::Value;

use crate::harness::{a7probe, eventually, signal, temp_dir};

fn demo(folder: &Path, duration: &str) -> Command {
    let mut command = a7probe(folder, &["demo", "--duration", duration]);
    // Its temporary files go where the test can look for them.
    command.env("TMPDIR", folder.join("tmp"));
    std::fs::create_dir_all(folder.join("tmp")).unwrap();
    command
}

/// Servers whose store is below this folder.
fn servers_of(folder: &Path) -> usize {
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let lines = processes.filter_map(|p| std::fs::read(p.path().join("cmdline")).ok());
    let needle = folder.to_str().unwrap();
    lines
        .map(|line| String::from_utf8_lossy(&line).into_owned())
        .filter(|line| line.contains("serve") && line.contains(needle))
        .count()
}

fn temporary_files_of(folder: &Path) -> usize {
    std::fs::read_dir(folder.join("tmp")).unwrap().count()
}

#[test]
fn the_demo_reproduces_the_problem_and_proves_the_fix() {
    let folder = temp_dir();
    let output = demo(folder.path(), "6s").output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(matches!(output.status.code(), Some(0 | 3)), "{text}{said}");
    let report = std::fs::read(folder.path().join("a7probe-demo/report.json")).unwrap();
    let report: Value = serde_json::from_slice(&report).unwrap();
    let completion = &report["completion"];
    // 20/s for 6 s, each accepted and processed once.
    for (key, count) in [
        ("accepted", 120),
        ("processed", 120),
        ("lost", 0),
        ("inserted_twice", 0),
        ("unexpected", 0),
    ] {
        assert_eq!(completion[key], count, "{key}: {completion}");
    }
    assert!(
        completion["done_p50_ms"].as_f64().unwrap() > 100.0,
        "{completion}"
    );
    let events = "120 of 120 accepted events processed, none lost or duplicated";
    let is_verdict = |line: &str| line.starts_with("PASS") && line.ends_with(events);
    assert!(text.lines().take(3).any(is_verdict), "{text}");
    assert!(text.contains("(gate: reduction ≥ 70%)"), "{text}");
    assert!(!text.contains('█'), "it is no terminal: {text}");
    assert!(
        text.ends_with("\nNext: a7probe https://your.service/path\n"),
        "{text}"
    );
    assert!(text.lines().count() <= 48, "{text}");
    // The evidence is drawn stratified, so the percentiles are its own but for the machine's noise on top.
    let before = Run::load(&folder.path().join("a7probe-demo/before.json")).unwrap();
    let levels = before
        .endpoint("ingest")
        .unwrap()
        .recording
        .latency
        .ranked_values();
    let p50 = Duration::from_nanos(levels.at_rank(60).unwrap());
    assert!(
        (Duration::from_millis(155)..Duration::from_millis(260)).contains(&p50),
        "{p50:?}"
    );
    let page = std::fs::read_to_string(folder.path().join("a7probe-demo/report.html")).unwrap();
    for words in [
        "<a href=\"before.json\">",
        "<h3>Completion audit after</h3>",
        ": accepted and done events</title>",
    ] {
        assert!(page.contains(words), "no {words}");
    }
    assert!(
        text.contains("Report: a7probe-demo/report.html\n"),
        "{text}"
    );
    assert!(
        std::fs::read_to_string(folder.path().join("a7probe-demo/report.md"))
            .unwrap()
            .contains("| P95")
    );
    assert_eq!(
        (servers_of(folder.path()), temporary_files_of(folder.path())),
        (0, 0)
    );
}

#[test]
fn an_impatient_second_ctrl_c_leaves_nothing_behind_either() {
    let folder = temp_dir();
    let mut child = demo(folder.path(), "60s")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    eventually("a server is started", || servers_of(folder.path()) > 0);
    for _ in 0..2 {
        // The second finds a process that may have ended already, which is as good.
        let _ = Command::new("kill")
            .args(["-INT", &child.id().to_string()])
            .stderr(Stdio::null())
            .status()
            .unwrap();
    }
    assert_eq!(child.wait().unwrap().code(), Some(130));
    eventually("its servers end", || servers_of(folder.path()) == 0);
}

#[test]
fn ctrl_c_stops_the_children_and_removes_the_temporary_files() {
    let folder = temp_dir();
    let mut child = demo(folder.path(), "60s")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    eventually("a server is started", || servers_of(folder.path()) > 0);
    signal(child.id(), "INT");
    let status = child.wait().unwrap();
    assert_eq!(status.code(), Some(130));
    assert_eq!(
        (servers_of(folder.path()), temporary_files_of(folder.path())),
        (0, 0)
    );
}
