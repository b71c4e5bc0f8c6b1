//! Did the service change during the run? A slow start, latency that grows, and in how far it is queueing; and what its
//! halves and tenths were like.
//!
//! From what every recording keeps in constant memory: the second of each request's intended start, or the order of a
//! list. Everything here only warns.

use std::time::Duration;

use super::level_change::{LevelChange, level_change};
use super::request_batch::{
    RequestBatch, RunPosition, RunWindow, batches, exceeds, grouped, mean_ranks,
};
use crate::run::recording::{Recording, TimeBase};
use crate::stats::rank::Quantile;
use crate::stats::stationarity::{WarmUp, warm_up_of_batches};
use crate::stats::{trend, two_groups};

/// Level at which a slow start or growth is told; the best of many cuts is looked at, so it is strict.
const ALPHA: f64 = 0.005;

/// Windows whose medians are compared.
const DECILES: usize = 10;

/// Fewer windows than this cannot show a trend at [`ALPHA`]: 1 of 120 orders of five rises throughout.
const MIN_WINDOWS: usize = 6;

/// Growth of the requests in flight that is a queue: this many more at the end, and this many times as many.
const QUEUE: (f64, f64) = (2.0, 2.0);

/// What changed during a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Drift {
    /// The first half and the second; empty where the order is not known.
    pub halves: Vec<RunWindow>,
    /// Ten windows of equal length, or fewer of a short run; empty where the order is not known.
    pub deciles: Vec<RunWindow>,
    /// The beginning that is slower than the rest.
    pub slow_start: Option<SlowStart>,
    /// Latency that grows from window to window.
    pub growth: Option<Growth>,
    /// Parts that differ, in whatever direction; also where one of the others is the reason.
    pub change: Option<LevelChange>,
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
    /// Median of the first window.
    pub first: Duration,
    /// Median of the last window; `None` if it did not end ok.
    pub last: Option<Duration>,
    /// One-sided p-value of Mann and Kendall's test of the windows' medians.
    pub p: f64,
    /// Latency that each second adds (Theil and Sen), in seconds; `None` of a list.
    pub slope: Option<f64>,
    /// Requests that are in flight at a time at the beginning and at the end, by Little's law; `None` where there is no
    /// offered rate, or the last window has no latency.
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
                .map(RequestBatch::window)
                .collect(),
            deciles: deciles.iter().map(RequestBatch::window).collect(),
        }
    }
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

fn growth(windows: &[RequestBatch], offered_per_s: Option<f64>) -> Option<Growth> {
    let (first, last) = (windows.first()?.median(), windows.last()?.median());
    if windows.len() < MIN_WINDOWS || !exceeds(last, first) {
        return None;
    }
    let median = |batch: &RequestBatch| batch.median().map_or(f64::INFINITY, |ns| ns as f64 / 1e9);
    let medians: Vec<f64> = windows.iter().map(median).collect();
    let p = trend::p_rising(&medians);
    let points: Vec<(f64, f64)> = windows.iter().map(|s| s.middle_s).zip(medians).collect();
    let in_time = matches!(windows[0].from, RunPosition::Second(_));
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
        kind: if piles_up {
            GrowthKind::Queueing
        } else {
            GrowthKind::Unknown
        },
    })
}
