//! A run: its plan, machine, end and recordings; and its versioned JSON on disk.

mod addresses;
mod answers_document;
mod assembly;
mod audit_document;
mod baseline;
mod borrowed_text;
mod bounded;
mod calibration;
mod difference;
mod disk;
mod document;
mod environment;
mod error;
mod exceedances_document;
mod histogram_document;
mod judging;
mod nanos;
mod plan_comparison;
mod plan_facts;
mod plan_record;
mod restore;
mod segment_record;
mod selftest_certificate;
mod sequence_document;
mod shard_record;
mod stream_use;
mod turns;

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::run::completion::{Answers, Audit};
use crate::run::plan::Design;
use crate::run::recording::{Counts, Recording};
use crate::run::sample::FailureKind;
use crate::run::shard::Shard;

pub use addresses::{NameAddresses, UnusedAddress, UsedAddress};
pub use assembly::{FinishedRun, RunContext};
pub use baseline::{Baseline, BaselineRecord};
pub use bounded::read_bounded;
pub use calibration::{Calibration, CalibrationFailure, MeasurementOverhead, Throttled};
pub use difference::{FactDifference, MachineDifference, MachineFact};
pub use disk::write_atomically;
pub use document::SCHEMA;
pub use environment::Environment;
pub use error::{Age, RunFileError};
pub use judging::{AdaptiveRecord, GuardRecord, Judging, StopReason};
pub use plan_record::{
    BodyRecord, ConnectionRecord, DataRecord, EndpointRecord, HeaderRecord, PlanRecord, SizeRecord,
};
pub use segment_record::{ProfileRecord, SegmentRecord};
pub use selftest_certificate::{
    CheckUnit, SelftestCertificate, SelftestCertificateError, SelftestCheck,
};
pub use shard_record::{
    MergedEndpoint, MergedRecord, MergedShard, MissingShare, ShardAudit, ShardAuditSource,
    ShardPercentiles, ShardRecord, WallClock, WallClockState,
};
pub use stream_use::StreamUse;
pub use turns::{SideRecord, TurnsRecord};

/// What the files are called: a name and a major version. Files of another major version are refused; unknown
/// fields of this one are ignored, so that a minor addition needs no new version.
pub const FORMAT: &str = "a7probe.run/1";

/// Everything that is known about one run. [`Run::save`] and [`Run::load`] keep all of it, without loss.
#[derive(Clone, Debug)]
pub struct Run {
    /// Names the run; requests carry it in `X-A7-Run`.
    pub id: Uuid,
    /// The plan, without its secrets.
    pub plan: PlanRecord,
    /// The machine and the version that measured.
    pub environment: Environment,
    /// When t0 was, the start of the schedule; warm-up came before.
    pub started_at: Timestamp,
    /// Whether the plan was carried out to its end.
    pub ended: RunEnd,
    /// The rule of `--abort-on` that ended it.
    pub aborted_by: Option<String>,
    /// One recording an endpoint, in the order of the plan; names unique.
    pub endpoints: Vec<EndpointRun>,
    /// What the probe says of itself.
    pub instrument: Instrument,
    /// The gates that the run was judged by, as they were written.
    pub gates: Vec<String>,
    /// Those of them that were not asked for.
    pub implied_gates: Vec<String>,
    /// Whether it was to be judged at all.
    pub gating: Gating,
    /// How it was judged by them.
    pub judging: Judging,
    /// The blocks of one side of an interleaved comparison (`ab`).
    pub turns: Option<TurnsRecord>,
    /// The saved run that its gates on two runs were judged against.
    pub baseline: Option<BaselineRecord>,
    /// Which shard it is of a run that several machines sent.
    pub shard: Option<ShardRecord>,
    /// The shards that it was merged from.
    pub merged: Option<MergedRecord>,
}

/// What one endpoint's part of the run left behind.
#[derive(Clone, Debug)]
pub struct EndpointRun {
    /// What gates and tables call it.
    pub name: String,
    /// Histograms, exceedance bits, counts and intervals, from t0 on.
    pub recording: Recording,
    /// How the requests of the warm-up ended; they are in no other figure.
    pub warmup: Counts,
    /// The first error of each kind, in words. In no run file.
    pub errors: BTreeMap<FailureKind, String>,
    /// The parts of its answers that were retained for an audit. In the file of a shard alone.
    pub answers: Answers,
    /// The audit of accepted events; `None` if it was not to be audited.
    pub audit: Option<Audit>,
}

impl EndpointRun {
    /// Of a recording alone.
    pub fn new(name: impl Into<String>, recording: Recording) -> EndpointRun {
        EndpointRun {
            name: name.into(),
            recording,
            warmup: Counts::default(),
            errors: BTreeMap::new(),
            answers: Answers::default(),
            audit: None,
        }
    }

    /// The same endpoint of the same plan before its first request.
    pub fn emptied(&self) -> EndpointRun {
        let recording = &self.recording;
        let targets: Vec<Duration> = recording.exceedances.iter().map(|e| e.target).collect();
        EndpointRun::new(&*self.name, Recording::new(recording.clock, &targets))
    }

    /// Adds the same endpoint's part of another thread.
    pub fn merge(&mut self, other: EndpointRun) {
        self.merge_shard(other, Shard::WHOLE);
    }

    /// Adds a shard's part of the same endpoint.
    pub fn merge_shard(&mut self, other: EndpointRun, shard: Shard) {
        self.recording.merge_shard(&other.recording, shard);
        self.warmup.merge(&other.warmup);
        self.answers.merge_shard(other.answers, shard);
        for (kind, message) in other.errors {
            self.errors.entry(kind).or_insert(message);
        }
    }
}

/// Whether a run was to be judged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Gating {
    /// By its gates.
    #[default]
    Gates,
    /// It was measured without a verdict (`--no-gates`).
    None,
}

impl Gating {
    /// Whether its file need not say so.
    pub(crate) fn is_by_gates(&self) -> bool {
        *self == Gating::Gates
    }
}

/// Whether a plan was carried out to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case", tag = "how")]
#[cfg_attr(test, schemars(rename = "Ended"))]
pub enum RunEnd {
    /// Every planned request was sent and had its time to be answered.
    Complete,
    /// A signal interrupted the run. Requests that were due later are not part of it.
    Interrupted {
        /// Which one.
        signal: Signal,
    },
    /// A rule of `--abort-on` ended the run. Requests that were due later are not part of it.
    Aborted,
}

/// The signals that cut a run short in good order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "UPPERCASE")]
pub enum Signal {
    /// Ctrl-C.
    Sigint,
    /// A polite kill.
    Sigterm,
}

/// What the probe says of itself: the reader judges by it whether the instrument could keep up.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Instrument {
    /// Threads that sent requests.
    pub threads: usize,
    /// What woke them up, such as `timerfd`.
    pub pacer: String,
    /// CPU time of the whole process, user and system, from the beginning of the warm-up to the end of the run, in ns.
    #[serde(rename = "cpu_ns", with = "nanos")]
    #[cfg_attr(test, schemars(with = "u64"))]
    pub cpu: Duration,
    /// Time from t0 to the end of the run, in ns.
    #[serde(rename = "wall_ns", with = "nanos")]
    #[cfg_attr(test, schemars(with = "u64"))]
    pub wall: Duration,
    /// What it measured of itself before the run.
    #[serde(default)]
    pub calibration: Calibration,
    /// What NTP said of the wall clock when a shard began; absent in every other run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wall_clock: Option<WallClock>,
    /// CPU throttling of the control group during that time; absent if unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub throttled: Option<Throttled>,
    /// What `a7probe selftest` said of it, if a file of that was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<SelftestCertificate>,
    /// Of every name with several addresses, the ones that it connected to, and the others.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub addresses: Vec<NameAddresses>,
    /// The HTTP/2 connections to every origin; absent for HTTP/1.1.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub streams: Vec<StreamUse>,
}

impl Run {
    /// How its gates are judged. The person who interrupts a run has seen its data, so only evidence that is valid at
    /// any time judges it, whatever its planned size.
    pub fn design(&self) -> Design {
        match self.ended {
            RunEnd::Interrupted { .. } | RunEnd::Aborted => Design::Adaptive,
            RunEnd::Complete => self.judging.design(),
        }
    }

    /// The endpoint of a name.
    pub fn endpoint(&self, name: &str) -> Option<&EndpointRun> {
        self.endpoints.iter().find(|e| e.name == name)
    }

    /// CPU time of the whole process per sending thread and time of the run, warm-up included; 1 is all of it. `None`
    /// where either is not known.
    ///
    /// Of a merged run, that of the busiest shard.
    pub fn busy(&self) -> Option<f64> {
        let busy = |instrument: &Instrument| instrument.busy(self.plan.warmup);
        match &self.merged {
            None => busy(&self.instrument),
            Some(merged) => { merged.shards.iter() }
                .filter_map(|one| busy(&one.instrument))
                .max_by(f64::total_cmp),
        }
    }
}

impl Instrument {
    /// CPU time of the process per sending thread and time; 1 is all of it.
    fn busy(&self, warmup: Duration) -> Option<f64> {
        let (threads, cpu, wall) = (self.threads, self.cpu, self.wall);
        let available = (wall + warmup).as_secs_f64() * threads as f64;
        (available > 0.0 && !cpu.is_zero()).then(|| cpu.as_secs_f64() / available)
    }
}
