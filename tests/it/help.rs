//! Help as a person sees it: short screens, every flag, topics, manual pages, and variables that are misspelt.

use std::io::Write as _;
use std::process::{Command, Stdio};

use crate::harness::{a7probe, code, run, stderr, stdout, temp_dir};
use crate::needs::{Service, need_right};
use crate::screens::on_a_terminal;

/// The commands that people use.
const COMMANDS: [&str; 13] = [
    "measure", "judge", "compare", "ab", "capacity", "merge", "diagnose", "demo", "serve",
    "worker", "provider", "selftest", "init",
];

const TOPICS: [&str; 7] = [
    "gates",
    "audit",
    "diagnose",
    "exit-codes",
    "environment",
    "method",
    "terms",
];

/// GNU roff, which `man` uses.
const GROFF: Service = Service {
    name: "groff",
    find: || {
        let output = Command::new("groff").arg("--version").output().ok()?;
        output.status.success().then(|| "groff".into())
    },
};

fn shown(arguments: &[&str]) -> String {
    let output = run(temp_dir().path(), arguments);
    assert_eq!(code(&output), 0, "{arguments:?}: {}", stderr(&output));
    assert_eq!(stderr(&output), "", "{arguments:?}");
    stdout(&output)
}

#[test]
fn the_short_help_of_every_command_is_one_screen_with_examples_on_top() {
    for command in COMMANDS {
        let screen = shown(&[command, "-h"]);
        assert!(screen.lines().count() <= 30, "{screen}");
        let example = format!("  a7probe {command}");
        let top = screen.lines().skip(2).take(3);
        assert!(
            top.clone().all(|line| line.starts_with(&example)),
            "{screen}"
        );
        assert!(screen.contains("\nUsage: a7probe "), "{screen}");
    }
}

#[test]
fn the_long_help_of_every_command_is_that_of_its_snapshot() {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../../fixtures/help");
    settings.set_prepend_module_to_snapshot(false);
    settings.bind(|| {
        for command in COMMANDS {
            let help = shown(&[command, "--help"]);
            if !TOPICS.contains(&command) {
                assert_eq!(help, shown(&["help", command]), "{command}");
            }
            insta::assert_snapshot!(command, help);
        }
    });
}

#[test]
fn a_topic_is_a_page_that_fits_the_terminal() {
    for topic in TOPICS {
        let page = on_a_terminal(&["help", topic], &[]);
        assert!(page.starts_with("\u{1b}[1m"), "{topic}: {page}");
        let plain = on_a_terminal(&["help", topic], &[("NO_COLOR", "1")]);
        assert!(!plain.contains('\u{1b}'), "{topic}: {plain}");
        assert_eq!(
            page.replace("\u{1b}[1m", "").replace("\u{1b}[0m", ""),
            plain
        );
        let is_command = |line: &&str| {
            let code = line.trim_start();
            ["$ a7probe", "a7probe", "error:", "hint:"]
                .iter()
                .any(|begin| code.starts_with(begin))
        };
        let fits = |line: &&str| !line.starts_with("    ") || is_command(line);
        for line in plain.lines().filter(fits) {
            assert!(line.chars().count() <= 80, "{topic}: {line}");
        }
        assert_eq!(plain, shown(&["help", topic]), "{topic}");
        let ascii = on_a_terminal(&["help", topic], &[("LC_ALL", "C"), ("NO_COLOR", "1")]);
        assert!(ascii.is_ascii(), "{topic}: {ascii}");
        assert_eq!(ascii, shown(&["help", topic, "--ascii"]), "{topic}");
    }
}

#[test]
fn an_unknown_subject_is_an_error_with_the_nearest() {
    let output = run(temp_dir().path(), &["help", "term"]);
    assert_eq!(code(&output), 2);
    let error = stderr(&output);
    assert!(
        error.starts_with("error: unknown command or topic 'term'\nhint: did you mean 'terms'?\n"),
        "{error}"
    );
    assert!(error.contains("commands: demo, measure, judge"), "{error}");
}

#[test]
fn every_manual_page_is_read_without_a_warning() {
    let Some(groff) = need_right(&GROFF, "help::manual_pages") else {
        return;
    };
    let pages = COMMANDS.iter().map(|command| vec!["man", command]);
    for arguments in pages.chain([vec!["man"], vec!["man", "man"]]) {
        let page = shown(&arguments);
        assert!(page.is_ascii() && page.starts_with(".ie"), "{page}");
        let mut child = Command::new(&groff)
            .args(["-man", "-ww", "-Tutf8"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("groff starts");
        let mut stdin = child.stdin.take().expect("a pipe");
        let writer = std::thread::spawn(move || stdin.write_all(page.as_bytes()));
        let output = child.wait_with_output().expect("groff ends");
        writer.join().expect("no panic").expect("groff reads");
        assert_eq!(stderr(&output), "", "{arguments:?}");
        assert!(stdout(&output).contains("A7PROBE"), "{arguments:?}");
    }
}

#[test]
fn a_misspelt_variable_stops_the_command_and_another_one_is_a_warning() {
    let folder = temp_dir();
    std::fs::write(folder.path().join("times.txt"), "1ms\n2ms\n").expect("a file");
    let judge = ["judge", "times.txt", "--target", "1s", "--iid"];
    let misspelt = a7probe(folder.path(), &judge)
        .env("A7PROBE_TAGRET", "1ms")
        .output()
        .expect("it starts");
    assert_eq!(code(&misspelt), 2);
    assert_eq!(
        stderr(&misspelt),
        "error: unknown variable A7PROBE_TAGRET\nhint: did you mean A7PROBE_TARGET?\n"
    );
    assert_eq!(stdout(&misspelt), "");
    let plain = run(folder.path(), &judge);
    let foreign = a7probe(folder.path(), &judge)
        .env("A7PROBE_VERSION", "1")
        .env("A7PROBE_LONG", "1")
        .output()
        .expect("it starts");
    assert_eq!(code(&foreign), code(&plain));
    assert_eq!(stdout(&foreign), stdout(&plain));
    let warning = "warning: unknown variable A7PROBE_VERSION is ignored\nhint: unset it, or see a7probe help environment\n";
    assert_eq!(stderr(&foreign), format!("{warning}{}", stderr(&plain)));
    let quiet = a7probe(folder.path(), &[&judge[..], &["--quiet"]].concat())
        .env("A7PROBE_VERSION", "1")
        .output()
        .expect("it starts");
    assert_eq!(stderr(&quiet), "");
}

#[test]
fn a_mistake_in_the_settings_file_has_its_line() {
    let folder = temp_dir();
    let settings = "url = \"http://127.0.0.1:1\"\n\n[audit]\nresnd = \"5%\"\n";
    std::fs::write(folder.path().join("a7probe.toml"), settings).expect("a file");
    let output = run(folder.path(), &["measure"]);
    assert_eq!(code(&output), 2);
    assert_eq!(
        stderr(&output),
        "error: a7probe.toml line 4: unknown key 'resnd' in [audit]\nhint: did you mean 'resend'?\n"
    );
}

#[test]
fn an_output_file_has_the_format_of_its_name() {
    let folder = temp_dir();
    std::fs::write(folder.path().join("times.txt"), "1ms\n2ms\n").expect("a file");
    let output = run(
        folder.path(),
        &[
            "judge",
            "times.txt",
            "--iid",
            "-o",
            "result.json",
            "-ocsv=table",
        ],
    );
    let read = |name| std::fs::read_to_string(folder.path().join(name)).expect("it was written");
    let json: serde_json::Value = serde_json::from_str(&read("result.json")).expect("JSON");
    assert!(json.is_object(), "{}", stderr(&output));
    assert!(read("table").contains(','), "{}", read("table"));
    let nameless = run(folder.path(), &["judge", "times.txt", "-o", "result"]);
    assert_eq!(code(&nameless), 2);
    assert!(
        stderr(&nameless).contains("write json=result"),
        "{}",
        stderr(&nameless)
    );
}
