//! Each shard's percentiles next to those of the others, and the rank test that says whether they differ.

use std::collections::BTreeMap;

use crate::run::histogram::RankedValues;
use crate::run::recording::{Latency, Recording};
use crate::run::run_file::{EndpointRun, MergedEndpoint, MergedShard, RunEnd, ShardPercentiles};
use crate::stats::rank::Quantile;
use crate::stats::rank_sum::{ValueCounts, p_alike};

/// The facts of a shard that are kept apart from its evidence.
#[derive(Debug)]
pub(super) struct KeptShard {
    pub(super) index: u32,
    pub(super) source: String,
    pub(super) ended: RunEnd,
    pub(super) aborted_by: Option<String>,
    pub(super) facts: MergedShard,
    /// In the order of the endpoints.
    pub(super) latencies: Vec<OwnLatencies>,
}

/// The latencies of one shard and endpoint: its histogram without the empty buckets.
#[derive(Debug)]
pub(super) struct OwnLatencies {
    /// Lower bound of a bucket in ns, and how many values it holds; ascending.
    buckets: Vec<BucketCount>,
    percentiles: ShardPercentiles,
    requests: u64,
    not_ok: u64,
}

#[derive(Clone, Copy, Debug)]
struct BucketCount {
    low_ns: u64,
    middle_ns: u64,
    count: u64,
}

impl OwnLatencies {
    pub(super) fn of(recording: &Recording) -> OwnLatencies {
        let requests = recording.planned();
        OwnLatencies {
            buckets: buckets(recording),
            percentiles: percentiles(&recording.latency.ranked_values(), requests),
            requests,
            not_ok: recording.counts.not_ok(),
        }
    }
}

fn buckets(recording: &Recording) -> Vec<BucketCount> {
    let Latency::Histogram(histogram) = &recording.latency else {
        return Vec::new();
    };
    let buckets = histogram.buckets().map(|bucket| BucketCount {
        low_ns: bucket.low_ns,
        middle_ns: bucket.low_ns + (bucket.high_ns - bucket.low_ns) / 2,
        count: bucket.count,
    });
    buckets.collect()
}

/// Of this many requests, some of which did not end ok and are slower than all.
fn percentiles(values: &RankedValues, requests: u64) -> ShardPercentiles {
    let at = |quantile: Quantile| values.at_rank(quantile.rank(requests));
    ShardPercentiles {
        p50_ns: at(Quantile::P50),
        p95_ns: at(Quantile::P95),
        p99_ns: at(Quantile::P99),
    }
}

/// The shards with what is known of their requests and of all others'.
pub(super) fn with_percentiles(wholes: &[EndpointRun], shards: Vec<KeptShard>) -> Vec<MergedShard> {
    let all: Vec<WholeLatencies> = wholes.iter().map(WholeLatencies::of).collect();
    let merged = shards.into_iter().map(|shard| {
        let endpoints = wholes.iter().zip(&all).zip(&shard.latencies);
        let endpoints = endpoints
            .map(|((whole, all), own)| all.compared(&whole.name, own))
            .collect();
        MergedShard {
            endpoints,
            ..shard.facts
        }
    });
    merged.collect()
}

/// The latencies of all shards.
struct WholeLatencies {
    buckets: Vec<BucketCount>,
    requests: u64,
    not_ok: u64,
}

impl WholeLatencies {
    fn of(endpoint: &EndpointRun) -> WholeLatencies {
        WholeLatencies {
            buckets: buckets(&endpoint.recording),
            requests: endpoint.recording.planned(),
            not_ok: endpoint.recording.counts.not_ok(),
        }
    }

    /// One shard against the rest. What did not end ok is slower than everything.
    fn compared(&self, name: &str, own: &OwnLatencies) -> MergedEndpoint {
        let counts: BTreeMap<u64, u64> = own.buckets.iter().map(|b| (b.low_ns, b.count)).collect();
        let mut values: Vec<ValueCounts> = Vec::with_capacity(self.buckets.len() + 1);
        let mut others = Vec::with_capacity(self.buckets.len());
        for bucket in &self.buckets {
            let first = counts.get(&bucket.low_ns).copied().unwrap_or(0);
            let second = bucket.count.saturating_sub(first);
            others.push((bucket.middle_ns, second));
            values.push(ValueCounts { first, second });
        }
        values.push(ValueCounts {
            first: own.not_ok,
            second: self.not_ok.saturating_sub(own.not_ok),
        });
        let rest = self.requests.saturating_sub(own.requests);
        let others = percentiles(&RankedValues::from_counts(others), rest);
        MergedEndpoint {
            name: name.to_owned(),
            requests: own.requests,
            not_ok: own.not_ok,
            own: own.percentiles,
            others,
            p_rank: (rest > 0 && own.requests > 0).then(|| p_alike(&values)),
        }
    }
}
