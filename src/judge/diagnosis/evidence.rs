//! What speaks for or against a cause, as values. Durations are in ms where a name says so, shares from 0 to 1.

use std::time::Duration;

use serde::Serialize;

use crate::judge::comparison::ChangeRange;
use crate::stats::modes::Modes;
use crate::stats::rank::Quantile;
use crate::units::millis;

use super::bounded_share::BoundedShare;
use super::percentile_shift::PercentileShift;

/// One piece of evidence with its numbers.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum CauseEvidence {
    /// A required step was not made.
    StepNotMade(MissedStep),
    /// Too many requests did not end ok.
    FailedRequests(FailedRequests),
    /// Too few requests or sends.
    TooFew(TooFew),
    /// The same endpoint on new connections and on reused ones.
    NewConnections {
        /// P50 on new connections.
        new: Option<Duration>,
        /// P50 on reused ones.
        reused: Option<Duration>,
        /// From reused to new.
        shift: PercentileShift,
    },
    /// The median of each phase of a request on a new connection, by its name.
    Phases(Vec<(&'static str, Duration)>),
    /// The load, one at a time, and the probe.
    OneAtATime {
        load: LatencyShape,
        probe: LatencyShape,
        /// From the probe to the load.
        shift: PercentileShift,
    },
    /// The largest part of the service time, as the server states it.
    ServerTiming {
        /// Its name in the header.
        metric: String,
        /// Its P50.
        median: Duration,
        /// Of the service time.
        share: f64,
    },
    /// Requests to the probe that are late, alone and during load.
    Delayed(DelayedShare),
    /// The probe's latencies alone and during load.
    Shapes {
        alone: LatencyShape,
        during_load: LatencyShape,
    },
    /// How many times as slow the probe is during load.
    Interference {
        quantile: Quantile,
        /// During load divided by alone.
        ratio: ChangeRange,
    },
    /// Latency from the beginning to the end of constant load.
    Growth(LatencyGrowth),
    /// Requests that were answered in time.
    Served(ServedRequests),
    /// No requests share a connection.
    NotShared(NotShared),
    /// What bursts take over one connection and over several.
    BurstTimes(BurstTimes),
    /// The most streams that the service allows on a connection, where those are fewer than a burst has.
    StreamLimit(u64),
    /// A shared connection is shown, which explains this as well.
    SharedConnection,
    /// Sends that were late, and how busy this process was.
    LateSends(LateSends),
    /// Requests above the target over all steps at light load.
    AboveTarget {
        target: Duration,
        /// How many, with bounds.
        share: BoundedShare,
    },
    /// Why nothing is shown to be wrong, or not.
    Overall(OverallReason),
}

/// One of the two endpoints of a diagnosis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EndpointRole {
    /// The one that should be quick.
    Probe,
    /// The one under suspicion.
    Load,
}

/// A step that was not made.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum MissedStep {
    /// The probe on new connections.
    NewConnections,
    /// The load, one at a time.
    OneAtATime,
    /// The probe during load.
    DuringLoad,
    /// Bursts of the load over one connection and over several.
    Bursts,
    /// The load at the rate that was asked for.
    AtRate { per_s: f64 },
}

/// Why no requests share a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotShared {
    /// HTTP/1.1 carries one at a time.
    Http1,
    /// The plan has one stream a connection.
    OneStream,
}

/// Requests to an endpoint that did not end ok.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FailedRequests {
    pub(crate) endpoint: EndpointRole,
    pub(crate) not_ok: u64,
    pub(crate) requests: u64,
}

/// What a test needs more of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SampleKind {
    /// Requests, for a share.
    Requests,
    /// Requests, for an interval of P50.
    RequestsForMedian,
    RequestsForTrend,
    /// Bursts of requests, for an interval of P50.
    Bursts,
    Sends,
}

/// Too few requests or sends for a test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooFew {
    pub(crate) of: SampleKind,
    /// How many there are.
    pub(crate) present: u64,
    /// How many the test needs.
    pub(crate) needed: u64,
}

/// P50, P95 and modes of a service time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct LatencyShape {
    /// `None` among those that did not end ok.
    pub(crate) p50: Option<Duration>,
    /// `None` among those that did not end ok.
    pub(crate) p95: Option<Duration>,
    /// In ms.
    pub(crate) modes: Modes,
}

/// Requests to the probe above a limit, alone and during load.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct DelayedShare {
    pub(crate) limit: Duration,
    pub(crate) alone: BoundedShare,
    pub(crate) during_load: BoundedShare,
    pub(crate) load_per_s: Option<f64>,
}

/// Latency in the parts of a step at constant load.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct LatencyGrowth {
    pub(crate) rate_per_s: f64,
    /// How many parts the step was divided into.
    pub(crate) parts: usize,
    /// P50 of the first part; infinite without an answer.
    pub(crate) first_ns: f64,
    /// P50 of the last part; infinite without an answer.
    pub(crate) last_ns: f64,
    /// Seconds more in every second.
    pub(crate) slope: f64,
    /// Of Mann and Kendall's test.
    pub(crate) p: f64,
    /// The level that p is compared with.
    pub(crate) level: f64,
    /// Upper 95 % bound of the growth; infinite where there is none.
    pub(crate) at_most_ns: f64,
    /// Growth below this does not matter.
    pub(crate) material_ns: f64,
}

/// Requests that were answered in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ServedRequests {
    pub(crate) answered: u64,
    pub(crate) requests: u64,
    /// Requests that waited for a connection of ours.
    pub(crate) pool_limited: u64,
    /// Whether it is shown that most are not, although one at a time they are.
    pub(crate) decides: bool,
}

/// What bursts of the load take, from the moment at which they are due to the last answer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct BurstTimes {
    /// Requests of a burst.
    pub(crate) burst: usize,
    /// Bursts of either side.
    pub(crate) bursts: u64,
    /// P50 over one connection; infinite without an answer.
    pub(crate) one_ns: f64,
    /// P50 over a connection for each request; infinite without an answer.
    pub(crate) many_ns: f64,
    /// By how much longer they take over one connection.
    pub(crate) longer_ns: ChangeRange,
}

/// Sends later than they were planned.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct LateSends {
    pub(crate) p99: Duration,
    /// Later than this is late.
    pub(crate) limit: Duration,
    pub(crate) late: u64,
    pub(crate) sends: u64,
    /// Of the processor time of the sending threads.
    pub(crate) cpu_share: f64,
    /// Late, but less than matters.
    pub(crate) is_minor: bool,
    /// Later than this matters.
    pub(crate) material: Duration,
    pub(crate) beyond: u64,
    /// Upper 95 % bound of their share.
    pub(crate) beyond_high: f64,
}

/// What follows from all causes together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OverallReason {
    /// A likely cause was found.
    CauseFound,
    /// The latency is beyond the target, and no cause is shown.
    BeyondTarget,
    /// Not every cause is ruled out.
    CausesOpen,
    /// Every cause is ruled out, and P95 is within the target.
    AllRuledOut,
    /// P95 is not shown to be within the target.
    TargetOpen,
}

impl LatencyShape {
    /// P95/P50.
    pub(crate) fn tail_ratio(&self) -> Option<f64> {
        tail_ratio(self.p50?, self.p95?)
    }
}

/// P95/P50; `None` of a P50 of zero.
fn tail_ratio(p50: Duration, p95: Duration) -> Option<f64> {
    (!p50.is_zero()).then(|| p95.as_secs_f64() / p50.as_secs_f64())
}

impl LatencyGrowth {
    /// Requests in flight at a time with this latency.
    pub(crate) fn in_flight(&self, latency_ns: f64) -> f64 {
        self.rate_per_s * latency_ns / 1e9
    }
}

/// What a piece of evidence says, as a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub(crate) enum EvidenceCode {
    StepNotMade,
    FailedRequests,
    TooFewSends,
    TooFewRequests,
    NewConnections,
    Phases,
    OneAtATime,
    ServerTiming,
    DelayedRequests,
    LatencyShapes,
    Interference,
    LatencyGrowth,
    ServedRequests,
    TooFewBursts,
    NotShared,
    BurstTimes,
    StreamLimit,
    SharedConnection,
    LateSends,
    AboveTarget,
    CauseFound,
    BeyondTarget,
    CausesOpen,
    AllRuledOut,
    TargetOpen,
}

impl CauseEvidence {
    /// Its code in JSON.
    pub(crate) fn code(&self) -> EvidenceCode {
        match self {
            CauseEvidence::StepNotMade(_) => EvidenceCode::StepNotMade,
            CauseEvidence::FailedRequests(_) => EvidenceCode::FailedRequests,
            CauseEvidence::TooFew(too_few) => match too_few.of {
                SampleKind::Sends => EvidenceCode::TooFewSends,
                SampleKind::Bursts => EvidenceCode::TooFewBursts,
                _ => EvidenceCode::TooFewRequests,
            },
            CauseEvidence::NewConnections { .. } => EvidenceCode::NewConnections,
            CauseEvidence::Phases(_) => EvidenceCode::Phases,
            CauseEvidence::OneAtATime { .. } => EvidenceCode::OneAtATime,
            CauseEvidence::ServerTiming { .. } => EvidenceCode::ServerTiming,
            CauseEvidence::Delayed(_) => EvidenceCode::DelayedRequests,
            CauseEvidence::Shapes { .. } => EvidenceCode::LatencyShapes,
            CauseEvidence::Interference { .. } => EvidenceCode::Interference,
            CauseEvidence::Growth(_) => EvidenceCode::LatencyGrowth,
            CauseEvidence::Served(_) => EvidenceCode::ServedRequests,
            CauseEvidence::NotShared(_) => EvidenceCode::NotShared,
            CauseEvidence::BurstTimes(_) => EvidenceCode::BurstTimes,
            CauseEvidence::StreamLimit(_) => EvidenceCode::StreamLimit,
            CauseEvidence::SharedConnection => EvidenceCode::SharedConnection,
            CauseEvidence::LateSends(_) => EvidenceCode::LateSends,
            CauseEvidence::AboveTarget { .. } => EvidenceCode::AboveTarget,
            CauseEvidence::Overall(reason) => match reason {
                OverallReason::CauseFound => EvidenceCode::CauseFound,
                OverallReason::BeyondTarget => EvidenceCode::BeyondTarget,
                OverallReason::CausesOpen => EvidenceCode::CausesOpen,
                OverallReason::AllRuledOut => EvidenceCode::AllRuledOut,
                OverallReason::TargetOpen => EvidenceCode::TargetOpen,
            },
        }
    }

    /// Its numbers by name; names end in their unit.
    pub(crate) fn numbers(&self) -> Vec<(String, f64)> {
        if let CauseEvidence::Phases(phases) = self {
            let phases = phases.iter();
            let phases = phases.map(|(name, median)| (format!("{name}_ms"), millis(*median)));
            return phases.collect();
        }
        let numbers = self.fixed_numbers().into_iter();
        numbers
            .map(|(name, value)| (name.to_owned(), value))
            .collect()
    }

    /// Those whose names are the same in every diagnosis.
    fn fixed_numbers(&self) -> Vec<(&'static str, f64)> {
        match self {
            CauseEvidence::StepNotMade(_) => vec![("requests", 0.0)],
            CauseEvidence::FailedRequests(failed) => vec![
                ("not_ok", failed.not_ok as f64),
                ("requests", failed.requests as f64),
            ],
            CauseEvidence::TooFew(too_few) => vec![
                (too_few.counted(), too_few.present as f64),
                ("least", too_few.needed as f64),
            ],
            CauseEvidence::NewConnections { shift, .. }
            | CauseEvidence::OneAtATime { shift, .. } => vec![
                ("difference_low_ms", shift.ranges.difference_ns.low / 1e6),
                ("difference_high_ms", shift.ranges.difference_ns.high / 1e6),
            ],
            CauseEvidence::ServerTiming { median, share, .. } => vec![
                ("server_timing_p50_ms", millis(*median)),
                ("server_timing_share", *share),
            ],
            CauseEvidence::Delayed(delayed) => vec![
                ("share_alone_high", delayed.alone.high),
                ("share_beside_low", delayed.during_load.low),
                ("share_beside_high", delayed.during_load.high),
            ],
            CauseEvidence::Interference { ratio, .. } => {
                vec![("ratio_low", ratio.low), ("ratio_high", ratio.high)]
            }
            CauseEvidence::Growth(growth) => vec![
                ("p", growth.p),
                ("growth_high_ms", growth.at_most_ns / 1e6),
                ("slope_ms_per_s", growth.slope * 1e3),
                ("rate_per_s", growth.rate_per_s),
            ],
            CauseEvidence::Served(served) => vec![
                ("answered", served.answered as f64),
                ("requests", served.requests as f64),
            ],
            CauseEvidence::BurstTimes(times) => vec![
                ("requests_per_burst", times.burst as f64),
                ("one_connection_ms", times.one_ns / 1e6),
                ("separate_connections_ms", times.many_ns / 1e6),
                ("longer_low_ms", times.longer_ns.low / 1e6),
                ("longer_high_ms", times.longer_ns.high / 1e6),
            ],
            CauseEvidence::StreamLimit(allowed) => vec![("streams", *allowed as f64)],
            CauseEvidence::LateSends(sends) => vec![
                ("share_beyond_high", sends.beyond_high),
                ("send_lag_p99_ms", millis(sends.p99)),
                ("limit_ms", millis(sends.limit)),
                ("cpu_share", sends.cpu_share),
            ],
            CauseEvidence::AboveTarget { share, .. } => vec![("share_high", share.high)],
            CauseEvidence::Phases(_)
            | CauseEvidence::Shapes { .. }
            | CauseEvidence::NotShared(_)
            | CauseEvidence::SharedConnection
            | CauseEvidence::Overall(_) => Vec::new(),
        }
    }
}

impl TooFew {
    fn counted(self) -> &'static str {
        match self.of {
            SampleKind::Sends => "sends",
            SampleKind::Bursts => "bursts",
            _ => "requests",
        }
    }
}
