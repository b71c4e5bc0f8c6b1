//! Improved, regressed, within noise or inconclusive: what an interval says, given a noise band.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;

use super::{ChangeEvidence, ChangeRange, ChangeRanges, Dependence, Noise, Pair};
use crate::stats::rank::Quantile;
use crate::units::{Pretty, grouped, trimmed};

/// Borders closer than this, relatively, count as met: 0.93 lies on the border of a band of 7 %.
const TIE: f64 = 1e-12;

/// What a change amounts to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// Every change that fits the data is a reduction beyond the noise band.
    Improved,
    /// Every change that fits the data is a growth beyond the noise band.
    Regressed,
    /// No change that fits the data leaves the noise band.
    WithinNoise,
    /// The data do not decide.
    Inconclusive,
}

impl Effect {
    /// As tables say it.
    pub fn as_str(self) -> &'static str {
        match self {
            Effect::Improved => "improved",
            Effect::Regressed => "regressed",
            Effect::WithinNoise => "within noise",
            Effect::Inconclusive => "inconclusive",
        }
    }
}

/// What the evidence was found in.
pub(super) struct Basis {
    pub(super) quantile: Quantile,
    pub(super) planned: Pair<u64>,
    pub(super) dependence: Pair<Dependence>,
    /// Requests of both sides that did not end ok.
    pub(super) not_ok: u64,
}

/// The effect and why, in one sentence.
pub(super) fn of(evidence: &ChangeEvidence, basis: &Basis, noise: &Noise) -> (Effect, String) {
    let cause = Cause::of(basis);
    let (measured, without_lag) = match *evidence {
        ChangeEvidence::Interval {
            measured,
            without_lag,
        } => (measured, without_lag),
        ChangeEvidence::Unresolved { samples_needed } => {
            let reason = unresolved(
                basis.quantile,
                basis.planned,
                basis.dependence,
                samples_needed,
            );
            return (Effect::Inconclusive, reason);
        }
    };
    let effect = within(measured, noise);
    match within(without_lag, noise) == effect {
        true => (effect, reason(effect, measured, noise, cause)),
        false => {
            let late = late(measured.ratio, without_lag.ratio, cause);
            (
                Effect::Inconclusive,
                format!("{late}; the noise band is {noise}"),
            )
        }
    }
}

/// Why there is no interval.
pub(super) fn unresolved(
    quantile: Quantile,
    planned: Pair<u64>,
    dependence: Pair<Dependence>,
    samples_needed: u64,
) -> String {
    let both = |counts: Pair<u64>| match counts.before == counts.after {
        true => grouped(counts.after),
        false => format!("{} and {}", grouped(counts.before), grouped(counts.after)),
    };
    let samples = both(planned);
    let worth = Pair {
        before: dependence.before.worth(planned.before),
        after: dependence.after.worth(planned.after),
    };
    let bursts = match worth == planned {
        true => String::new(),
        false => format!(
            " that come in bursts and are worth {} independent ones",
            both(worth)
        ),
    };
    format!(
        "cannot be resolved with {samples} samples{bursts}: {quantile} takes {} on each side",
        grouped(samples_needed)
    )
}

/// A change is beyond the band only if both its share and its duration are.
fn within(ranges: ChangeRanges, noise: &Noise) -> Effect {
    let ChangeRanges {
        ratio,
        difference_ns,
    } = ranges;
    let (least, most) = (1.0 - noise.share, 1.0 + noise.share);
    let band_ns = noise.duration.as_nanos() as f64;
    if ratio.high < least * (1.0 - TIE) && difference_ns.high < -band_ns {
        Effect::Improved
    } else if ratio.low > most * (1.0 + TIE) && difference_ns.low > band_ns {
        Effect::Regressed
    } else if ratio.lies_within(least * (1.0 - TIE), most * (1.0 + TIE))
        || difference_ns.lies_within(-band_ns, band_ns)
    {
        Effect::WithinNoise
    } else {
        Effect::Inconclusive
    }
}

fn reason(effect: Effect, ranges: ChangeRanges, noise: &Noise, cause: Cause) -> String {
    let ChangeRanges {
        ratio,
        difference_ns,
    } = ranges;
    match effect {
        Effect::Improved if ratio.high == 0.0 => {
            "before, failures stood where this percentile is now".to_owned()
        }
        Effect::Regressed if ratio.low.is_infinite() => {
            "after, failures stand where this percentile was".to_owned()
        }
        Effect::Improved => format!(
            "at least {} ({})",
            speed(ratio.high),
            signed(difference_ns.high)
        ),
        Effect::Regressed => format!(
            "at least {} ({})",
            speed(ratio.low),
            signed(difference_ns.low)
        ),
        Effect::WithinNoise => {
            format!("no change that fits the data leaves the noise band of {noise}")
        }
        Effect::Inconclusive => format!("{}; the noise band is {noise}", span(ratio, cause)),
    }
}

/// Why an end of an interval is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cause {
    /// Some requests did not end ok, and the interval reaches them.
    Failures,
    /// Every request ended ok; the interval reaches beyond the slowest or the fastest.
    FewSamples,
    /// Closed as measured, and open without this machine's send lag.
    Lag,
}

impl Cause {
    fn of(basis: &Basis) -> Cause {
        match basis.not_ok > 0 {
            true => Cause::Failures,
            false => Cause::FewSamples,
        }
    }

    fn as_str(self) -> &'static str {
        match self {
            Cause::Failures => "failures reach this percentile",
            Cause::FewSamples => "the samples are too few to bound this percentile",
            Cause::Lag => "the send lag of this machine leaves this percentile open",
        }
    }
}

/// What the changes would be had this machine sent on time.
fn late(measured: ChangeRange, without_lag: ChangeRange, cause: Cause) -> String {
    let opened = (without_lag.low <= 0.0 && measured.low > 0.0)
        || (without_lag.high.is_infinite() && measured.high.is_finite());
    let cause = if opened { Cause::Lag } else { cause };
    format!(
        "this machine sent late; without its own delay {}",
        span(without_lag, cause)
    )
}

/// Which changes fit the data.
fn span(ratio: ChangeRange, cause: Cause) -> String {
    let (low, high) = (speed(ratio.low), speed(ratio.high));
    let because = cause.as_str();
    match (ratio.low > 0.0, ratio.high.is_finite()) {
        (true, true) => format!("everything from {low} to {high} fits the data"),
        (true, false) => format!("everything from {low} on fits the data, because {because}"),
        (false, true) => format!("everything up to {high} fits the data, because {because}"),
        (false, false) => format!("{because}, so that nothing bounds the change"),
    }
}

/// A ratio after/before in words: `3.21× faster` from 2× on, percent below.
///
/// ```
/// use a7probe::judge::comparison::speed;
/// assert_eq!(speed(100.0 / 320.5), "3.21× faster");
/// assert_eq!(speed(0.9), "10 % faster");
/// assert_eq!(speed(2.0), "2× slower");
/// assert_eq!(speed(1.0), "unchanged");
/// ```
pub fn speed(ratio: f64) -> String {
    if ratio == 0.0 {
        return "infinitely faster".to_owned();
    }
    if ratio.is_infinite() {
        return "infinitely slower".to_owned();
    }
    let (times, word) = match ratio < 1.0 {
        true => (1.0 / ratio, "faster"),
        false => (ratio, "slower"),
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

impl ChangeRange {
    fn lies_within(self, low: f64, high: f64) -> bool {
        self.low >= low && self.high <= high
    }
}

#[cfg(test)]
mod tests {
    use super::{Cause, ChangeRange, ChangeRanges, Effect, Noise, late, speed, within};

    fn effect(ratio: (f64, f64), difference_ms: (f64, f64)) -> Effect {
        let range = |(low, high): (f64, f64), unit: f64| ChangeRange {
            low: low * unit,
            high: high * unit,
        };
        let ranges = ChangeRanges {
            ratio: range(ratio, 1.0),
            difference_ns: range(difference_ms, 1e6),
        };
        within(ranges, &Noise::default())
    }

    #[test]
    fn an_effect_is_beyond_both_parts_of_the_band() {
        assert_eq!(effect((0.3, 0.4), (-200.0, -150.0)), Effect::Improved);
        assert_eq!(effect((2.0, 3.0), (100.0, 200.0)), Effect::Regressed);
        // 80 % slower, and at most 0.8 ms: nobody feels it.
        assert_eq!(effect((1.5, 1.8), (0.5, 0.8)), Effect::WithinNoise);
        // 20 ms more, and at most 4 %.
        assert_eq!(effect((1.02, 1.04), (10.0, 20.0)), Effect::WithinNoise);
        // Surely faster, perhaps by no more than noise.
        assert_eq!(effect((0.90, 0.97), (-20.0, -6.0)), Effect::Inconclusive);
        assert_eq!(effect((0.5, 1.5), (-50.0, 50.0)), Effect::Inconclusive);
        // Surely slower than the share, perhaps not by the duration.
        assert_eq!(effect((1.2, 1.9), (0.5, 2.0)), Effect::Inconclusive);
    }

    #[test]
    fn the_border_of_the_band_belongs_to_it() {
        assert_eq!(effect((0.95, 1.05), (-50.0, 50.0)), Effect::WithinNoise);
        assert_eq!(effect((0.8, 0.95), (-50.0, -20.0)), Effect::Inconclusive);
        assert_eq!(effect((0.5, 2.0), (-1.0, 1.0)), Effect::WithinNoise);
        assert_eq!(effect((0.5, 0.6), (-2.0, -1.0)), Effect::Inconclusive);
        let narrow = Noise {
            share: 0.07,
            ..Noise::default()
        };
        let on_the_border = ChangeRanges {
            ratio: ChangeRange {
                low: 0.8,
                high: 93.0 / 100.0,
            },
            difference_ns: ChangeRange {
                low: -9e9,
                high: -8e9,
            },
        };
        assert_eq!(within(on_the_border, &narrow), Effect::Inconclusive);
    }

    #[test]
    fn an_end_that_only_the_send_lag_opens_is_not_laid_to_failures() {
        let range = |low, high| ChangeRange { low, high };
        let (closed, open) = (range(0.9, 1.1), range(0.0, f64::INFINITY));
        let lag = late(closed, open, Cause::FewSamples);
        assert!(lag.ends_with("the send lag of this machine leaves this percentile open, so that nothing bounds the change"), "{lag}");
        let failures = late(open, open, Cause::Failures);
        assert!(
            failures.contains("failures reach this percentile"),
            "{failures}"
        );
        assert!(!late(open, open, Cause::FewSamples).contains("failures"));
    }

    #[test]
    fn an_open_end_never_decides_on_its_side() {
        let open = f64::INFINITY;
        assert_eq!(effect((0.0, open), (-open, open)), Effect::Inconclusive);
        assert_eq!(effect((1.5, open), (50.0, open)), Effect::Regressed);
        assert_eq!(effect((0.0, 0.5), (-open, -50.0)), Effect::Improved);
        assert_eq!(effect((open, open), (open, open)), Effect::Regressed);
    }

    #[test]
    fn changes_read_as_people_say_them() {
        for (ratio, words) in [
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
