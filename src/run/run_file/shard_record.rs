//! What the file of a shard says of it, and what the file of a merged run says of its shards.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Environment, Instrument, Run, RunEnd};
use crate::run::recording::{PresentRequests, ShardRequests};
use crate::run::shard::{Shard, ShardError};

/// Which part of a run a file holds. Its requests are numbered from 0: request k is request `index` + `of`·k of the run.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ShardRecord {
    /// Number of the shard, from 0.
    pub index: u32,
    /// Number of shards of the run.
    pub of: u32,
    /// The audit that `merge` is to make; absent if there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audit: Option<ShardAudit>,
}

/// The audit of a run that was sent by shards.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ShardAudit {
    /// Where states are read from.
    pub source: ShardAuditSource,
    /// Share of the requests that was sent twice on purpose, from 0 to 1; absent if none was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resend: Option<f64>,
}

/// Where the audit of a run reads states from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ShardAuditSource {
    /// The service's listing of the run.
    Listing,
    /// One URL an event (`--audit-url`).
    Url,
}

/// The shards of a merged run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct MergedRecord {
    /// Number of shards that the run was divided into.
    pub of: u32,
    /// Those that were merged, by their number.
    pub shards: Vec<MergedShard>,
}

/// A shard of a merged run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct MergedShard {
    /// Its number, from 0.
    pub index: u32,
    /// Whether it carried its part out to the end.
    pub ended: RunEnd,
    /// Its machine and version.
    pub environment: Environment,
    /// Its instrument.
    pub instrument: Instrument,
    /// Its part of every endpoint, in the order of the plan.
    pub endpoints: Vec<MergedEndpoint>,
}

/// A shard's part of one endpoint.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct MergedEndpoint {
    /// Name of the endpoint.
    pub name: String,
    /// Requests of the shard.
    pub requests: u64,
    /// Of these, the ones that did not end ok.
    pub not_ok: u64,
    /// Percentiles of its own requests.
    pub own: ShardPercentiles,
    /// Percentiles of all other shards' requests.
    pub others: ShardPercentiles,
    /// Two-sided p-value of the rank test of its requests against the others'; absent if there are no others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p_rank: Option<f64>,
}

/// Percentiles by nearest rank, in ns; null where the rank falls among requests that did not end ok.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ShardPercentiles {
    /// P50.
    pub p50_ns: Option<u64>,
    /// P95.
    pub p95_ns: Option<u64>,
    /// P99.
    pub p99_ns: Option<u64>,
}

/// The share of a merged run that is missing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct MissingShare {
    /// Number of shards that the run was divided into.
    pub shards: u32,
    /// Those without a file.
    pub missing_shards: Vec<u32>,
    /// Those that were cut before their end.
    pub cut_shards: Vec<u32>,
    /// Planned requests that are missing, over all endpoints.
    pub missing_requests: u64,
    /// Planned requests of all shards.
    pub planned_requests: u64,
}

impl ShardRecord {
    /// The shard.
    ///
    /// # Errors
    /// [`ShardError`] if a file says nonsense.
    pub fn shard(&self) -> Result<Shard, ShardError> {
        Shard::new(self.index.into(), self.of.into())
    }
}

impl MergedRecord {
    /// The requests of an endpoint that are there, by its place in the plan.
    ///
    /// # Errors
    /// [`ShardError`] if a file says nonsense.
    pub fn present(&self, endpoint: usize) -> Result<PresentRequests, ShardError> {
        let shards = self.shards.iter().map(|one| {
            let requests = one.endpoints.get(endpoint).map_or(0, |own| own.requests);
            let shard = Shard::new(one.index.into(), self.of.into())?;
            Ok(ShardRequests { shard, requests })
        });
        let shards: Result<Vec<ShardRequests>, ShardError> = shards.collect();
        Ok(PresentRequests::of(shards?))
    }

    /// The shortest measurement overhead of a shard, and the longest.
    pub(super) fn own_errors(&self) -> Option<(Duration, Duration)> {
        let own = self
            .shards
            .iter()
            .map(|one| one.instrument.calibration.own_error());
        Some((own.clone().min()?, own.max()?))
    }
}

impl Run {
    /// The part of a merged run that is missing; `None` if nothing is, and for every other run.
    pub fn missing_share(&self) -> Option<MissingShare> {
        let merged = self.merged.as_ref()?;
        let is_there = |index: u32| merged.shards.iter().any(|one| one.index == index);
        let cut = merged
            .shards
            .iter()
            .filter(|one| one.ended != RunEnd::Complete);
        let planned = self.endpoints.iter().map(|endpoint| {
            let there = endpoint.recording.planned();
            let planned = self.plan.planned_requests(&endpoint.name);
            (there, planned.unwrap_or(there).max(there))
        });
        let (there, planned) = planned.fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
        let share = MissingShare {
            shards: merged.of,
            missing_shards: (0..merged.of).filter(|&index| !is_there(index)).collect(),
            cut_shards: cut.map(|one| one.index).collect(),
            missing_requests: planned - there,
            planned_requests: planned,
        };
        let is_whole = share.missing_shards.is_empty() && share.cut_shards.is_empty();
        (!is_whole).then_some(share)
    }
}

/// What NTP says of the wall clock, by which shards begin together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct WallClock {
    /// Whether it is synchronized.
    pub state: WallClockState,
    /// The program that said so; absent if none did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
}

/// Whether the wall clock is synchronized.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum WallClockState {
    /// It is.
    Synchronized,
    /// It is not.
    Unsynchronized,
    /// No program on the machine says so.
    Unknown,
}
