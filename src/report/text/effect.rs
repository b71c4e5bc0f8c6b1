//! What a change amounts to, and why, in words.

use std::time::Duration;

use super::change_reason;
use crate::judge::comparison::{
    Change, ChangeBound, CompatibleRatios, Effect, EffectReason, Noise, OpenEndCause,
};
use crate::units::{Pretty, trimmed};

/// As tables say it.
pub(in crate::report) fn effect(effect: Effect) -> &'static str {
    match effect {
        Effect::Improved => "improved",
        Effect::Regressed => "regressed",
        Effect::WithinNoise => "within noise",
        Effect::Inconclusive => "inconclusive",
    }
}

/// Why a change amounts to its effect, in one sentence.
pub(in crate::report) fn reason(change: &Change, noise: &Noise) -> String {
    match change.reason {
        EffectReason::Unresolved(lack) => change_reason::unresolved(change.quantile, &lack),
        EffectReason::FailuresBefore => {
            "before, failures stood where this percentile is now".to_owned()
        }
        EffectReason::FailuresAfter => "after, failures stand where this percentile was".to_owned(),
        EffectReason::AtMost(bound) | EffectReason::AtLeast(bound) => at_least(bound),
        EffectReason::WithinNoise => {
            format!("no change that fits the data leaves the noise band of {noise}")
        }
        EffectReason::Undecided(ratios) => format!("{}; the noise band is {noise}", span(ratios)),
        EffectReason::SentLate(ratios) => format!(
            "this machine sent late; without its own delay {}; the noise band is {noise}",
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
        (true, true) => format!("everything from {low} to {high} fits the data"),
        (true, false) => format!("everything from {low} on fits the data, because {because}"),
        (false, true) => format!("everything up to {high} fits the data, because {because}"),
        (false, false) => format!("{because}, so that nothing bounds the change"),
    }
}

/// A ratio after/before in words: `3.21× faster` from 2× on, percent below.
pub(in crate::report) fn speed(ratio: f64) -> String {
    if ratio == 0.0 {
        return "infinitely faster".to_owned();
    }
    if ratio.is_infinite() {
        return "infinitely slower".to_owned();
    }
    let (times, word) = if ratio < 1.0 {
        (1.0 / ratio, "faster")
    } else {
        (ratio, "slower")
    };
    if times >= 2.0 {
        return format!("{}× {word}", three_digits(times));
    }
    match trimmed((ratio - 1.0).abs() * 100.0, 1).as_str() {
        "0" => "unchanged".to_owned(),
        percent => format!("{percent} % {word}"),
    }
}

/// Two decimals below 10, one below 100, none above.
fn three_digits(value: f64) -> String {
    match value {
        v if v < 10.0 => trimmed(v, 2),
        v if v < 100.0 => trimmed(v, 1),
        v => trimmed(v, 0),
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
        assert!(open(OpenEndCause::SendLag).ends_with("the send lag of this machine leaves this percentile open, so that nothing bounds the change"));
        assert!(open(OpenEndCause::Failures).contains("failures reach this percentile"));
        assert!(!open(OpenEndCause::FewSamples).contains("failures"));
    }

    #[test]
    fn changes_read_as_people_say_them() {
        for (ratio, words) in [
            (100.0 / 320.5, "3.21× faster"),
            (0.9, "10 % faster"),
            (1.0, "unchanged"),
            (0.5, "2× faster"),
            (0.501, "49.9 % faster"),
            (1.999, "99.9 % slower"),
            (2.0, "2× slower"),
            (12.34, "12.3× slower"),
            (1.0 / 246.0, "246× faster"),
            (1.0004, "unchanged"),
            (0.95, "5 % faster"),
            (f64::INFINITY, "infinitely slower"),
        ] {
            assert_eq!(speed(ratio), words, "{ratio}");
        }
    }
}
