//! What the shards of a merged run say against it.

use serde::Serialize;

use crate::run::run_file::MissingShare;
use crate::stats::rank::Quantile;

/// What the shards of a merged run say against it.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case", tag = "code", content = "values")]
pub enum ShardWarning {
    /// Shards have no file, or were cut.
    #[serde(rename = "shards_missing")]
    Missing(MissingShare),
    /// The latencies of a shard are not those of the others.
    #[serde(rename = "shard_differs")]
    Differs(DifferingShard),
    /// The clocks of shards were not synchronized when they began.
    #[serde(rename = "clocks_unsynchronized")]
    ClocksUnsynchronized {
        /// Their numbers.
        shards: Vec<u32>,
    },
}

/// A shard whose latencies differ from those of the others.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct DifferingShard {
    /// Its number.
    pub shard: u32,
    /// Name of the endpoint.
    pub endpoint: String,
    /// The percentile that differs most.
    pub percentile: Quantile,
    /// That percentile of its requests; null where the rank falls among requests that did not end ok.
    pub own_ms: Option<f64>,
    /// The same of all other shards' requests.
    pub others_ms: Option<f64>,
    /// Two-sided p-value of the rank test.
    pub p_value: f64,
}
