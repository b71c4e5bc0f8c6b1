//! Did the service change during the run? A slow start, latency that grows, and in how far it is queueing; and what its
//! halves and tenths were like.
//!
//! From what every recording keeps in constant memory: the second of each request's intended start, or the order of a
//! list. Everything here only warns.

use std::time::Duration;

use serde::{Serialize, Serializer};

use super::level_change::{LevelChange, level_change};
use super::request_batch::{RequestBatch, RunWindow, batches, exceeds, grouped, mean_ranks};
use super::run_position::{RunPosition, UntilPlace};
use crate::run::recording::{Recording, TimeBase};
use crate::stats::rank::Quantile;
use crate::stats::stationarity::{WarmUp, warm_up_of_batches};
use crate::stats::{trend, two_groups};
use crate::units::{serialize_ms, serialize_optional_ms};

/// Level at which a slow start or growth is reported; strict, because the best of many cuts is used.
const ALPHA: f64 = 0.005;

/// Windows whose medians are compared.
const DECILES: usize = 10;

/// Fewer windows than this cannot show a trend at [`ALPHA`]: 1 of 120 orders of five rises throughout.
const MIN_WINDOWS: usize = 6;

/// Growth of the requests in flight that is a queue: this many more at the end, and this many times as many.
const QUEUE: (f64, f64) = (2.0, 2.0);

/// What changed during a run; JSON has what is not a warning.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Drift {
    /// Parts that differ, in whatever direction; also where one of the others is the reason.
    #[serde(rename = "changed", serialize_with = "as_parts")]
    #[cfg_attr(test, schemars(with = "Option<super::level_change::Parts>"))]
    pub change: Option<LevelChange>,
    /// The first half and the second; empty where the order is not known.
    pub halves: Vec<RunWindow>,
    /// Ten windows of equal length, or fewer of a short run; empty where the order is not known.
    pub deciles: Vec<RunWindow>,
    /// The beginning that is slower than the rest.
    #[serde(skip)]
    pub slow_start: Option<SlowStart>,
    /// Latency that grows from window to window.
    #[serde(skip)]
    pub growth: Option<Growth>,
}

fn as_parts<S: Serializer>(change: &Option<LevelChange>, to: S) -> Result<S::Ok, S::Error> {
    change.map(|change| change.parts).serialize(to)
}

/// A beginning that is slower than the rest: warm-up.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct SlowStart {
    /// Where it ends.
    #[serde(flatten, with = "UntilPlace")]
    #[cfg_attr(test, schemars(with = "UntilPlace"))]
    pub until: RunPosition,
    /// Median latency until then; `None` if it falls among those that did not end ok.
    #[serde(rename = "start_p50_ms", serialize_with = "serialize_optional_ms")]
    pub median: Option<Duration>,
    /// Median latency of the rest.
    #[serde(rename = "rest_p50_ms", serialize_with = "serialize_optional_ms")]
    pub rest: Option<Duration>,
}

/// Latency that grows.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Growth {
    /// Median of the first window.
    #[serde(rename = "first_p50_ms", serialize_with = "serialize_ms")]
    pub first: Duration,
    /// Median of the last window; `None` if it did not end ok.
    #[serde(rename = "last_p50_ms", serialize_with = "serialize_optional_ms")]
    pub last: Option<Duration>,
    /// One-sided p-value of Mann and Kendall's test of the windows' medians.
    pub p: f64,
    /// Latency that each second adds (Theil and Sen), in seconds; `None` of a list.
    #[serde(rename = "slope_ms_per_s", serialize_with = "as_ms_per_s")]
    pub slope: Option<f64>,
    /// Requests that are in flight at a time, by Little's law; `None` where there is no offered rate, or the last window
    /// has no latency.
    #[serde(rename = "requests_in_flight")]
    pub in_flight: Option<RequestsInFlight>,
    /// Whether it is a queue that grows.
    pub kind: GrowthKind,
}

fn as_ms_per_s<S: Serializer>(slope: &Option<f64>, to: S) -> Result<S::Ok, S::Error> {
    slope.map(|seconds| seconds * 1e3).serialize(to)
}

/// Requests that are in flight at a time.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct RequestsInFlight {
    /// At the beginning.
    pub first: f64,
    /// At the end.
    pub last: f64,
}

/// What makes latency grow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
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
    let in_flight = offered_per_s.and_then(|rate| {
        Some(RequestsInFlight {
            first: rate * seconds(first?),
            last: rate * seconds(last?),
        })
    });
    let piles_up = match (in_flight, last) {
        (Some(RequestsInFlight { first, last }), _) => {
            last >= first + QUEUE.0 && last >= first * QUEUE.1
        }
        // It has grown beyond the timeout.
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
