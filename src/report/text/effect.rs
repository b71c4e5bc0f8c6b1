//! What a change amounts to, and why, in words.

use std::time::Duration;

use super::change::of_ratio;
use super::change_reason;
use crate::judge::comparison::{
    Change, ChangeBound, CompatibleRatios, Effect, EffectReason, Noise, NoiseBand, OpenEndCause,
};
use crate::units::{Pretty, trimmed};

/// The effect of a change, in the word of its table: which part of the noise band holds it, and whether it could be
/// compared at all.
pub(in crate::report) fn of_change(change: &Change, noise: &Noise) -> String {
    if let EffectReason::Unresolved(_) = change.reason {
        return "cannot compare".to_owned();
    }
    match (change.effect, change.band(noise)) {
        (Effect::WithinNoise, Some(NoiseBand::Duration)) => {
            format!("below {}", Pretty(noise.duration))
        }
        (Effect::WithinNoise, _) => format!("within {}", share(noise)),
        (effect, _) => decided(effect).to_owned(),
    }
}

/// The effect of a change without a noise band.
pub(in crate::report) fn decided(effect: Effect) -> &'static str {
    match effect {
        Effect::Improved => "improved",
        Effect::Regressed => "regressed",
        Effect::WithinNoise | Effect::Inconclusive => "inconclusive",
    }
}

/// `5%`.
fn share(noise: &Noise) -> String {
    format!("{}%", trimmed(noise.share * 100.0, 4))
}

/// Why a change amounts to its effect, in one sentence.
pub(in crate::report) fn reason(change: &Change, noise: &Noise) -> String {
    match change.reason {
        EffectReason::Unresolved(lack) => change_reason::unresolved(change.quantile, &lack),
        EffectReason::FailuresBefore => {
            "before the change, this percentile was among failures".to_owned()
        }
        EffectReason::FailuresAfter => {
            "after the change, this percentile is among failures".to_owned()
        }
        EffectReason::AtMost(bound) | EffectReason::AtLeast(bound) => at_least(bound),
        EffectReason::WithinNoise => {
            format!("the whole interval is inside the noise band of {noise}")
        }
        EffectReason::Undecided(ratios) => format!("{}; the noise band is {noise}", span(ratios)),
        EffectReason::SentLate(ratios) => format!(
            "this machine sent late; without that delay {}; the noise band is {noise}",
            span(ratios)
        ),
    }
}

fn at_least(bound: ChangeBound) -> String {
    format!(
        "at least {} ({})",
        speed(bound.ratio),
        signed(bound.difference_ns)
    )
}

/// Which changes fit the data.
fn span(CompatibleRatios { ratio, opened_by }: CompatibleRatios) -> String {
    let (low, high) = (speed(ratio.low), speed(ratio.high));
    let because = match opened_by {
        OpenEndCause::Failures => "failures reach this percentile",
        OpenEndCause::FewSamples => "the samples are too few to bound this percentile",
        OpenEndCause::SendLag => "the send lag of this machine leaves this percentile open",
    };
    match (ratio.low > 0.0, ratio.high.is_finite()) {
        (true, true) => format!("the interval is {low} to {high}"),
        (true, false) => format!("the interval is {low} or more, because {because}"),
        (false, true) => format!("the interval is {high} or less, because {because}"),
        (false, false) => format!("{because}, so the change has no bounds"),
    }
}

/// A ratio after/before in words: `3.21× faster` from a factor of 2 on, `−1.8%` below.
fn speed(ratio: f64) -> String {
    match ratio {
        0.0 => "infinitely faster".to_owned(),
        r if r.is_infinite() => "infinitely slower".to_owned(),
        r => of_ratio(r),
    }
}

/// `−220.5 ms`; for a finite difference.
fn signed(ns: f64) -> String {
    let sign = if ns < 0.0 { "−" } else { "+" };
    format!("{sign}{}", Pretty(Duration::from_nanos(ns.abs() as u64)))
}

#[cfg(test)]
mod tests {
    use super::{CompatibleRatios, OpenEndCause, span, speed};
    use crate::judge::comparison::ChangeRange;

    #[test]
    fn an_open_end_names_what_opens_it() {
        let open = |opened_by| {
            span(CompatibleRatios {
                ratio: ChangeRange {
                    low: 0.0,
                    high: f64::INFINITY,
                },
                opened_by,
            })
        };
        assert!(open(OpenEndCause::SendLag).ends_with(
            "the send lag of this machine leaves this percentile open, so the change has no bounds"
        ));
        assert!(open(OpenEndCause::Failures).contains("failures reach this percentile"));
        assert!(!open(OpenEndCause::FewSamples).contains("failures"));
    }

    #[test]
    fn a_ratio_without_an_end_has_a_word_too() {
        assert_eq!(speed(0.0), "infinitely faster");
        assert_eq!(speed(f64::INFINITY), "infinitely slower");
        assert_eq!(speed(100.0 / 320.5), "3.21× faster");
    }
}
