//! Mistakes in the command line, without the values that may be secrets: a header, a body, a URL with a password; typed or
//! from an `A7PROBE_*` variable.

use std::path::Path;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Command, Error};

use crate::redact;

/// Flags whose values are never shown.
const SECRET_FLAGS: [&str; 8] = [
    "--header",
    "--body",
    "--data",
    "--user",
    "--auth",
    "--cookie",
    "--expect-body",
    "--proxy",
];

/// Longest stray word that is shown in full.
const SHORT: usize = 8;

/// The same mistake in the command line of this program, without secret values.
pub(crate) fn redacted(error: Error, program: &Command) -> Error {
    match error.kind() {
        ErrorKind::InvalidValue | ErrorKind::ValueValidation => without_value(error, program),
        ErrorKind::UnknownArgument => without_word(error, ContextKind::InvalidArg, program),
        ErrorKind::InvalidSubcommand => {
            without_word(error, ContextKind::InvalidSubcommand, program)
        }
        _ => error,
    }
}

fn without_value(error: Error, program: &Command) -> Error {
    let text = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => text.clone(),
        _ => String::new(),
    };
    let (flag, value) = (
        text(ContextKind::InvalidArg),
        text(ContextKind::InvalidValue),
    );
    let shown = if SECRET_FLAGS.iter().any(|secret| flag.starts_with(secret)) {
        "…".to_owned()
    } else if value.contains("://") || value.contains('@') {
        redact::typed_url(&value)
    } else {
        return error;
    };
    if shown == value {
        return error;
    }
    // The reason may quote the value, so it is removed too.
    rebuilt(&error, ContextKind::InvalidValue, shown, program)
}

/// A word that stands alone may be the rest of a header that lacks its quotes.
fn without_word(error: Error, kind: ContextKind, program: &Command) -> Error {
    let Some(ContextValue::String(word)) = error.get(kind) else {
        return error;
    };
    let plain = |c: char| c.is_ascii_lowercase() || c == '-';
    let harmless = word.starts_with('-')
        || word.len() <= SHORT
        || word.chars().all(plain)
        || Path::new(word).is_file();
    if harmless {
        let word = word.clone();
        return match kind {
            // Without the advice to pass the flag as a value, which would be read as a URL.
            ContextKind::InvalidArg => rebuilt(&error, kind, word, program),
            _ => error,
        };
    }
    let beginning: String = word.chars().take(2).collect();
    rebuilt(&error, kind, format!("{beginning}…"), program)
}

/// The same error without its reason, and with one part replaced.
fn rebuilt(error: &Error, replaced: ContextKind, shown: String, program: &Command) -> Error {
    let mut hidden = Error::new(error.kind()).with_cmd(program);
    for (kind, value) in error.context() {
        let is_suggestion = matches!(
            kind,
            ContextKind::Suggested | ContextKind::SuggestedSubcommand | ContextKind::SuggestedValue
        );
        if kind != replaced && !is_suggestion {
            hidden.insert(kind, value.clone());
        }
    }
    hidden.insert(replaced, ContextValue::String(shown));
    hidden
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory as _, Parser as _};

    use super::super::Cli;
    use super::redacted;

    fn told(line: &[&str]) -> String {
        let words = std::iter::once(&"a7probe").chain(line);
        let error = Cli::try_parse_from(words).expect_err("a mistake");
        redacted(error, &Cli::command()).render().to_string()
    }

    #[test]
    fn a_mistake_shows_no_value_that_may_be_a_secret() {
        for line in [
            &[
                "measure",
                "http://h",
                "--timeout",
                "http://u:s3cr3t-Token@h",
            ][..],
            &["serve", "--bind", "u:s3cr3t-Token@h"],
            &["s3cr3t-Token"],
            &["worker", "--store", "x", "s3cr3t-Token"],
        ] {
            let text = told(line);
            assert!(!text.contains("s3cr3t-Token"), "{text}");
            assert!(text.starts_with("error: "), "{text}");
        }
    }

    #[test]
    fn a_harmless_value_is_shown_with_its_reason() {
        let text = told(&["measure", "http://h", "--timeout", "5"]);
        assert!(text.contains("'5' for '--timeout"), "{text}");
        assert!(text.contains("no unit"), "{text}");
    }
}
