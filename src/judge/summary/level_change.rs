//! A service that was another one in a part of a run: halves and tenths that differ, in either direction.

use serde::Serialize;

use super::request_batch::{RequestBatch, RunWindow, exceeds, grouped, mean_ranks};
use super::run_position::{AtPlace, RunPosition};
use crate::stats::level_shift::{self, BATCHES};
use crate::stats::rank::Quantile;

/// Fewer requests than this: what follows each other is too alike to tell.
const MIN_REQUESTS: u64 = 300;

/// Latency that was not the same all the time.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct LevelChange {
    /// What differs.
    pub parts: Parts,
    /// The earlier part.
    pub earlier: RunWindow,
    /// The later part.
    pub later: RunWindow,
    /// A percentile by which they differ.
    #[serde(rename = "metric")]
    pub quantile: Quantile,
    /// Where the level changes most.
    #[serde(flatten, with = "AtPlace")]
    #[cfg_attr(test, schemars(with = "AtPlace"))]
    pub at: RunPosition,
}

/// Parts of a run that differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Parts {
    /// The first half and the second.
    Halves,
    /// The slowest tenth and the fastest.
    Tenths,
}

/// Compares halves and tenths; `None` where they do not differ by more than noise, or there are too few requests.
pub(super) fn level_change(batches: &[RequestBatch]) -> Option<LevelChange> {
    let requests: u64 = batches.iter().map(RequestBatch::requests).sum();
    let batches = grouped(batches, BATCHES);
    let ranks: [f64; BATCHES] = mean_ranks(&batches).try_into().ok()?;
    if requests < MIN_REQUESTS {
        return None;
    }
    let at = batches[level_shift::largest_step(&ranks)].from;
    let halves = || {
        let halves = grouped(&batches, 2);
        let quantiles = [Quantile::P50, Quantile::P95];
        let differ = |&q: &Quantile| apart(&halves[0], &halves[1], q);
        let quantile = quantiles.into_iter().find(differ)?;
        Some((Parts::Halves, halves, quantile))
    };
    let tenths = || {
        let pair = slowest_and_fastest(&grouped(&batches, BATCHES / 2))?;
        // Slow spells gather in one tenth by chance: half of its requests must be slower.
        apart(&pair[0], &pair[1], Quantile::P50).then_some((Parts::Tenths, pair, Quantile::P50))
    };
    let found = level_shift::halves_differ(&ranks).then(halves).flatten();
    let found = found.or_else(|| level_shift::tenths_differ(&ranks).then(tenths).flatten());
    let (parts, pair, quantile) = found?;
    Some(LevelChange {
        parts,
        earlier: pair[0].window(),
        later: pair[1].window(),
        quantile,
        at,
    })
}

fn apart(one: &RequestBatch, other: &RequestBatch, quantile: Quantile) -> bool {
    let (one, other) = (one.at(quantile), other.at(quantile));
    exceeds(one, other) || exceeds(other, one)
}

/// In the order of time.
fn slowest_and_fastest(tenths: &[RequestBatch]) -> Option<Vec<RequestBatch>> {
    let ranks = mean_ranks(tenths);
    let by_rank = |a: &usize, b: &usize| ranks[*a].total_cmp(&ranks[*b]);
    let slowest = (0..ranks.len()).max_by(by_rank)?;
    let fastest = (0..ranks.len()).min_by(by_rank)?;
    let order = [slowest.min(fastest), slowest.max(fastest)];
    Some(order.map(|index| tenths[index].clone()).to_vec())
}
