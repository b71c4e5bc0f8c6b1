//! A warning in words, with what to do about it.

use crate::printable::one_line;

/// A warning in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::report) struct WarningText {
    /// What is the matter.
    pub(in crate::report) text: String,
    /// What to do about it.
    pub(in crate::report) hint: String,
}

impl WarningText {
    pub(super) fn new(text: impl Into<String>, hint: impl Into<String>) -> WarningText {
        let on_one_line = |text: String| one_line(&text).into_owned();
        WarningText {
            text: on_one_line(text.into()),
            hint: on_one_line(hint.into()),
        }
    }
}
