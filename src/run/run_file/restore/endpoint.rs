//! One endpoint's recording, decoded and checked against itself.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::super::document::{
    EndpointDocument, ExemplarDocument, IntervalDocument, LatencyDocument, OutcomeDocument,
    PhasesDocument,
};
use super::super::histogram_document::HistogramDocument;
use super::super::{EndpointRun, RunFileError};
use super::audit;
use super::context::RestoreContext;
use super::shards::EndpointScope;
use crate::run::histogram::{Histogram, MAX_NS, Precision};
use crate::run::recording::{
    Exemplar, Latency, PhaseHistograms, Recording, RunInterval, RunIntervals, TimeBase,
};
use crate::run::sample::{FailureKind, Outcome};

/// Memory that an interval takes beyond its buckets.
const INTERVAL_BYTES: u64 = 64;

/// The endpoint of a document whose plain numbers were checked.
pub(super) fn restored(
    document: EndpointDocument<'_>,
    context: &RestoreContext,
    scope: EndpointScope,
) -> Result<EndpointRun, RunFileError> {
    let (planned, ok) = (document.planned, document.counts.ok);
    let mut recording = Recording::new(document.clock, &[]).with_own_error(scope.own_errors.most);
    recording.most_in_sequence = scope.most_in_sequence;
    recording.ok = context.bits("ok", &document.ok, planned)?;
    context.equal("bits of ok", recording.ok.count_ones(), "counts.ok", ok)?;
    recording.client = context.client(document.client.as_ref(), &document.counts, &recording.ok)?;
    recording.latency = context.latency(document.latency, ok)?;
    context.equal("latencies", recording.latency.count(), "counts.ok", ok)?;
    recording.service = context.histogram("service", &document.service, Precision::Four, ok)?;
    recording.send_lag =
        context.histogram("send_lag", &document.send_lag, Precision::Three, planned)?;
    recording.phases = context.phases(&document.phases, ok)?;
    recording.counts = document.counts;
    context.service_within_latency(&recording)?;
    recording.seams = context.seams(document.seams, planned)?;
    recording.intervals = Arc::new(context.intervals(document.intervals, document.interval_s)?);
    recording.slowest = context.exemplars("slow", document.slowest, planned)?;
    recording.first_failed = context.exemplars("failed", document.first_failed, planned)?;
    recording.server_timing = context.server_timing(&document.server_timing)?;
    recording.statuses = document.statuses;
    recording.new_connections = document.new_connections;
    recording.pool_limited = document.pool_limited;
    recording.moved = document.moved;
    recording.sent = document.sent;
    recording.body_bytes = document.body_bytes;
    recording.first_sent_ns = document.first_sent_ns;
    recording.last_sent_ns = document.last_sent_ns;
    recording.last_finished_ns = document.last_finished_ns;
    recording.exceedances =
        context.all_exceedances(document.exceedances, &recording, scope.own_errors.least)?;
    context.slowest_agree(&recording)?;
    context.first_failed_agree(&recording)?;
    recording.sequence = context.sequence(document.sequence, &recording, scope.own_errors.least)?;
    let answers = context.answers(document.answers, &recording)?;
    let audit = document
        .audit
        .map(|audit| audit::restored(audit, context, &recording.counts))
        .transpose()?;
    Ok(EndpointRun {
        audit,
        answers,
        warmup: document.warmup,
        ..EndpointRun::new(document.name, recording)
    })
}

impl RestoreContext {
    fn latency(&self, document: LatencyDocument<'_>, ok: u64) -> Result<Latency, RunFileError> {
        Ok(match document {
            LatencyDocument::Histogram(histogram) => {
                let what = "latency";
                Latency::Histogram(self.histogram(what, &histogram, Precision::Four, ok)?)
            }
            LatencyDocument::Exact { .. } => {
                return self.wrong("its latencies are a list".to_owned());
            }
        })
    }

    fn phases(
        &self,
        document: &PhasesDocument<'_>,
        ok: u64,
    ) -> Result<PhaseHistograms, RunFileError> {
        let phase = |name: &str, histogram| {
            self.histogram(&format!("phase {name}"), histogram, Precision::Three, ok)
        };
        let optional = |name: &str, histogram: Option<_>| match histogram {
            Some(histogram) => phase(name, histogram),
            None => Ok(Histogram::new(Precision::Three)),
        };
        Ok(PhaseHistograms {
            wait: phase("wait", &document.wait)?,
            dns: phase("dns", &document.dns)?,
            connect: phase("connect", &document.connect)?,
            tls: phase("tls", &document.tls)?,
            slot: optional("slot", document.slot.as_ref())?,
            redirect: optional("redirect", document.redirect.as_ref())?,
            first_byte: phase("first_byte", &document.first_byte)?,
            body: phase("body", &document.body)?,
        })
    }

    /// Every request that ended ok has a service time, and a latency from its intended start that is at least as long.
    /// In the closed model both are the same figure, which is kept once.
    fn service_within_latency(&self, recording: &Recording) -> Result<(), RunFileError> {
        let (service, lag) = (&recording.service, &recording.send_lag);
        let Latency::Histogram(latency) = &recording.latency else {
            return self.wrong("its latencies are a list".to_owned());
        };
        let ok = recording.counts.ok;
        match recording.clock {
            TimeBase::IntendedStart => {
                self.equal("count of service", service.count(), "counts.ok", ok)?;
                self.no_more_than("counts.ok", ok, "count of send_lag", lag.count())?;
            }
            TimeBase::Send => {
                self.equal(
                    "count of service",
                    service.count(),
                    "that of a closed model",
                    0,
                )?;
                self.equal(
                    "count of send_lag",
                    lag.count(),
                    "that of a closed model",
                    0,
                )?;
            }
            TimeBase::Given => {
                return self.wrong("its latencies are a histogram of unknown origin".to_owned());
            }
        }
        let pairs = [
            (service.min_ns(), latency.min_ns()),
            (service.max_ns(), latency.max_ns()),
        ];
        let longer = pairs.iter().any(|(service, latency)| service > latency);
        self.holds(recording.clock == TimeBase::Send || !longer, || {
            "service times are longer than the latencies that hold them".to_owned()
        })
    }

    /// Each between two requests, ascending.
    fn seams(&self, seams: Vec<u64>, planned: u64) -> Result<Vec<u64>, RunFileError> {
        let inside = |seam: &u64| (1..planned).contains(seam);
        if seams.is_sorted_by(|a, b| a < b) && seams.iter().all(inside) {
            Ok(seams)
        } else {
            self.wrong("seams are not ascending between two requests".to_owned())
        }
    }

    fn intervals(
        &self,
        documents: Vec<IntervalDocument<'_>>,
        width_s: u64,
    ) -> Result<RunIntervals, RunFileError> {
        let mut intervals = RunIntervals::default();
        for document in documents {
            let what = format!("second {}", document.second);
            let decoded = Histogram::decode_of(&document.hdr, Precision::Two, None, document.ok);
            let histogram = decoded.map_err(|source| RunFileError::Histogram {
                place: self.at(&what),
                source,
            })?;
            let count = histogram.count();
            self.equal(&what, document.ok, "its histogram's count", count)?;
            let kinds = document.failed.values().copied().chain([document.timeout]);
            let kinds = self.sum("failures of a second", kinds)?;
            self.no_more_than("failures of a second", kinds, "its not_ok", document.not_ok)?;
            let interval = RunInterval::from_histogram(&histogram, document.not_ok)
                .with_failures(document.failed, document.timeout);
            self.take(INTERVAL_BYTES + 16 * interval.buckets().len() as u64)?;
            intervals.holding(document.second).merge(&interval);
            self.holds(document.second % width_s.max(1) == 0, || {
                format!("{what} does not begin an interval of {width_s} s (interval_s)")
            })?;
        }
        // Files of before there were wider ones have one a second of any run.
        self.holds(width_s == 1 || width_s == intervals.width_s(), || {
            let own = intervals.width_s();
            format!("interval_s is {width_s} where the last second gives {own}")
        })?;
        Ok(intervals)
    }

    /// `kind` is what they are called: slow or failed.
    fn exemplars(
        &self,
        kind: &str,
        documents: Vec<ExemplarDocument>,
        planned: u64,
    ) -> Result<Vec<Exemplar>, RunFileError> {
        documents
            .into_iter()
            .map(|document| {
                if document.index < planned {
                    self.exemplar(kind, document)
                } else {
                    self.wrong(format!(
                        "a {kind} request has index {} of {planned}",
                        document.index
                    ))
                }
            })
            .collect()
    }

    /// The slowest requests are among the latencies and the bits.
    fn slowest_agree(&self, recording: &Recording) -> Result<(), RunFileError> {
        for exemplar in &recording.slowest {
            let (index, is_ok) = (exemplar.index, exemplar.outcome == Outcome::Ok);
            self.holds(recording.ok.get(index) == is_ok, || {
                format!("slow request {index} did not end as its bit of ok says")
            })?;
            for counted in recording.exceedances.iter().filter(|_| is_ok) {
                let target = counted.target;
                self.holds(
                    counted.bits.get(index) == (exemplar.latency > target),
                    || format!("slow request {index} contradicts the exceedances of {target:?}"),
                )?;
            }
        }
        let (Latency::Histogram(latency), Some(slowest)) =
            (&recording.latency, recording.slowest.first())
        else {
            return Ok(());
        };
        let slowest_ns = (slowest.latency.as_nanos() as u64).min(MAX_NS);
        let max_ns = latency.max_ns().unwrap_or(0);
        let agrees = if slowest.outcome == Outcome::Ok {
            slowest_ns == max_ns
        } else {
            slowest_ns >= max_ns
        };
        self.holds(agrees, || {
            format!(
                "the slowest request took {slowest_ns} ns where the largest latency is {max_ns} ns"
            )
        })
    }

    /// Requests that failed are not among those that ended ok.
    fn first_failed_agree(&self, recording: &Recording) -> Result<(), RunFileError> {
        recording.first_failed.iter().try_for_each(|exemplar| {
            let index = exemplar.index;
            let agrees = exemplar.outcome != Outcome::Ok && !recording.ok.get(index);
            self.holds(agrees, || {
                format!("failed request {index} did not end as its bit of ok says")
            })
        })
    }

    fn exemplar(&self, kind: &str, document: ExemplarDocument) -> Result<Exemplar, RunFileError> {
        Ok(Exemplar {
            index: document.index,
            latency: Duration::from_nanos(document.latency_ns),
            at: Duration::from_nanos(document.at_ns),
            send_lag: document.send_lag_ns.map(Duration::from_nanos),
            outcome: self.outcome(kind, document.outcome, document.failure)?,
            status: document.status,
            connection: document.connection,
            phases: document.phases,
            trace_id: document.trace_id,
        })
    }

    fn outcome(
        &self,
        kind: &str,
        outcome: OutcomeDocument,
        failure: Option<FailureKind>,
    ) -> Result<Outcome, RunFileError> {
        Ok(match (outcome, failure) {
            (OutcomeDocument::Ok, None) => Outcome::Ok,
            (OutcomeDocument::Failed, Some(kind)) => Outcome::Failed(kind),
            (OutcomeDocument::Timeout, None) => Outcome::Timeout,
            (OutcomeDocument::Unsent, None) => Outcome::Unsent,
            (OutcomeDocument::Failed, None) => {
                return self.wrong(format!("a {kind} request failed without a reason"));
            }
            (_, Some(_)) => {
                return self.wrong(format!("a {kind} request has a failure and did not fail"));
            }
        })
    }

    fn server_timing(
        &self,
        documents: &BTreeMap<String, HistogramDocument<'_>>,
    ) -> Result<BTreeMap<String, Histogram>, RunFileError> {
        let timing = |(name, document): (&String, &HistogramDocument<'_>)| {
            let what = format!("Server-Timing {name}");
            // One answer may carry a metric more than once, so there is no bound by the requests.
            let most = document.count;
            let histogram = self.histogram(&what, document, Precision::Three, most)?;
            Ok((name.clone(), histogram))
        };
        documents.iter().map(timing).collect()
    }
}
