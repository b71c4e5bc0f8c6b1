//! What a gate asks of a change, and what the interval answers.

use super::effect::unresolved;
use super::{Change, Evidence, Range};
use crate::stats::profile::judge_reduction;
use crate::units::{grouped, trimmed};
use crate::verdict::Verdict;

/// What is asked of a percentile's change.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Requirement {
    /// It shrinks by at least this share of the value before; above 0, below 1.
    Reduction(f64),
    /// It grows by at most this share of the value before; from 0.
    Growth(f64),
}

/// The answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judged {
    /// PASS if the whole interval satisfies the requirement, FAIL if none of it does.
    pub verdict: Verdict,
    /// Why, in one sentence.
    pub reason: String,
    /// What would decide it, if it is not decided.
    pub next_step: Option<String>,
}

impl Requirement {
    /// Judges a change by the interval of after/before. A limit of 30 % of the value before is met by a ratio of 0.3, whatever the
    /// binary fractions say.
    pub fn judge(self, change: &Change) -> Judged {
        match change.evidence {
            Evidence::Interval { ratio, .. } => self.judge_interval(ratio),
            Evidence::Unresolved { samples_needed } => Judged {
                verdict: Verdict::Inconclusive,
                reason: unresolved(change.quantile, change.planned, samples_needed),
                next_step: Some(format!(
                    "measure at least {} requests on each side",
                    grouped(samples_needed)
                )),
            },
        }
    }

    fn judge_interval(self, ratio: Range) -> Judged {
        let reduction = match self {
            Requirement::Reduction(share) => share,
            Requirement::Growth(share) => -share,
        };
        let verdict = judge_reduction(ratio.low, ratio.high, reduction);
        Judged {
            verdict,
            reason: self.reason(verdict, ratio),
            next_step: (verdict == Verdict::Inconclusive).then(|| {
                "more requests on both sides narrow the interval, unless it lies at the limit"
                    .to_owned()
            }),
        }
    }

    fn reason(self, verdict: Verdict, ratio: Range) -> String {
        // A reduction is large where the ratio is small.
        let (noun, least, most) = match self {
            Requirement::Reduction(_) => ("reduction", 1.0 - ratio.high, 1.0 - ratio.low),
            Requirement::Growth(_) => ("growth", ratio.low - 1.0, ratio.high - 1.0),
        };
        let (least, most) = (percent(least, f64::floor), percent(most, f64::ceil));
        match (verdict, self) {
            (Verdict::Pass, Requirement::Reduction(_))
            | (Verdict::Fail, Requirement::Growth(_)) => {
                format!("the {noun} is at least {least} at 95 % confidence")
            }
            (Verdict::Pass, Requirement::Growth(_))
            | (Verdict::Fail, Requirement::Reduction(_)) => {
                format!("the {noun} is at most {most} at 95 % confidence")
            }
            (Verdict::Inconclusive, _) => {
                format!("every {noun} from {least} to {most} fits the data")
            }
        }
    }
}

/// One decimal, rounded towards the weaker claim.
fn percent(share: f64, round: fn(f64) -> f64) -> String {
    match share.is_infinite() {
        true => "without a bound".to_owned(),
        // What a binary fraction lacks must not cost a tenth of a percent.
        false => format!("{} %", trimmed(round((share * 1000.0 * 1e6).round() / 1e6) / 10.0, 1)),
    }
}

#[cfg(test)]
mod tests {
    use super::{Range, Requirement};
    use crate::verdict::Verdict;

    fn verdict(requirement: Requirement, low: f64, high: f64) -> Verdict {
        requirement.judge_interval(Range { low, high }).verdict
    }

    #[test]
    fn a_reduction_of_70_percent_takes_the_whole_interval_below_three_tenths() {
        let gate = Requirement::Reduction(0.7);
        assert_eq!(verdict(gate, 0.2, 0.3), Verdict::Pass);
        assert_eq!(verdict(gate, 0.2, 0.301), Verdict::Inconclusive);
        assert_eq!(verdict(gate, 0.301, 0.4), Verdict::Fail);
        assert_eq!(verdict(gate, 0.3, 0.4), Verdict::Inconclusive);
        // METHOD: 320.5 to 100 ms is 68.8 %, 96.15 ms is 70 %.
        assert_eq!(verdict(gate, 100.0 / 320.5, 100.0 / 320.5), Verdict::Fail);
        assert_eq!(verdict(gate, 96.15 / 320.5, 96.15 / 320.5), Verdict::Pass);
        assert_eq!(verdict(gate, 0.0, f64::INFINITY), Verdict::Inconclusive);
    }

    #[test]
    fn every_whole_percentage_is_met_exactly_at_its_own_ratio() {
        for percent in 1..100u32 {
            let gate = Requirement::Reduction(f64::from(percent) / 100.0);
            let ratio = f64::from(100 - percent) * 1e6 / 1e8;
            assert_eq!(verdict(gate, ratio, ratio), Verdict::Pass, "{percent}");
            let gate = Requirement::Growth(f64::from(percent) / 100.0);
            let ratio = f64::from(100 + percent) * 1e6 / 1e8;
            assert_eq!(verdict(gate, ratio, ratio), Verdict::Pass, "{percent}");
        }
    }

    #[test]
    fn a_baseline_allows_growth_up_to_its_share() {
        let gate = Requirement::Growth(0.1);
        assert_eq!(verdict(gate, 0.9, 1.1), Verdict::Pass);
        assert_eq!(verdict(gate, 0.9, 1.11), Verdict::Inconclusive);
        assert_eq!(verdict(gate, 1.11, 1.3), Verdict::Fail);
        assert_eq!(verdict(Requirement::Growth(0.0), 1.0, 1.0), Verdict::Pass);
    }

    #[test]
    fn reasons_round_towards_the_weaker_claim() {
        let reason = |requirement: Requirement, low, high| {
            requirement.judge_interval(Range { low, high }).reason
        };
        let gate = Requirement::Reduction(0.7);
        assert_eq!(
            reason(gate, 0.2, 0.3),
            "the reduction is at least 70 % at 95 % confidence"
        );
        assert_eq!(
            reason(gate, 0.31204, 0.35),
            "the reduction is at most 68.8 % at 95 % confidence"
        );
        assert_eq!(
            reason(gate, 0.2, 0.30003),
            "every reduction from 69.9 % to 80 % fits the data"
        );
        assert_eq!(
            reason(Requirement::Growth(0.1), 1.2, f64::INFINITY),
            "the growth is at least 20 % at 95 % confidence"
        );
    }
}
