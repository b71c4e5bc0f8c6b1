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

/// Two files may declare a name if one of them keeps it private; a third may not. Variants of one file for different
/// systems are one type.
#[test]
fn one_name_is_one_type() {
    let sources = sources();
    let code: Vec<_> = sources.iter().map(|s| (&s.module, s.code())).collect();
    let mut homes: BTreeMap<&str, BTreeMap<&str, bool>> = BTreeMap::new();
    for (module, code) in &code {
        for (name, is_visible) in code.lines().filter_map(declared) {
            *homes.entry(name).or_default().entry(module).or_default() |= is_visible;
        }
    }
    assert!(homes.len() > 700, "the types were not found");
    let wrong: Vec<String> = homes
        .iter()
        .filter(|(_, homes)| homes.len() > 2 || homes.values().filter(|&&v| v).count() > 1)
        .map(|(name, homes)| {
            let homes: Vec<&str> = homes.keys().copied().collect();
            format!("{name} is a type in {}", homes.join(", "))
        })
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
