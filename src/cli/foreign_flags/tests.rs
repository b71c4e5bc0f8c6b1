//! Command lines of other tools, each with its exact error, and lines of this program that must keep working.

use std::ffi::OsString;

use clap::CommandFactory as _;

use super::command_flags::{CommandFlags, flags_of};
use super::table::TABLE;
use super::{check, with_command};
use crate::cli::Cli;

/// `$ command line`, followed by the error, or by `ok`.
const LINES: &str = include_str!("../../../fixtures/foreign-flags.txt");

fn checked(line: &str) -> String {
    let words = std::iter::once("a7probe".to_owned()).chain(words(line));
    let arguments: Vec<OsString> = words.map(OsString::from).collect();
    match check(&arguments, &Cli::command()) {
        Ok(()) => "ok".to_owned(),
        Err(e) => e.to_string(),
    }
}

/// Splits at spaces outside single quotes.
fn words(line: &str) -> Vec<String> {
    let mut words = vec![];
    let mut word = String::new();
    let mut is_quoted = false;
    for c in line.chars() {
        match c {
            '\'' => is_quoted = !is_quoted,
            ' ' if !is_quoted => words.push(std::mem::take(&mut word)),
            _ => word.push(c),
        }
    }
    words.push(word);
    words
}

#[test]
fn every_line_of_another_tool_is_refused_with_our_spelling_and_every_line_of_ours_goes_on() {
    let mut refused = 0;
    for case in LINES.split("$ ").skip(1) {
        let (line, expected) = case.split_once('\n').unwrap();
        assert_eq!(checked(line), expected.trim_end(), "a7probe {line}");
        refused += usize::from(expected.trim_end() != "ok");
    }
    assert!(refused >= 60, "{refused}");
}

/// A tool a line, then its flags, each with the value that follows `=`.
const TOOLS: &str = include_str!("../../../fixtures/tool-flags.txt");

/// Whether this flag is answered before clap: as one of ours, or with a hint.
fn is_answered(flag: &str) -> bool {
    let cli = Cli::command();
    let measure = CommandFlags::of(cli.find_subcommand("measure").unwrap());
    let (name, value) = flag.split_once('=').unwrap_or((flag, ""));
    let said = checked(&format!("measure {name} {value} http://a").replace("  ", " "));
    let is_long_with_one_dash = !name.starts_with("--") && name.len() > 2;
    match said.as_str() {
        "ok" => name == "-V" || !is_long_with_one_dash && measure.typed(name).is_some(),
        said => said.contains("\nhint: "),
    }
}

#[test]
fn every_flag_of_another_tool_is_one_of_ours_or_has_a_hint() {
    let mut seen = 0;
    let mut unanswered = Vec::new();
    for line in TOOLS.lines().skip(1).filter(|line| !line.is_empty()) {
        let (tool, flags) = line.split_once(' ').unwrap();
        for flag in quoted_words(flags) {
            seen += 1;
            if !is_answered(&flag) {
                unanswered.push(format!("{tool} {flag}"));
            }
        }
    }
    assert!(seen > 400, "{seen}");
    assert!(unanswered.is_empty(), "\n{}", unanswered.join("\n"));
}

/// Splits at spaces outside of single quotes, which stay.
fn quoted_words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut is_quoted = false;
    for c in line.chars() {
        is_quoted ^= c == '\'';
        match words.last_mut() {
            Some(word) if c != ' ' || is_quoted => word.push(c),
            _ => words.push(String::new()),
        }
    }
    words
}

#[test]
fn a_url_or_a_flag_of_measure_stands_for_measure_and_a_command_stays_the_command() {
    for (line, expected) in [
        ("http://a", "measure"),
        ("https://a/b -n 5", "measure"),
        ("localhost", "measure"),
        ("shop.example", "measure"),
        ("shop.example/b", "measure"),
        ("shop:8080", "measure"),
        ("judge/", "measure"),
        ("s=shop.example/b", "measure"),
        ("-n 5 -c 2 http://a", "measure"),
        ("-d judge http://a", "measure"),
        ("--body=x http://a", "measure"),
        ("judge run.json", "judge"),
        ("mesure http://a", "mesure"),
        ("run.json", "run.json"),
        ("Cargo.toml", "Cargo.toml"),
        ("--help", "--help"),
        ("-V", "-V"),
    ] {
        let typed = std::iter::once("a7probe".to_owned()).chain(words(line));
        let typed: Vec<OsString> = typed.map(OsString::from).collect();
        let whole = with_command(&typed, &Cli::command()).unwrap();
        assert_eq!(whole[1], expected, "{line}");
        assert_eq!(whole.last(), typed.last());
    }
    let alone = [OsString::from("a7probe")];
    assert_eq!(with_command(&alone, &Cli::command()).unwrap(), alone);
}

#[test]
fn a_command_after_flags_is_refused_with_the_right_order() {
    for line in ["-n 5 judge run.json", "-kn5 judge run.json", "-k judge"] {
        let typed = std::iter::once("a7probe".to_owned()).chain(words(line));
        let typed: Vec<OsString> = typed.map(OsString::from).collect();
        let error = with_command(&typed, &Cli::command()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "error: the command judge stands after flags\nhint: put it first: a7probe judge, then the flags; a host of that \
             name is http://judge"
        );
    }
}

#[test]
fn a_meaning_of_every_flag_names_only_flags_that_measure_has() {
    let cli = Cli::command();
    let measure = cli.find_subcommand("measure").unwrap();
    for entry in TABLE {
        let has = |flag: &str| CommandFlags::of(measure).typed(flag).is_some();
        let fits = |hint: &&&str| flags_of(hint).all(has);
        assert!(
            entry.hints.iter().any(|hint| fits(&hint)),
            "{:?}",
            entry.names
        );
    }
}

#[test]
fn a_value_that_may_be_a_secret_is_not_repeated() {
    for line in [
        "measure -A me:s3cret http://a",
        "measure -u me:s3cret http://a",
        "measure -U me:s3cret http://a",
        "measure -b s3cret http://a",
        "measure -C sid=s3cret http://a",
        "measure --cookie s3cret http://a",
        "measure --user me:s3cret http://a",
        "measure --oauth2-bearer s3cret http://a",
        "measure -e http://me:s3cret@a http://a",
        "measure -header 'Authorization: s3cret' http://a",
        "measure --data-raw token=s3cret http://a",
        "measure --json '{\"token\":\"s3cret\"}' http://a",
        "measure -F token=s3cret http://a",
        "measure -dial-token=s3cret http://a",
        "measure -E cert.pem:s3cret http://a",
    ] {
        let error = checked(line);
        assert!(error.starts_with("error: "), "{line}: {error}");
        assert!(!error.contains("s3cret"), "{error}");
    }
}
