//! Compares the two runs of one endpoint.

use super::change::Change;
use super::change_evidence::{ChangeEvidence, ChangeRanges};
use super::dependence::Dependence;
use super::effect;
use super::errors::{ErrorRate, ErrorRateChange};
use super::noise::Noise;
use super::order::{Edge, Orders};
use super::pair::{Pair, Side};
use super::paired::{self, CandidateIntervals};
use crate::judge::gate::{Gate, UnresolvedChange};
use crate::judge::summary::{CONFIDENCE, PERCENTILES, Summary};
use crate::run::recording::{Recording, TimeBase};
use crate::stats::profile;
use crate::stats::rank::{Quantile, min_samples_for_interval};

/// One endpoint before and after.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    /// What gates and tables call it.
    pub endpoint: String,
    /// From where the latencies count.
    pub clocks: Pair<TimeBase>,
    /// Planned requests.
    pub planned: Pair<u64>,
    /// One a percentile, in the order that was asked for.
    pub changes: Vec<Change>,
    /// The share of requests that did not end ok.
    pub error_rate: ErrorRateChange,
    /// Requests sent per second; `None` where that is not known.
    pub achieved_per_s: Pair<Option<f64>>,
}

/// The percentiles that are compared: those that every output lists, and those that a gate is about; ascending.
pub fn quantiles(gates: &[Gate]) -> Vec<Quantile> {
    let mut quantiles = PERCENTILES.to_vec();
    quantiles.extend(gates.iter().filter_map(|gate| gate.condition.quantile()));
    quantiles.sort_unstable();
    quantiles.dedup();
    quantiles
}

/// Compares one endpoint's two runs at these percentiles.
pub fn compare(
    endpoint: impl Into<String>,
    sides: Pair<Side<'_>>,
    quantiles: &[Quantile],
    noise: &Noise,
) -> Comparison {
    compared(endpoint.into(), sides, None, quantiles, noise)
}

/// Compares one endpoint's two interleaved sides: `sides` are the whole recordings, `pairs` their blocks, one of each
/// side in every pair. The wider of the profile and the paired interval is the evidence.
pub fn compare_in_turns(
    endpoint: impl Into<String>,
    sides: Pair<Side<'_>>,
    pairs: &[Pair<&Recording>],
    quantiles: &[Quantile],
    noise: &Noise,
) -> Comparison {
    compared(endpoint.into(), sides, Some(pairs), quantiles, noise)
}

fn compared(
    endpoint: String,
    sides: Pair<Side<'_>>,
    pairs: Option<&[Pair<&Recording>]>,
    quantiles: &[Quantile],
    noise: &Noise,
) -> Comparison {
    let recordings = sides.map(|side| side.recording);
    Comparison {
        endpoint,
        clocks: recordings.map(|recording| recording.clock),
        planned: recordings.map(Recording::planned),
        changes: changes(sides, pairs, quantiles, noise),
        error_rate: ErrorRateChange::between(recordings.map(|recording| ErrorRate {
            not_ok: recording.counts.not_ok(),
            planned: recording.planned(),
        })),
        achieved_per_s: recordings.map(Recording::achieved_per_s),
    }
}

fn changes(
    sides: Pair<Side<'_>>,
    pairs: Option<&[Pair<&Recording>]>,
    quantiles: &[Quantile],
    noise: &Noise,
) -> Vec<Change> {
    let summaries = sides.map(|side| Summary::of(side.recording, side.timeout));
    let orders = sides.map(|side| Orders::of(side.recording));
    let planned = sides.map(|side| side.recording.planned());
    let not_ok = sides.map(|side| side.recording.counts.not_ok());
    let not_ok = not_ok.before + not_ok.after;
    let blocks: Option<Vec<Pair<Orders>>> =
        pairs.map(|pairs| pairs.iter().map(|pair| pair.map(Orders::of)).collect());
    quantiles
        .iter()
        .map(|&quantile| {
            let observed = Pair {
                before: summaries.before.percentile(quantile).value,
                after: summaries.after.percentile(quantile).value,
            };
            let in_pairs = blocks
                .as_ref()
                .is_some_and(|blocks| paired::has_interval(blocks, quantile));
            let dependence = if in_pairs {
                sides.map(|_| Dependence::InPairs)
            } else {
                Pair {
                    before: Dependence::of(sides.before, &orders.before.highest(), quantile),
                    after: Dependence::of(sides.after, &orders.after.highest(), quantile),
                }
            };
            let profile = evidence(&orders, planned, dependence, quantile);
            let candidates = blocks
                .as_ref()
                .and_then(|blocks| CandidateIntervals::of(profile, blocks, quantile));
            let evidence = candidates.map_or(profile, |candidates| candidates.evidence());
            let (effect, reason) = effect::of(&evidence, not_ok, noise);
            Change {
                quantile,
                planned,
                dependence,
                observed,
                evidence,
                candidates,
                effect,
                reason,
            }
        })
        .collect()
}

/// Intervals are taken at the far edges of the histograms' buckets, so that they hold whatever stands inside them.
///
/// Both sides must reach the two-sided minimum by what their requests are worth.
fn evidence(
    orders: &Pair<Orders>,
    planned: Pair<u64>,
    dependence: Pair<Dependence>,
    quantile: Quantile,
) -> ChangeEvidence {
    let independent = min_samples_for_interval(quantile, CONFIDENCE);
    let needed = dependence.map(|side| side.needed(independent));
    let enough = planned.before >= needed.before && planned.after >= needed.after;
    let effects = dependence.map(Dependence::design_effect);
    let Pair { before, after } = orders;
    let ranges = |lowest_before, lowest_after| {
        let between = |before: Edge<'_>, after: Edge<'_>| {
            let (before, after) = (before.worth(effects.before), after.worth(effects.after));
            profile::change(&before, &after, quantile, profile::CUT_95)
        };
        Some(ChangeRanges::of(
            between(before.highest(), lowest_after)?,
            between(lowest_before, after.highest())?,
        ))
    };
    let measured = ranges(before.lowest(), after.lowest());
    let without_lag = ranges(before.lowest_without_lag(), after.lowest_without_lag());
    match measured.zip(without_lag) {
        Some((measured, without_lag)) if enough => ChangeEvidence::Interval {
            measured,
            without_lag,
        },
        _ => ChangeEvidence::Unresolved(UnresolvedChange {
            samples_before: planned.before,
            samples_after: planned.after,
            independent_samples_before: dependence.before.worth(planned.before),
            independent_samples_after: dependence.after.worth(planned.after),
            samples_needed: needed.before.max(needed.after),
        }),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::effect::Effect;
    use super::{Comparison, Noise, Pair, Side, compare};
    use crate::run::plan::Guard;
    use crate::run::recording::{Recording, TimeBase};
    use crate::run::sample::{Outcome, Phases, Sample};
    use crate::stats::rank::Quantile;

    fn listed(latencies: &[Duration]) -> Recording {
        let latencies: Vec<Option<Duration>> = latencies.iter().copied().map(Some).collect();
        Recording::from_latencies(&latencies, &[])
    }

    /// The same latencies as a run of a closed model records them, which has no send lag.
    fn measured(latencies: &[Duration]) -> Recording {
        let mut recording = Recording::new(TimeBase::Send, &[]);
        for (index, latency) in (0u64..).zip(latencies) {
            recording.add(&Sample {
                index,
                intended_start_ns: None,
                dispatched_ns: 0,
                sent_ns: Some(0),
                finished_ns: latency.as_nanos() as u64,
                outcome: Outcome::Ok,
                status: Some(200),
                connection: None,
                phases: Phases::default(),
                body_bytes: 0,
                server_timing: Vec::new(),
            });
        }
        recording
    }

    fn compared(before: &Recording, after: &Recording, quantile: Quantile) -> Comparison {
        let side = |recording| Side {
            recording,
            timeout: None,
            // The values are in no order that means anything.
            guard: Guard::Iid,
        };
        let sides = Pair {
            before: side(before),
            after: side(after),
        };
        compare("health", sides, &[quantile], &Noise::default())
    }

    fn uneven(n: u64, unit_ns: u64) -> Vec<Duration> {
        let latency_ns = |i: u64| 1_000_000 + i * i % 7_919 * unit_ns;
        (0..n)
            .map(|i| Duration::from_nanos(latency_ns(i)))
            .collect()
    }

    #[test]
    fn a_histograms_interval_holds_the_exact_one_and_is_hardly_wider() {
        let (before, after) = (uneven(2_000, 40_009), uneven(2_000, 31_013));
        for quantile in [Quantile::P50, Quantile::P95, Quantile::P99] {
            let exact = compared(&listed(&before), &listed(&after), quantile);
            let held = compared(&measured(&before), &measured(&after), quantile);
            let ratio =
                |comparison: &Comparison| comparison.changes[0].ratio_interval().expect("resolved");
            let (exact, held) = (ratio(&exact), ratio(&held));
            assert!(held.low <= exact.low && exact.high <= held.high);
            assert!(exact.low - held.low < 2e-4 * exact.low);
            assert!(held.high - exact.high < 2e-4 * exact.high);
        }
    }

    #[test]
    fn both_sides_need_the_two_sided_minimum() {
        // METHOD §2: finite from n = 72 for P95.
        let (short, long) = (listed(&uneven(71, 1_000)), listed(&uneven(72, 1_000)));
        let resolved = |before: &Recording, after: &Recording| {
            let comparison = compared(before, after, Quantile::P95);
            comparison.changes[0].ratio_interval().is_some()
        };
        assert!(resolved(&long, &long));
        assert!(!resolved(&short, &long) && !resolved(&long, &short));
    }

    #[test]
    fn no_data_on_a_side_decide_nothing() {
        let some = listed(&uneven(100, 1_000));
        let comparison = compared(&some, &listed(&[]), Quantile::P50);
        assert_eq!(comparison.changes[0].effect, Effect::Inconclusive);
        assert_eq!(comparison.changes[0].ratio(), None);
        assert_eq!(comparison.error_rate.difference, None);
    }

    #[test]
    fn sides_that_change_places_change_the_sign() {
        let (a, b) = (listed(&uneven(500, 40_009)), listed(&uneven(400, 31_013)));
        let forth = compared(&a, &b, Quantile::P90).changes[0].clone();
        let back = compared(&b, &a, Quantile::P90).changes[0].clone();
        let (forth, back) = (forth.ratio_interval(), back.ratio_interval());
        let (forth, back) = (forth.expect("resolved"), back.expect("resolved"));
        assert!((forth.low * back.high - 1.0).abs() < 1e-12);
        assert!((forth.high * back.low - 1.0).abs() < 1e-12);
    }
}
