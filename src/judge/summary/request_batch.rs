//! The requests of a run in batches that follow each other, from what every recording keeps in constant memory.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use super::run_position::{FromPlace, RunPosition};
use crate::run::recording::{Latency, Recording};
use crate::stats::rank::Quantile;
use crate::units::serialize_optional_ms;

/// Fewest requests of a batch, the five of MSER-5.
const BATCH: u64 = 5;

/// Most batches; longer runs have longer ones.
const BATCHES: usize = 100;

/// The noise band: this share and this duration.
const NOISE: (f64, Duration) = (0.05, Duration::from_millis(1));

/// A part of a run.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct RunWindow {
    /// Where it begins.
    #[serde(flatten, with = "FromPlace")]
    #[cfg_attr(test, schemars(with = "FromPlace"))]
    pub from: RunPosition,
    /// Requests that ended, however they ended.
    pub requests: u64,
    /// Median latency; `None` if it falls among those that did not end ok.
    #[serde(rename = "p50_ms", serialize_with = "serialize_optional_ms")]
    pub median: Option<Duration>,
    /// P95; `None` as of the median.
    #[serde(rename = "p95_ms", serialize_with = "serialize_optional_ms")]
    pub p95: Option<Duration>,
}

impl RunWindow {
    /// P95 or the median.
    pub fn at(&self, quantile: Quantile) -> Option<Duration> {
        if quantile == Quantile::P95 {
            self.p95
        } else {
            self.median
        }
    }
}

/// A group of requests that follow each other.
#[derive(Clone, Debug)]
pub(super) struct RequestBatch {
    pub(super) from: RunPosition,
    pub(super) middle_s: f64,
    /// Latency in ns → count.
    values: BTreeMap<u64, u64>,
    /// Sum of the counts: joining thousands of batches must not add them up each time.
    ok: u64,
    not_ok: u64,
}

impl RequestBatch {
    pub(super) fn requests(&self) -> u64 {
        self.ok + self.not_ok
    }

    fn join(&mut self, other: &RequestBatch) {
        let (own, more) = (self.requests() as f64, other.requests() as f64);
        self.middle_s = (self.middle_s * own + other.middle_s * more) / (own + more).max(1.0);
        for (&value, &count) in &other.values {
            *self.values.entry(value).or_default() += count;
        }
        self.ok += other.ok;
        self.not_ok += other.not_ok;
    }

    /// By nearest rank over all requests, in ns.
    pub(super) fn at(&self, quantile: Quantile) -> Option<u64> {
        let mut rest = quantile.rank(self.requests());
        for (&value, &count) in &self.values {
            if rest <= count {
                return Some(value);
            }
            rest -= count;
        }
        None
    }

    pub(super) fn median(&self) -> Option<u64> {
        self.at(Quantile::P50)
    }

    pub(super) fn window(&self) -> RunWindow {
        RunWindow {
            from: self.from,
            requests: self.requests(),
            median: self.median().map(Duration::from_nanos),
            p95: self.at(Quantile::P95).map(Duration::from_nanos),
        }
    }
}

/// In the order of time, at least five requests each.
pub(super) fn batches(recording: &Recording) -> Vec<RequestBatch> {
    let small = match &recording.latency {
        Latency::Histogram(_) => by_second(recording),
        Latency::Exact(values_ns) | Latency::Rounded { values_ns, .. } => {
            by_value(recording, values_ns)
        }
        Latency::Ranges(_) => Vec::new(),
    };
    let mut batches: Vec<RequestBatch> = Vec::new();
    for batch in small {
        match batches.last_mut() {
            Some(last) if last.requests() < BATCH => last.join(&batch),
            _ => batches.push(batch),
        }
    }
    // What is left over at the end is part of the last one.
    if let [.., whole, rest] = batches.as_mut_slice()
        && rest.requests() < BATCH
    {
        whole.join(rest);
        batches.pop();
    }
    if batches.len() > BATCHES {
        grouped(&batches, BATCHES)
    } else {
        batches
    }
}

/// Most batches that the seconds of a run or the values of a list are read into. A long one has larger batches, so that
/// it need not be held twice.
const READ_BATCHES: usize = 10_000;

fn by_second(recording: &Recording) -> Vec<RequestBatch> {
    let together = recording.intervals.len().div_ceil(READ_BATCHES) as u64;
    let mut batches: Vec<RequestBatch> = Vec::new();
    for (number, (second, interval)) in (0u64..).zip(recording.intervals.iter()) {
        let batch = RequestBatch {
            from: RunPosition::Second(second),
            middle_s: second as f64 + recording.intervals.width_s() as f64 / 2.0,
            values: interval.buckets().iter().copied().collect(),
            ok: interval.buckets().iter().map(|&(_, n)| n).sum(),
            not_ok: interval.not_ok,
        };
        match batches.last_mut() {
            Some(last) if number % together != 0 => last.join(&batch),
            _ => batches.push(batch),
        }
    }
    batches
}

fn by_value(recording: &Recording, values_ns: &[u64]) -> Vec<RequestBatch> {
    let size = BATCH.max(recording.planned().div_ceil(READ_BATCHES as u64));
    let mut values = values_ns.iter();
    let mut batches: Vec<RequestBatch> = Vec::new();
    for (index, ok) in (0u64..).zip(recording.ok.iter()) {
        if index % size == 0 {
            batches.push(RequestBatch {
                from: RunPosition::Value(index),
                middle_s: index as f64,
                values: BTreeMap::new(),
                ok: 0,
                not_ok: 0,
            });
        }
        let Some(last) = batches.last_mut() else {
            break;
        };
        let value = if ok { values.next() } else { None };
        match value {
            Some(&value) => {
                *last.values.entry(value).or_default() += 1;
                last.ok += 1;
            }
            None => last.not_ok += 1,
        }
    }
    batches
}

/// At most `most` groups of neighbours, of sizes as equal as possible.
pub(super) fn grouped(batches: &[RequestBatch], most: usize) -> Vec<RequestBatch> {
    let groups = most.min(batches.len());
    let bounds =
        |group: usize| group * batches.len() / groups..(group + 1) * batches.len() / groups;
    (0..groups)
        .filter_map(|group| {
            let mut members = batches[bounds(group)].iter();
            let mut whole = members.next()?.clone();
            members.for_each(|batch| whole.join(batch));
            Some(whole)
        })
        .collect()
}

/// Whether a latency is above another by more than noise; none is above all.
pub(super) fn exceeds(value_ns: Option<u64>, other_ns: Option<u64>) -> bool {
    let (share, least) = NOISE;
    match (value_ns, other_ns) {
        (_, None) => false,
        (None, Some(_)) => true,
        (Some(value), Some(other)) => {
            value as f64 > other as f64 + (other as f64 * share).max(least.as_nanos() as f64)
        }
    }
}

/// The mean rank of each batch among all requests, ties at the mean of their places, failures last.
pub(super) fn mean_ranks(batches: &[RequestBatch]) -> Vec<f64> {
    let mut counts = BTreeMap::<u64, u64>::new();
    for batch in batches {
        for (&value, &count) in &batch.values {
            *counts.entry(value).or_default() += count;
        }
    }
    let mut before = 0;
    let mut rank = BTreeMap::<u64, f64>::new();
    for (value, count) in counts {
        rank.insert(value, before as f64 + (count + 1) as f64 / 2.0);
        before += count;
    }
    let not_ok: u64 = batches.iter().map(|batch| batch.not_ok).sum();
    let of_failures = before as f64 + (not_ok + 1) as f64 / 2.0;
    let mean = |batch: &RequestBatch| {
        let ok: f64 = batch.values.iter().map(|(v, &n)| rank[v] * n as f64).sum();
        (ok + batch.not_ok as f64 * of_failures) / batch.requests().max(1) as f64
    };
    batches.iter().map(mean).collect()
}
