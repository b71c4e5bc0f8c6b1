//! The plan of a run in brief, and how the run ended.

use std::time::Duration;

use jiff::Timestamp;

use super::run_command::RunCommand;
use crate::run::plan::{HttpVersion, Model};
use crate::run::run_file::{
    AdaptiveRecord, Calibration, DataRecord, Environment, MergedRecord, MissingShare,
    NameAddresses, ProfileRecord, Run, RunEnd, SelftestCertificate, SizeRecord, StreamUse,
    TurnsRecord,
};

/// The plan of a run, in brief, and how it ended.
#[derive(Clone, Debug, PartialEq)]
pub struct RunInfo {
    /// What tells it from the others: a file, `before`, `after`; empty if there is only one.
    pub label: String,
    /// Where the requests went, without credentials.
    pub target: String,
    /// Open or closed.
    pub model: Model,
    /// The version of HTTP.
    pub version: HttpVersion,
    /// The file whose times were replayed, if one was.
    pub replayed: Option<String>,
    /// How much was sent to each endpoint.
    pub size: SizeRecord,
    /// Sent before the measurement and recorded apart.
    pub warmup: Duration,
    /// Longest response time that was waited for.
    pub timeout: Duration,
    /// Feeds the schedule's jitter and the templates.
    pub seed: u64,
    /// The file whose rows filled the templates, if one did.
    pub data: Option<DataRecord>,
    /// Whether the plan was carried out.
    pub ended: RunEnd,
    /// Of a run that stopped when it was decided: its budget, and why it stopped.
    pub adaptive: Option<AdaptiveRecord>,
    /// Of one side of an interleaved comparison, how it was measured.
    pub turns: Option<TurnsRecord>,
    /// When t0 was.
    pub started_at: Timestamp,
    /// What the instrument measured of itself before.
    pub calibration: Calibration,
    /// What vouches for it.
    pub certificate: Option<SelftestCertificate>,
    /// Of every name with several addresses, the ones that were used, and the others.
    pub addresses: Vec<NameAddresses>,
    /// The HTTP/2 connections to every origin.
    pub streams: Vec<StreamUse>,
    /// The machine and the version that measured.
    pub environment: Environment,
    /// The first digits of the hash of the plan.
    pub plan_hash: String,
    /// The shards that it was merged from.
    pub merged: Option<MergedRecord>,
    /// The part of them that is missing.
    pub missing: Option<MissingShare>,
    /// What repeats it; `None` for a side of `ab`.
    pub command: Option<RunCommand>,
}

impl RunInfo {
    /// The plan of a run, in brief.
    pub fn of(label: &str, run: &Run) -> RunInfo {
        RunInfo {
            label: label.to_owned(),
            target: run.plan.target.clone(),
            model: run.plan.model,
            version: run.plan.connections.version,
            replayed: replayed(run),
            size: run.plan.size,
            warmup: run.plan.warmup,
            timeout: run.plan.timeout,
            seed: run.plan.seed,
            data: run.plan.data.clone(),
            ended: run.ended,
            adaptive: run.judging.adaptive,
            turns: run.turns,
            started_at: run.started_at,
            calibration: run.instrument.calibration.clone(),
            certificate: run.instrument.certificate.clone(),
            addresses: run.instrument.addresses.clone(),
            streams: run.instrument.streams.clone(),
            environment: run.environment.clone(),
            plan_hash: run.plan.hash().chars().take(16).collect(),
            merged: run.merged.clone(),
            missing: run.missing_share(),
            command: RunCommand::of(run),
        }
    }
}

fn replayed(run: &Run) -> Option<String> {
    let mut segments = run.plan.endpoints.iter().filter_map(|e| e.segment.as_ref());
    segments.find_map(|segment| match &segment.profile {
        ProfileRecord::Replay(replay) => Some(replay.file.clone()),
        ProfileRecord::Parts { .. } => None,
    })
}
