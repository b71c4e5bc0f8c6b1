//! What the shards of a merged run say against it: missing ones, one that differs, clocks that may differ.
//!
//! Shards share one schedule, so each sees the same service at the same time. A shard differs if the rank test says so
//! at the 1 % level after Holm's correction over all shards and endpoints, and if a percentile is beyond the noise that
//! comparisons allow for: of a million requests the test sees microseconds. It is beyond that noise from the other
//! shards together and from the median shard, because one slow shard makes all others differ from what is left.

use crate::judge::shard_warning::{DifferingShard, ShardWarning};
use crate::run::run_file::{MergedEndpoint, MergedRecord, MergedShard, Run, WallClockState};
use crate::stats::binomial::holm;
use crate::stats::rank::Quantile;

/// Level of the rank test over all shards and endpoints.
const LEVEL: f64 = 0.01;

/// The part of a percentile that is noise, and its least amount in ns: those of a comparison.
const NOISE: f64 = 0.05;
const NOISE_NS: f64 = 1e6;

pub(super) fn of_run(run: &Run) -> Vec<ShardWarning> {
    let Some(merged) = &run.merged else {
        return Vec::new();
    };
    let missing = run.missing_share().map(ShardWarning::Missing);
    let differing = differing(merged).into_iter().map(ShardWarning::Differs);
    missing
        .into_iter()
        .chain(differing)
        .chain(clocks(merged))
        .collect()
}

fn clocks(merged: &MergedRecord) -> Option<ShardWarning> {
    let unsynchronized = merged.shards.iter().filter(|one| {
        let clock = one.instrument.wall_clock.as_ref();
        clock.is_some_and(|clock| clock.state == WallClockState::Unsynchronized)
    });
    let shards: Vec<u32> = unsynchronized.map(|one| one.index).collect();
    (!shards.is_empty()).then_some(ShardWarning::ClocksUnsynchronized { shards })
}

/// Each shard that differs, at the endpoint where it does most.
fn differing(merged: &MergedRecord) -> Vec<DifferingShard> {
    let tests: Vec<ShardTest<'_>> = { merged.shards.iter() }
        .flat_map(|shard| {
            shard
                .endpoints
                .iter()
                .map(move |endpoint| (shard, endpoint))
        })
        .filter_map(|(shard, endpoint)| ShardTest::of(shard, endpoint, merged))
        .collect();
    let p_values: Vec<f64> = tests.iter().map(|test| test.p_value).collect();
    let significant = holm(&p_values, LEVEL).into_iter().zip(tests);
    let mut found: Vec<DifferingShard> = significant
        .filter(|(is_significant, _)| *is_significant)
        .filter_map(|(_, test)| test.difference())
        .collect();
    found.sort_by(|a, b| a.shard.cmp(&b.shard).then(a.p_value.total_cmp(&b.p_value)));
    found.dedup_by_key(|one| one.shard);
    found
}

/// The median of a percentile over the shards; a failure is above every latency.
fn median_of(
    merged: &MergedRecord,
    endpoint: &str,
    of: impl Fn(&MergedEndpoint) -> Option<u64>,
) -> Option<u64> {
    let all = merged.shards.iter().flat_map(|shard| &shard.endpoints);
    let own = all.filter(|one| one.name == endpoint);
    let mut values: Vec<u64> = own.map(|one| of(one).unwrap_or(u64::MAX)).collect();
    values.sort_unstable();
    let median = values.get(values.len().saturating_sub(1) / 2).copied()?;
    (median < u64::MAX).then_some(median)
}

struct ShardTest<'a> {
    shard: u32,
    endpoint: &'a MergedEndpoint,
    merged: &'a MergedRecord,
    p_value: f64,
}

impl<'a> ShardTest<'a> {
    fn of(
        shard: &MergedShard,
        endpoint: &'a MergedEndpoint,
        merged: &'a MergedRecord,
    ) -> Option<ShardTest<'a>> {
        Some(ShardTest {
            shard: shard.index,
            endpoint,
            merged,
            p_value: endpoint.p_rank?,
        })
    }

    /// The percentile that is furthest from that of the others, if it is beyond the noise.
    fn difference(&self) -> Option<DifferingShard> {
        let (own, others) = (&self.endpoint.own, &self.endpoint.others);
        let name = &self.endpoint.name;
        let p50 = median_of(self.merged, name, |one| one.own.p50_ns);
        let p95 = median_of(self.merged, name, |one| one.own.p95_ns);
        let pairs = [
            (Quantile::P50, own.p50_ns, others.p50_ns, p50),
            (Quantile::P95, own.p95_ns, others.p95_ns, p95),
        ];
        let beyond = pairs
            .into_iter()
            .filter_map(|(quantile, own, others, median)| {
                distance(own, median)?;
                Some((distance(own, others)?, quantile, own, others))
            });
        let (_, percentile, own, others) = beyond.max_by(|a, b| a.0.total_cmp(&b.0))?;
        let ms = |ns: Option<u64>| ns.map(|ns| ns as f64 / 1e6);
        Some(DifferingShard {
            shard: self.shard,
            endpoint: self.endpoint.name.clone(),
            percentile,
            own_ms: ms(own),
            others_ms: ms(others),
            p_value: self.p_value,
        })
    }
}

/// How many times the noise two percentiles are apart; `None` within it. A failure is apart from every latency.
fn distance(own: Option<u64>, others: Option<u64>) -> Option<f64> {
    let (own, others) = match (own, others) {
        (Some(own), Some(others)) => (own as f64, others as f64),
        (None, None) => return None,
        _ => return Some(f64::INFINITY),
    };
    let times = (own - others).abs() / (others * NOISE).max(NOISE_NS);
    (times > 1.0).then_some(times)
}
