//! Did the service change during the run? A slow start, latency that grows, and in how far it is queueing; and what its
//! halves and tenths were like.
//!
//! From what every recording keeps in constant memory: the second of each request's intended start, or the order of a
//! list. Everything here only warns.

use std::collections::BTreeMap;
use std::time::Duration;

use super::level_change::{LevelChange, level_change};
use crate::run::recording::{Latency, Recording, TimeBase};
use crate::stats::rank::Quantile;
use crate::stats::stationarity::{WarmUp, warm_up_of_batches};
use crate::stats::{trend, two_groups};

/// Fewest requests of a batch, the five of MSER-5.
const BATCH: u64 = 5;

/// Most batches; longer runs have longer ones.
const BATCHES: usize = 100;

/// Level at which a slow start or growth is told; the best of many cuts is looked at, so it is strict.
const ALPHA: f64 = 0.005;

/// Stretches whose medians are compared.
const DECILES: usize = 10;

/// Fewer stretches than this cannot show a trend at [`ALPHA`]: 1 of 120 orders of five rises throughout.
const MIN_STRETCHES: usize = 6;

/// What is within noise: this share and this duration.
const NOISE: (f64, Duration) = (0.05, Duration::from_millis(1));

/// So many more requests in flight at the end, and so many times as many, are a queue.
const QUEUE: (f64, f64) = (2.0, 2.0);

/// What changed during a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Drift {
    /// The first half and the second; empty where the order is not known.
    pub halves: Vec<Stretch>,
    /// Ten stretches of equal length, or fewer of a short run; empty where the order is not known.
    pub deciles: Vec<Stretch>,
    /// The beginning that is slower than the rest.
    pub slow_start: Option<SlowStart>,
    /// Latency that grows from stretch to stretch.
    pub growth: Option<Growth>,
    /// Parts that differ, in whatever direction; also where one of the others is the reason.
    pub change: Option<LevelChange>,
}

/// A part of a run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stretch {
    /// Where it begins.
    pub from: RunPosition,
    /// Requests that ended, however they ended.
    pub requests: u64,
    /// Median latency; `None` if it falls among those that did not end ok.
    pub median: Option<Duration>,
    /// P95; `None` as of the median.
    pub p95: Option<Duration>,
}

impl Stretch {
    /// P95 or the median.
    pub fn at(&self, quantile: Quantile) -> Option<Duration> {
        match quantile == Quantile::P95 {
            true => self.p95,
            false => self.median,
        }
    }
}

/// A place in a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunPosition {
    /// Seconds since t0.
    Second(u64),
    /// Values before it in a list.
    Value(u64),
}

/// A beginning that is slower than the rest: warm-up.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SlowStart {
    /// Where it ends.
    pub until: RunPosition,
    /// Median latency until then; `None` if it falls among those that did not end ok.
    pub median: Option<Duration>,
    /// Median latency of the rest.
    pub rest: Option<Duration>,
}

/// Latency that grows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Growth {
    /// Median of the first stretch.
    pub first: Duration,
    /// Median of the last stretch; `None` if it did not end ok.
    pub last: Option<Duration>,
    /// One-sided p-value of Mann and Kendall's test of the stretches' medians.
    pub p: f64,
    /// Latency that each second adds (Theil and Sen), in seconds; `None` of a list.
    pub slope: Option<f64>,
    /// Requests that are in flight at a time at the beginning and at the end, by Little's law; `None` where there is no
    /// offered rate, or the last stretch has no latency.
    pub in_flight: Option<(f64, f64)>,
    /// Whether it is a queue that grows.
    pub kind: GrowthKind,
}

/// What makes latency grow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GrowthKind {
    /// Requests pile up at a constant rate: more is offered than is served.
    Queueing,
    /// It is not known, or they do not pile up.
    Unknown,
}

/// A group of requests that follow each other.
#[derive(Clone, Debug)]
pub(super) struct RequestBatch {
    pub(super) from: RunPosition,
    middle_s: f64,
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
            match rest <= count {
                true => return Some(value),
                false => rest -= count,
            }
        }
        None
    }

    fn median(&self) -> Option<u64> {
        self.at(Quantile::P50)
    }

    pub(super) fn stretch(&self) -> Stretch {
        Stretch {
            from: self.from,
            requests: self.requests(),
            median: self.median().map(Duration::from_nanos),
            p95: self.at(Quantile::P95).map(Duration::from_nanos),
        }
    }
}

impl Drift {
    /// What changed during a recording; `offered_per_s` is the constant rate of an open model.
    pub fn of(recording: &Recording, offered_per_s: Option<f64>) -> Drift {
        let batches = batches(recording);
        let deciles = grouped(&batches, DECILES);
        let offered_per_s = offered_per_s.filter(|_| recording.clock == TimeBase::IntendedStart);
        Drift {
            slow_start: slow_start(&batches),
            growth: growth(&deciles, offered_per_s),
            change: level_change(&batches),
            halves: grouped(&batches, 2)
                .iter()
                .map(RequestBatch::stretch)
                .collect(),
            deciles: deciles.iter().map(RequestBatch::stretch).collect(),
        }
    }
}

/// In the order of time, at least five requests each.
fn batches(recording: &Recording) -> Vec<RequestBatch> {
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
    match batches.len() > BATCHES {
        true => grouped(&batches, BATCHES),
        false => batches,
    }
}

/// Most batches that the seconds of a run or the values of a list are read into. A long one has larger batches, so that
/// it need not be held twice.
const READ_BATCHES: usize = 10_000;

fn by_second(recording: &Recording) -> Vec<RequestBatch> {
    let together = recording.intervals.len().div_ceil(READ_BATCHES) as u64;
    let mut batches: Vec<RequestBatch> = Vec::new();
    for (number, (&second, interval)) in (0u64..).zip(recording.intervals.iter()) {
        let batch = RequestBatch {
            from: RunPosition::Second(second),
            middle_s: second as f64 + 0.5,
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

/// At most so many groups of neighbours, as equal in number as can be.
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

/// MSER-5 on ranks says where to cut; a rank test says whether what is cut really was slower.
fn slow_start(batches: &[RequestBatch]) -> Option<SlowStart> {
    let ranks = mean_ranks(batches);
    let WarmUp::Cut(cut @ 1..) = warm_up_of_batches(&ranks) else {
        return None;
    };
    if two_groups::p_first_larger(&ranks[..cut], &ranks[cut..]) > ALPHA {
        return None;
    }
    let (start, rest) = (whole(&batches[..cut])?, whole(&batches[cut..])?);
    let slower = |quantile| exceeds(start.at(quantile), rest.at(quantile));
    (slower(Quantile::P50) || slower(Quantile::P95)).then(|| SlowStart {
        until: batches[cut].from,
        median: start.median().map(Duration::from_nanos),
        rest: rest.median().map(Duration::from_nanos),
    })
}

fn whole(batches: &[RequestBatch]) -> Option<RequestBatch> {
    grouped(batches, 1).pop()
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

fn growth(stretches: &[RequestBatch], offered_per_s: Option<f64>) -> Option<Growth> {
    let (first, last) = (stretches.first()?.median(), stretches.last()?.median());
    if stretches.len() < MIN_STRETCHES || !exceeds(last, first) {
        return None;
    }
    let median = |batch: &RequestBatch| batch.median().map_or(f64::INFINITY, |ns| ns as f64 / 1e9);
    let medians: Vec<f64> = stretches.iter().map(median).collect();
    let p = trend::p_rising(&medians);
    let points: Vec<(f64, f64)> = stretches.iter().map(|s| s.middle_s).zip(medians).collect();
    let in_time = matches!(stretches[0].from, RunPosition::Second(_));
    let seconds = |ns: u64| ns as f64 / 1e9;
    let in_flight =
        offered_per_s.and_then(|rate| Some((rate * seconds(first?), rate * seconds(last?))));
    let piles_up = match (in_flight, last) {
        (Some((before, after)), _) => after >= before + QUEUE.0 && after >= before * QUEUE.1,
        // It has grown beyond what was waited for.
        (None, None) => offered_per_s.is_some(),
        (None, Some(_)) => false,
    };
    (p <= ALPHA).then_some(())?;
    Some(Growth {
        first: Duration::from_nanos(first?),
        last: last.map(Duration::from_nanos),
        p,
        slope: trend::slope(&points).filter(|_| in_time),
        in_flight,
        kind: match piles_up {
            true => GrowthKind::Queueing,
            false => GrowthKind::Unknown,
        },
    })
}
