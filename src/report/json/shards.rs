//! The shards of a merged run, for programs.

use serde::Serialize;

use crate::report::run_info::RunInfo;
use crate::run::run_file::{
    MergedEndpoint, MergedShard, MissingShare, RunEnd, ShardPercentiles, WallClockState,
};

/// The shards of a merged run.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct JsonShards {
    /// Number of shards that the run was divided into.
    pub of: u32,
    /// The part that is missing; absent if nothing is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub missing: Option<MissingShare>,
    /// Those that were merged, by their number.
    pub merged: Vec<JsonShard>,
}

/// One shard.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct JsonShard {
    /// Its number, from 0.
    pub index: u32,
    /// Whether it was cut before its end.
    pub cut: bool,
    /// Its measurement overhead; 0 if it was not measured.
    pub overhead_ms: f64,
    /// What NTP said of its clock; absent if it was not asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wall_clock: Option<WallClockState>,
    /// Its part of every endpoint.
    pub endpoints: Vec<JsonShardEndpoint>,
}

/// A shard's part of one endpoint.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct JsonShardEndpoint {
    /// Name of the endpoint.
    pub name: String,
    /// Requests of the shard.
    pub requests: u64,
    /// Of these, the ones that did not end ok.
    pub not_ok: u64,
    /// Percentiles of its own requests.
    pub own: JsonShardPercentiles,
    /// Percentiles of all other shards' requests.
    pub others: JsonShardPercentiles,
    /// Two-sided p-value of the rank test between the two; null without other shards.
    pub p_rank: Option<f64>,
}

/// Percentiles; null where the rank falls among requests that did not end ok.
#[derive(Clone, Copy, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct JsonShardPercentiles {
    /// P50.
    pub p50_ms: Option<f64>,
    /// P95.
    pub p95_ms: Option<f64>,
    /// P99.
    pub p99_ms: Option<f64>,
}

impl JsonShards {
    /// Of a merged run.
    pub fn of(run: &RunInfo) -> Option<JsonShards> {
        let merged = run.merged.as_ref()?;
        Some(JsonShards {
            of: merged.of,
            missing: run.missing.clone(),
            merged: merged.shards.iter().map(JsonShard::from).collect(),
        })
    }
}

impl From<&MergedShard> for JsonShard {
    fn from(shard: &MergedShard) -> JsonShard {
        let clock = shard.instrument.wall_clock.as_ref();
        JsonShard {
            index: shard.index,
            cut: shard.ended != RunEnd::Complete,
            overhead_ms: shard.instrument.calibration.own_error().as_secs_f64() * 1e3,
            wall_clock: clock.map(|clock| clock.state),
            endpoints: shard
                .endpoints
                .iter()
                .map(JsonShardEndpoint::from)
                .collect(),
        }
    }
}

impl From<&MergedEndpoint> for JsonShardEndpoint {
    fn from(endpoint: &MergedEndpoint) -> JsonShardEndpoint {
        JsonShardEndpoint {
            name: endpoint.name.clone(),
            requests: endpoint.requests,
            not_ok: endpoint.not_ok,
            own: endpoint.own.into(),
            others: endpoint.others.into(),
            p_rank: endpoint.p_rank,
        }
    }
}

impl From<ShardPercentiles> for JsonShardPercentiles {
    fn from(percentiles: ShardPercentiles) -> JsonShardPercentiles {
        let ms = |ns: Option<u64>| ns.map(|ns| ns as f64 / 1e6);
        JsonShardPercentiles {
            p50_ms: ms(percentiles.p50_ns),
            p95_ms: ms(percentiles.p95_ns),
            p99_ms: ms(percentiles.p99_ns),
        }
    }
}
