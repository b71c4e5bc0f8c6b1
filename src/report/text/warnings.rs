//! The sentences of warnings, each with what to do about it.

mod audit;
mod comparison;
mod drift;
mod run;

use crate::printable::one_line;
use crate::report::warning::{Warning, WarningKind};
use crate::run::import::ImportRemark;

/// A warning in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::report) struct WarningText {
    /// What is the matter.
    pub(in crate::report) text: String,
    /// What to do about it.
    pub(in crate::report) hint: String,
}

impl WarningText {
    fn new(text: impl Into<String>, hint: impl Into<String>) -> WarningText {
        let on_one_line = |text: String| one_line(&text).into_owned();
        WarningText {
            text: on_one_line(text.into()),
            hint: on_one_line(hint.into()),
        }
    }
}

pub(in crate::report) fn warning(warning: &Warning) -> WarningText {
    let words = match &warning.kind {
        WarningKind::Run(warning) => run::warning(warning),
        WarningKind::Load(warning) => run::load(warning),
        WarningKind::Drift(warning) => drift::warning(warning),
        WarningKind::Audit(warning) => audit::warning(warning),
        WarningKind::Comparison(warning) => comparison::warning(warning),
        WarningKind::Import(remark) => imported(remark),
    };
    if warning.label.is_empty() {
        return words;
    }
    WarningText {
        text: format!("{}: {}", warning.label, words.text),
        ..words
    }
}

/// The sentence of a remark that may mislead; a remark has one at most.
fn imported(remark: &ImportRemark) -> WarningText {
    let mut words = remark.words().into_iter();
    let misleading = words.find_map(|words| Some(WarningText::new(words.text, words.hint?)));
    misleading.unwrap_or_else(|| WarningText::new("", ""))
}
