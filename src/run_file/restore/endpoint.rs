//! One endpoint's recording, decoded and checked against itself.

use std::collections::BTreeMap;
use std::time::Duration;

use super::super::document::{
    EndpointDocument, ExceedancesDocument, ExemplarDocument, HistogramDocument, IntervalDocument,
    LatencyDocument, OutcomeDocument, PhasesDocument,
};
use super::super::{EndpointRun, RunFileError};
use super::audit;
use crate::histogram::{Histogram, MAX_NS, Precision};
use crate::recording::{
    Bits, Counts, Exceedances, Exemplar, Interval, Latency, PhaseHistograms, Recording,
};
use crate::sample::{FailureKind, Outcome};

/// The endpoint of a document.
pub(super) fn restored(
    document: EndpointDocument,
    own_error: Duration,
) -> Result<EndpointRun, RunFileError> {
    let place = Place(document.name.clone());
    let planned = place.total("counts", &document.counts)?;
    place.total("warmup", &document.warmup)?;
    place.equal("planned", document.planned, "the outcomes' sum", planned)?;
    let ok = document.counts.ok;
    let mut recording = Recording::new(document.clock, &[]).with_own_error(own_error);
    recording.ok = place.bits("ok", &document.ok, planned)?;
    place.equal("bits of ok", recording.ok.count_ones(), "counts.ok", ok)?;
    recording.client = place.client(document.client, &document.counts, &recording.ok)?;
    recording.latency = place.latency(document.latency)?;
    place.equal("latencies", recording.latency.count(), "counts.ok", ok)?;
    recording.service = place.histogram("service", document.service, Precision::Four, ok)?;
    recording.send_lag =
        place.histogram("send_lag", document.send_lag, Precision::Three, planned)?;
    recording.phases = place.phases(document.phases, ok)?;
    recording.counts = document.counts;
    recording.exceedances = document
        .exceedances
        .into_iter()
        .map(|exceedances| place.exceedances(exceedances, &recording))
        .collect::<Result<_, _>>()?;
    recording.seams = place.seams(document.seams, planned)?;
    recording.intervals = place.intervals(document.intervals, &recording.counts)?;
    recording.slowest = place.slowest(document.slowest, planned)?;
    recording.server_timing = place.server_timing(document.server_timing)?;
    recording.statuses = document.statuses;
    recording.new_connections = document.new_connections;
    recording.pool_limited = document.pool_limited;
    recording.sent = document.sent;
    recording.body_bytes = document.body_bytes;
    recording.first_sent_ns = document.first_sent_ns;
    recording.last_sent_ns = document.last_sent_ns;
    recording.last_finished_ns = document.last_finished_ns;
    let audit = document
        .audit
        .map(|audit| audit::restored(audit, &place, &recording.counts))
        .transpose()?;
    Ok(EndpointRun {
        name: document.name,
        recording,
        audit,
        warmup: document.warmup,
    })
}

/// The endpoint that is being read: errors name it.
pub(super) struct Place(String);

impl Place {
    /// A part of it.
    pub(super) fn part(&self, name: &str) -> Place {
        Place(format!("{name} of {}", self.0))
    }

    fn at(&self, field: &str) -> String {
        format!("{field} of {}", self.0)
    }

    pub(super) fn wrong<T>(&self, what: String) -> Result<T, RunFileError> {
        Err(RunFileError::Inconsistent(format!("{}: {what}", self.0)))
    }

    pub(super) fn equal(
        &self,
        what: &str,
        found: u64,
        as_is: &str,
        due: u64,
    ) -> Result<(), RunFileError> {
        match found == due {
            true => Ok(()),
            false => self.wrong(format!("{what} is {found} where {as_is} is {due}")),
        }
    }

    pub(super) fn no_more_than(
        &self,
        what: &str,
        found: u64,
        most: &str,
        due: u64,
    ) -> Result<(), RunFileError> {
        match found <= due {
            true => Ok(()),
            false => self.wrong(format!("{what} is {found} where {most} is {due}")),
        }
    }

    /// The sum over all outcomes; a damaged file may hold numbers whose sum does not fit.
    fn total(&self, what: &str, counts: &Counts) -> Result<u64, RunFileError> {
        let outcomes = [counts.ok, counts.timeout, counts.unsent];
        let sum = outcomes
            .iter()
            .chain(counts.failed.values())
            .try_fold(0u64, |sum, &n| sum.checked_add(n));
        match sum {
            Some(sum) => Ok(sum),
            None => self.wrong(format!("{what} add up to more than a number holds")),
        }
    }

    pub(super) fn bits(&self, what: &str, text: &str, planned: u64) -> Result<Bits, RunFileError> {
        Bits::decode(text, planned).map_err(|source| RunFileError::Bits {
            place: self.at(what),
            source,
        })
    }

    pub(super) fn decoded(
        &self,
        what: &str,
        document: HistogramDocument,
        precision: Precision,
    ) -> Result<Histogram, RunFileError> {
        let extremes = document.min_ns.zip(document.max_ns);
        let histogram =
            Histogram::decode(&document.hdr, precision, extremes).map_err(|source| {
                RunFileError::Histogram {
                    place: self.at(what),
                    source,
                }
            })?;
        self.equal(
            &format!("count of {what}"),
            document.count,
            "its histogram's",
            histogram.count(),
        )?;
        // Decoding holds them within the outermost buckets, so a difference shows that they are wrong.
        match (histogram.min_ns(), histogram.max_ns()) == (document.min_ns, document.max_ns) {
            true => Ok(histogram),
            false => self.wrong(format!(
                "minimum and maximum of {what} are not those of its histogram"
            )),
        }
    }

    fn histogram(
        &self,
        what: &str,
        document: HistogramDocument,
        precision: Precision,
        most: u64,
    ) -> Result<Histogram, RunFileError> {
        let histogram = self.decoded(what, document, precision)?;
        self.no_more_than(
            &format!("count of {what}"),
            histogram.count(),
            "the number of requests",
            most,
        )?;
        Ok(histogram)
    }

    fn latency(&self, document: LatencyDocument) -> Result<Latency, RunFileError> {
        Ok(match document {
            LatencyDocument::Histogram(histogram) => {
                Latency::Histogram(self.decoded("latency", histogram, Precision::Four)?)
            }
            LatencyDocument::Exact { values_ns } => Latency::Exact(values_ns),
        })
    }

    fn phases(&self, document: PhasesDocument, ok: u64) -> Result<PhaseHistograms, RunFileError> {
        let phase = |name: &str, histogram| {
            self.histogram(&format!("phase {name}"), histogram, Precision::Three, ok)
        };
        Ok(PhaseHistograms {
            wait: phase("wait", document.wait)?,
            dns: phase("dns", document.dns)?,
            connect: phase("connect", document.connect)?,
            tls: phase("tls", document.tls)?,
            first_byte: phase("first_byte", document.first_byte)?,
            body: phase("body", document.body)?,
        })
    }

    /// The bits of a target, held against the latencies: they were counted apart, so they must agree.
    pub(super) fn exceedances(
        &self,
        document: ExceedancesDocument,
        recording: &Recording,
    ) -> Result<Exceedances, RunFileError> {
        let target = Duration::from_nanos(document.target_ns);
        let what = format!("exceedances of {target:?}");
        let bits = self.bits(&what, &document.bits, recording.ok.len())?;
        let set = bits.count_ones();
        self.equal(&what, document.count, "the number of its set bits", set)?;
        if bits
            .iter()
            .zip(recording.ok.iter())
            .any(|(over, ok)| !over && !ok)
        {
            return self.wrong(format!("{what} leave out a request that did not end ok"));
        }
        let (certain, possible) = recording.latency.count_above(document.target_ns);
        let not_ok = recording.counts.not_ok();
        // Beyond the longest duration that a histogram holds, it cannot tell.
        let comparable = document.target_ns < MAX_NS;
        if comparable && !(certain + not_ok..=possible + not_ok).contains(&set) {
            return self.wrong(format!("{what} are {set}, which the latencies contradict"));
        }
        let row = |name: &str, text: &String| {
            self.bits(&format!("{name} {what}"), text, recording.ok.len())
        };
        let beyond_error = match &document.beyond_error {
            Some(text) => row("guarded", text)?,
            None => bits.clone(),
        };
        let certain = match &document.certain {
            Some(text) => row("certain", text)?,
            None => bits.without(&recording.client),
        };
        let counted = |name: &str, text: &Option<String>| {
            text.as_ref().map(|text| row(name, text)).transpose()
        };
        let near = counted("near", &document.near)?;
        let far = counted("far", &document.far)?;
        let within_near = near.as_ref().unwrap_or(&certain);
        let nested = [
            ("guarded", &beyond_error, &bits),
            ("certain", &certain, &beyond_error),
            ("near", within_near, &certain),
            ("far", far.as_ref().unwrap_or(within_near), within_near),
        ];
        for (name, inner, outer) in nested {
            if inner.without(outer).count_ones() > 0 {
                return self.wrong(format!("{name} {what} are not among them"));
            }
        }
        Ok(Exceedances {
            target,
            bits,
            beyond_error,
            certain,
            near,
            far,
        })
    }

    /// The requests that ended badly for a cause on this side, held against their number and against `ok`.
    pub(super) fn client(
        &self,
        text: Option<String>,
        counts: &Counts,
        ok: &Bits,
    ) -> Result<Bits, RunFileError> {
        let Some(text) = text else {
            return Ok(match counts.client_side() {
                0 => Bits::zeros(ok.len()),
                _ => ok.complement(),
            });
        };
        let bits = self.bits("client", &text, ok.len())?;
        let due = counts.client_side();
        self.equal("bits of client", bits.count_ones(), "their count", due)?;
        match bits.without(&ok.complement()).count_ones() {
            0 => Ok(bits),
            _ => self.wrong("a request ended ok and badly".to_owned()),
        }
    }

    /// Each between two requests, ascending.
    fn seams(&self, seams: Vec<u64>, planned: u64) -> Result<Vec<u64>, RunFileError> {
        let inside = |seam: &u64| (1..planned).contains(seam);
        match seams.is_sorted_by(|a, b| a < b) && seams.iter().all(inside) {
            true => Ok(seams),
            false => self.wrong("seams are not ascending between two requests".to_owned()),
        }
    }

    fn intervals(
        &self,
        documents: Vec<IntervalDocument>,
        counts: &Counts,
    ) -> Result<BTreeMap<u64, Interval>, RunFileError> {
        let mut intervals = BTreeMap::new();
        let (mut ok, mut not_ok) = (0u64, 0u64);
        for document in documents {
            let what = format!("second {}", document.second);
            let histogram =
                Histogram::decode(&document.hdr, Precision::Two, None).map_err(|source| {
                    RunFileError::Histogram {
                        place: self.at(&what),
                        source,
                    }
                })?;
            self.equal(
                &what,
                document.ok,
                "its histogram's count",
                histogram.count(),
            )?;
            ok = ok.saturating_add(document.ok);
            not_ok = not_ok.saturating_add(document.not_ok);
            let interval = Interval::from_histogram(&histogram, document.not_ok);
            if intervals.insert(document.second, interval).is_some() {
                return self.wrong(format!("{what} is there twice"));
            }
        }
        self.no_more_than("ok of all seconds", ok, "counts.ok", counts.ok)?;
        self.no_more_than("not_ok of all seconds", not_ok, "the rest", counts.not_ok())?;
        Ok(intervals)
    }

    fn slowest(
        &self,
        documents: Vec<ExemplarDocument>,
        planned: u64,
    ) -> Result<Vec<Exemplar>, RunFileError> {
        documents
            .into_iter()
            .map(|document| match document.index < planned {
                true => self.exemplar(document),
                false => self.wrong(format!(
                    "a slow request has index {} of {planned}",
                    document.index
                )),
            })
            .collect()
    }

    fn exemplar(&self, document: ExemplarDocument) -> Result<Exemplar, RunFileError> {
        Ok(Exemplar {
            index: document.index,
            latency: Duration::from_nanos(document.latency_ns),
            at: Duration::from_nanos(document.at_ns),
            send_lag: document.send_lag_ns.map(Duration::from_nanos),
            outcome: self.outcome(document.outcome, document.failure)?,
            status: document.status,
            connection: document.connection,
            phases: document.phases,
        })
    }

    fn outcome(
        &self,
        outcome: OutcomeDocument,
        failure: Option<FailureKind>,
    ) -> Result<Outcome, RunFileError> {
        Ok(match (outcome, failure) {
            (OutcomeDocument::Ok, None) => Outcome::Ok,
            (OutcomeDocument::Failed, Some(kind)) => Outcome::Failed(kind),
            (OutcomeDocument::Timeout, None) => Outcome::Timeout,
            (OutcomeDocument::Unsent, None) => Outcome::Unsent,
            (OutcomeDocument::Failed, None) => {
                return self.wrong("a slow request failed without a reason".to_owned());
            }
            (_, Some(_)) => {
                return self.wrong("a slow request has a failure and did not fail".to_owned());
            }
        })
    }

    fn server_timing(
        &self,
        documents: BTreeMap<String, HistogramDocument>,
    ) -> Result<BTreeMap<String, Histogram>, RunFileError> {
        documents
            .into_iter()
            .map(|(name, document)| {
                let what = format!("Server-Timing {name}");
                // One answer may carry a metric more than once, so there is no bound by the requests.
                let histogram = self.decoded(&what, document, Precision::Three)?;
                Ok((name, histogram))
            })
            .collect()
    }
}
