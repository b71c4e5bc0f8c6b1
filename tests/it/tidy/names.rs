//! One name, one type.

use std::collections::BTreeMap;

use super::sources;

/// A type's name, if the line declares one, and whether other files may see it.
fn declared(line: &str) -> Option<(&str, bool)> {
    let text = line.trim_start();
    let rest = text
        .strip_prefix("pub")
        .map(|rest| match rest.strip_prefix('(') {
            Some(scope) => scope.split_once(')').map_or(rest, |(_, rest)| rest),
            None => rest,
        });
    let declaration = rest.unwrap_or(text).trim_start();
    let (keyword, name) = declaration.split_once(' ')?;
    let is_nested = line.len() > text.len();
    let declares = match keyword {
        "struct" | "enum" | "trait" | "union" => true,
        // The associated types of traits are no names of their own.
        "type" => !is_nested,
        _ => false,
    };
    let end = name.find(|c: char| !c.is_alphanumeric() && c != '_');
    let name = &name[..end.unwrap_or(name.len())];
    (declares && !name.is_empty()).then_some((name, rest.is_some()))
}

/// A name that other files may see belongs to one of them. A private one may stand in many files, beside one that is not.
#[test]
fn one_name_is_one_type() {
    let sources = sources();
    let mut homes: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for source in &sources {
        for (name, is_visible) in source.code().filter_map(declared) {
            if is_visible {
                homes.entry(name).or_default().push(&source.module);
            }
        }
    }
    assert!(homes.len() > 200, "the types were not found");
    let wrong: Vec<String> = homes
        .iter()
        .filter(|(_, homes)| homes.len() > 1)
        .map(|(name, homes)| format!("{name} is a type in {}", homes.join(", ")))
        .collect();
    assert!(
        wrong.is_empty(),
        "{} names\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

#[test]
fn a_declaration_is_told_from_a_use() {
    assert_eq!(
        declared("pub(crate) struct Plan<'a> {"),
        Some(("Plan", true))
    );
    assert_eq!(declared("    enum Kind {"), Some(("Kind", false)));
    assert_eq!(declared("    type Err = ParseError;"), None);
    assert_eq!(
        declared("pub type Clients = Vec<Client>;"),
        Some(("Clients", true))
    );
    assert_eq!(declared("pub fn union(a: Set) {"), None);
    assert_eq!(declared("let structure = 1;"), None);
}
