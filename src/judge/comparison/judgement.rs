//! Gates on two runs: what is asked of a percentile's change, and what its interval answers.

use super::baseline;
use super::change::Change;
use super::change_decision::ChangeDecision;
use super::change_evidence::{ChangeEvidence, ChangeRange};
use super::compare::Comparison;
use crate::judge::gate::{
    ChangeReason, Condition, ExceedanceRange, Finding, FindingReason, Gate, NextStep,
    ObservedMetric, Remedy, Scope,
};
use crate::run::plan::Design;
use crate::stats::profile::judge_reduction;
use crate::verdict::Verdict;

/// Judges every gate on two runs, comparison by comparison: PASS if the whole interval of the change satisfies
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
    let quantile = gate.condition.quantile()?;
    let change = comparison.changes.iter().find(|c| c.quantile == quantile);
    let decision = match gate.condition {
        Condition::Reduction { at_least, .. } => Reduction(at_least.as_fraction()).judge(change),
        Condition::Baseline { allowance, .. } => baseline::decide(allowance, change),
        Condition::Latency { .. }
        | Condition::ErrorRate { .. }
        | Condition::Done { .. }
        | Condition::Backlog { .. }
        | Condition::Count { .. } => return None,
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
        reason: decision.reason,
        next_step: decision.next_step,
    })
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

/// A percentile shrinks by at least this share of the value before.
#[derive(Clone, Copy, Debug)]
struct Reduction(f64);

impl Reduction {
    /// Without a change the percentile was not compared; a gate is never dropped.
    fn judge(self, change: Option<&Change>) -> ChangeDecision {
        let Some(change) = change else {
            return ChangeDecision::open(FindingReason::Change(ChangeReason::NotCompared), None);
        };
        let (measured, without_lag) = match change.evidence {
            ChangeEvidence::Interval {
                measured,
                without_lag,
            } => (measured.ratio, without_lag.ratio),
            ChangeEvidence::Unresolved(lack) => {
                let reason = FindingReason::Change(ChangeReason::Unresolved(lack));
                return ChangeDecision::open(reason, Some(NextStep::of_lack(lack)));
            }
        };
        // The flip test: a verdict that our own lateness could have made is none.
        if self.verdict(without_lag) != self.verdict(measured) {
            let ChangeRange { low, high } = without_lag;
            let reason = FindingReason::Change(ChangeReason::SentLate { low, high });
            let next = NextStep::Fix(Remedy::QuieterMachineForBoth);
            return ChangeDecision::open(reason, Some(next));
        }
        let verdict = self.verdict(measured);
        let narrow = NextStep::Fix(Remedy::NarrowInterval);
        ChangeDecision {
            verdict,
            reason: FindingReason::Change(self.reason(measured)),
            next_step: (verdict == Verdict::Inconclusive).then_some(narrow),
        }
    }

    /// A limit of 30 % of the value before is met by a ratio of 0.3, whatever its binary fraction says.
    fn verdict(self, ratio: ChangeRange) -> Verdict {
        judge_reduction(ratio.low, ratio.high, self.0)
    }

    fn reason(self, ratio: ChangeRange) -> ChangeReason {
        let ChangeRange { low, high } = ratio;
        match self.verdict(ratio) {
            Verdict::Pass => ChangeReason::RatioAtMost { ratio: high },
            Verdict::Fail if low.is_infinite() => ChangeReason::FailuresAfter,
            Verdict::Fail => ChangeReason::RatioAtLeast { ratio: low },
            Verdict::Inconclusive | Verdict::NotJudged => ChangeReason::RatioBetween { low, high },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{ChangeRange, ChangeReason, Reduction};
    use crate::verdict::Verdict;

    fn verdict(reduction: Reduction, low: f64, high: f64) -> Verdict {
        reduction.verdict(ChangeRange { low, high })
    }

    #[test]
    fn a_reduction_of_70_percent_takes_the_whole_interval_below_three_tenths() {
        let gate = Reduction(0.7);
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
            let gate = Reduction(f64::from(percent) / 100.0);
            let ratio = f64::from(100 - percent) * 1e6 / 1e8;
            assert_eq!(verdict(gate, ratio, ratio), Verdict::Pass, "{percent}");
        }
    }

    #[test]
    fn the_end_of_the_interval_that_decides_is_the_reason() {
        let (gate, open) = (Reduction(0.7), f64::INFINITY);
        for (low, high, reason) in [
            (0.2, 0.3, ChangeReason::RatioAtMost { ratio: 0.3 }),
            (0.31204, 0.35, ChangeReason::RatioAtLeast { ratio: 0.31204 }),
            (1.25, 2.0, ChangeReason::RatioAtLeast { ratio: 1.25 }),
            (open, open, ChangeReason::FailuresAfter),
        ] {
            assert_eq!(gate.reason(ChangeRange { low, high }), reason);
        }
        for (low, high) in [(0.2, 0.30003), (0.2, open), (0.0, open)] {
            let reason = ChangeReason::RatioBetween { low, high };
            assert_eq!(gate.reason(ChangeRange { low, high }), reason);
        }
    }
}
