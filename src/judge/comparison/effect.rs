//! Improved, regressed, within the noise band or inconclusive: what an interval says, given a noise band.

use serde::Serialize;

use super::change_evidence::{ChangeEvidence, ChangeRange, ChangeRanges};
use super::noise::Noise;
use crate::judge::gate::{UnresolvedChange, open_low_end};
use crate::units::serialize_ns_as_ms;

/// Borders closer than this, relatively, count as met: 0.93 lies on the border of a band of 7 %.
const TIE: f64 = 1e-12;

/// What a change amounts to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
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

/// The part of a noise band that no change that fits the data leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoiseBand {
    /// The share of the value before.
    Share,
    /// The duration, and not the share.
    Duration,
}

impl NoiseBand {
    /// `None` where changes outside of both parts fit the data.
    pub(super) fn around(ranges: ChangeRanges, noise: &Noise) -> Option<NoiseBand> {
        let (least, most) = (1.0 - noise.share, 1.0 + noise.share);
        let band_ns = noise.duration.as_nanos() as f64;
        let ChangeRanges {
            ratio,
            difference_ns,
        } = ranges;
        if ratio.lies_within(least * (1.0 - TIE), most * (1.0 + TIE)) {
            Some(NoiseBand::Share)
        } else if difference_ns.lies_within(-band_ns, band_ns) {
            Some(NoiseBand::Duration)
        } else {
            None
        }
    }
}

/// Why a change amounts to its effect; ratios are after divided by before, differences after minus before.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case", tag = "code", content = "values")]
pub enum EffectReason {
    /// There is no interval.
    #[serde(rename = "change_unresolved")]
    Unresolved(UnresolvedChange),
    /// Before, failures stood where the percentile is now.
    FailuresBefore,
    /// After, failures stand where the percentile was.
    FailuresAfter,
    /// Improved: at most this.
    #[serde(rename = "change_at_most")]
    AtMost(
        #[serde(with = "HighEnd")]
        #[cfg_attr(test, schemars(with = "HighEnd"))]
        ChangeBound,
    ),
    /// Regressed: at least this.
    #[serde(rename = "change_at_least")]
    AtLeast(
        #[serde(with = "LowEnd")]
        #[cfg_attr(test, schemars(with = "LowEnd"))]
        ChangeBound,
    ),
    /// No change that fits the data leaves the noise band.
    WithinNoise,
    /// Changes on both sides of the noise band fit the data.
    #[serde(rename = "change_undecided")]
    Undecided(CompatibleRatios),
    /// Without the send lag of this machine the effect would be another.
    #[serde(rename = "change_send_lag")]
    SentLate(CompatibleRatios),
}

/// One end of an interval of a change.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ChangeBound {
    /// After divided by before.
    pub ratio: f64,
    /// After minus before.
    pub difference_ns: f64,
}

/// A bound from above, in JSON.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename = "HighEnd"))]
#[serde(remote = "ChangeBound")]
struct HighEnd {
    #[serde(rename = "ratio_high")]
    ratio: f64,
    #[serde(rename = "difference_high_ms", serialize_with = "serialize_ns_as_ms")]
    difference_ns: f64,
}

/// A bound from below.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename = "LowEnd"))]
#[serde(remote = "ChangeBound")]
struct LowEnd {
    #[serde(rename = "ratio_low")]
    ratio: f64,
    #[serde(rename = "difference_low_ms", serialize_with = "serialize_ns_as_ms")]
    difference_ns: f64,
}

/// The ratios that fit the data, and why an end is open where one is.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct CompatibleRatios {
    /// From 0 to ∞.
    #[serde(flatten, with = "RatioEnds")]
    #[cfg_attr(test, schemars(with = "RatioEnds"))]
    pub ratio: ChangeRange,
    /// What leaves an end open.
    #[serde(skip)]
    pub opened_by: OpenEndCause,
}

/// A range of ratios, in JSON; an open end is `null`.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(remote = "ChangeRange")]
struct RatioEnds {
    #[serde(rename = "ratio_low", serialize_with = "open_low_end")]
    low: f64,
    #[serde(rename = "ratio_high")]
    high: f64,
}

/// Why an end of an interval is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenEndCause {
    /// Some requests did not end ok, and the interval reaches them.
    Failures,
    /// Every request ended ok; the interval reaches beyond the slowest or the fastest.
    FewSamples,
    /// Closed as measured, and open without this machine's send lag.
    SendLag,
}

/// The effect and why. `not_ok` is the number of requests of both sides that did not end ok.
pub(super) fn of(evidence: &ChangeEvidence, not_ok: u64, noise: &Noise) -> (Effect, EffectReason) {
    let opened_by = if not_ok > 0 {
        OpenEndCause::Failures
    } else {
        OpenEndCause::FewSamples
    };
    match *evidence {
        ChangeEvidence::Unresolved(change) => {
            (Effect::Inconclusive, EffectReason::Unresolved(change))
        }
        ChangeEvidence::Interval {
            measured,
            without_lag,
        } => {
            let effect = within(measured, noise);
            if within(without_lag, noise) == effect {
                (effect, reason(effect, measured, opened_by))
            } else {
                let late = late(measured.ratio, without_lag.ratio, opened_by);
                (Effect::Inconclusive, EffectReason::SentLate(late))
            }
        }
    }
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
    } else if NoiseBand::around(ranges, noise).is_some() {
        Effect::WithinNoise
    } else {
        Effect::Inconclusive
    }
}

fn reason(effect: Effect, ranges: ChangeRanges, opened_by: OpenEndCause) -> EffectReason {
    let ChangeRanges {
        ratio,
        difference_ns,
    } = ranges;
    match effect {
        Effect::Improved if ratio.high == 0.0 => EffectReason::FailuresBefore,
        Effect::Regressed if ratio.low.is_infinite() => EffectReason::FailuresAfter,
        Effect::Improved => EffectReason::AtMost(ChangeBound {
            ratio: ratio.high,
            difference_ns: difference_ns.high,
        }),
        Effect::Regressed => EffectReason::AtLeast(ChangeBound {
            ratio: ratio.low,
            difference_ns: difference_ns.low,
        }),
        Effect::WithinNoise => EffectReason::WithinNoise,
        Effect::Inconclusive => EffectReason::Undecided(CompatibleRatios { ratio, opened_by }),
    }
}

/// The changes without this machine's send lag.
fn late(measured: ChangeRange, without_lag: ChangeRange, cause: OpenEndCause) -> CompatibleRatios {
    let opened = (without_lag.low <= 0.0 && measured.low > 0.0)
        || (without_lag.high.is_infinite() && measured.high.is_finite());
    CompatibleRatios {
        ratio: without_lag,
        opened_by: if opened { OpenEndCause::SendLag } else { cause },
    }
}

impl ChangeRange {
    fn lies_within(self, low: f64, high: f64) -> bool {
        self.low >= low && self.high <= high
    }
}

#[cfg(test)]
mod tests {
    use super::super::change_evidence::{ChangeRange, ChangeRanges};
    use super::{Effect, Noise, NoiseBand, OpenEndCause, late, within};

    fn ranges(ratio: (f64, f64), difference_ms: (f64, f64)) -> ChangeRanges {
        let range = |(low, high): (f64, f64), unit: f64| ChangeRange {
            low: low * unit,
            high: high * unit,
        };
        ChangeRanges {
            ratio: range(ratio, 1.0),
            difference_ns: range(difference_ms, 1e6),
        }
    }

    fn effect(ratio: (f64, f64), difference_ms: (f64, f64)) -> Effect {
        within(ranges(ratio, difference_ms), &Noise::default())
    }

    #[test]
    fn the_band_that_holds_a_change_is_its_share_before_its_duration() {
        for (ratio, difference_ms, band) in [
            ((0.96, 1.04), (-40.0, 40.0), Some(NoiseBand::Share)),
            ((0.96, 1.04), (-0.4, 0.4), Some(NoiseBand::Share)),
            ((0.93, 1.04), (-0.1, 0.1), Some(NoiseBand::Duration)),
            ((0.93, 1.04), (-7.0, 4.0), None),
        ] {
            let found = NoiseBand::around(ranges(ratio, difference_ms), &Noise::default());
            assert_eq!(found, band, "{ratio:?} {difference_ms:?}");
        }
    }

    #[test]
    fn an_effect_is_beyond_both_parts_of_the_band() {
        assert_eq!(effect((0.3, 0.4), (-200.0, -150.0)), Effect::Improved);
        assert_eq!(effect((2.0, 3.0), (100.0, 200.0)), Effect::Regressed);
        // 80 % slower, and at most 0.8 ms: too little to notice.
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
        let opened_by = |measured, cause| late(measured, open, cause).opened_by;
        assert_eq!(
            opened_by(closed, OpenEndCause::FewSamples),
            OpenEndCause::SendLag
        );
        for cause in [OpenEndCause::Failures, OpenEndCause::FewSamples] {
            assert_eq!(opened_by(open, cause), cause);
        }
    }

    #[test]
    fn an_open_end_never_decides_on_its_side() {
        let open = f64::INFINITY;
        assert_eq!(effect((0.0, open), (-open, open)), Effect::Inconclusive);
        assert_eq!(effect((1.5, open), (50.0, open)), Effect::Regressed);
        assert_eq!(effect((0.0, 0.5), (-open, -50.0)), Effect::Improved);
        assert_eq!(effect((open, open), (open, open)), Effect::Regressed);
    }
}
