//! The change of a percentile over pairs of blocks, and which of two intervals counts.

use super::change_evidence::{ChangeEvidence, ChangeRange, ChangeRanges};
use super::order::{Edge, Orders};
use super::pair::Pair;

use serde::Serialize;

use crate::judge::summary::CONFIDENCE;
use crate::stats::paired::{self, PairedError, PairedMean};
use crate::stats::rank::Quantile;

/// Both intervals of a change between interleaved sides. The profile interval takes requests as independent; the paired
/// one takes blocks as independent, so it is the wider where whole blocks differ by more than their requests do.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CandidateIntervals {
    profile: Both,
    paired: Result<Both, NoPairs>,
}

/// The changes that are compatible with the data, as measured and without this machine's own delay.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Both {
    measured: ChangeRanges,
    without_lag: ChangeRanges,
}

/// Which interval is the evidence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum IntervalMethod {
    /// Of the profile likelihood, over all requests.
    Profile,
    /// Student's t over the pairs of blocks.
    Paired,
}

/// Why there is no paired interval.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoPairs {
    /// Fewer pairs than an interval takes.
    TooFew {
        /// How many there are.
        pairs: u64,
    },
    /// In some block the percentile is the maximum, which is another thing.
    ShortBlocks {
        /// The number of requests that a block needs.
        requests_needed: u64,
    },
}

impl CandidateIntervals {
    /// `None` where the whole sides do not resolve the percentile: then blocks do not either.
    pub(super) fn of(
        profile: ChangeEvidence,
        blocks: &[Pair<Orders>],
        quantile: Quantile,
    ) -> Option<CandidateIntervals> {
        let ChangeEvidence::Interval {
            measured,
            without_lag,
        } = profile
        else {
            return None;
        };
        Some(CandidateIntervals {
            profile: Both {
                measured,
                without_lag,
            },
            paired: paired(blocks, quantile),
        })
    }

    /// Which one is the wider, by its ratio.
    pub fn chosen(&self) -> IntervalMethod {
        match self.paired {
            Ok(paired)
                if paired
                    .measured
                    .ratio
                    .is_wider_than(self.profile.measured.ratio) =>
            {
                IntervalMethod::Paired
            }
            _ => IntervalMethod::Profile,
        }
    }

    /// The interval over all requests.
    pub fn profile(&self) -> ChangeRanges {
        self.profile.measured
    }

    /// The interval over the pairs of blocks, or why there is none.
    ///
    /// # Errors
    /// [`NoPairs`] says what is missing, such as the number of complete pairs.
    pub fn paired(&self) -> Result<ChangeRanges, NoPairs> {
        self.paired.map(|paired| paired.measured)
    }

    pub(super) fn evidence(&self) -> ChangeEvidence {
        let chosen = match (self.chosen(), self.paired) {
            (IntervalMethod::Paired, Ok(paired)) => paired,
            _ => self.profile,
        };
        ChangeEvidence::Interval {
            measured: chosen.measured,
            without_lag: chosen.without_lag,
        }
    }
}

impl ChangeRange {
    /// As ratios: what doubles is as far away as what halves. Of two without bounds, neither.
    fn is_wider_than(self, other: ChangeRange) -> bool {
        let width = |range: ChangeRange| {
            if range.low == range.high {
                0.0
            } else {
                range.high.ln() - range.low.ln()
            }
        };
        width(self) > width(other)
    }
}

/// Whether there is an interval over pairs, which allows for every dependence within a block.
pub(super) fn has_interval(blocks: &[Pair<Orders>], quantile: Quantile) -> bool {
    let mut sides = blocks.iter().flat_map(|pair| [&pair.before, &pair.after]);
    blocks.len() >= paired::MIN_PAIRS && !sides.any(|side| is_maximum(side, quantile))
}

fn paired(blocks: &[Pair<Orders>], quantile: Quantile) -> Result<Both, NoPairs> {
    if blocks.len() < paired::MIN_PAIRS {
        return Err(NoPairs::TooFew {
            pairs: blocks.len() as u64,
        });
    }
    let sides = blocks.iter().flat_map(|pair| [&pair.before, &pair.after]);
    if sides.into_iter().any(|side| is_maximum(side, quantile)) {
        return Err(NoPairs::ShortBlocks {
            requests_needed: below_the_maximum_from(quantile),
        });
    }
    Ok(Both {
        measured: ranges(blocks, quantile, Orders::lowest),
        without_lag: ranges(blocks, quantile, Orders::lowest_without_lag),
    })
}

fn is_maximum(side: &Orders, quantile: Quantile) -> bool {
    side.planned() < below_the_maximum_from(quantile)
}

/// The fewest requests whose percentile is not the slowest of them: n − ⌈n·q⌉ ≥ 1.
fn below_the_maximum_from(quantile: Quantile) -> u64 {
    let guess = (1.0 / quantile.exceedance()).floor() as u64;
    let is_below = |n: &u64| quantile.rank(*n) < *n;
    (guess.saturating_sub(1)..).find(is_below).unwrap_or(guess)
}

/// At the far edges of the buckets, as the profile interval: the low ends of what is lowest after and highest before.
fn ranges(
    blocks: &[Pair<Orders>],
    quantile: Quantile,
    lowest: for<'a> fn(&'a Orders) -> Edge<'a>,
) -> ChangeRanges {
    let at = |edge: Edge<'_>| edge.percentile(quantile);
    let pairs = |of: &dyn Fn(&Pair<Orders>) -> (f64, f64)| -> Vec<(f64, f64)> {
        blocks.iter().map(of).collect()
    };
    let low = pairs(&|pair| (at(pair.before.highest()), at(lowest(&pair.after))));
    let high = pairs(&|pair| (at(lowest(&pair.before)), at(pair.after.highest())));
    ChangeRanges {
        ratio: ChangeRange {
            low: end(paired::ratio(&low, CONFIDENCE), |mean| mean.low, 0.0),
            high: end(
                paired::ratio(&high, CONFIDENCE),
                |mean| mean.high,
                f64::INFINITY,
            ),
        },
        difference_ns: ChangeRange {
            low: end(
                paired::difference(&low, CONFIDENCE),
                |mean| mean.low,
                f64::NEG_INFINITY,
            ),
            high: end(
                paired::difference(&high, CONFIDENCE),
                |mean| mean.high,
                f64::INFINITY,
            ),
        },
    }
}

/// Where both blocks of a pair fail, or one took no time at all, nothing bounds the change.
fn end(found: Result<PairedMean, PairedError>, end: fn(&PairedMean) -> f64, open: f64) -> f64 {
    found.as_ref().map_or(open, end)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::{Effect, Noise, Pair, Side, compare_in_turns, whole};
    use super::{IntervalMethod, NoPairs, below_the_maximum_from};
    use crate::judge::comparison::Change;
    use crate::run::recording::Recording;
    use crate::stats::rank::Quantile;

    /// A block of 100 requests, evenly from `from_ms` to twice that; `failed` of them do not end ok.
    fn block(from_ms: f64, failed: usize) -> Recording {
        let latency = |i: usize| Duration::from_secs_f64(from_ms * (1.0 + i as f64 / 99.0) / 1e3);
        let latencies: Vec<_> = (0..100)
            .map(|i| (i >= failed).then(|| latency(i)))
            .collect();
        Recording::from_latencies(&latencies, &[])
    }

    fn change(pairs: &[(Recording, Recording)], quantile: Quantile) -> Change {
        let whole = Pair {
            before: whole(
                pairs.iter().map(|(before, _)| before),
                Duration::from_secs(5),
            ),
            after: whole(pairs.iter().map(|(_, after)| after), Duration::from_secs(5)),
        };
        let side = |recording| Side {
            recording,
            timeout: None,
            // The values ascend, which is not a time order.
            guard: crate::run::plan::Guard::Iid,
        };
        let sides = Pair {
            before: side(whole.before.as_ref().unwrap()),
            after: side(whole.after.as_ref().unwrap()),
        };
        let pairs: Vec<Pair<&Recording>> = pairs
            .iter()
            .map(|(before, after)| Pair { before, after })
            .collect();
        let mut comparison =
            compare_in_turns("health", sides, &pairs, &[quantile], &Noise::default());
        comparison.changes.remove(0)
    }

    #[test]
    fn blocks_alike_leave_the_profile_interval_and_blocks_apart_the_paired_one() {
        let alike: Vec<_> = (0..6).map(|_| (block(100.0, 0), block(50.0, 0))).collect();
        let found = change(&alike, Quantile::P50);
        assert_eq!(found.candidates.unwrap().chosen(), IntervalMethod::Profile);
        assert_eq!(found.effect, Effect::Improved);
        let apart: Vec<_> = [20.0, 200.0, 30.0, 150.0, 100.0, 60.0]
            .map(|after| (block(100.0, 0), block(after, 0)))
            .into();
        let found = change(&apart, Quantile::P50);
        let candidates = found.candidates.unwrap();
        assert_eq!(candidates.chosen(), IntervalMethod::Paired);
        assert_eq!(
            found.ratio_interval(),
            candidates.paired().ok().map(|p| p.ratio)
        );
        // Logarithms of 0.2, 2, 0.3, 1.5, 1, 0.6: mean −0.37094, variance 0.82404; ± 2.5706·√(0.82404/6).
        let ratio = found.ratio_interval().unwrap();
        let expected = [-0.37094_f64 - 0.95264, -0.37094 + 0.95264].map(f64::exp);
        assert!((ratio.low / expected[0] - 1.0).abs() < 1e-3, "{ratio:?}");
        assert!((ratio.high / expected[1] - 1.0).abs() < 1e-3, "{ratio:?}");
        assert_eq!(found.effect, Effect::Inconclusive);
    }

    #[test]
    fn a_block_that_fails_leaves_the_change_open_and_all_of_them_decide_it() {
        let failing = |k: usize| -> Vec<_> {
            let failed = |i| if i < k { 100 } else { 0 };
            (0..6)
                .map(|i| (block(100.0, 0), block(100.0, failed(i))))
                .collect()
        };
        // One failing block leaves the median of all requests a number, with a narrow profile interval.
        let found = change(&failing(1), Quantile::P50);
        assert!(found.candidates.unwrap().profile().ratio.high.is_finite());
        assert_eq!(found.candidates.unwrap().chosen(), IntervalMethod::Paired);
        assert_eq!(found.effect, Effect::Inconclusive);
        assert_eq!(change(&failing(6), Quantile::P50).effect, Effect::Regressed);
        let both: Vec<_> = (0..6).map(|_| (block(1.0, 100), block(1.0, 100))).collect();
        assert_eq!(change(&both, Quantile::P50).effect, Effect::Inconclusive);
    }

    #[test]
    fn few_pairs_and_short_blocks_say_why_there_is_no_paired_interval() {
        let few: Vec<_> = (0..5).map(|_| (block(100.0, 0), block(50.0, 0))).collect();
        let found = change(&few, Quantile::P50).candidates.unwrap();
        assert_eq!(found.paired(), Err(NoPairs::TooFew { pairs: 5 }));
        assert_eq!(found.chosen(), IntervalMethod::Profile);
        let short: Vec<_> = (0..6).map(|_| (block(100.0, 0), block(50.0, 0))).collect();
        let found = change(&short, "p99.5".parse().unwrap());
        assert!(
            found.candidates.is_none(),
            "600 requests do not resolve a P99.5"
        );
        assert_eq!(below_the_maximum_from(Quantile::P99), 100);
        assert_eq!(below_the_maximum_from(Quantile::P95), 20);
        assert_eq!(below_the_maximum_from(Quantile::P50), 2);
        assert_eq!(below_the_maximum_from(Quantile::P999), 1000);
    }
}
