//! Who may import whom: the doors of `src/lib.rs`.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::{Source, sources};

/// Every door of `src/lib.rs`, and the doors or single modules that it may import from; each may import from itself.
const DOORS: [(&str, &[&str]); 9] = [
    ("ground", &["ground"]),
    ("stats", &["ground"]),
    ("run", &["ground", "stats"]),
    ("judge", &["ground", "stats", "run"]),
    ("probe", &["ground", "stats", "run"]),
    ("report", &["ground", "stats", "run", "judge"]),
    (
        "cli",
        &[
            "ground",
            "stats",
            "run",
            "judge",
            "probe",
            "report",
            "reference",
        ],
    ),
    (
        "command",
        &[
            "ground",
            "stats",
            "run",
            "judge",
            "probe",
            "report",
            "cli",
            "reference",
        ],
    ),
    (
        "reference",
        &["units", "tls_roots", "redact", "exposition", "trace"],
    ),
];

/// The files of the ground floor.
const GROUND: [&str; 8] = [
    "units",
    "verdict",
    "exit",
    "printable",
    "redact",
    "tls_roots",
    "exposition",
    "trace",
];

/// The door behind which a top-level module stands.
pub(super) fn door(module: &str) -> Option<&'static str> {
    if GROUND.contains(&module) {
        return Some("ground");
    }
    DOORS
        .iter()
        .map(|(door, _)| *door)
        .find(|door| *door == module)
}

/// Top-level modules of this crate that the code of a file names: `crate::run::…`, `crate::{run, judge::{…}}` over any
/// number of lines, or as many `super::` as lead out of its door.
fn imports(module: &str, code: &str) -> BTreeSet<String> {
    let depth = module.split('/').count();
    let mut names = BTreeSet::new();
    let roots = ["crate::".to_owned(), "super::".repeat(depth)];
    for root in &roots {
        for (at, _) in code.match_indices(root.as_str()) {
            let before = code[..at].chars().next_back();
            if before.is_none_or(|c| !c.is_alphanumeric() && !matches!(c, '_' | ':')) {
                names.extend(first_words(&code[at + root.len()..]));
            }
        }
    }
    names.retain(|name| door(name).is_some());
    names
}

/// `a` of `a::b`, or `a` and `c` of `{a::{b}, c}`.
fn first_words(path: &str) -> Vec<String> {
    let word = |text: &str| {
        let is_name = |c: &char| c.is_alphanumeric() || *c == '_';
        text.trim_start().chars().take_while(is_name).collect()
    };
    if !path.starts_with('{') {
        return vec![word(path)];
    }
    let (mut words, mut depth) = (Vec::new(), 0);
    for (at, sign) in path.char_indices() {
        match sign {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if depth == 1 && matches!(sign, '{' | ',') {
            words.push(word(&path[at + 1..]));
        } else if depth == 0 {
            break;
        }
    }
    words
}

#[test]
fn every_module_imports_only_through_the_doors_that_it_may_see() {
    let mut wrong = Vec::new();
    for source in sources()
        .iter()
        .filter(|s| !matches!(s.module.as_str(), "lib" | "main"))
    {
        match door(source.top()) {
            Some(own) => wrong.extend(unseen(source, own)),
            None => wrong.push(format!(
                "src/{}.rs is behind no door of src/lib.rs",
                source.module
            )),
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// Imports of a file that its door may not see.
fn unseen(source: &Source, own: &str) -> Vec<String> {
    let seen = DOORS
        .iter()
        .find(|(door, _)| *door == own)
        .map_or(&[][..], |(_, seen)| *seen);
    imports(&source.module, &source.code())
        .iter()
        .filter(|name| {
            let other = door(name).unwrap_or_default();
            other != own && !seen.contains(&other) && !seen.contains(&name.as_str())
        })
        .map(|name| format!("src/{}.rs imports {name}", source.module))
        .collect()
}

#[test]
fn imports_are_seen_over_lines_in_braces_and_above() {
    let code =
        "use crate::{\n    judge::{gate, run_of},\n    run,\n};\nuse super::super::stats::rank;\n";
    assert_eq!(
        imports("report/text", code),
        set(&["judge", "run", "stats"])
    );
    let code = "pub(in crate::report) use super::super::stats;\nlet a = $crate::probe::b();\nmycrate::cli::c();\n";
    assert_eq!(
        imports("report/text/notes", code),
        set(&["report", "probe"])
    );
}

fn set(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn the_map_in_lib_rs_shows_every_door() {
    let lib = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs")).unwrap();
    let map: Vec<&str> = lib.lines().filter(|line| line.starts_with("//!")).collect();
    let map = map.join("\n");
    let doors = DOORS
        .iter()
        .map(|(door, _)| *door)
        .filter(|door| *door != "ground");
    for door in doors.chain(GROUND) {
        let shown = map.contains(&format!("[`{door}`]"))
            || map.contains(&format!("(mod@{door})"))
            || map.contains(&format!("[`mod@{door}`]"));
        assert!(shown, "the map lacks {door}");
    }
}
