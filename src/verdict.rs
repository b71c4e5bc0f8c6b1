//! Pass, fail or inconclusive; and not judged, for a gate that the run could not answer.

use serde::{Deserialize, Serialize};

/// The answer of one gate, or of all gates together. Without data there is no PASS.
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
    /// A gate that the plan could not pass and the data do not fail, or whose baseline was not given.
    #[serde(rename = "NOT_JUDGED")]
    NotJudged,
}

impl Verdict {
    /// The verdict over all gates: any failure fails, else any doubt is doubt. Gates that were not judged count only
    /// where no gate was. `None` without gates.
    pub(crate) fn of_all(verdicts: impl IntoIterator<Item = Verdict>) -> Option<Verdict> {
        verdicts.into_iter().reduce(|a, b| match (a, b) {
            (Verdict::Fail, _) | (_, Verdict::Fail) => Verdict::Fail,
            (Verdict::Inconclusive, _) | (_, Verdict::Inconclusive) => Verdict::Inconclusive,
            (Verdict::Pass, _) | (_, Verdict::Pass) => Verdict::Pass,
            (Verdict::NotJudged, Verdict::NotJudged) => Verdict::NotJudged,
        })
    }

    /// The word people and JSON read.
    pub fn as_str(self) -> &'static str {
        match self {
            Verdict::Pass => "PASS",
            Verdict::Fail => "FAIL",
            Verdict::Inconclusive => "INCONCLUSIVE",
            Verdict::NotJudged => "NOT JUDGED",
        }
    }
}

impl std::fmt::Display for Verdict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::Verdict;

    #[test]
    fn a_gate_that_was_not_judged_counts_only_among_its_like() {
        let all = |verdicts: &[Verdict]| Verdict::of_all(verdicts.iter().copied());
        let not_judged = Verdict::NotJudged;
        assert_eq!(all(&[]), None);
        assert_eq!(all(&[not_judged, not_judged]), Some(not_judged));
        for judged in [Verdict::Pass, Verdict::Fail, Verdict::Inconclusive] {
            assert_eq!(all(&[judged, not_judged]), Some(judged));
            assert_eq!(all(&[not_judged, judged]), Some(judged));
        }
        assert_eq!(all(&[Verdict::Pass, Verdict::Fail]), Some(Verdict::Fail));
    }

    #[test]
    fn json_reads_one_word() {
        for verdict in [
            Verdict::Pass,
            Verdict::Fail,
            Verdict::Inconclusive,
            Verdict::NotJudged,
        ] {
            let word = verdict.as_str().replace(' ', "_");
            assert_eq!(serde_json::json!(verdict), word.as_str());
        }
    }
}
