//! Why something failed, in words from elsewhere, made fit to be kept.

use std::fmt;
use std::ops::Deref;

use serde::Serialize;

/// Longest text that is kept, in bytes.
const BYTES: usize = 1000;

/// Words of a provider, of a worker elsewhere, of an operating system. They go into the effect log, beside the outcomes
/// of others in one transaction, so nothing that comes may make a database refuse them: no NUL, which is no text to
/// PostgreSQL, and no more than 1000 bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Reason(String);

impl Reason {
    /// The text, as far as it can be kept.
    pub fn new(text: &str) -> Reason {
        let longest = BYTES.min(text.len());
        let end = (0..=longest).rfind(|at| text.is_char_boundary(*at));
        let end = end.unwrap_or_default();
        let kept = text[..end].replace('\0', "\u{fffd}");
        Reason(if end < text.len() { kept + "…" } else { kept })
    }
}

impl Deref for Reason {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl From<&str> for Reason {
    fn from(text: &str) -> Reason {
        Reason::new(text)
    }
}

impl From<String> for Reason {
    fn from(text: String) -> Reason {
        Reason::new(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::Reason;

    #[test]
    fn what_a_database_would_refuse_is_replaced_and_the_rest_kept() {
        assert_eq!(&*Reason::new("no\0 such ü"), "no\u{fffd} such ü");
    }

    #[test]
    fn a_long_text_is_cut_between_two_characters() {
        let long = Reason::new(&format!("x{}", "ü".repeat(600)));
        assert_eq!(&*long, &format!("x{}…", "ü".repeat(499)));
    }
}
