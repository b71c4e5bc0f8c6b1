//! What a comparison has to say, and how both sides were measured.

use std::time::Duration;

use serde::Serialize;

use super::endpoint_report::EndpointReport;
use crate::judge::comparison::{Comparison, Noise, Pair};
use crate::run::completion::Audit;
use crate::units::serialize_s;

/// What a comparison has to say.
#[derive(Clone, Debug)]
pub struct ComparisonReport {
    /// What counted as no change.
    pub noise: Noise,
    /// One an endpoint.
    pub comparisons: Vec<Comparison>,
    /// The audits of accepted events, in the same order; empty where neither side was audited.
    pub audits: Vec<Pair<Option<Audit>>>,
    /// Both runs of every endpoint, in the same order; for charts.
    pub sides: Vec<Pair<EndpointReport>>,
    /// How both sides were interleaved; of `ab` alone.
    pub turns: Option<TurnsReport>,
}

/// How both sides of a comparison were interleaved.
///
/// In JSON its `order` says `ABBA`: before, after, after, before; fixed, without a seed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(tag = "order", rename = "ABBA")]
pub struct TurnsReport {
    /// Pairs of blocks that are complete.
    pub pairs: u64,
    /// Pairs of blocks that were planned.
    pub pairs_planned: u64,
    /// How long a block is.
    #[serde(rename = "block_s", serialize_with = "serialize_s")]
    pub block: Duration,
    /// Sent before each block and recorded apart.
    #[serde(rename = "settle_s", serialize_with = "serialize_s")]
    pub settle: Duration,
    /// Whether both sides are the same URL with the same headers.
    pub same: bool,
}
