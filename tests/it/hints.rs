//! Every flag that a hint or a next step names exists: hints are found in the sources, flags by clap.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use a7probe::cli::Cli;
use clap::{Command, CommandFactory as _};

use crate::harness::{self, code, stderr, temp_dir};
use crate::scripted::Server;

/// Flags of other programs that texts name with that program.
const OTHERS: [(&str, &str); 6] = [
    ("curl", "-v"),
    ("ulimit", "-n"),
    ("openssl", "-"),
    ("df -i", "-i"),
    ("feature", "--features"),
    ("feature", "--no-default-features"),
];

/// Which commands a source file speaks for.
fn speakers(path: &str) -> &'static [&'static str] {
    match path {
        _ if path.contains("diagnos") => &["diagnose"],
        _ if path.contains("capacity") => &["capacity"],
        _ if path.contains("command/ab") => &["ab"],
        _ => &[],
    }
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|end| end == "rs") {
            found.push(path);
        }
    }
}

/// The string literals of a source before its tests, with continued lines joined.
fn literals(source: &str) -> Vec<String> {
    let source = source.split("#[cfg(test)]\nmod tests {").next().unwrap();
    let code: Vec<&str> = source
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .collect();
    let (code, mut found) = (code.join("\n"), vec![]);
    let mut letters = code.chars().peekable();
    while let Some(c) = letters.next() {
        if c == '\'' {
            // A character, such as '"'.
            let rest: String = letters.clone().take(3).collect();
            let length = match rest.starts_with('\\') {
                true => 3,
                false => 2,
            };
            if rest.chars().nth(length - 1) == Some('\'') {
                letters.nth(length - 1);
            }
        } else if c == '"' {
            let mut literal = String::new();
            while let Some(c) = letters.next() {
                match c {
                    '"' => break,
                    '\\' => match letters.next() {
                        Some('\n') => while letters.next_if(|c| c.is_whitespace()).is_some() {},
                        Some('n') => literal.push('\n'),
                        Some(other) => literal.push(other),
                        None => {}
                    },
                    c => literal.push(c),
                }
            }
            found.push(literal);
        }
    }
    found
}

/// `--flag` and `-f` in a text.
fn flags(text: &str) -> BTreeSet<&str> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let words = text.split(|c: char| !is_part(c));
    words
        .filter(|word| {
            let name = word.trim_start_matches('-');
            let dashes = word.len() - name.len();
            let begins = name.starts_with(|c: char| c.is_ascii_alphabetic());
            begins && (dashes == 2 || dashes == 1 && name.len() == 1)
        })
        .collect()
}

fn has(command: &Command, flag: &str) -> bool {
    match flag.strip_prefix("--") {
        Some("help" | "version") => true,
        Some(long) => command.get_arguments().any(|arg| {
            let aliases = arg.get_all_aliases().unwrap_or_default();
            (arg.get_long() == Some(long) || aliases.contains(&long)) && !arg.is_hide_set()
        }),
        None => {
            let letter = flag.chars().nth(1);
            matches!(letter, Some('h' | 'V'))
                || command.get_arguments().any(|arg| {
                    let aliases = arg.get_all_short_aliases().unwrap_or_default();
                    arg.get_short() == letter || letter.is_some_and(|own| aliases.contains(&own))
                })
        }
    }
}

#[test]
fn every_flag_that_a_text_names_exists_in_the_command_that_says_it_or_that_it_names() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = vec![];
    sources(&root, &mut files);
    let cli = Cli::command();
    let mut seen = 0;
    let mut wrong = vec![];
    for file in files {
        let name = file
            .strip_prefix(&root)
            .unwrap()
            .to_str()
            .unwrap()
            .to_owned();
        // The table of other tools' flags has a test of its own, importers name flags of the tools whose files they
        // read, and tests name flags that do not exist.
        let of_others = ["cli/foreign", "run/import", "report/text/import_remark"]
            .iter()
            .any(|path| name.starts_with(path));
        if of_others || name.ends_with("tests.rs") {
            continue;
        }
        for literal in literals(&fs::read_to_string(&file).unwrap()) {
            if !literal.contains(' ') {
                continue;
            }
            for flag in flags(&literal) {
                if OTHERS
                    .iter()
                    .any(|(program, own)| literal.contains(program) && flag.starts_with(own))
                {
                    continue;
                }
                seen += 1;
                let named = |command: &&Command| {
                    literal.contains(&format!("a7probe {}", command.get_name()))
                };
                let named: Vec<&Command> = cli.get_subcommands().filter(named).collect();
                let speaks = speakers(&name);
                let candidates: Vec<&Command> = match (named.is_empty(), speaks.is_empty()) {
                    (false, _) => cli.get_subcommands().collect(),
                    (true, false) => cli
                        .get_subcommands()
                        .filter(|c| speaks.contains(&c.get_name()))
                        .collect(),
                    (true, true) => cli.get_subcommands().collect(),
                };
                if !candidates.iter().any(|command| has(command, flag)) {
                    wrong.push(format!("{name}: {flag} in {literal:?}"));
                }
            }
        }
    }
    assert!(seen > 100, "the texts were not found: {seen}");
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn a_diagnosis_that_cannot_begin_names_no_flag_of_another_command() {
    let server = Server::answering("HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n");
    let url = server.url();
    let run = |command: &str| {
        let output = harness::run(temp_dir().path(), &[command, &url]);
        assert_eq!(code(&output), 2);
        stderr(&output)
    };
    let cli = Cli::command();
    for command in ["diagnose", "measure"] {
        let said = run(command);
        let hint = said.split("hint: ").nth(1).unwrap();
        let own = cli.find_subcommand(command).unwrap();
        assert!(flags(hint).into_iter().all(|flag| has(own, flag)), "{said}");
    }
    assert!(run("measure").contains("--no-preflight"));
}

#[test]
fn the_finder_finds_a_flag_that_does_not_exist() {
    let source = "let hint = \"hint: give --no-such-flag, \\\n   or -q\"; let c = '\"'; let d = \"x --rate\";";
    let found = literals(source);
    assert_eq!(found, ["hint: give --no-such-flag, or -q", "x --rate"]);
    let cli = Cli::command();
    let measure = cli.find_subcommand("measure").unwrap();
    let known: Vec<bool> = flags(&found[0])
        .into_iter()
        .map(|flag| has(measure, flag))
        .collect();
    assert_eq!(known, [false, true]);
}
