//! What a gate on two runs says of a change, in one sentence.

use crate::judge::gate::{ChangeReason, Condition, Finding, UnresolvedChange};
use crate::report::figures::thousands;
use crate::stats::rank::Quantile;
use crate::units::trimmed;

pub(super) fn sentence(finding: &Finding, reason: &ChangeReason) -> String {
    let condition = &finding.gate.condition;
    let quantile = condition.quantile();
    let percentile = quantile.map(|quantile| quantile.to_string());
    let percentile = percentile.unwrap_or_default();
    match reason {
        ChangeReason::NotCompared => {
            format!("{percentile} was not compared, so the gate cannot pass")
        }
        ChangeReason::Unresolved(change) => {
            quantile.map_or_else(String::new, |quantile| unresolved(quantile, change))
        }
        ChangeReason::SentLate { low, high } => format!(
            "this machine sent late; without that delay the change is {} at 95% confidence, and the verdict depends on it",
            span(*low, *high)
        ),
        ChangeReason::RatioAtMost { ratio } => {
            format!("{} at 95% confidence", at_most(condition, *ratio))
        }
        ChangeReason::RatioAtLeast { ratio } => {
            format!("{} at 95% confidence", at_least(condition, *ratio))
        }
        ChangeReason::FailuresAfter => {
            "after the change, this percentile is among failures".to_owned()
        }
        ChangeReason::RatioBetween { low, high } => {
            format!("the change is {} at 95% confidence", span(*low, *high))
        }
    }
}

/// Why there is no interval: `P99 cannot be compared: needs 669 requests per side (you have 600)`.
pub(super) fn unresolved(quantile: Quantile, change: &UnresolvedChange) -> String {
    let (before, after) = (change.samples_before, change.samples_after);
    format!(
        "{quantile} cannot be compared: needs {} requests per side (you have {})",
        thousands(change.samples_needed),
        thousands(before.min(after))
    )
}

/// The end of the interval that decided a gate, next to the change that the gate needs.
pub(super) fn decisive_end(finding: &Finding, reason: &ChangeReason) -> Option<String> {
    let condition = &finding.gate.condition;
    let found = match reason {
        ChangeReason::NotCompared | ChangeReason::Unresolved(_) => return None,
        ChangeReason::RatioAtMost { ratio } => at_most(condition, *ratio),
        ChangeReason::RatioAtLeast { ratio } => at_least(condition, *ratio),
        ChangeReason::FailuresAfter => {
            let quantile = condition.quantile()?;
            return Some(format!("{quantile} is among failures after the change"));
        }
        ChangeReason::RatioBetween { low, high } => {
            format!("the change is {}", span(*low, *high))
        }
        ChangeReason::SentLate { low, high } => format!(
            "without this machine's delay the change is {}",
            span(*low, *high)
        ),
    };
    let found = found.trim_end_matches(',');
    Some(match condition {
        Condition::Reduction { at_least, .. } => format!("{found} (needed: {at_least})"),
        Condition::Baseline { allowance, .. } => format!("{found} (allowed: {allowance})"),
        _ => found.to_owned(),
    })
}

/// What the largest ratio that fits the data says.
fn at_most(condition: &Condition, ratio: f64) -> String {
    match condition {
        Condition::Baseline { .. } if ratio > 1.0 => {
            format!("the growth is at most {}", percent(ratio - 1.0, f64::ceil))
        }
        _ => format!(
            "the reduction is at least {}",
            percent(1.0 - ratio, f64::floor)
        ),
    }
}

/// What the smallest ratio that fits the data says.
fn at_least(condition: &Condition, ratio: f64) -> String {
    match condition {
        Condition::Reduction { .. } if ratio < 1.0 => {
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

/// `between −80% and −69.9%`.
fn span(low: f64, high: f64) -> String {
    // Outwards: a reduction at the low end grows, a growth shrinks.
    let lowest = if low < 1.0 {
        signed(low, f64::ceil)
    } else {
        signed(low, f64::floor)
    };
    let highest = if high < 1.0 {
        signed(high, f64::floor)
    } else {
        signed(high, f64::ceil)
    };
    match (low > 0.0, high.is_finite()) {
        (true, true) => format!("between {lowest} and {highest}"),
        (true, false) => format!("at least {lowest}, without an upper end,"),
        (false, true) => format!("at most {highest}, without a lower end,"),
        (false, false) => "not bounded on either side".to_owned(),
    }
}

fn signed(ratio: f64, round: fn(f64) -> f64) -> String {
    let sign = if ratio < 1.0 { "−" } else { "+" };
    format!("{sign}{}", percent((ratio - 1.0).abs(), round))
}

/// One decimal, rounded towards the weaker claim.
fn percent(share: f64, round: fn(f64) -> f64) -> String {
    // What a binary fraction lacks must not cost a tenth of a percent.
    let tenths = round((share * 1e9).round() / 1e6);
    let digits = if tenths < 10_000.0 { 1 } else { 0 };
    format!("{}%", trimmed(tenths / 10.0, digits))
}
