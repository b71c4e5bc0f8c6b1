//! Ratio and difference of one percentile in two samples, by profile binomial likelihood.
//!
//! That the q-quantile of a population lies between the order statistics X(i) and X(i+1) of a sample of
//! n has the likelihood of i out of n below it, so twice its log-likelihood ratio is `D_n(i) = 2n·KL(i/n
//! ‖ q)` (Miller, arXiv 2401.10233). Two samples are independent, so their deviances add, and every pair
//! of cells with `D_n(i) + D_m(j) ≤ χ` is compatible with the data. The interval is the range of the
//! ratio, or of the difference, over these pairs:
//!
//! ```text
//! j± = max/min { j : D_m(j) ≤ χ − D_n(i) }
//! ratio_hi = max_i B(j⁺+1)/A(i)      ratio_lo = min_i B(j⁻)/A(i+1)
//! diff_hi  = max_i B(j⁺+1) − A(i)    diff_lo  = min_i B(j⁻) − A(i+1)
//! ```
//!
//! with A before, B after, X(0) = 0 as the least possible latency in a ratio and −∞ in a difference,
//! X(n+1) = +∞. A sample whose slow values come in spells is worth n/φ independent ones ([`super::dependence`]), so
//! each side's deviance is divided by that side's φ: `D_n(i)/φ + D_m(j)/φ' ≤ χ`. Deterministic, no resampling, and it does not care how the values are distributed.

use statrs::distribution::{ContinuousCDF, Normal};

use super::deviance::deviance;
use super::rank::Quantile;
use super::search::{first_where, last_where};
use crate::verdict::Verdict;

/// χ: the 95 % point of the chi-square distribution with one degree of freedom.
pub const CUT_95: f64 = 3.841_458_820_694_124;

/// Ratios closer than this, relatively, count as equal: 96.15 of 320.5 is a reduction of 70 %.
const TIE: f64 = 1e-12;

/// A sorted sample: sorted values, or a histogram that can tell the value at a rank.
pub trait OrderStatistics {
    /// The number of values, failures included.
    fn count(&self) -> u64;

    /// The value at `rank` in ascending order, `1 ..= count`; failures are +∞ at the top. Never negative.
    fn value(&self, rank: u64) -> f64;

    /// φ, the number of values that count as one independent value; at least 1.
    fn design_effect(&self) -> f64 {
        1.0
    }
}

impl OrderStatistics for [f64] {
    fn count(&self) -> u64 {
        self.len() as u64
    }

    fn value(&self, rank: u64) -> f64 {
        self[rank as usize - 1]
    }
}

/// One end of an interval and the two order statistics that make it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct IntervalEnd {
    /// The ratio or difference; ±∞ (or 0 for a ratio) where the samples do not bound it.
    pub value: f64,
    /// Rank in the sample before; 0 and count + 1 stand for the open ends.
    pub before_rank: u64,
    /// Rank in the sample after; 0 and count + 1 stand for the open ends.
    pub after_rank: u64,
}

/// A range of after/before ratios or after − before differences that the data allow.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ChangeInterval {
    /// The smallest.
    pub low: IntervalEnd,
    /// The largest.
    pub high: IntervalEnd,
}

/// What two samples say about the change of one percentile.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct QuantileChange {
    /// After divided by before: 0.3 is a reduction of 70 %.
    pub ratio: ChangeInterval,
    /// After minus before, in the unit of the values.
    pub difference: ChangeInterval,
}

/// The intervals of the change of percentile `q` from `before` to `after`, at the likelihood-ratio cut
/// `cut` ([`CUT_95`] or [`cut`]). `None` if a sample is empty, or no pair of cells is within the cut.
///
/// Compare with [`min_samples`] first: with fewer samples the ends are infinite. Ranks in the result tell
/// which order statistics set the ends; of several equal ones, the first.
///
/// Cost: a value lookup on each side for each rank in the band, about `4·√(n·q·(1−q))` ranks.
///
/// ```
/// use a7probe::stats::profile::{CUT_95, change};
/// use a7probe::stats::rank::Quantile;
///
/// // 100 latencies from 201 to 300 ms before, 100 ms less after.
/// let before: Vec<f64> = (201..=300).map(f64::from).collect();
/// let after: Vec<f64> = before.iter().map(|ms| ms - 100.0).collect();
/// let p95: Quantile = "P95".parse().unwrap();
/// let change = change(&before[..], &after[..], p95, CUT_95).unwrap();
/// assert_eq!((change.difference.low.value, change.difference.high.value), (-107.0, -93.0));
/// assert!(change.ratio.low.value > 0.64 && change.ratio.high.value < 0.69);
/// ```
pub fn change<B, A>(before: &B, after: &A, q: Quantile, cut: f64) -> Option<QuantileChange>
where
    B: OrderStatistics + ?Sized,
    A: OrderStatistics + ?Sized,
{
    let (worth, worth_after) = (before.design_effect(), after.design_effect());
    let band = Band::new(before.count(), q, cut * worth)?;
    let mut found: Option<QuantileChange> = None;
    for i in band.low..=band.high {
        let left = cut - deviance_of(before.count(), q, i) / worth;
        let Some(cells) = Band::new(after.count(), q, left * worth_after) else {
            continue;
        };
        let (ratio_low, difference_low) =
            compare(before, i + 1, after, cells.low, UndefinedChange::LOWEST);
        let (ratio_high, difference_high) =
            compare(before, i, after, cells.high + 1, UndefinedChange::HIGHEST);
        let next = QuantileChange {
            ratio: ChangeInterval {
                low: ratio_low,
                high: ratio_high,
            },
            difference: ChangeInterval {
                low: difference_low,
                high: difference_high,
            },
        };
        found = Some(found.map_or(next, |widest| widest.widened(next)));
    }
    found
}

/// What a ratio and a difference count as where they are undefined (0/0, ∞/∞, ∞ − ∞).
struct UndefinedChange {
    ratio: f64,
    difference: f64,
}

impl UndefinedChange {
    const LOWEST: UndefinedChange = UndefinedChange {
        ratio: 0.0,
        difference: f64::NEG_INFINITY,
    };
    const HIGHEST: UndefinedChange = UndefinedChange {
        ratio: f64::INFINITY,
        difference: f64::INFINITY,
    };
}

/// Ratio and difference of two order statistics.
fn compare<B, A>(
    before: &B,
    before_rank: u64,
    after: &A,
    after_rank: u64,
    undefined: UndefinedChange,
) -> (IntervalEnd, IntervalEnd)
where
    B: OrderStatistics + ?Sized,
    A: OrderStatistics + ?Sized,
{
    let (a, b) = (value_at(before, before_rank), value_at(after, after_rank));
    let end = |value: f64, undefined| IntervalEnd {
        value: if value.is_nan() { undefined } else { value },
        before_rank,
        after_rank,
    };
    (
        end(b.max(0.0) / a.max(0.0), undefined.ratio),
        end(b - a, undefined.difference),
    )
}

/// X(rank), with X(0) = −∞ and X(n+1) = +∞.
fn value_at<S: OrderStatistics + ?Sized>(sample: &S, rank: u64) -> f64 {
    match rank {
        0 => f64::NEG_INFINITY,
        rank if rank > sample.count() => f64::INFINITY,
        rank => sample.value(rank),
    }
}

/// `D_n(i) = 2n·KL(i/n ‖ q)`: twice the log-likelihood ratio of "i of n values lie below the quantile".
fn deviance_of(n: u64, q: Quantile, i: u64) -> f64 {
    let size = n as f64;
    2.0 * (deviance(i as f64, size * q.as_f64()) + deviance((n - i) as f64, size * q.exceedance()))
}

/// The lowest and the highest rank i with `D_n(i) ≤ cut`.
pub(super) fn band(n: u64, q: Quantile, cut: f64) -> Option<(u64, u64)> {
    Band::new(n, q, cut).map(|band| (band.low, band.high))
}

/// The ranks i with `D_n(i) ≤ cut`: one run of integers, because D is convex.
struct Band {
    low: u64,
    high: u64,
}

impl Band {
    /// `None` if no rank is inside the cut, or there are no samples.
    fn new(n: u64, q: Quantile, cut: f64) -> Option<Band> {
        if n == 0 {
            return None;
        }
        let inside = |i: u64| deviance_of(n, q, i) <= cut;
        let above = q.rank(n);
        let centre = [above, above - 1].into_iter().find(|&i| inside(i))?;
        Some(Band {
            low: first_where(0..=centre, inside)?,
            high: last_where(centre..=n, inside)?,
        })
    }
}

/// The likelihood-ratio cut for a confidence level: the chi-square quantile with one degree
/// of freedom (Wilks), which is the square of a normal one.
///
/// # Panics
/// If `confidence` is not inside (0, 1).
pub fn cut(confidence: f64) -> f64 {
    assert!(
        confidence > 0.0 && confidence < 1.0,
        "confidence must be inside (0, 1): {confidence}"
    );
    Normal::standard()
        .inverse_cdf(0.5 + confidence / 2.0)
        .powi(2)
}

/// The fewest samples on each side for which the interval of the ratio is bounded whatever the other
/// side is: ranks 0 and n are outside the cut. A report asks for more,
/// [`super::rank::min_samples_for_interval`].
pub fn min_samples(q: Quantile, cut: f64) -> u64 {
    let larger = q.as_f64().max(q.exceedance());
    (cut / (-2.0 * larger.ln())).floor() as u64 + 1
}

/// `1 − after/before`: 0.7 means that 70 % of the latency is gone.
pub fn reduction(before: f64, after: f64) -> f64 {
    1.0 - after / before
}

/// Judges "reduction ≥ `required`" (0.7 for 70 %) by the interval of after/before:
/// PASS if all of it is at most `1 − required`, FAIL if all of it is above, else INCONCLUSIVE.
pub fn judge_reduction(ratio_low: f64, ratio_high: f64, required: f64) -> Verdict {
    let limit = (1.0 - required) * (1.0 + TIE);
    if ratio_high <= limit {
        Verdict::Pass
    } else if ratio_low > limit {
        Verdict::Fail
    } else {
        Verdict::Inconclusive
    }
}

/// Whether a ratio after/before is a growth of at most `share` (0.1 for 10 %).
pub fn within_growth(ratio: f64, share: f64) -> bool {
    ratio <= (1.0 + share) * (1.0 + TIE)
}

impl QuantileChange {
    fn widened(self, other: QuantileChange) -> QuantileChange {
        QuantileChange {
            ratio: self.ratio.widened(other.ratio),
            difference: self.difference.widened(other.difference),
        }
    }
}

impl ChangeInterval {
    fn widened(self, other: ChangeInterval) -> ChangeInterval {
        ChangeInterval {
            low: if other.low.value < self.low.value {
                other.low
            } else {
                self.low
            },
            high: if other.high.value > self.high.value {
                other.high
            } else {
                self.high
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{Strategy, prop, proptest};

    use super::{
        CUT_95, OrderStatistics, QuantileChange, change, cut, judge_reduction, min_samples,
        value_at,
    };
    use crate::stats::rank::Quantile;
    use crate::verdict::Verdict;

    const INF: f64 = f64::INFINITY;

    fn ends(change: QuantileChange) -> [f64; 4] {
        let (ratio, difference) = (change.ratio, change.difference);
        [
            ratio.low.value,
            ratio.high.value,
            difference.low.value,
            difference.high.value,
        ]
    }

    /// The definition, over every pair of cells, with the likelihood written out.
    fn by_definition(before: &[f64], after: &[f64], q: f64) -> [f64; 4] {
        let likelihood_ratio = |n: usize, i: usize| {
            let term = |k: usize, p: f64| {
                if k == 0 {
                    0.0
                } else {
                    k as f64 * (k as f64 / n as f64 / p).ln()
                }
            };
            2.0 * (term(i, q) + term(n - i, 1.0 - q))
        };
        let mut found = [INF, 0.0, INF, -INF];
        for i in 0..=before.len() {
            for j in 0..=after.len() {
                if likelihood_ratio(before.len(), i) + likelihood_ratio(after.len(), j) > CUT_95 {
                    continue;
                }
                let at = |sample, rank: usize| value_at(sample, rank as u64);
                let (a, a_next) = (at(before, i), at(before, i + 1));
                let (b, b_next) = (at(after, j), at(after, j + 1));
                let or = |value: f64, open: f64| if value.is_nan() { open } else { value };
                found[0] = found[0].min(or(b.max(0.0) / a_next.max(0.0), 0.0));
                found[1] = found[1].max(or(b_next.max(0.0) / a.max(0.0), INF));
                found[2] = found[2].min(or(b - a_next, -INF));
                found[3] = found[3].max(or(b_next - a, INF));
            }
        }
        found
    }

    fn sorted_sample() -> impl Strategy<Value = Vec<f64>> {
        let value = proptest::prop_oneof![9 => (0_u32..500).prop_map(f64::from), 1 => proptest::prelude::Just(INF)];
        prop::collection::vec(value, 1..150).prop_map(|mut values| {
            values.sort_by(f64::total_cmp);
            values
        })
    }

    proptest! {
        #[test]
        fn the_narrow_band_finds_what_all_pairs_find(before in sorted_sample(), after in sorted_sample()) {
            for q in [Quantile::P50, Quantile::P90, Quantile::P99] {
                // Without a compatible pair of cells there is no interval; the definition then stays empty.
                let expected = by_definition(&before, &after, q.as_f64());
                let found = change(before.as_slice(), after.as_slice(), q, CUT_95).map_or([INF, 0.0, INF, -INF], ends);
                proptest::prop_assert_eq!(found, expected);
            }
        }
    }

    /// A million failures above nine million equal latencies, without holding them.
    struct MostlyOk;

    impl OrderStatistics for MostlyOk {
        fn count(&self) -> u64 {
            10_000_000
        }

        fn value(&self, rank: u64) -> f64 {
            if rank <= 9_000_000 { 100.0 } else { INF }
        }
    }

    #[test]
    fn failures_are_infinite_at_the_top_ranks() {
        let median = change(&MostlyOk, &MostlyOk, Quantile::P50, CUT_95).expect("samples");
        assert_eq!(ends(median), [1.0, 1.0, 0.0, 0.0]);
        let p95 = change(&MostlyOk, &MostlyOk, Quantile::P95, CUT_95).expect("samples");
        assert_eq!(ends(p95), [0.0, INF, -INF, INF]);
    }

    #[test]
    fn a_percentile_that_only_fails_after_is_infinitely_worse() {
        let before: Vec<f64> = (1..=1000).map(f64::from).collect();
        let after: Vec<f64> = (1..=1000)
            .map(|i| if i <= 900 { f64::from(i) } else { INF })
            .collect();
        let p95 =
            change(before.as_slice(), after.as_slice(), Quantile::P95, CUT_95).expect("samples");
        assert_eq!(ends(p95), [INF, INF, INF, INF]);
        let back =
            change(after.as_slice(), before.as_slice(), Quantile::P95, CUT_95).expect("samples");
        assert_eq!(ends(back), [0.0, 0.0, -INF, -INF]);
    }

    #[test]
    fn an_empty_sample_has_no_interval() {
        assert_eq!(
            change([].as_slice(), [1.0].as_slice(), Quantile::P50, CUT_95),
            None
        );
        assert_eq!(
            change([1.0].as_slice(), [].as_slice(), Quantile::P50, CUT_95),
            None
        );
    }

    #[test]
    fn the_ratio_is_bounded_from_the_smallest_sufficient_sample_on() {
        // The other side is one where rank/n can equal q, so that it does not reduce the cut.
        let sample = |n: u64| (1..=n).map(|i| i as f64).collect::<Vec<f64>>();
        let bounded = |n: u64, q| {
            let [low, _, _, _] = ends(
                change(sample(n).as_slice(), sample(1000).as_slice(), q, CUT_95).expect("samples"),
            );
            let [_, high, _, _] = ends(
                change(sample(1000).as_slice(), sample(n).as_slice(), q, CUT_95).expect("samples"),
            );
            low > 0.0 && high < INF
        };
        for q in [Quantile::P50, Quantile::P75, Quantile::P95, Quantile::P99] {
            let n = min_samples(q, CUT_95);
            assert!(bounded(n, q) && !bounded(n - 1, q), "{q} at {n}");
        }
    }

    #[test]
    fn the_cut_is_the_square_of_the_normal_quantile() {
        assert!((cut(0.95) - CUT_95).abs() < 1e-12);
        assert!((cut(0.99) - 2.575829303548901_f64.powi(2)).abs() < 1e-11);
    }

    #[test]
    fn seventy_percent_needs_the_whole_interval_on_one_side() {
        assert_eq!(judge_reduction(0.25, 0.30, 0.7), Verdict::Pass);
        assert_eq!(judge_reduction(0.25, 0.31, 0.7), Verdict::Inconclusive);
        assert_eq!(judge_reduction(0.31, 0.35, 0.7), Verdict::Fail);
        assert_eq!(judge_reduction(0.0, INF, 0.7), Verdict::Inconclusive);
    }
}
