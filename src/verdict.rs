//! Pass, fail or inconclusive: the only three answers a gate has.

use serde::{Deserialize, Serialize};

/// The answer of one gate, or of all gates together. No data is never a pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "UPPERCASE")]
pub enum Verdict {
    /// Shown to be within the limit at the stated confidence.
    Pass,
    /// Shown to be beyond the limit at the stated confidence.
    Fail,
    /// The data do not decide.
    Inconclusive,
}

impl Verdict {
    /// The verdict over all gates: any failure fails, else any doubt is doubt. `None` without gates.
    pub(crate) fn of_all(verdicts: impl IntoIterator<Item = Verdict>) -> Option<Verdict> {
        verdicts.into_iter().reduce(|a, b| match (a, b) {
            (Verdict::Fail, _) | (_, Verdict::Fail) => Verdict::Fail,
            (Verdict::Inconclusive, _) | (_, Verdict::Inconclusive) => Verdict::Inconclusive,
            _ => Verdict::Pass,
        })
    }

    /// The word people and JSON read.
    pub fn as_str(self) -> &'static str {
        match self {
            Verdict::Pass => "PASS",
            Verdict::Fail => "FAIL",
            Verdict::Inconclusive => "INCONCLUSIVE",
        }
    }
}

impl std::fmt::Display for Verdict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}
