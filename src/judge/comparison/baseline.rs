//! Gates over a baseline: the larger of two allowances, judged by the interval of the change.
//!
//! A run is within `baseline + 10% or 1ms` if its percentile exceeds the baseline's by at most 10 % or by at most 1 ms. So
//! it passes if one of the intervals, of the ratio or of the difference, ends within its allowance, and fails if each
//! begins beyond its own.

use std::time::Duration;

use super::change::Change;
use super::change_decision::ChangeDecision;
use super::change_evidence::{ChangeEvidence, ChangeRange, ChangeRanges};
use super::dependence::Dependence;
use crate::judge::gate::{
    Allowance, AllowancePart, BaselineDecision, BaselineNeed, BaselineReason, ChangeSpan,
    FindingReason, NextStep, Percentage, Remedy,
};
use crate::judge::summary::Observed;
use crate::stats::profile::within_growth;
use crate::verdict::Verdict;

/// More requests on each side are not planned; the change is then too near the limit.
const MOST_SAMPLES: f64 = 10_000_000.0;

/// A forecast is asked to reach the limit with this much to spare.
const SPARE: f64 = 1.2;

/// Judges a change by an allowance. Without a change the percentile was not compared.
pub(super) fn decide(allowance: Allowance, change: Option<&Change>) -> ChangeDecision {
    let Some(change) = change else {
        let reason = BaselineReason {
            decision: BaselineDecision::NotCompared,
            baseline: Observed::NoData,
            observed: Observed::NoData,
            limit: None,
            part: allowance.first_part(),
            design_effect: 1.0,
        };
        return ChangeDecision::open(FindingReason::Baseline(reason), None);
    };
    let before = change.observed.before.value();
    let part = before.map_or_else(
        || allowance.first_part(),
        |before| allowance.larger_over(before),
    );
    let reason = |decision| {
        FindingReason::Baseline(BaselineReason {
            decision,
            baseline: change.observed.before,
            observed: change.observed.after,
            limit: before.map(|before| part.limit_over(before)),
            part,
            design_effect: largest_effect(change),
        })
    };
    let (measured, without_lag) = match change.evidence {
        ChangeEvidence::Interval {
            measured,
            without_lag,
        } => (measured, without_lag),
        ChangeEvidence::Unresolved(lack) => {
            let reason = reason(BaselineDecision::Unresolved(lack));
            return ChangeDecision::open(reason, Some(NextStep::of_lack(lack)));
        }
    };
    let verdict = verdict_of(allowance, measured);
    // The flip test: a verdict that our own lateness could have made is none.
    if verdict_of(allowance, without_lag) != verdict {
        let reason = reason(BaselineDecision::SentLate(span(part, without_lag)));
        let next = NextStep::Fix(Remedy::QuieterMachineForBoth);
        return ChangeDecision::open(reason, Some(next));
    }
    match verdict {
        Verdict::Pass => ChangeDecision {
            verdict,
            reason: reason(BaselineDecision::Within(span(
                passing(allowance, measured),
                measured,
            ))),
            next_step: None,
        },
        Verdict::Fail => ChangeDecision {
            verdict,
            reason: reason(BaselineDecision::Beyond(span(part, measured))),
            next_step: None,
        },
        Verdict::Inconclusive | Verdict::NotJudged => {
            let next = NextStep::Baseline(need(part, change, measured));
            let reason = reason(BaselineDecision::Undecided(span(part, measured)));
            ChangeDecision::open(reason, Some(next))
        }
    }
}

fn largest_effect(change: &Change) -> f64 {
    let effects = change.dependence.map(Dependence::design_effect);
    effects.before.max(effects.after)
}

fn verdict_of(allowance: Allowance, ranges: ChangeRanges) -> Verdict {
    let parts = parts(allowance);
    if parts.iter().any(|part| ends_within(*part, ranges)) {
        Verdict::Pass
    } else if parts.iter().all(|part| begins_beyond(*part, ranges)) {
        Verdict::Fail
    } else {
        Verdict::Inconclusive
    }
}

fn parts(allowance: Allowance) -> Vec<AllowancePart> {
    let share = allowance.share().map(AllowancePart::Share);
    let time = allowance.time().map(AllowancePart::Time);
    share.into_iter().chain(time).collect()
}

fn ends_within(part: AllowancePart, ranges: ChangeRanges) -> bool {
    match part {
        AllowancePart::Share(share) => within_growth(ranges.ratio.high, share.as_fraction()),
        AllowancePart::Time(time) => ranges.difference_ns.high <= time.as_nanos() as f64,
    }
}

fn begins_beyond(part: AllowancePart, ranges: ChangeRanges) -> bool {
    match part {
        AllowancePart::Share(share) => !within_growth(ranges.ratio.low, share.as_fraction()),
        AllowancePart::Time(time) => ranges.difference_ns.low > time.as_nanos() as f64,
    }
}

/// The part by which it passes, the share before the time.
fn passing(allowance: Allowance, ranges: ChangeRanges) -> AllowancePart {
    let mut parts = parts(allowance).into_iter();
    let passing = parts.find(|part| ends_within(*part, ranges));
    passing.unwrap_or_else(|| allowance.first_part())
}

fn span(part: AllowancePart, ranges: ChangeRanges) -> ChangeSpan {
    match part {
        AllowancePart::Share(_) => ChangeSpan::Ratio {
            low: ranges.ratio.low,
            high: ranges.ratio.high,
        },
        AllowancePart::Time(_) => ChangeSpan::DifferenceNs {
            low: ranges.difference_ns.low,
            high: ranges.difference_ns.high,
        },
    }
}

/// The allowance that this interval needs, and the number of requests that this allowance needs.
fn need(part: AllowancePart, change: &Change, ranges: ChangeRanges) -> BaselineNeed {
    let (range, point, limit) = match part {
        AllowancePart::Share(share) => (ranges.ratio, change.ratio(), 1.0 + share.as_fraction()),
        AllowancePart::Time(time) => (
            ranges.difference_ns,
            change.difference_ns(),
            time.as_nanos() as f64,
        ),
    };
    BaselineNeed {
        allowance: range.high.is_finite().then(|| wider(part, range.high)),
        samples: point.and_then(|point| samples(change, range, point, limit)),
    }
}

/// The allowance that ends where the interval does, rounded up: whole percents, two digits of a time.
fn wider(part: AllowancePart, high: f64) -> AllowancePart {
    match part {
        AllowancePart::Share(share) => {
            let percent = ((high - 1.0) * 100.0 - 1e-9).ceil();
            AllowancePart::Share(Percentage::of(percent).unwrap_or(share))
        }
        AllowancePart::Time(_) => {
            AllowancePart::Time(Duration::from_nanos(two_digits_up(high) as u64))
        }
    }
}

/// The next number of two significant digits.
fn two_digits_up(value: f64) -> f64 {
    let value = value.max(1.0);
    let unit = 10f64.powf(value.log10().floor() - 1.0);
    ((value / unit - 1e-9).ceil() * unit).round()
}

/// The width of an interval shrinks with the root of the requests: how many make its end reach the limit.
fn samples(change: &Change, range: ChangeRange, point: f64, limit: f64) -> Option<(u64, Verdict)> {
    let (verdict, width, distance) = if point <= limit {
        (Verdict::Pass, range.high - point, limit - point)
    } else {
        (Verdict::Fail, point - range.low, point - limit)
    };
    let shrink = SPARE * width / distance;
    let planned = change.planned.map(|n| 1.0 / n.max(1) as f64);
    let now = 2.0 / (planned.before + planned.after);
    let samples = now * shrink * shrink;
    // Fewer than there are would not be an answer.
    let enough = samples.is_finite() && samples <= MOST_SAMPLES && shrink > 1.0;
    enough.then(|| (two_digits_up(samples) as u64, verdict))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{
        Allowance, ChangeRange, ChangeRanges, Percentage, Verdict, two_digits_up, verdict_of,
    };

    fn ranges(ratio: (f64, f64), difference_ms: (f64, f64)) -> ChangeRanges {
        ChangeRanges {
            ratio: ChangeRange {
                low: ratio.0,
                high: ratio.1,
            },
            difference_ns: ChangeRange {
                low: difference_ms.0 * 1e6,
                high: difference_ms.1 * 1e6,
            },
        }
    }

    #[test]
    fn one_allowance_is_enough_to_pass_and_both_must_be_exceeded_to_fail() {
        let share = Percentage::of(10.0).unwrap();
        let time = Duration::from_millis(1);
        let larger = Allowance::Larger { share, time };
        let (by_share, by_time) = (Allowance::Share(share), Allowance::Time(time));
        use Verdict::{Fail, Inconclusive, Pass};
        for (ratio, difference_ms, verdicts) in [
            // 1.32 ms: 1 ms is the larger.
            ((0.6, 1.7), (-0.5, 0.9), [Inconclusive, Pass, Pass]),
            // 320 ms: 10 % is the larger.
            ((0.9, 1.09), (-32.0, 29.0), [Pass, Inconclusive, Pass]),
            // The border belongs to it.
            ((0.9, 1.1), (-2.0, 2.0), [Pass, Inconclusive, Pass]),
            ((0.9, 2.0), (-0.1, 1.0), [Inconclusive, Pass, Pass]),
            ((1.2, 1.4), (0.3, 0.6), [Fail, Pass, Pass]),
            (
                (1.05, 1.2),
                (16.0, 64.0),
                [Inconclusive, Fail, Inconclusive],
            ),
            ((1.2, 1.4), (0.8, 1.6), [Fail, Inconclusive, Inconclusive]),
            ((1.2, 1.4), (1.1, 2.6), [Fail, Fail, Fail]),
            ((0.5, 0.8), (-9.0, -3.0), [Pass, Pass, Pass]),
            (
                (0.0, f64::INFINITY),
                (f64::NEG_INFINITY, f64::INFINITY),
                [Inconclusive, Inconclusive, Inconclusive],
            ),
        ] {
            let found = [by_share, by_time, larger]
                .map(|allowance| verdict_of(allowance, ranges(ratio, difference_ms)));
            assert_eq!(found, verdicts, "{ratio:?} {difference_ms:?}");
        }
    }

    #[test]
    fn a_need_is_rounded_up_to_two_digits() {
        for (value, rounded) in [(1.0, 1.0), (12.0, 12.0), (121.0, 130.0), (1_000_000.0, 1e6)] {
            assert_eq!(two_digits_up(value), rounded);
        }
    }
}
