//! Gates on two runs: what is asked of a percentile's change, and what its interval answers.

use super::change::Change;
use super::change_evidence::{ChangeEvidence, ChangeRange};
use super::compare::Comparison;
use crate::judge::gate::{
    ChangeReason, Condition, ExceedanceRange, Finding, FindingReason, Gate, NextStep,
    ObservedMetric, Remedy, Scope, UnresolvedChange,
};
use crate::run::plan::Design;
use crate::stats::profile::judge_reduction;
use crate::verdict::Verdict;

/// What is asked of a percentile's change.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Requirement {
    /// It shrinks by at least this share of the value before.
    Reduction(f64),
    /// It grows by at most this share of the value before.
    Growth(f64),
}

/// Judges every gate on two runs, comparison by comparison: PASS if the whole interval of after/before satisfies
/// it, FAIL if none of it does. Gates on one run are left to [`crate::judge::gate::judge`].
pub fn judge(gates: &[Gate], comparisons: &[Comparison]) -> Vec<Finding> {
    comparisons
        .iter()
        .flat_map(|comparison| {
            gates_of(gates, &comparison.endpoint)
                .into_iter()
                .filter_map(|gate| finding(gate, comparison))
        })
        .collect()
}

/// The gates on two runs that are about an endpoint, each once.
fn gates_of(gates: &[Gate], endpoint: &str) -> Vec<Gate> {
    let mut own: Vec<Gate> = Vec::new();
    for gate in gates.iter().filter(|gate| gate.selector.selects(endpoint)) {
        let gate = gate.for_endpoint(endpoint);
        if gate.condition.scope() == Scope::TwoRuns && !own.contains(&gate) {
            own.push(gate);
        }
    }
    own
}

fn finding(gate: Gate, comparison: &Comparison) -> Option<Finding> {
    let (quantile, requirement) = match gate.condition {
        Condition::Reduction { quantile, at_least } => {
            (quantile, Requirement::Reduction(at_least.as_fraction()))
        }
        Condition::Baseline {
            quantile,
            allowance,
        } => (quantile, Requirement::Growth(allowance.as_fraction())),
        Condition::Latency { .. }
        | Condition::ErrorRate { .. }
        | Condition::Done { .. }
        | Condition::Count { .. } => return None,
    };
    let change = comparison.changes.iter().find(|c| c.quantile == quantile);
    let decision = match change {
        Some(change) => requirement.judge(change),
        None => ChangeDecision::not_compared(),
    };
    Some(Finding {
        endpoint: comparison.endpoint.clone(),
        gate,
        measured: change.map_or(ObservedMetric::Nothing, measured),
        n: comparison.planned.after,
        exceedances: ExceedanceRange::default(),
        p_pass: None,
        p_fail: None,
        design: Design::Fixed,
        episodes: None,
        verdict: decision.verdict,
        reason: FindingReason::Change(decision.reason),
        next_step: decision.next_step,
    })
}

/// What a change decides of a gate.
#[derive(Debug)]
struct ChangeDecision {
    verdict: Verdict,
    reason: ChangeReason,
    next_step: Option<NextStep>,
}

impl ChangeDecision {
    /// A gate is never dropped, not even one that the comparison was not made for.
    fn not_compared() -> ChangeDecision {
        ChangeDecision {
            verdict: Verdict::Inconclusive,
            reason: ChangeReason::NotCompared,
            next_step: None,
        }
    }

    /// The flip test: a verdict that our own lateness could have made is none.
    fn sent_late(ratio: ChangeRange) -> ChangeDecision {
        ChangeDecision {
            verdict: Verdict::Inconclusive,
            reason: ChangeReason::SentLate {
                low: ratio.low,
                high: ratio.high,
            },
            next_step: Some(NextStep::Fix(Remedy::QuieterMachineForBoth)),
        }
    }

    fn unresolved(lack: UnresolvedChange) -> ChangeDecision {
        ChangeDecision {
            verdict: Verdict::Inconclusive,
            reason: ChangeReason::Unresolved(lack),
            next_step: Some(NextStep::MeasureBothSides {
                samples_needed: lack.samples_needed,
            }),
        }
    }
}

fn measured(change: &Change) -> ObservedMetric {
    let interval = change.ratio_interval();
    ObservedMetric::Ratio {
        value: change.ratio(),
        interval: (
            interval.map(|ratio| ratio.low).filter(|&low| low > 0.0),
            interval.map(|ratio| ratio.high).filter(|h| h.is_finite()),
        ),
    }
}

impl Requirement {
    fn judge(self, change: &Change) -> ChangeDecision {
        match change.evidence {
            ChangeEvidence::Interval {
                measured,
                without_lag,
            } => {
                let judged = self.judge_interval(measured.ratio);
                if self.verdict(without_lag.ratio) == judged.verdict {
                    judged
                } else {
                    ChangeDecision::sent_late(without_lag.ratio)
                }
            }
            ChangeEvidence::Unresolved(lack) => ChangeDecision::unresolved(lack),
        }
    }

    /// A limit of 30 % of the value before is met by a ratio of 0.3, whatever its binary fraction says.
    fn verdict(self, ratio: ChangeRange) -> Verdict {
        let reduction = match self {
            Requirement::Reduction(share) => share,
            Requirement::Growth(share) => -share,
        };
        judge_reduction(ratio.low, ratio.high, reduction)
    }

    fn judge_interval(self, ratio: ChangeRange) -> ChangeDecision {
        let ChangeRange { low, high } = ratio;
        let verdict = self.verdict(ratio);
        let narrow = NextStep::Fix(Remedy::NarrowInterval);
        ChangeDecision {
            verdict,
            reason: match verdict {
                Verdict::Inconclusive => ChangeReason::RatioBetween { low, high },
                Verdict::Pass => ChangeReason::RatioAtMost { ratio: high },
                Verdict::Fail if low.is_infinite() => ChangeReason::FailuresAfter,
                Verdict::Fail => ChangeReason::RatioAtLeast { ratio: low },
            },
            next_step: (verdict == Verdict::Inconclusive).then_some(narrow),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{ChangeRange, ChangeReason, Requirement};
    use crate::verdict::Verdict;

    fn verdict(requirement: Requirement, low: f64, high: f64) -> Verdict {
        requirement
            .judge_interval(ChangeRange { low, high })
            .verdict
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
    fn the_end_of_the_interval_that_decides_is_the_reason() {
        let (gate, open) = (Requirement::Reduction(0.7), f64::INFINITY);
        let growth = Requirement::Growth(0.1);
        for (gate, low, high, reason) in [
            (gate, 0.2, 0.3, ChangeReason::RatioAtMost { ratio: 0.3 }),
            (
                gate,
                0.31204,
                0.35,
                ChangeReason::RatioAtLeast { ratio: 0.31204 },
            ),
            (gate, 1.25, 2.0, ChangeReason::RatioAtLeast { ratio: 1.25 }),
            (growth, 1.2, open, ChangeReason::RatioAtLeast { ratio: 1.2 }),
            (
                growth,
                0.9,
                1.0301,
                ChangeReason::RatioAtMost { ratio: 1.0301 },
            ),
            (gate, open, open, ChangeReason::FailuresAfter),
        ] {
            assert_eq!(
                gate.judge_interval(ChangeRange { low, high }).reason,
                reason
            );
        }
        for (low, high) in [(0.2, 0.30003), (0.2, open), (0.0, open)] {
            let reason = ChangeReason::RatioBetween { low, high };
            assert_eq!(
                gate.judge_interval(ChangeRange { low, high }).reason,
                reason
            );
        }
    }
}
