//! Everything one endpoint's run leaves behind, in constant memory: histograms, exceedance bits,
//! counts, the sequence, intervals of time, the slowest requests and the first that failed.

mod append;
mod bits;
mod counts;
mod deflated;
mod exceedances;
mod exemplar;
mod latency;
mod latency_code;
mod live_exceedances;
mod margin;
mod origin;
mod phase_histograms;
mod placed_request;
mod ranges;
mod rows;
mod run_interval;
mod run_intervals;
mod sequence;
mod sequence_part;
mod sequence_rows;
mod shards;
pub(crate) mod unique_map;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::run::histogram::{Histogram, Precision};
use crate::run::sample::{ConnectionUse, FailureKind, Outcome, Sample};
use crate::run::shard::Shard;
use crate::trace::TraceId;

pub use bits::{Bits, BitsError};
pub use counts::Counts;
pub(crate) use deflated::{encode as deflate, inflate};
pub use exceedances::{Exceedances, Rows};
pub use exemplar::Exemplar;
pub use latency::Latency;
pub use latency_code::LatencyCode;
pub use live_exceedances::LiveExceedances;
pub use margin::Margin;
pub use origin::{Failures, TimeBase, Values};
pub use phase_histograms::PhaseHistograms;
pub use ranges::{Range, Ranges};
pub use run_interval::RunInterval;
pub use run_intervals::RunIntervals;
pub use sequence::{MOST_IN_SEQUENCE, Sequence, SequenceEntry, SequenceError};
pub use sequence_part::{IndexShare, SequencePart};
pub use shards::{PresentRequests, ShardRequests};

pub(crate) use latency_code::StepEnd;
pub(crate) use placed_request::PlacedRequest;
pub(crate) use sequence_rows::SequenceLimits;

/// How many of the slowest requests are kept, and of those that failed first.
pub const EXEMPLARS: usize = 10;

/// How many different `Server-Timing` names are recorded; more are ignored.
pub const SERVER_TIMING_NAMES: usize = 8;

/// What one endpoint's run leaves behind.
#[derive(Clone, Debug)]
pub struct Recording {
    /// From where the judged latency counts.
    pub clock: TimeBase,
    /// Whether latencies are what they were measured to be, or the most that they may be.
    pub values: Values,
    /// Whether the counts hold every failure; a run of this program always does.
    pub failures: Failures,
    /// How the planned requests ended; they add up to [`Recording::planned`].
    pub counts: Counts,
    /// Latency of the requests that ended ok, by [`Recording::clock`]: response time in the open model.
    pub latency: Latency,
    /// Last byte − send, of the requests that ended ok.
    pub service: Histogram,
    /// Dispatch − intended start, of every request that was dispatched.
    pub send_lag: Histogram,
    /// Where the time went, of the requests that ended ok.
    pub phases: PhaseHistograms,
    /// e, the measurement overhead as calibrated before the run; zero without a calibration.
    pub own_error: Duration,
    /// One bit per planned request for each target, in order of the intended start.
    pub exceedances: Vec<Exceedances>,
    /// One bit per planned request: whether it ended ok.
    pub ok: Bits,
    /// One bit per planned request: whether it did not end ok for a cause on this side.
    pub client: Bits,
    /// The response times in order of the intended start; `None` where another tool measured, and in files of before there
    /// was such a thing.
    pub sequence: Option<SequencePart>,
    /// How many requests the sequence holds at the most: of a shard, those that are among the first of the whole run.
    pub most_in_sequence: u64,
    /// Where a stretch of time was cut out: the index of the first request after it, ascending. Exceedances on both sides
    /// of a seam are neighbours in the bits and not in time.
    pub seams: Vec<u64>,
    /// By the intended start (by the send in the closed model). Copies of a recording share them: they are large.
    pub intervals: Arc<RunIntervals>,
    /// The slowest requests, slowest first.
    pub slowest: Vec<Exemplar>,
    /// The dispatched requests that did not end ok, in the order of the plan, as far as they are kept. Empty in files of
    /// before there was this list.
    pub first_failed: Vec<Exemplar>,
    /// Answers by status.
    pub statuses: BTreeMap<u16, u64>,
    /// `Server-Timing` metrics of the requests that ended ok, by name.
    pub server_timing: BTreeMap<String, Histogram>,
    /// Requests that opened a connection.
    pub new_connections: u64,
    /// Requests that waited for a connection because the in-flight cap was reached.
    pub pool_limited: u64,
    /// HTTP/2: how often a GOAWAY left a request unprocessed, which was then sent once more over another connection.
    pub moved: u64,
    /// Requests whose first byte was handed to a socket.
    pub sent: u64,
    /// Bytes of answers' bodies.
    pub body_bytes: u64,
    /// First send, in ns from t0.
    pub first_sent_ns: Option<u64>,
    /// Last send, in ns from t0.
    pub last_sent_ns: Option<u64>,
    /// Last end of a request, in ns from t0.
    pub last_finished_ns: u64,
}

impl Recording {
    /// An empty recording of a live run that counts exceedances of these targets.
    pub fn new(clock: TimeBase, targets: &[Duration]) -> Recording {
        Recording {
            clock,
            values: Values::Measured,
            failures: Failures::Counted,
            counts: Counts::default(),
            latency: Latency::Histogram(Histogram::new(Precision::Four)),
            service: Histogram::new(Precision::Four),
            send_lag: Histogram::new(Precision::Three),
            phases: PhaseHistograms::new(),
            own_error: Duration::ZERO,
            exceedances: targets
                .iter()
                .map(|&target| Exceedances::of(target))
                .collect(),
            ok: Bits::new(),
            client: Bits::new(),
            sequence: match clock {
                TimeBase::IntendedStart | TimeBase::Send => Some(SequencePart::of(IndexShare::All)),
                TimeBase::Given => None,
            },
            most_in_sequence: MOST_IN_SEQUENCE,
            seams: Vec::new(),
            intervals: Arc::default(),
            slowest: Vec::with_capacity(EXEMPLARS + 1),
            first_failed: Vec::new(),
            statuses: BTreeMap::new(),
            server_timing: BTreeMap::new(),
            new_connections: 0,
            pool_limited: 0,
            moved: 0,
            sent: 0,
            body_bytes: 0,
            first_sent_ns: None,
            last_sent_ns: None,
            last_finished_ns: 0,
        }
    }

    /// A recording of latencies that another tool measured, in file order; `None` is a failure.
    pub fn from_latencies(latencies: &[Option<Duration>], targets: &[Duration]) -> Recording {
        let mut recording = Recording::new(TimeBase::Given, targets);
        recording.latency = Latency::Exact(Vec::new());
        for (index, latency) in (0u64..).zip(latencies) {
            recording.add_latency(index, *latency);
        }
        recording
    }

    /// Adds a latency that another tool measured, in the order of time; `None` is a failure.
    pub fn add_latency(&mut self, index: u64, latency: Option<Duration>) {
        let outcome = match latency {
            Some(_) => Outcome::Ok,
            None => Outcome::Failed(FailureKind::Status),
        };
        let latency_ns = latency.map_or(0, |l| l.as_nanos() as u64);
        if latency.is_some() {
            self.latency.record(latency_ns);
        }
        self.count(index, outcome, latency_ns, 0);
    }

    /// An empty recording of requests that another tool measured, to be added in the order of time; `within`
    /// is how far its rounding may have moved each latency.
    pub fn of_requests(within: Duration) -> Recording {
        let values_ns = Vec::new();
        let mut recording = Recording::new(TimeBase::Given, &[]);
        recording.latency = match within.as_nanos() as u64 {
            0 => Latency::Exact(values_ns),
            within_ns => Latency::Rounded {
                values_ns,
                within_ns,
            },
        };
        recording
    }

    /// A recording of latencies in ranges that another tool kept, and of how the requests ended: `counts.ok` is
    /// the number of latencies without the failures among them. The order is lost.
    pub fn of_ranges(ranges: Ranges, counts: Counts) -> Recording {
        debug_assert_eq!(ranges.ok(), counts.ok, "one latency for each that ended ok");
        let mut recording = Recording::new(TimeBase::Given, &[]);
        recording.latency = Latency::Ranges(ranges);
        recording.counts = counts;
        recording
    }

    /// The same, with a known measurement overhead; to be called before the first request is added.
    #[must_use]
    pub fn with_own_error(self, own_error: Duration) -> Recording {
        Recording { own_error, ..self }
    }

    /// The same, to be filled with a part of the requests; before anything is added.
    #[must_use]
    pub fn of_share(self, share: IndexShare) -> Recording {
        let sequence = self.sequence.map(|_| SequencePart::of(share));
        Recording { sequence, ..self }
    }

    /// The same, to be filled with the requests of a shard; before anything is added.
    #[must_use]
    pub fn of_shard(self, shard: Shard) -> Recording {
        Recording {
            most_in_sequence: shard.own_below(MOST_IN_SEQUENCE),
            ..self
        }
    }

    /// The response times of all requests, or of the first [`Recording::most_in_sequence`], in order; `None` if they were
    /// not kept.
    pub fn sequence(&self) -> Option<&Sequence> {
        let sequence = self.sequence.as_ref()?.whole()?;
        (sequence.len() == self.planned().min(self.most_in_sequence)).then_some(sequence)
    }

    /// Whether it is known which request came after which; without it, bursts cannot be seen.
    pub fn has_order(&self) -> bool {
        self.ok.len() == self.planned()
    }

    /// Requests that the plan had: the sum over all outcomes.
    pub fn planned(&self) -> u64 {
        self.counts.total()
    }

    /// The exceedances of a target that was counted at record time.
    pub fn exceedances_of(&self, target: Duration) -> Option<&Exceedances> {
        self.exceedances.iter().find(|e| e.target == target)
    }

    /// Requests sent per second, first send to last; `None` below two sends.
    pub fn achieved_per_s(&self) -> Option<f64> {
        let sent = self.sent;
        let span_ns = self.last_sent_ns?.checked_sub(self.first_sent_ns?)?;
        (sent > 1 && span_ns > 0).then(|| (sent - 1) as f64 * 1e9 / span_ns as f64)
    }

    /// Adds one request that ended, however it ended.
    pub fn add(&mut self, sample: &Sample) {
        let latency_ns = match self.clock {
            TimeBase::Send => sample.service_ns().unwrap_or_else(|| sample.response_ns()),
            TimeBase::IntendedStart | TimeBase::Given => sample.response_ns(),
        };
        let lag_ns = match self.clock {
            TimeBase::IntendedStart => sample.send_lag_ns().unwrap_or(0),
            TimeBase::Send | TimeBase::Given => 0,
        };
        self.count(sample.index, sample.outcome, latency_ns, lag_ns);
        self.add_timings(sample, latency_ns);
        self.interval_of(sample).add(sample.outcome, latency_ns);
        self.keep_if_slow(sample, latency_ns);
        self.keep_if_failed(sample, latency_ns);
        if let Some(status) = sample.status {
            *self.statuses.entry(status).or_default() += 1;
        }
        self.new_connections += u64::from(sample.connection == Some(ConnectionUse::New));
        self.pool_limited += u64::from(sample.phases.wait_ns.is_some());
        self.sent += u64::from(sample.sent_ns.is_some());
        self.body_bytes += sample.body_bytes;
        if let Some(sent_ns) = sample.sent_ns {
            self.first_sent_ns = Some(
                self.first_sent_ns
                    .map_or(sent_ns, |first| first.min(sent_ns)),
            );
            self.last_sent_ns = Some(self.last_sent_ns.map_or(sent_ns, |last| last.max(sent_ns)));
        }
        self.last_finished_ns = self.last_finished_ns.max(sample.finished_ns);
    }

    /// Adds a planned request that was never dispatched because the run was cut.
    pub fn add_unsent(&mut self, index: u64) {
        self.count(index, Outcome::Unsent, 0, 0);
    }

    /// Adds an event with its time from accepted to processed, known within a range; other times of an event are not
    /// recorded. The larger value counts, and what is certain counts from the smaller.
    pub fn add_completion(&mut self, index: u64, at_least: Duration, at_most: Duration) {
        let ns = |time: Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        let (low_ns, high_ns) = (ns(at_least), ns(at_most));
        self.count(index, Outcome::Ok, high_ns, high_ns.saturating_sub(low_ns));
        self.latency.record(high_ns);
    }

    /// Adds an accepted event that was not done: slower than everything.
    pub fn add_never_completed(&mut self, index: u64) {
        self.count(index, Outcome::Timeout, 0, 0);
    }

    /// Adds an accepted event whose state was unknown when the audit ended: no PASS, and nothing against the server.
    pub fn add_unread(&mut self, index: u64) {
        self.count(index, Outcome::Failed(FailureKind::Client), 0, 0);
    }

    /// Adds another recording of the same endpoint and plan: another thread's. Lossless.
    pub fn merge(&mut self, other: &Recording) {
        self.merge_shard(other, Shard::WHOLE);
    }

    /// Adds the recording of a shard, whose requests it numbers on its own. Lossless.
    pub fn merge_shard(&mut self, other: &Recording, shard: Shard) {
        self.counts.merge(&other.counts);
        self.latency.merge(&other.latency);
        self.service.add(&other.service);
        self.send_lag.add(&other.send_lag);
        self.phases.merge(&other.phases);
        for (own, theirs) in self.exceedances.iter_mut().zip(&other.exceedances) {
            debug_assert_eq!(
                own.target, theirs.target,
                "recordings of one plan share their targets"
            );
            own.union(theirs, shard);
        }
        self.ok.union_shard(&other.ok, shard);
        self.client.union_shard(&other.client, shard);
        self.sequence = match (self.sequence.take(), &other.sequence) {
            (Some(mut own), Some(theirs)) => {
                own.merge_shard(theirs, shard);
                Some(own)
            }
            _ => None,
        };
        Arc::make_mut(&mut self.intervals).merge(&other.intervals);
        let placed = |exemplar: &Exemplar| exemplar.of_shard(shard);
        self.slowest.extend(other.slowest.iter().map(placed));
        self.trim_slowest();
        self.first_failed
            .extend(other.first_failed.iter().map(placed));
        self.trim_first_failed();
        for (&status, &n) in &other.statuses {
            *self.statuses.entry(status).or_default() += n;
        }
        for (name, histogram) in &other.server_timing {
            self.timing_of(name).add(histogram);
        }
        self.new_connections += other.new_connections;
        self.pool_limited += other.pool_limited;
        self.moved += other.moved;
        self.sent += other.sent;
        self.body_bytes += other.body_bytes;
        self.first_sent_ns = self
            .first_sent_ns
            .into_iter()
            .chain(other.first_sent_ns)
            .min();
        self.last_sent_ns = self.last_sent_ns.max(other.last_sent_ns);
        self.last_finished_ns = self.last_finished_ns.max(other.last_finished_ns);
    }

    /// Counts a request; `lag_ns` is the part of its latency that is our own.
    fn count(&mut self, index: u64, outcome: Outcome, latency_ns: u64, lag_ns: u64) {
        self.counts.add(outcome);
        self.ok.set(index, outcome == Outcome::Ok);
        self.client.set(index, outcome.is_ours());
        if let Some(sequence) = &mut self.sequence
            && index < self.most_in_sequence
        {
            sequence.record(index, SequenceEntry::of(outcome, latency_ns, lag_ns));
        }
        for exceedances in &mut self.exceedances {
            exceedances.count(index, outcome, latency_ns, lag_ns, self.own_error);
        }
    }

    fn add_timings(&mut self, sample: &Sample, latency_ns: u64) {
        if let Some(lag_ns) = sample.send_lag_ns() {
            self.send_lag.record(lag_ns);
        }
        if sample.outcome != Outcome::Ok {
            return;
        }
        self.latency.record(latency_ns);
        if let (TimeBase::IntendedStart, Some(service_ns)) = (self.clock, sample.service_ns()) {
            self.service.record(service_ns);
        }
        self.phases.record(&sample.phases);
        for (name, duration) in &sample.server_timing {
            if self.server_timing.len() < SERVER_TIMING_NAMES
                || self.server_timing.contains_key(name)
            {
                self.timing_of(name).record(duration.as_nanos() as u64);
            }
        }
    }

    fn timing_of(&mut self, name: &str) -> &mut Histogram {
        self.server_timing
            .entry(name.to_owned())
            .or_insert_with(|| Histogram::new(Precision::Three))
    }

    fn interval_of(&mut self, sample: &Sample) -> &mut RunInterval {
        Arc::make_mut(&mut self.intervals).holding(start_ns(sample) / 1_000_000_000)
    }

    fn keep_if_slow(&mut self, sample: &Sample, latency_ns: u64) {
        let latency = Duration::from_nanos(latency_ns);
        if self.slowest.len() == EXEMPLARS
            && self
                .slowest
                .last()
                .is_some_and(|last| last.latency >= latency)
        {
            return;
        }
        self.slowest.push(exemplar(sample, latency));
        self.trim_slowest();
    }

    fn keep_if_failed(&mut self, sample: &Sample, latency_ns: u64) {
        let is_full = self.first_failed.len() == EXEMPLARS;
        let last = self.first_failed.last().filter(|_| is_full);
        if sample.outcome == Outcome::Ok || last.is_some_and(|last| last.index < sample.index) {
            return;
        }
        let failed = exemplar(sample, Duration::from_nanos(latency_ns));
        self.first_failed.push(failed);
        self.trim_first_failed();
    }

    fn trim_slowest(&mut self) {
        self.slowest
            .sort_by_key(|e| (std::cmp::Reverse(e.latency), e.index));
        self.slowest.truncate(EXEMPLARS);
    }

    fn trim_first_failed(&mut self) {
        self.first_failed.sort_by_key(|e| e.index);
        self.first_failed.truncate(EXEMPLARS);
    }

    /// Names the trace of every request that is kept and was sent; `of` is asked by index.
    pub fn name_traces(&mut self, of: impl Fn(u64) -> TraceId) {
        for exemplar in self.slowest.iter_mut().chain(&mut self.first_failed) {
            exemplar.trace_id = exemplar.connection.map(|_| of(exemplar.index));
        }
    }
}

fn exemplar(sample: &Sample, latency: Duration) -> Exemplar {
    Exemplar {
        index: sample.index,
        latency,
        at: Duration::from_nanos(start_ns(sample)),
        send_lag: sample.send_lag_ns().map(Duration::from_nanos),
        outcome: sample.outcome,
        status: sample.status,
        connection: sample.connection,
        phases: sample.phases,
        trace_id: None,
    }
}

/// When a request was due: its intended start, or its send in the closed model; in ns from t0.
fn start_ns(sample: &Sample) -> u64 {
    sample
        .intended_start_ns
        .or(sample.sent_ns)
        .unwrap_or(sample.dispatched_ns)
}

#[cfg(test)]
mod tests;
