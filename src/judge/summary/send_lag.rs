//! How late the requests of an endpoint were sent, by percentile.

use std::time::Duration;

use serde::Serialize;

use crate::run::recording::Recording;
use crate::stats::rank::Quantile;
use crate::units::serialize_ms;

/// Actual send − intended start, by nearest rank.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct SendLag {
    /// Median.
    #[serde(serialize_with = "serialize_ms")]
    pub p50: Duration,
    /// 99th percentile.
    #[serde(serialize_with = "serialize_ms")]
    pub p99: Duration,
    /// Largest.
    #[serde(serialize_with = "serialize_ms")]
    pub max: Duration,
}

impl SendLag {
    /// `None` if nothing was sent by a plan.
    pub fn of(recording: &Recording) -> Option<SendLag> {
        let levels = recording.send_lag.ranked_values();
        let at = |quantile: Quantile| {
            levels
                .at_rank(quantile.rank(levels.count()))
                .map(Duration::from_nanos)
        };
        Some(SendLag {
            p50: at(Quantile::P50)?,
            p99: at(Quantile::P99)?,
            max: Duration::from_nanos(recording.send_lag.max_ns()?),
        })
    }
}
