//! Why something failed, in words from elsewhere, made fit to be kept.

use std::fmt;
use std::ops::Deref;

use serde::Serialize;

/// Longest text that is kept, in bytes.
const BYTES: usize = 1000;

/// Words of a provider, of a worker elsewhere, of an operating system. They go into the effect log, in one transaction
/// with the outcomes of others, so a database must never refuse them: no NUL, which PostgreSQL does not accept in text,
/// and no more than 1000 bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct FailureText(String);

impl FailureText {
    /// The text, as far as it can be kept.
    pub fn new(text: &str) -> FailureText {
        let longest = BYTES.min(text.len());
        let end = (0..=longest).rfind(|at| text.is_char_boundary(*at));
        let end = end.unwrap_or_default();
        let kept = text[..end].replace('\0', "\u{fffd}");
        FailureText(if end < text.len() { kept + "…" } else { kept })
    }
}

impl Deref for FailureText {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for FailureText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl From<&str> for FailureText {
    fn from(text: &str) -> FailureText {
        FailureText::new(text)
    }
}

impl From<String> for FailureText {
    fn from(text: String) -> FailureText {
        FailureText::new(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::FailureText;

    #[test]
    fn what_a_database_would_refuse_is_replaced_and_the_rest_kept() {
        assert_eq!(&*FailureText::new("no\0 such ü"), "no\u{fffd} such ü");
    }

    #[test]
    fn a_long_text_is_cut_between_two_characters() {
        let long = FailureText::new(&format!("x{}", "ü".repeat(600)));
        assert_eq!(&*long, &format!("x{}…", "ü".repeat(499)));
    }
}
