//! The value of a flag for every endpoint or, as `NAME=VALUE`, for one.

use anyhow::bail;

/// A value for one endpoint, or for every one.
pub(super) struct NamedValue<'a> {
    pub(super) name: Option<&'a str>,
    pub(super) value: &'a str,
}

impl<'a> NamedValue<'a> {
    /// Splits `NAME=VALUE` where NAME is an endpoint; any other text is a value for every endpoint.
    pub(super) fn split(text: &'a str, names: &[String]) -> NamedValue<'a> {
        match text.split_once('=') {
            Some((name, value)) if names.iter().any(|own| own == name) => NamedValue {
                name: Some(name),
                value,
            },
            _ => NamedValue {
                name: None,
                value: text,
            },
        }
    }

    /// The same for a flag whose values have no `=`.
    ///
    /// # Errors
    /// No endpoint has the name.
    pub(super) fn of_flag(
        flag: &str,
        text: &'a str,
        names: &[String],
    ) -> anyhow::Result<NamedValue<'a>> {
        let named = NamedValue::split(text, names);
        match text.split_once('=') {
            Some((name, _)) if named.name.is_none() => {
                // The text may be a secret if it does not begin with a name.
                let name = if is_name(name) { name } else { "…" };
                bail!(
                    "{flag} {name}=…: there is no endpoint '{name}'; there are: {}",
                    names.join(", ")
                );
            }
            _ => Ok(named),
        }
    }

    pub(super) fn is_for(&self, endpoint: &str) -> bool {
        self.name.is_none_or(|name| name == endpoint)
    }
}

/// Names stand in gates, so they are one word.
pub(super) fn is_name(name: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || "_-./".contains(c);
    !name.is_empty() && name.chars().all(is_part)
}
