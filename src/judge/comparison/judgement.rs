//! Gates on two runs: what is asked of a percentile's change, and what its interval answers.

use super::effect::unresolved;
use super::{Change, ChangeEvidence, ChangeRange, Comparison};
use crate::judge::gate::{Condition, ExceedanceRange, Finding, Gate, ObservedMetric, Scope};
use crate::run::plan::Design;
use crate::stats::profile::judge_reduction;
use crate::stats::rank::Quantile;
use crate::units::{grouped, trimmed};
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
    let (verdict, reason, next_step) = match change {
        Some(change) => requirement.judge(change),
        None => not_compared(quantile),
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
        verdict,
        reason,
        next_step,
    })
}

type Answer = (Verdict, String, Option<String>);

/// A gate is never dropped, not even one that the comparison was not made for.
fn not_compared(quantile: Quantile) -> Answer {
    let reason = format!("{quantile} was not compared, and no data is never a pass");
    (Verdict::Inconclusive, reason, None)
}

/// The flip test: a verdict that our own lateness could have made is none.
fn in_doubt(ratio: ChangeRange) -> Answer {
    (
        Verdict::Inconclusive,
        format!(
            "this machine sent late; without its own delay the change is {} at 95 % confidence, and the verdict hangs on it",
            span(ratio)
        ),
        Some("measure both from a quieter machine, or at a lower rate".to_owned()),
    )
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
    fn judge(self, change: &Change) -> Answer {
        match change.evidence {
            ChangeEvidence::Interval {
                measured,
                without_lag,
            } => {
                let judged = self.judge_interval(measured.ratio);
                match self.verdict(without_lag.ratio) == judged.0 {
                    true => judged,
                    false => in_doubt(without_lag.ratio),
                }
            }
            ChangeEvidence::Unresolved { samples_needed } => (
                Verdict::Inconclusive,
                unresolved(
                    change.quantile,
                    change.planned,
                    change.dependence,
                    samples_needed,
                ),
                Some(format!(
                    "measure at least {} requests on each side",
                    grouped(samples_needed)
                )),
            ),
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

    fn judge_interval(self, ratio: ChangeRange) -> Answer {
        let verdict = self.verdict(ratio);
        let next_step =
            "more requests on both sides narrow the interval, unless the change lies at the limit";
        (
            verdict,
            self.reason(verdict, ratio),
            (verdict == Verdict::Inconclusive).then(|| next_step.to_owned()),
        )
    }

    fn reason(self, verdict: Verdict, ratio: ChangeRange) -> String {
        match (verdict, self) {
            (Verdict::Inconclusive, _) => {
                format!("the change is {} at 95 % confidence", span(ratio))
            }
            (Verdict::Pass, _) => format!("{} at 95 % confidence", at_most(self, ratio.high)),
            (Verdict::Fail, _) if ratio.low.is_infinite() => {
                "after, failures stand where this percentile was".to_owned()
            }
            (Verdict::Fail, _) => format!("{} at 95 % confidence", at_least(self, ratio.low)),
        }
    }
}

/// What the largest ratio that fits the data says.
fn at_most(requirement: Requirement, ratio: f64) -> String {
    match requirement {
        Requirement::Growth(_) if ratio > 1.0 => {
            format!("the growth is at most {}", percent(ratio - 1.0, f64::ceil))
        }
        _ => format!(
            "the reduction is at least {}",
            percent(1.0 - ratio, f64::floor)
        ),
    }
}

/// What the smallest ratio that fits the data says.
fn at_least(requirement: Requirement, ratio: f64) -> String {
    match requirement {
        Requirement::Reduction(_) if ratio < 1.0 => {
            format!(
                "the reduction is at most {}",
                percent(1.0 - ratio, f64::ceil)
            )
        }
        _ => format!(
            "the growth is at least {}",
            percent(ratio - 1.0, f64::floor)
        ),
    }
}

/// `between −80 % and −69.9 %`.
fn span(ratio: ChangeRange) -> String {
    let signed = |ratio: f64, round| {
        let sign = if ratio < 1.0 { "−" } else { "+" };
        format!("{sign}{}", percent((ratio - 1.0).abs(), round))
    };
    // Outwards: a reduction at the low end grows, a growth shrinks.
    let low = match ratio.low < 1.0 {
        true => signed(ratio.low, f64::ceil),
        false => signed(ratio.low, f64::floor),
    };
    let high = match ratio.high < 1.0 {
        true => signed(ratio.high, f64::floor),
        false => signed(ratio.high, f64::ceil),
    };
    match (ratio.low > 0.0, ratio.high.is_finite()) {
        (true, true) => format!("between {low} and {high}"),
        (true, false) => format!("at least {low}, without an upper end,"),
        (false, true) => format!("at most {high}, without a lower end,"),
        (false, false) => "not bounded on either side".to_owned(),
    }
}

/// One decimal, rounded towards the weaker claim.
fn percent(share: f64, round: fn(f64) -> f64) -> String {
    // What a binary fraction lacks must not cost a tenth of a percent.
    let tenths = round((share * 1e9).round() / 1e6);
    let digits = if tenths < 10_000.0 { 1 } else { 0 };
    format!("{} %", trimmed(tenths / 10.0, digits))
}

#[cfg(test)]
mod tests {
    use super::{ChangeRange, Requirement};
    use crate::verdict::Verdict;

    fn verdict(requirement: Requirement, low: f64, high: f64) -> Verdict {
        requirement.judge_interval(ChangeRange { low, high }).0
    }

    fn reason(requirement: Requirement, low: f64, high: f64) -> String {
        requirement.judge_interval(ChangeRange { low, high }).1
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
        let (gate, open) = (Requirement::Reduction(0.7), f64::INFINITY);
        for (said, reason) in [
            (reason(gate, 0.2, 0.3), "the reduction is at least 70 %"),
            (
                reason(gate, 0.31204, 0.35),
                "the reduction is at most 68.8 %",
            ),
            (reason(gate, 1.25, 2.0), "the growth is at least 25 %"),
            (
                reason(gate, 0.2, 0.30003),
                "the change is between −80 % and −69.9 %",
            ),
            (
                reason(gate, 0.2, open),
                "the change is at least −80 %, without an upper end,",
            ),
            (
                reason(gate, 0.0, open),
                "the change is not bounded on either side",
            ),
            (
                reason(Requirement::Growth(0.1), 1.2, open),
                "the growth is at least 20 %",
            ),
            (
                reason(Requirement::Growth(0.1), 0.9, 1.0301),
                "the growth is at most 3.1 %",
            ),
            (
                reason(Requirement::Growth(0.1), 0.9, 0.95),
                "the reduction is at least 5 %",
            ),
            (
                reason(Requirement::Growth(0.1), 0.9, 1.2001),
                "the change is between −10 % and +20.1 %",
            ),
        ] {
            assert_eq!(said, format!("{reason} at 95 % confidence"));
        }
        assert_eq!(
            reason(gate, open, open),
            "after, failures stand where this percentile was"
        );
    }
}
