//! `docs/json.md` has every field and every code of the JSON, each code with its values, and no other.

use std::collections::{BTreeMap, BTreeSet};

use schemars::{JsonSchema, schema_for};
use serde_json::Value;

use super::JsonReport;
use crate::judge::comparison::EffectReason;
use crate::judge::diagnosis::{CauseNextStep, EvidenceCode};
use crate::judge::gate::FindingReason;
use crate::judge::warning::WarningKind;

const PAGE: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/json.md"));

/// Sections whose tables list codes; those of the others list fields.
const CODE_SECTIONS: [&str; 5] = [
    "Reasons of gates",
    "Reasons of changes",
    "Warnings",
    "Evidence of a diagnosis",
    "Next steps of a diagnosis",
];

type Names = BTreeSet<String>;

/// What the derived schema of a type says of its JSON.
struct Described(Value);

impl Described {
    fn of<T: JsonSchema>() -> Described {
        let mut schema = schema_for!(T).to_value();
        // Durations are written as numbers.
        schema["$defs"]["Duration"] = Value::Null;
        Described(schema)
    }

    /// A node, and what it refers to.
    fn with_target<'a>(&'a self, node: &'a Value) -> impl Iterator<Item = &'a Value> {
        let target = node["$ref"].as_str();
        let target = target.map(|path| {
            self.0
                .pointer(&path[1..])
                .expect("a reference that leads somewhere")
        });
        std::iter::once(node).chain(target)
    }

    /// The names of an object's members, whichever form it has.
    fn members(&self, node: &Value, names: &mut Names) {
        for node in self.with_target(node) {
            let own = node["properties"].as_object();
            names.extend(own.into_iter().flat_map(|own| own.keys().cloned()));
            for form in forms(node) {
                self.members(form, names);
            }
        }
    }

    /// Every code with the names of its values; members next to a code are values, too.
    fn codes(&self, node: &Value, beside: &Names, codes: &mut BTreeMap<String, Names>) {
        for node in self.with_target(node) {
            let own = &node["properties"];
            let mut values = beside.clone();
            let names = own.as_object().into_iter().flat_map(|own| own.keys());
            values.extend(
                names
                    .filter(|name| !["code", "values"].contains(&name.as_str()))
                    .cloned(),
            );
            if let Some(code) = own["code"]["const"].as_str() {
                self.members(&own["values"], &mut values);
                codes
                    .entry(code.to_owned())
                    .or_default()
                    .extend(values.clone());
            }
            if let Some(code) = node["const"].as_str() {
                codes.entry(code.to_owned()).or_default();
            }
            let words = node["enum"].as_array().into_iter().flatten();
            codes.extend(
                words
                    .filter_map(Value::as_str)
                    .map(|code| (code.to_owned(), Names::new())),
            );
            for form in forms(node) {
                self.codes(form, &values, codes);
            }
        }
    }

    fn all_codes(&self) -> BTreeMap<String, Names> {
        let mut codes = BTreeMap::new();
        self.codes(&self.0, &Names::new(), &mut codes);
        codes
    }

    /// The names of all members of all objects, and the words of all enums.
    fn all_names(&self) -> Names {
        let mut names = Names::new();
        let mut open = vec![&self.0];
        while let Some(node) = open.pop() {
            self.members(node, &mut names);
            let words = node["enum"].as_array().into_iter().flatten();
            let words = words.chain([&node["const"]]).filter_map(Value::as_str);
            names.extend(words.map(str::to_owned));
            let below = node
                .as_object()
                .into_iter()
                .flat_map(|object| object.values());
            open.extend(below.chain(node.as_array().into_iter().flatten()));
        }
        names
    }
}

/// The alternatives or parts of a node.
fn forms(node: &Value) -> impl Iterator<Item = &Value> {
    let lists = ["oneOf", "anyOf", "allOf"].map(|list| node[list].as_array());
    lists.into_iter().flatten().flatten()
}

/// The rows of the tables below a heading, as the names in their cells.
fn rows(heading: &str) -> Vec<Vec<Names>> {
    let start = format!("\n## {heading}\n");
    let (_, section) = PAGE
        .split_once(&start)
        .unwrap_or_else(|| panic!("no section '{heading}'"));
    let section = section.split("\n## ").next().unwrap_or_default();
    let rows = section.lines().filter(|line| line.starts_with("| `"));
    rows.map(|row| row.split('|').skip(1).map(quoted).collect())
        .collect()
}

/// The words in backticks.
fn quoted(text: &str) -> Names {
    text.split('`')
        .skip(1)
        .step_by(2)
        .map(str::to_owned)
        .collect()
}

fn codes_on_the_page(heading: &str) -> BTreeMap<String, Names> {
    let mut codes = BTreeMap::new();
    for row in rows(heading) {
        for code in &row[0] {
            assert!(
                codes.insert(code.clone(), row[1].clone()).is_none(),
                "{code} twice in '{heading}'"
            );
        }
    }
    codes
}

/// Compares the rows of a section with the codes of a type.
#[track_caller]
fn same<T: JsonSchema>(heading: &str) {
    let (described, on_the_page) = (Described::of::<T>().all_codes(), codes_on_the_page(heading));
    let row = |(code, values): (&String, &Names)| {
        let values: Vec<String> = values.iter().map(|value| format!("`{value}`")).collect();
        format!("| `{code}` | {} |", values.join(", "))
    };
    let only_in = |these: &BTreeMap<String, Names>, those: &BTreeMap<String, Names>| {
        let differs = |(code, values): &(&String, &Names)| those.get(*code) != Some(*values);
        these
            .iter()
            .filter(differs)
            .map(row)
            .collect::<Vec<_>>()
            .join("\n")
    };
    assert!(!described.is_empty());
    assert!(
        described == on_the_page,
        "docs/json.md, '{heading}'\nmissing there:\n{}\nnot in the source:\n{}",
        only_in(&described, &on_the_page),
        only_in(&on_the_page, &described),
    );
}

#[test]
fn the_page_has_every_reason_with_its_values() {
    same::<FindingReason>("Reasons of gates");
    same::<EffectReason>("Reasons of changes");
}

#[test]
fn the_page_has_every_warning_with_its_values() {
    same::<WarningKind>("Warnings");
}

#[test]
fn the_page_has_the_codes_of_a_diagnosis() {
    same::<CauseNextStep>("Next steps of a diagnosis");
    let described: Names = Described::of::<EvidenceCode>()
        .all_codes()
        .into_keys()
        .collect();
    let on_the_page: Names = codes_on_the_page("Evidence of a diagnosis")
        .into_keys()
        .collect();
    assert_eq!(described, on_the_page);
}

#[test]
fn the_page_has_every_field_and_word() {
    let mut described = Described::of::<JsonReport>().all_names();
    // The tag of a struct, which its schema leaves out.
    described.insert("order".to_owned());
    let missing: Vec<_> = described.difference(&quoted(PAGE)).cloned().collect();
    assert!(missing.is_empty(), "docs/json.md lacks {missing:?}");
    let headings = PAGE.lines().filter_map(|line| line.strip_prefix("## "));
    for heading in headings.filter(|heading| !CODE_SECTIONS.contains(heading)) {
        for field in rows(heading).into_iter().flat_map(|row| row[0].clone()) {
            assert!(
                described.contains(&field),
                "docs/json.md has '{field}' in '{heading}'"
            );
        }
    }
}
