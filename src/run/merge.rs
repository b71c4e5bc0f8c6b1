//! The shards of a run become one run: their evidence is put together by the index of each request, and nothing is
//! averaged.

mod differing_shards;
mod shard_rank;

use jiff::Timestamp;
use uuid::Uuid;

use crate::run::completion::{Answers, Audit};
use crate::run::run_file::{
    Calibration, EndpointRun, Instrument, MergedRecord, MergedShard, PlanRecord, Run, RunEnd,
    ShardAudit, Throttled,
};
use crate::run::shard::Shard;
use differing_shards::check_alike;
use shard_rank::{KeptShard, OwnLatencies};

pub use differing_shards::MergeError;

/// Shards of one run, one added after the other.
#[derive(Debug)]
pub struct ShardMerge {
    /// The first shard, without its recordings: what all have in common.
    head: Run,
    /// Where the first one was read from.
    source: String,
    of: u32,
    /// Requests by their index in the whole run.
    endpoints: Vec<EndpointRun>,
    shards: Vec<KeptShard>,
}

impl ShardMerge {
    /// Begins with one shard; `source` is what messages call its file.
    ///
    /// # Errors
    /// [`MergeError::NotAShard`].
    pub fn new(run: Run, source: &str) -> Result<ShardMerge, MergeError> {
        let shard = shard_of(&run, source)?;
        let mut head = run.clone();
        head.endpoints.clear();
        let mut merge = ShardMerge {
            head,
            source: source.to_owned(),
            of: shard.count(),
            endpoints: Vec::new(),
            shards: Vec::new(),
        };
        merge.take(run, shard, source);
        Ok(merge)
    }

    /// Adds another shard of the same run.
    ///
    /// # Errors
    /// [`MergeError`] for the file of another run, and for a shard that is here already.
    pub fn add(&mut self, run: Run, source: &str) -> Result<(), MergeError> {
        let shard = shard_of(&run, source)?;
        check_alike(&self.head, &self.source, &run, source)?;
        if let Some(known) = self.shards.iter().find(|one| one.index == shard.index()) {
            return Err(MergeError::Twice {
                index: shard.index(),
                first: known.source.clone(),
                second: source.to_owned(),
            });
        }
        self.take(run, shard, source);
        Ok(())
    }

    fn take(&mut self, mut run: Run, shard: Shard, source: &str) {
        let endpoints = std::mem::take(&mut run.endpoints);
        let latencies = endpoints
            .iter()
            .map(|endpoint| OwnLatencies::of(&endpoint.recording));
        self.shards.push(KeptShard {
            index: shard.index(),
            source: source.to_owned(),
            ended: run.ended,
            aborted_by: run.aborted_by,
            latencies: latencies.collect(),
            facts: MergedShard {
                index: shard.index(),
                ended: run.ended,
                environment: run.environment,
                instrument: run.instrument,
                endpoints: Vec::new(),
            },
        });
        if self.endpoints.is_empty() {
            self.endpoints = endpoints.iter().map(EndpointRun::emptied).collect();
        }
        for (whole, own) in self.endpoints.iter_mut().zip(endpoints) {
            let own_error = own.recording.own_error.max(whole.recording.own_error);
            whole.merge_shard(own, shard);
            whole.recording.own_error = own_error;
        }
    }

    /// The plan of all.
    pub fn plan(&self) -> &PlanRecord {
        &self.head.plan
    }

    /// Id of the run.
    pub fn id(&self) -> Uuid {
        self.head.id
    }

    /// When all began.
    pub fn started_at(&self) -> Timestamp {
        self.head.started_at
    }

    /// The gates of the plan.
    pub fn gates(&self) -> &[String] {
        &self.head.gates
    }

    /// The audit that the shards left to be made.
    pub fn audit(&self) -> Option<ShardAudit> {
        self.head.shard.and_then(|shard| shard.audit)
    }

    /// What is there of every endpoint, its requests by their index in the whole run.
    pub fn endpoints(&self) -> &[EndpointRun] {
        &self.endpoints
    }

    /// The run that one machine would have sent, with the audit of every endpoint. Where requests are missing, those that
    /// are there are numbered without gaps.
    pub fn finish(mut self, audits: Vec<Option<Audit>>) -> Run {
        self.shards.sort_by_key(|one| one.index);
        let ended = self.shards.iter().find(|one| one.ended != RunEnd::Complete);
        let (ended, aborted_by) = ended.map_or((RunEnd::Complete, None), |cut| {
            (cut.ended, cut.aborted_by.clone())
        });
        let merged = MergedRecord {
            of: self.of,
            shards: shard_rank::with_percentiles(&self.endpoints, self.shards),
        };
        let mut endpoints = self.endpoints;
        for (place, endpoint) in endpoints.iter_mut().enumerate() {
            endpoint.answers = Answers::default();
            endpoint.audit = audits.get(place).cloned().flatten();
            close_gaps(endpoint, place, &merged, &self.head.plan);
        }
        Run {
            ended,
            aborted_by,
            instrument: instrument_of_all(&merged),
            environment: self.head.environment.clone(),
            endpoints,
            shard: None,
            merged: Some(merged),
            ..self.head
        }
    }
}

fn shard_of(run: &Run, source: &str) -> Result<Shard, MergeError> {
    let shard = run.shard.and_then(|record| record.shard().ok());
    shard.ok_or_else(|| MergeError::NotAShard {
        source_file: source.to_owned(),
    })
}

/// Numbers the requests without gaps where some are missing.
fn close_gaps(endpoint: &mut EndpointRun, place: usize, merged: &MergedRecord, plan: &PlanRecord) {
    let there = endpoint.recording.planned();
    if plan.planned_requests(&endpoint.name) == Some(there) {
        return;
    }
    let Ok(present) = merged.present(place) else {
        return;
    };
    let empty = EndpointRun::emptied(endpoint).recording;
    let recording = std::mem::replace(&mut endpoint.recording, empty);
    endpoint.recording = recording.without_gaps(&present);
    // Events of the missing requests may be among those that no request here was accepted for.
    if let Some(Audit::Read(completion)) = &mut endpoint.audit {
        completion.recovered = None;
    }
}

/// The instruments of all shards together, with the longest measurement overhead.
fn instrument_of_all(merged: &MergedRecord) -> Instrument {
    let own = || merged.shards.iter().map(|one| &one.instrument);
    let overhead = |instrument: &&Instrument| instrument.calibration.own_error();
    // An instrument that was not calibrated has no known overhead.
    let unknown = own().find(|one| !matches!(one.calibration, Calibration::Measured(_)));
    let longest = own().max_by_key(overhead);
    let mut pacers: Vec<&str> = own().map(|one| one.pacer.as_str()).collect();
    pacers.dedup();
    let throttled = own().filter_map(|one| one.throttled).reduce(Throttled::and);
    Instrument {
        threads: own().map(|one| one.threads).sum(),
        pacer: pacers.join(", "),
        cpu: own().map(|one| one.cpu).sum(),
        wall: own().map(|one| one.wall).max().unwrap_or_default(),
        calibration: unknown
            .or(longest)
            .map_or_else(Calibration::default, |one| one.calibration.clone()),
        throttled,
        ..Instrument::default()
    }
}
