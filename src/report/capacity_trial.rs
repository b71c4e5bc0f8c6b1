//! One trial of a capacity search as it is shown.

use std::time::Duration;

use crate::judge::capacity::{PlannedTrial, TrialPurpose, TrialVerdict};
use crate::judge::summary::{Observed, Summary};
use crate::run::completion::{Audit, Completion};
use crate::run::recording::{Exemplar, Recording};
use crate::stats::rank::Quantile;

/// Traces that are kept of each kind of request: the slowest, and the first that failed.
const TRACES: usize = 3;

/// One trial.
#[derive(Clone, Debug, PartialEq)]
pub struct CapacityTrial {
    /// What it was for.
    pub purpose: TrialPurpose,
    /// Requests per second.
    pub rate: f64,
    /// Requests that were planned.
    pub requests: u64,
    /// Requests that were sent.
    pub sent: u64,
    /// Requests that did not end ok.
    pub failed: u64,
    /// Requests sent per second, first send to last.
    pub achieved: Option<f64>,
    /// The median response time.
    pub median: Observed,
    /// The 99th percentile of the response time.
    pub p99: Observed,
    /// The percentile of the strictest gate,
    pub metric: TrialMetric,
    /// and its value.
    pub value: Observed,
    /// The verdict of the trial alone.
    pub verdict: TrialVerdict,
    /// What both blocks of a rate say together; the same in both.
    pub pair: Option<JudgedPair>,
    /// How the service recovered after it, if it had to.
    pub recovered: Option<TrialRecovery>,
    /// What became of its accepted events, where a gate is about them.
    pub work: Option<TrialWork>,
    /// Of a search with `--trace`.
    pub traces: Vec<TrialTrace>,
}

/// The percentile that a search is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TrialMetric {
    /// Which percentile.
    pub quantile: Quantile,
    /// Of which time.
    pub time: TrialTime,
}

/// Which time a percentile is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrialTime {
    /// From the intended start to the answer.
    Response,
    /// From acceptance to completion.
    Completion,
}

/// Both blocks of a rate together.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct JudgedPair {
    /// The number of the test in the search.
    pub number: u32,
    /// Its level.
    pub level: f64,
    /// Their verdict.
    pub verdict: TrialVerdict,
    /// The percentile of the strictest gate over both.
    pub value: Observed,
}

/// How a service recovered after a trial.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum TrialRecovery {
    /// It answered as in the reference after this time.
    After(Duration),
    /// It did not within the time, and its percentile was this at the end.
    NotWithin {
        /// How long was waited.
        took: Duration,
        /// The percentile of the strictest gate in the last window.
        value: Observed,
    },
}

/// What became of the accepted events of a trial.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TrialWork {
    /// Accepted events.
    pub accepted: u64,
    /// Of these, those that were processed when the audit ended.
    pub processed: u64,
    /// The most that were accepted and not done at the end of any second.
    pub most_waiting: Option<u64>,
    /// From the last request to the last event that was done; `None` if events were pending when the audit ended, or the
    /// order of the requests was not kept.
    pub drained: Option<Duration>,
}

/// A request that named its trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrialTrace {
    /// Its trace id.
    pub trace_id: String,
    /// When it ended, from its intended start.
    pub latency: Duration,
    /// How it ended.
    pub outcome: String,
}

/// What a trial left behind, for its row.
#[derive(Clone, Copy)]
pub(crate) struct TrialRecords<'a> {
    pub(crate) recording: &'a Recording,
    pub(crate) audit: Option<&'a Audit>,
    pub(crate) timeout: Duration,
    /// The percentile of the time to completion, where the search is about it.
    pub(crate) done: Observed,
}

impl CapacityTrial {
    /// The row of a trial.
    pub(crate) fn of(
        trial: &PlannedTrial,
        records: &TrialRecords<'_>,
        metric: TrialMetric,
        verdict: TrialVerdict,
    ) -> CapacityTrial {
        let recording = records.recording;
        let summary = Summary::of(recording, Some(records.timeout));
        CapacityTrial {
            purpose: trial.purpose,
            rate: trial.rate,
            requests: summary.planned(),
            sent: recording.sent,
            failed: summary.counts.not_ok(),
            achieved: recording.achieved_per_s(),
            median: summary.percentile(Quantile::P50).value,
            p99: summary.percentile(Quantile::P99).value,
            metric,
            value: match metric.time {
                TrialTime::Response => summary.percentile(metric.quantile).value,
                TrialTime::Completion => records.done,
            },
            verdict,
            pair: None,
            recovered: None,
            work: records
                .audit
                .map(|audit| TrialWork::of(audit.completion(), recording)),
            traces: traces(recording),
        }
    }
}

impl TrialWork {
    /// Nothing is known without an audit that was read.
    fn of(completion: Option<&Completion>, recording: &Recording) -> TrialWork {
        let Some(completion) = completion else {
            return TrialWork {
                accepted: recording.counts.ok,
                ..TrialWork::default()
            };
        };
        TrialWork {
            accepted: completion.accepted(),
            processed: completion.processed,
            most_waiting: completion.most_waiting(),
            drained: completion.drained_after(recording),
        }
    }
}

fn traces(recording: &Recording) -> Vec<TrialTrace> {
    let kept = |exemplars: &[Exemplar]| -> Vec<TrialTrace> {
        let traced = exemplars.iter().filter_map(TrialTrace::of);
        traced.take(TRACES).collect()
    };
    let mut traces = kept(&recording.slowest);
    for failed in kept(&recording.first_failed) {
        if !traces.contains(&failed) {
            traces.push(failed);
        }
    }
    traces
}

impl TrialTrace {
    fn of(exemplar: &Exemplar) -> Option<TrialTrace> {
        Some(TrialTrace {
            trace_id: exemplar.trace_id?.to_string(),
            latency: exemplar.latency,
            outcome: exemplar.outcome.as_str().to_owned(),
        })
    }
}

impl TrialMetric {
    /// `P95`, `done P95`.
    pub(in crate::report) fn shown(self) -> String {
        match self.time {
            TrialTime::Response => self.quantile.to_string(),
            TrialTime::Completion => format!("done {}", self.quantile),
        }
    }
}
