//! `${NAME}` in the settings file: variables of the environment keep secrets out of it, and their values out of messages.

use std::fmt;

use anyhow::anyhow;

use crate::run::plan::is_variable;

/// Looks up an environment variable.
pub(super) type LookUp<'a> = &'a dyn Fn(&str) -> Option<String>;

/// A variable of the environment that is not empty.
pub(super) fn variable(name: &str) -> Option<String> {
    let value = std::env::var_os(name).filter(|value| !value.is_empty())?;
    Some(value.to_string_lossy().into_owned())
}

/// Shorter values are not looked for in messages: they are parts of other words.
const SHORTEST_HIDDEN: usize = 3;

/// Why a value of the settings file cannot be expanded. The value is not in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ExpansionError {
    /// The variable is not set.
    Unset(String),
    /// What stands between the braces is not the name of a variable.
    NotAName,
    /// There is no closing brace.
    Open,
}

impl fmt::Display for ExpansionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ExpansionError::Unset(name) => write!(f, "the variable {name} is not set"),
            ExpansionError::NotAName => f.write_str("${…} does not name a variable"),
            ExpansionError::Open => f.write_str("${ is not closed"),
        }
    }
}

impl ExpansionError {
    pub(super) fn hint(&self) -> String {
        let literal = "write $${ for the text ${";
        match self {
            ExpansionError::Unset(name) => format!("export {name}=…, or {literal}"),
            _ => format!("write ${{NAME}} for a variable; {literal}"),
        }
    }
}

/// The variables that a settings file names, with their values.
#[derive(Debug, Clone, Default)]
pub(crate) struct ExpandedVariables(Vec<ExpandedVariable>);

#[derive(Clone)]
struct ExpandedVariable {
    name: String,
    value: String,
}

impl fmt::Debug for ExpandedVariable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ExpandedVariable").field(&self.name).finish()
    }
}

impl ExpandedVariables {
    /// Puts variables into a value: `Bearer ${TOKEN}`. `$${` is the text `${`; every other `$` stays.
    pub(super) fn expand(
        &mut self,
        value: &str,
        look_up: LookUp<'_>,
    ) -> Result<String, ExpansionError> {
        let mut out = String::new();
        let mut rest = value;
        while let Some(open) = rest.find("${") {
            let (before, braces) = rest.split_at(open);
            if let Some(before) = before.strip_suffix('$') {
                out.push_str(before);
                out.push_str("${");
                rest = &braces[2..];
                continue;
            }
            let length = braces.find('}').ok_or(ExpansionError::Open)?;
            let name = &braces[2..length];
            if !is_variable(name) {
                return Err(ExpansionError::NotAName);
            }
            let found = look_up(name).ok_or_else(|| ExpansionError::Unset(name.to_owned()))?;
            out.push_str(before);
            out.push_str(&found);
            self.0.push(ExpandedVariable {
                name: name.to_owned(),
                value: found,
            });
            rest = &braces[length + 1..];
        }
        out.push_str(rest);
        Ok(out)
    }

    /// The same message with the names of variables where their values are.
    pub(super) fn hide_in(&self, text: &str) -> String {
        let mut hidden: Vec<&ExpandedVariable> = self
            .0
            .iter()
            .filter(|variable| variable.value.chars().count() >= SHORTEST_HIDDEN)
            .collect();
        // One value may be a part of another.
        hidden.sort_by_key(|variable| std::cmp::Reverse(variable.value.len()));
        hidden.iter().fold(text.to_owned(), |text, variable| {
            text.replace(&variable.value, &format!("${{{}}}", variable.name))
        })
    }

    /// The same error with the names of variables where its message has their values.
    pub(super) fn hide(&self, error: anyhow::Error) -> anyhow::Error {
        let text = format!("{error:#}");
        let hidden = self.hide_in(&text);
        if hidden == text {
            error
        } else {
            anyhow!(hidden)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{ExpandedVariables, ExpansionError};

    fn expand(value: &str) -> Result<String, ExpansionError> {
        let look_up = |name: &str| (name == "TOKEN").then(|| "s3cret".to_owned());
        ExpandedVariables::default().expand(value, &look_up)
    }

    #[test]
    fn variables_keep_secrets_out_of_the_file() {
        for (value, expanded) in [
            ("Bearer ${TOKEN}!", "Bearer s3cret!"),
            ("${TOKEN}${TOKEN}", "s3crets3cret"),
            (
                "plain $5, pa$$word, $TOKEN, /^a$/",
                "plain $5, pa$$word, $TOKEN, /^a$/",
            ),
            ("$${TOKEN}", "${TOKEN}"),
            ("$$${TOKEN} $${", "$${TOKEN} ${"),
            ("{{uuid}}", "{{uuid}}"),
        ] {
            assert_eq!(expand(value).unwrap(), expanded);
        }
        for (value, error) in [
            ("${NOPE}", ExpansionError::Unset("NOPE".into())),
            ("a ${", ExpansionError::Open),
            ("${TOKEN", ExpansionError::Open),
            ("${}", ExpansionError::NotAName),
            ("${a b}", ExpansionError::NotAName),
        ] {
            assert_eq!(expand(value).unwrap_err(), error, "{value}");
        }
    }

    #[test]
    fn a_message_names_the_variable_and_not_its_value() {
        let mut expanded = ExpandedVariables::default();
        let look_up = |name: &str| match name {
            "LONG" => Some("s3cret-and-more".to_owned()),
            "PART" => Some("s3cret".to_owned()),
            _ => Some("b".to_owned()),
        };
        expanded.expand("${PART}${LONG}${SHORT}", &look_up).unwrap();
        assert_eq!(
            expanded.hide_in("bad 's3cret-and-more' or 's3cret'"),
            "bad '${LONG}' or '${PART}'"
        );
    }
}
