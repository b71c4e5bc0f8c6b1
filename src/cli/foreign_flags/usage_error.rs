//! An error in the command line, and the replacement to type.

use std::fmt;

/// Longest text that is shown whatever its letters.
const SHORT: usize = 8;

/// Longest name of a flag.
pub(super) const LONGEST_NAME: usize = 24;

/// A flag that is unknown here, or that means something else here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct UsageError {
    /// The typed flag, and its meaning in other tools.
    pub(super) error: String,
    /// The replacement to type.
    pub(super) hint: String,
}

impl fmt::Display for UsageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error: {}\nhint: {}", self.error, self.hint)
    }
}

impl std::error::Error for UsageError {}

/// Several mistakes in one line: each is shown, so that the next line is right.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct UsageErrors(Vec<UsageError>);

impl UsageErrors {
    pub(super) fn of(error: UsageError) -> UsageErrors {
        UsageErrors(vec![error])
    }

    /// Keeps a mistake; one of the same flag twice is one.
    pub(super) fn add(&mut self, checked: Result<(), UsageError>) {
        if let Err(error) = checked
            && !self.0.contains(&error)
        {
            self.0.push(error);
        }
    }

    /// Nothing, if nothing is wrong.
    pub(super) fn none(self) -> Result<(), UsageErrors> {
        if self.0.is_empty() { Ok(()) } else { Err(self) }
    }
}

impl fmt::Display for UsageErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, error) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{error}")?;
        }
        Ok(())
    }
}

impl std::error::Error for UsageErrors {}

impl UsageError {
    pub(in crate::cli) fn new(error: impl Into<String>, hint: impl Into<String>) -> UsageError {
        UsageError {
            error: error.into(),
            hint: hint.into(),
        }
    }

    /// A flag that is not one of ours; the tools that have it, if any.
    pub(in crate::cli) fn unknown(typed: &str, tools: &str, hint: String) -> UsageError {
        let error = if tools.is_empty() {
            format!("unknown flag {typed}")
        } else {
            format!("unknown flag {typed} ({tools})")
        };
        UsageError { error, hint }
    }
}

/// A flag with attached text, which is shown only if it reads as a name: it may be a secret.
pub(super) fn shown(flag: &str, letter: char) -> String {
    let is_name = |c: char| c.is_ascii_lowercase() || c == '-';
    let is_short = flag.len() <= SHORT && flag.chars().all(|c| c.is_ascii_alphanumeric());
    if is_short || (flag.len() <= LONGEST_NAME && flag.chars().all(is_name)) {
        format!("-{flag}")
    } else {
        format!("-{letter}…")
    }
}
