//! Files of `src` and `tests` and functions of `src` that fit a reader's head. A test function may be longer: it lists
//! cases, which are read one at a time.

use super::{files_of, sources};

const LINES_OF_A_FILE: usize = 500;
const LINES_OF_A_FUNCTION: usize = 70;

#[test]
fn no_file_is_longer_than_500_lines() {
    let mut wrong = Vec::new();
    for folder in ["src", "tests"] {
        for file in files_of(folder) {
            let lines = file.text.lines().count();
            if lines > LINES_OF_A_FILE {
                wrong.push(format!("{folder}/{}.rs has {lines} lines", file.module));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn no_function_is_longer_than_70_lines() {
    let mut wrong = Vec::new();
    let mut count = 0;
    for source in sources() {
        for (name, lines) in functions(&source.text) {
            count += 1;
            if lines > LINES_OF_A_FUNCTION {
                wrong.push(format!(
                    "src/{}.rs: {name} has {lines} lines",
                    source.module
                ));
            }
        }
    }
    assert!(count > 2_000, "the functions were not found");
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// Every function of a formatted file, with its lines: it ends where a brace stands as far to the right as its head.
fn functions(text: &str) -> Vec<(&str, usize)> {
    let lines: Vec<&str> = text.lines().collect();
    let indent = |line: &str| line.len() - line.trim_start().len();
    let mut found = Vec::new();
    for (first, line) in lines.iter().enumerate() {
        let Some(name) = function(line) else { continue };
        let ends = |next: &&str| {
            let is_last = next.starts_with(&format!("{}}}", " ".repeat(indent(line))));
            is_last || (indent(next) == indent(line) && next.ends_with(';'))
        };
        let is_one_line = line.ends_with(['}', ';']);
        let length = if is_one_line {
            Some(1)
        } else {
            let rest = &lines[first + 1..];
            rest.iter().position(ends).map(|at| at + 2)
        };
        found.push((name, length.expect("a function ends")));
    }
    found
}

/// The function's name, if its head begins on this line.
fn function(line: &str) -> Option<&str> {
    let text = line.trim_start();
    let (before, rest) = text.split_once("fn ")?;
    let qualifiers = ["pub", "const", "async", "unsafe", "default", "extern"];
    let is_head = before
        .split_whitespace()
        .all(|word| qualifiers.contains(&word) || word.starts_with("pub(") || word.ends_with(')'));
    let end = rest.find(['(', '<'])?;
    (is_head && !text.starts_with("//")).then_some(&rest[..end])
}

#[test]
fn the_lines_of_a_function_are_those_between_its_head_and_its_brace() {
    let text = "pub(crate) fn a(\n    x: u8,\n) -> u8 {\n    x\n}\n\nfn b() {}\n\nimpl C {\n    fn d() {\n        e()\n    }\n}\n";
    assert_eq!(functions(text), [("a", 5), ("b", 1), ("d", 3)]);
}
