//! The sentences of warnings, each with what to do about it.

mod audit;
mod comparison;
mod drift;
mod run;

use super::warning_text::WarningText;
use crate::judge::warning::{Warning, WarningKind};
use crate::run::import::ImportRemark;

pub(in crate::report) fn warning(warning: &Warning) -> WarningText {
    let words = match &warning.kind {
        WarningKind::Run(warning) => run::warning(warning),
        WarningKind::Load(warning) => run::load(warning),
        WarningKind::Drift(warning) => drift::warning(warning),
        WarningKind::Audit(warning) => audit::warning(warning),
        WarningKind::Shard(warning) => super::shards::warning(warning),
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
