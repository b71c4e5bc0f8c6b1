//! An error of a settings file without a line of the file: the line number, the column and the key. Its values may be
//! secrets.

use std::fmt;

use serde::Deserialize as _;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::settings::Settings;

/// A settings file that cannot be read. Messages begin with the place and do not name the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SettingsError {
    /// Line and column, from 1.
    place: Option<(usize, usize)>,
    what: String,
    hint: Option<String>,
}

impl fmt::Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some((line, column)) = self.place {
            write!(f, "line {line}, column {column}: ")?;
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
        let place = error.span().map(|span| position(text, span.start));
        let reason = without_values(error.message());
        SettingsError {
            place,
            what: with_reason("not valid TOML".to_owned(), &reason),
            hint: Some("strings stand in quotes: key = \"value\"".to_owned()),
        }
    }

    /// From TOML below `section` that does not hold settings.
    pub(super) fn of(
        text: &str,
        section: &[&str],
        settings: &toml::Table,
        error: &toml::de::Error,
    ) -> SettingsError {
        let (mut path, message) =
            culprit(settings).unwrap_or_else(|| (Vec::new(), error.message().to_owned()));
        let unknown = message.strip_prefix("unknown field `");
        let unknown = unknown.and_then(|rest| rest.split_once('`'));
        if let Some((name, _)) = unknown
            && let Some(at) = path.iter().position(|key| key == name)
        {
            path.truncate(at + 1);
        }
        let value = value_at(settings, &path);
        let whole: Vec<String> = section
            .iter()
            .map(|&key| key.to_owned())
            .chain(path)
            .collect();
        let place = place_of(text, &whole);
        let (what, hint) = match unknown {
            Some((name, rest)) => (unknown_key(name, &whole), nearest(name, rest)),
            None => (wrong_value(&whole, &message, value), None),
        };
        SettingsError { place, what, hint }
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
fn nearest(name: &str, rest: &str) -> Option<String> {
    let known = rest.split('`').skip(1).step_by(2);
    let near = known.min_by_key(|known| strsim::damerau_levenshtein(known, name))?;
    let is_near = strsim::damerau_levenshtein(near, name) <= 2;
    is_near.then(|| format!("did you mean '{near}'?"))
}

fn wrong_value(path: &[String], message: &str, value: Option<&toml::Value>) -> String {
    let key = match path {
        [] => "the settings".to_owned(),
        path => path.join("."),
    };
    let reason = without_values(message);
    let text = value.and_then(toml::Value::as_str);
    let shows_it = text.is_some_and(|text| !text.is_empty() && reason.contains(text));
    let reason = if shows_it { "" } else { &reason };
    with_reason(format!("{key}: the value cannot be read"), reason)
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

/// The first key that is wrong on its own, and the message about it.
fn culprit(settings: &toml::Table) -> Option<(Vec<String>, String)> {
    let mut leaves = Vec::new();
    paths(settings, &mut Vec::new(), &mut leaves);
    leaves.into_iter().find_map(|(path, value)| {
        let alone = path.iter().rev().fold(value, |inner, key| {
            let mut table = toml::Table::new();
            table.insert(key.clone(), inner);
            toml::Value::Table(table)
        });
        let error = Settings::deserialize(alone).err()?;
        Some((path, error.message().to_owned()))
    })
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

/// The position of a key.
fn place_of(text: &str, path: &[String]) -> Option<(usize, usize)> {
    let root = DeTable::parse(text).ok()?;
    let mut table = root.get_ref();
    let mut found = None;
    for name in path {
        let (key, value) = table
            .iter()
            .find(|(key, _)| key.get_ref().as_ref() == name)?;
        found = Some(Spanned::span(key).start);
        match value.get_ref() {
            DeValue::Table(inner) => table = inner,
            _ => break,
        }
    }
    found.map(|at| position(text, at))
}

fn position(text: &str, at: usize) -> (usize, usize) {
    let before = text.get(..at).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before
        .rsplit('\n')
        .next()
        .unwrap_or_default()
        .chars()
        .count()
        + 1;
    (line, column)
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::super::settings_file::parse;

    fn message(text: &str) -> String {
        parse(text, None, PathBuf::new())
            .expect_err(text)
            .to_string()
    }

    #[test]
    fn a_mistake_is_told_by_line_column_and_key() {
        for (text, told) in [
            (
                "rate = 5\n[endpoints.search]\nrat = 5\n",
                "line 3, column 1: unknown key 'rat' in [endpoints.search]\nhint: did you mean 'rate'?",
            ),
            (
                "\n  timeout = \"5\"\n",
                "line 2, column 3: timeout: the value cannot be read: has no unit",
            ),
            (
                "[profiles.ci]\nfoo = 1\n",
                "line 2, column 1: unknown key 'foo' in [profiles.ci]",
            ),
        ] {
            assert_eq!(message(text), told, "{text}");
        }
    }

    #[test]
    fn no_value_of_the_file_is_in_a_message() {
        for text in [
            "headers = { Authorization = \"Bearer s3cret }\n",
            "[headers]\nAuthorization = Bearer s3cret\n",
            "url = 's3cret\n",
            "token = s3cret\n",
            "[headers]\nx = \"a\" s3cret\n",
            "requests = \"s3cret\"\n",
            "timeout = \"s3cret\"\n",
            "timeout = \"5 s3cret\"\n",
            "arrivals = \"s3cret\"\n",
            "iid = \"s3cret\"\n",
            "gates = \"s3cret\"\n",
            "[endpoints.a]\nheaders = \"s3cret\"\n",
            "[endpoints.a]\nbody = [\"s3cret\"]\n",
            "[endpoints.a]\nexpect = { x = \"s3cret\" }\n",
            "[audit]\ntimeout = \"s3cret\"\n",
            "profiles = \"s3cret\"\n",
            "[profiles.ci]\nduration = \"s3cret\"\n",
            "a = \"\"\"s3cret\n",
            "a = \"s3cret\\q\"\n",
            "s3cret\n",
            "[s3cret\n",
        ] {
            let told = message(text);
            assert!(!told.contains("s3cret"), "{text}: {told}");
        }
    }
}
