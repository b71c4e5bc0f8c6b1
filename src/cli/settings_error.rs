//! An error of a settings file: the line number and the key, never the line itself. Its values may be secrets.

use std::fmt;

use serde::Deserialize as _;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::nearest::nearest;
use super::settings::Settings;
use super::settings_key::{SettingForm, form_at};
use super::settings_value::unusable;
use super::variables::{ExpandedVariables, ExpansionError};

/// A settings file that cannot be read. Messages begin with the place and do not name the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SettingsError {
    /// The line, from 1.
    line: Option<usize>,
    what: String,
    hint: Option<String>,
}

/// A value whose variable cannot be put in, by its keys.
pub(super) struct Unexpanded {
    pub(super) path: Vec<String>,
    pub(super) error: ExpansionError,
}

impl fmt::Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(line) = self.line {
            write!(f, "line {line}: ")?;
        }
        f.write_str(&self.what)?;
        match &self.hint {
            Some(hint) => write!(f, "\nhint: {hint}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for SettingsError {}

impl SettingsError {
    /// From a file that is not TOML.
    pub(super) fn syntax(text: &str, error: &toml::de::Error) -> SettingsError {
        let reason = without_values(error.message());
        SettingsError {
            line: error.span().map(|span| line_at(text, span.start)),
            what: with_reason("not valid TOML".to_owned(), &reason),
            hint: Some("put strings in quotes: key = \"value\"".to_owned()),
        }
    }

    /// From TOML below `section` that does not hold settings. Of several mistakes, the first in the file.
    pub(super) fn of(
        text: &str,
        section: &[&str],
        settings: &toml::Table,
        error: &toml::de::Error,
    ) -> SettingsError {
        let of = |(path, message): (Vec<String>, String)| {
            mistake(text, section, settings, path, &message)
        };
        let mistakes = culprits(settings).into_iter().map(of);
        let first = mistakes.min_by_key(|mistake| mistake.line);
        first.unwrap_or_else(|| of((Vec::new(), error.message().to_owned())))
    }

    /// The first value that has the right type, and that no run can use.
    pub(super) fn unusable(
        text: &str,
        section: &[&str],
        settings: &toml::Table,
    ) -> Option<SettingsError> {
        let mut leaves = Vec::new();
        paths(settings, &mut Vec::new(), &mut leaves);
        let unusable = leaves.into_iter().filter_map(|(path, value)| {
            let form = form_at(&path)?;
            let name = path.last()?;
            let what = unusable(name, form, &value)?;
            let hint = format!("write for example {name} = {}", form.described().1);
            let has_hint = what.contains("\nhint: ");
            let keys = section.iter().map(|&key| key.to_owned());
            let whole: Vec<String> = keys.chain(path).collect();
            Some(SettingsError {
                line: line_of(text, &whole),
                what,
                hint: (!has_hint).then_some(hint),
            })
        });
        unusable.min_by_key(|error| error.line)
    }

    /// A key of the whole file that holds another type.
    pub(super) fn wrong_type(text: &str, path: &[&str], hint: &str) -> SettingsError {
        let path: Vec<String> = path.iter().map(|key| (*key).to_owned()).collect();
        SettingsError {
            line: line_of(text, &path),
            what: format!("{}: expected a table", path.join(".")),
            hint: Some(hint.to_owned()),
        }
    }

    /// From values below `section` whose variables cannot be put in; of the first one in the file.
    pub(super) fn of_variables(
        text: &str,
        section: &[&str],
        failed: &[Unexpanded],
    ) -> Option<SettingsError> {
        let error = |Unexpanded { path, error }: &Unexpanded| {
            let section = section.iter().map(|&key| key.to_owned());
            let whole: Vec<String> = section.chain(path.iter().cloned()).collect();
            SettingsError {
                line: line_of(text, &whole),
                what: format!("{}: {error}", whole.join(".")),
                hint: Some(error.hint()),
            }
        };
        failed.iter().map(error).min_by_key(|error| error.line)
    }

    /// The same without values of variables.
    pub(super) fn without(self, variables: &ExpandedVariables) -> SettingsError {
        SettingsError {
            line: self.line,
            what: variables.hide_in(&self.what),
            hint: self.hint.map(|hint| variables.hide_in(&hint)),
        }
    }
}

/// The error about one wrong key.
fn mistake(
    text: &str,
    section: &[&str],
    settings: &toml::Table,
    mut path: Vec<String>,
    message: &str,
) -> SettingsError {
    let unknown = message.strip_prefix("unknown field `");
    let unknown = unknown.and_then(|rest| rest.split_once('`'));
    if let Some((name, _)) = unknown
        && let Some(at) = path.iter().position(|key| key == name)
    {
        path.truncate(at + 1);
    }
    let value = value_at(settings, &path);
    let form = form_at(&path);
    let keys = section.iter().map(|&key| key.to_owned());
    let whole: Vec<String> = keys.chain(path).collect();
    let (what, hint) = match (unknown, form) {
        (Some((name, rest)), _) => (unknown_key(name, &whole), key_hint(name, rest)),
        (None, Some(form)) => wrong_form(&whole, form, message, value),
        (None, None) => (wrong_value(&whole, message, value), None),
    };
    SettingsError {
        line: line_of(text, &whole),
        what,
        hint,
    }
}

/// A value of another type, or one that is not of its form.
fn wrong_form(
    path: &[String],
    form: SettingForm,
    message: &str,
    value: Option<&toml::Value>,
) -> (String, Option<String>) {
    let (expected, example) = form.described();
    let name = path.last().map(String::as_str).unwrap_or_default();
    let hint = Some(format!("write for example {name} = {example}"));
    let is_text = value.is_some_and(toml::Value::is_str);
    let fits = is_text && form.is_text();
    let reason = shown_reason(message, value);
    let what = match value {
        Some(_) if fits && !reason.is_empty() && !is_of_serde(message) => {
            format!("{}: {reason}", path.join("."))
        }
        Some(value) if !(fits || value.is_array() && form == SettingForm::Gates) => {
            let found = type_name(value);
            format!("{}: expected {expected}, found {found}", path.join("."))
        }
        _ => format!("{}: expected {expected}", path.join(".")),
    };
    (what, hint)
}

/// Whether a message repeats the expected form in serde's words.
fn is_of_serde(message: &str) -> bool {
    ["invalid type", "unknown variant"]
        .iter()
        .any(|start| message.starts_with(start))
}

fn type_name(value: &toml::Value) -> &'static str {
    match value {
        toml::Value::String(_) => "text",
        toml::Value::Integer(number) if *number < 0 => "a negative number",
        toml::Value::Integer(_) => "a number without quotes",
        toml::Value::Float(_) => "a fraction",
        toml::Value::Boolean(_) => "true or false",
        toml::Value::Datetime(_) => "a date",
        toml::Value::Array(_) => "a list",
        toml::Value::Table(_) => "a table",
    }
}

fn unknown_key(name: &str, path: &[String]) -> String {
    match path.split_last() {
        Some((_, section)) if !section.is_empty() => {
            format!("unknown key '{name}' in [{}]", section.join("."))
        }
        _ => format!("unknown key '{name}'"),
    }
}

/// serde lists the keys that there are: "expected one of `url`, `target`".
fn key_hint(name: &str, rest: &str) -> Option<String> {
    let known = rest.split('`').skip(1).step_by(2);
    let near = nearest(name, known, |edits, known| {
        edits <= 2 && 2 * edits < known.len()
    });
    Some(match near {
        Some(near) => format!("did you mean '{near}'?"),
        None => "see a7probe help environment".to_owned(),
    })
}

fn wrong_value(path: &[String], message: &str, value: Option<&toml::Value>) -> String {
    let key = match path {
        [] => "the settings".to_owned(),
        path => path.join("."),
    };
    let reason = shown_reason(message, value);
    with_reason(format!("{key}: the value cannot be read"), &reason)
}

/// The reason of a message, unless it repeats the value.
fn shown_reason(message: &str, value: Option<&toml::Value>) -> String {
    let reason = without_values(message);
    let text = value.and_then(toml::Value::as_str);
    let shows_it = text.is_some_and(|text| !text.is_empty() && reason.contains(text));
    if shows_it { String::new() } else { reason }
}

fn with_reason(what: String, reason: &str) -> String {
    if reason.is_empty() {
        what
    } else {
        format!("{what}: {reason}")
    }
}

/// The first sentence of a message, without its quotations.
fn without_values(message: &str) -> String {
    let first = message.lines().next().unwrap_or_default();
    let first = first.split(';').next().unwrap_or_default();
    let mut out = String::new();
    let mut quote = None;
    for c in first.chars() {
        match quote {
            Some(open) if c == open => quote = None,
            Some(_) => {}
            None if "'\"`".contains(c) => quote = Some(c),
            None => out.push(c),
        }
    }
    let words: Vec<&str> = out.split_whitespace().collect();
    words
        .join(" ")
        .replace(" ,", ",")
        .trim_end_matches([',', ' '])
        .to_owned()
}

/// The keys that are wrong on their own, and the message about each.
fn culprits(settings: &toml::Table) -> Vec<(Vec<String>, String)> {
    let mut leaves = Vec::new();
    paths(settings, &mut Vec::new(), &mut leaves);
    let wrong = leaves.into_iter().filter_map(|(path, value)| {
        let alone = path.iter().rev().fold(value, |inner, key| {
            let mut table = toml::Table::new();
            table.insert(key.clone(), inner);
            toml::Value::Table(table)
        });
        let error = Settings::deserialize(alone).err()?;
        Some((path, error.message().to_owned()))
    });
    wrong.collect()
}

fn paths(table: &toml::Table, here: &mut Vec<String>, all: &mut Vec<(Vec<String>, toml::Value)>) {
    for (key, value) in table {
        here.push(key.clone());
        match value {
            toml::Value::Table(inner) if !inner.is_empty() => paths(inner, here, all),
            value => all.push((here.clone(), value.clone())),
        }
        here.pop();
    }
}

fn value_at<'a>(settings: &'a toml::Table, path: &[String]) -> Option<&'a toml::Value> {
    let (first, rest) = path.split_first()?;
    let value = settings.get(first)?;
    match rest {
        [] => Some(value),
        rest => value_at(value.as_table()?, rest),
    }
}

/// The line of a key, or of an item of an array by its number from 0.
fn line_of(text: &str, path: &[String]) -> Option<usize> {
    let root = DeTable::parse(text).ok()?;
    let (first, rest) = path.split_first()?;
    let named = |table: &'_ DeTable<'_>, name: &String| {
        let mut entries = table.iter();
        let (key, _) = entries.find(|(key, _)| key.get_ref().as_ref() == name)?;
        Some(Spanned::span(key).start)
    };
    let mut found = named(root.get_ref(), first)?;
    let mut value = root.get_ref().get(first.as_str())?;
    for name in rest {
        let (place, next) = match value.get_ref() {
            DeValue::Table(inner) => (named(inner, name)?, inner.get(name.as_str())?),
            DeValue::Array(items) => {
                let item = items.get(name.parse::<usize>().ok()?)?;
                (Spanned::span(item).start, item)
            }
            _ => break,
        };
        (found, value) = (place, next);
    }
    Some(line_at(text, found))
}

fn line_at(text: &str, at: usize) -> usize {
    let before = text.get(..at).unwrap_or(text);
    before.matches('\n').count() + 1
}

#[cfg(test)]
mod tests;
