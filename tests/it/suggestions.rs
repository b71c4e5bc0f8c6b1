//! Hints that name a flag, a value or a command: each is taken out of its message, typed, and works.

use std::fs;
use std::path::Path;

use crate::harness::{code, run, stderr, temp_dir};

/// A line that is refused, and the part of it that the hint replaces.
struct Wrong {
    line: &'static str,
    replaced: &'static str,
}

const fn wrong(line: &'static str, replaced: &'static str) -> Wrong {
    Wrong { line, replaced }
}

/// `URL` stands for a URL of this machine. What a hint says to type is put in place of the wrong part.
const REPLACED: &[Wrong] = &[
    // Units and numbers.
    wrong("measure URL --timeout 5", "5"),
    wrong("measure URL -z 10", "10"),
    wrong("measure URL --target 150", "150"),
    wrong("measure URL -n 1e5", "-n 1e5"),
    wrong("measure URL -n 10k", "-n 10k"),
    wrong("measure URL --arrivals poison", "poison"),
    wrong("measure URL --output jsn", "jsn"),
    wrong("measure URL -q 50/1s", "-q 50/1s"),
    wrong("capacity URL --gate 'p95 <= 150ms' --width 10", "10"),
    wrong("capacity URL --gate 'p95 <= 150ms' -t 100ms", "-t 100ms"),
    wrong(
        "capacity URL --gate 'p99 <= 150ms' --budget 10s",
        "--budget 10s",
    ),
    // Gates.
    wrong("measure URL --gate 'p95 <= 150'", "'p95 <= 150'"),
    wrong(
        "measure URL --gate 'searhc p95 <= 1s'",
        "'searhc p95 <= 1s'",
    ),
    wrong("measure URL --gate 'error rate <= 1%'", "'error rate"),
    wrong("measure URL --gate 'errors <= 1%'", "'errors"),
    wrong("measure URL --gate 'p95 <= 150ms' -n 60", "-n 60"),
    wrong("measure URL --gate 'p95 <= 150ms' -z 3s", "-z 3s"),
    wrong("measure URL --gate 'p99 <= 150ms' -z 20s", "-z 20s"),
    wrong("measure URL --gate 'p99 <= 150ms' -n 100", "-n 100"),
    wrong(
        "measure URL --gate 'p99.9 <= 150ms' --budget 60s",
        "--budget 60s",
    ),
    wrong("measure URL --gate 'error_rate <= 0.1%' -n 600", "-n 600"),
    wrong("measure URL --gate 'p95 <= 1s' -t 100ms", "-t 100ms"),
    // Placeholders and URLs.
    wrong("measure URL/{{uid}}", "{{uid}}"),
    wrong("measure URL/%7B%7Bn%7D%7D", "%7B%7Bn%7D%7D"),
    wrong("measure http:/127.0.0.1:8080/a", "http:/127.0.0.1:8080/a"),
    wrong(
        "measure 'http://127.0.0.1:8080/a b'",
        "'http://127.0.0.1:8080/a b'",
    ),
    wrong("measure 'URL URL'", "'URL URL'"),
    // Flags of other tools.
    wrong("measure URL -A application/json", "-A application/json"),
    wrong("measure URL --duration=30", "30"),
    wrong("measure URL -o csv", "-o csv"),
    wrong("measure URL -t 4", "-t 4"),
    wrong("measure URL -d 30s", "-d 30s"),
    wrong("measure URL --rps 50", "--rps 50"),
    wrong("measure URL --vus 10", "--vus 10"),
    wrong("measure URL --connections 10", "--connections 10"),
    wrong("measure URL --requests=1k", "--requests=1k"),
    wrong("measure URL --json", "--json"),
    wrong("measure URL -more", "-more"),
    wrong("measure URL -cpus", "-cpus"),
    wrong("measure URL --no-tui", "--no-tui"),
    wrong("measure URL --latency", "--latency"),
    wrong(
        "measure URL --insecure-skip-tls-verify",
        "--insecure-skip-tls-verify",
    ),
    wrong("measure URL -s", "-s"),
    wrong("measure URL -fsSL", "-fsSL"),
    wrong("measure URL -X POST --data @run.json", "--data @run.json"),
    wrong("measure URL -z 1h30", "1h30"),
    wrong("measure http//127.0.0.1:8080/a", "http//127.0.0.1:8080/a"),
    wrong("measure URL --gate 'p95 = 150ms'", "'p95 = 150ms'"),
    wrong("measure URL --compressed", "--compressed"),
    wrong("measure URL --retry", "--retry"),
    wrong("measure URL --tmeout 5s", "--tmeout"),
    wrong("measure URL -timeout 5s", "-timeout 5s"),
];

/// The hint is a whole command.
const COMMANDS: &[&str] = &[
    "run --vus 10 --duration 30s script.js",
    "run -i 100 -u 5 script.js",
    "run script.js",
    "attack -rate=50/1s -duration=10s",
    "measrue http://127.0.0.1:8080/search",
    "compare one.json",
    "judge",
    "latencies.txt",
    "measure URL --gate 'capacity >= 400/s'",
    "measure URL --gate 'rps >= 100'",
    "measure URL --config none.toml",
    "version",
];

/// Splits at spaces outside of single quotes.
fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut is_quoted = false;
    for sign in line.chars() {
        match sign {
            '\'' => is_quoted = !is_quoted,
            ' ' if !is_quoted => words.push(String::new()),
            _ => words.last_mut().unwrap().push(sign),
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

fn hint_of(folder: &Path, line: &str) -> String {
    let typed = words(line);
    let arguments: Vec<&str> = typed.iter().map(String::as_str).collect();
    let output = run(folder, &arguments);
    assert_eq!(code(&output), 2, "{line}: {}", stderr(&output));
    let said = stderr(&output);
    let hint = said.lines().find_map(|line| line.strip_prefix("hint: "));
    hint.unwrap_or_else(|| panic!("{line}: no hint: {said}"))
        .to_owned()
}

/// The first alternative of a hint: `use -z 6s, or …` is `-z 6s`, `leave it out; …` is nothing.
fn suggestion(hint: &str) -> String {
    if hint.starts_with("leave it out") || hint.starts_with("remove the space") {
        return String::new();
    }
    let text = hint.split_once(": http").map_or(hint, |(_, url)| url);
    let text = if text.len() < hint.len() {
        format!("http{text}")
    } else {
        text.to_owned()
    };
    let beginnings = [
        "for a body, use ",
        "use ",
        "write it as ",
        "write ",
        "did you mean ",
        "raise the timeout, such as ",
    ];
    let rest = beginnings
        .iter()
        .find_map(|begin| text.strip_prefix(begin))
        .unwrap_or(&text);
    let mut is_quoted = false;
    let mut end = rest.len();
    for (at, sign) in rest.char_indices() {
        is_quoted ^= sign == '\'';
        let ends = [", ", "; ", " or ", "?", " for ", " with braces"];
        if !is_quoted && ends.iter().any(|end| rest[at..].starts_with(end)) {
            end = at;
            break;
        }
    }
    rest[..end].to_owned()
}

/// The forms in a hint as things that exist.
fn filled(line: &str) -> String {
    line.replace("http://HOST/PATH", "http://127.0.0.1:8080/search")
        .replace("TEXT", "text")
        .replace(" URL", " http://127.0.0.1:8080/search")
}

fn works(folder: &Path, wrong: &str, line: &str) {
    let mut typed = words(line);
    let sends = ["measure", "capacity", "ab", "diagnose"];
    let is_implied = typed.first().is_some_and(|word| word.starts_with("http"));
    if is_implied || sends.contains(&typed[0].as_str()) {
        typed.push("--dry-run".to_owned());
    }
    let arguments: Vec<&str> = typed.iter().map(String::as_str).collect();
    let output = run(folder, &arguments);
    assert!(
        [0, 1, 3].contains(&code(&output)),
        "{wrong}\nwas answered with: {line}\n{}",
        stderr(&output)
    );
}

/// The files that examples name: two runs of one plan, and latencies.
fn folder_with_examples() -> tempfile::TempDir {
    let folder = temp_dir();
    let list: String = (0..700).map(|n| format!("{}ms\n", 10 + n % 7)).collect();
    for name in ["latencies.txt", "before.json", "after.json", "run.json"] {
        fs::write(folder.path().join(name), &list).unwrap();
    }
    folder
}

#[test]
fn the_replacement_that_a_hint_names_works() {
    let folder = folder_with_examples();
    for Wrong { line, replaced } in REPLACED {
        let url = "http://127.0.0.1:8080/search";
        let (line, replaced) = (line.replace("URL", url), replaced.replace("URL", url));
        let hint = hint_of(folder.path(), &line);
        let mut suggested = suggestion(&filled(&hint));
        if suggested.is_empty() && replaced.contains(' ') && replaced.contains("://") {
            suggested = replaced.trim_matches('\'').to_owned();
        }
        // A word inside of a quoted gate or path.
        if replaced.starts_with('\'') && !replaced.ends_with('\'') {
            suggested = format!("'{}", suggested.trim_matches('\''));
        }
        let again = line.replacen(&replaced, &suggested, 1);
        assert_ne!(again, line, "{hint}");
        works(folder.path(), &format!("{line}\n{hint}"), &again);
    }
}

#[test]
fn the_command_that_a_hint_names_works() {
    let folder = folder_with_examples();
    for line in COMMANDS {
        let line = line.replace("URL", "http://127.0.0.1:8080/search");
        let hint = hint_of(folder.path(), &line);
        let (_, command) = hint
            .split_once("a7probe ")
            .unwrap_or_else(|| panic!("{line}: {hint}"));
        let command = command.split('?').next().unwrap_or_default();
        let command = filled(&format!(" {command}"));
        let mut command = command.trim().to_owned();
        if command == "measure" {
            command = line.replacen("measrue", "measure", 1);
        }
        works(folder.path(), &format!("{line}\n{hint}"), &command);
    }
}
