//! Blocks below a comment `<!-- shows: … -->`: what a command prints on a terminal, or what a file holds.
//!
//! The comment names the command that is run here, in `fixtures/runs`, and may end in `, 14 lines` to show only the first
//! ones. The block's first line is the command that a reader would type: of a run that needs a service, the block shows
//! the saved run. `TRYCMD=overwrite` writes the blocks anew.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use crate::harness::a7probe;
use crate::screens::pseudo_terminal;

const COMMENT: &str = "<!-- shows: ";
const OPENING: &str = " -->\n```text\n";

/// A block of a page: what it shows, and where the shown text stands.
struct Shown<'a> {
    source: &'a str,
    /// Behind the line of the command.
    body: std::ops::Range<usize>,
}

fn shown(page: &str) -> Vec<Shown<'_>> {
    let comments = page.match_indices(COMMENT);
    let block = |(at, _): (usize, &str)| {
        let (source, rest) = page[at + COMMENT.len()..].split_once(OPENING)?;
        let begin = page.len() - rest.len() + rest.find('\n')? + 1;
        let end = begin + page[begin..].find("```")?;
        Some(Shown {
            source,
            body: begin..end,
        })
    };
    comments
        .map(|comment| block(comment).expect("a text block below the comment, with a command"))
        .collect()
}

pub(super) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

pub(super) fn pages() -> Vec<PathBuf> {
    let docs = fs::read_dir(root().join("docs")).expect("the pages");
    let docs = docs.map(|entry| entry.expect("an entry").path());
    let is_page = |path: &PathBuf| path.extension().is_some_and(|e| e == "md");
    std::iter::once(root().join("README.md"))
        .chain(docs.filter(is_page))
        .collect()
}

/// The words of a command line; single quotes hold a word together.
pub(super) fn words(line: &str) -> Vec<String> {
    let quoted = line.split('\'').enumerate();
    quoted
        .flat_map(|(place, part)| match place % 2 {
            0 => part.split_whitespace().map(str::to_owned).collect(),
            _ => vec![part.to_owned()],
        })
        .collect()
}

/// What the program prints to a terminal of 80 columns, with these variables.
pub(super) fn on_a_terminal(arguments: &[String], variables: &[(&str, &str)]) -> String {
    let (terminal, program) = pseudo_terminal();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let mut command = a7probe(&root().join("fixtures/runs"), &arguments);
    for name in ["NO_COLOR", "CLICOLOR_FORCE"] {
        command.env_remove(name);
    }
    command.env("LC_ALL", "C.UTF-8");
    command.envs(variables.iter().copied());
    command.stdout(Stdio::from(program));
    let mut child = command.spawn().expect("the program starts");
    drop(command);
    let mut text = Vec::new();
    // Linux ends a terminal without a program with EIO.
    let _ = fs::File::from(terminal).read_to_end(&mut text);
    child.wait().expect("it ends");
    String::from_utf8(text)
        .expect("UTF-8")
        .replace("\r\n", "\n")
}

/// The first lines, and a sign that more follow, if the comment asks for that.
fn text_of(source: &str) -> String {
    let wanted = source
        .strip_suffix(" lines")
        .and_then(|rest| rest.rsplit_once(", "));
    let Some((source, lines)) = wanted else {
        return whole_text_of(source);
    };
    let lines = lines.parse().expect("a number of lines");
    let text = whole_text_of(source);
    let first: Vec<&str> = text.lines().take(lines).collect();
    format!("{}\n…\n", first.join("\n"))
}

fn whole_text_of(source: &str) -> String {
    match source.strip_prefix("a7probe ") {
        Some(line) => on_a_terminal(&words(line), &[("NO_COLOR", "1")]),
        None => {
            let file = fs::read_to_string(root().join(source)).expect(source);
            // A snapshot begins with a head between two lines of dashes.
            let body = file.splitn(3, "---\n").nth(2).expect("a snapshot");
            body.to_owned()
        }
    }
}

#[test]
fn blocks_show_what_is_shown() {
    let overwrite = std::env::var("TRYCMD").is_ok_and(|value| value == "overwrite");
    let mut count = 0;
    for path in pages() {
        let page = fs::read_to_string(&path).expect("a page");
        let mut written = page.clone();
        for block in shown(&page).into_iter().rev() {
            count += 1;
            let text = text_of(block.source);
            if overwrite {
                written.replace_range(block.body, &text);
            } else {
                let body = &page[block.body];
                assert_eq!(body, text, "{}: {}", path.display(), block.source);
            }
        }
        if overwrite && written != page {
            fs::write(&path, written).expect("the page is written");
        }
    }
    assert!(count >= 7, "the blocks were not found");
}

#[test]
fn quotes_hold_a_word_together() {
    assert_eq!(
        words("judge a.json --gate 'p95 <= 1s' -v"),
        ["judge", "a.json", "--gate", "p95 <= 1s", "-v"]
    );
}
