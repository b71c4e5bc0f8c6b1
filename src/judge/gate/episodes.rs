//! The cluster guard's part of a finding.

use std::time::Duration;

/// What the guard saw, and what it excludes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Episodes {
    /// τ0, the slow spell that a PASS excludes.
    pub excluded: Duration,
    /// ℓ0, the requests that it meets.
    pub excluded_requests: f64,
    /// `None` if the order of the exceedances is not known.
    pub seen: Option<ObservedEpisodes>,
}

/// The exceedances in their order.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ObservedEpisodes {
    /// M, runs of consecutive exceedances.
    pub count: u64,
    /// Requests in the longest of them.
    pub longest: u64,
    /// φ: the number of requests that count as one independent request.
    pub design_effect: f64,
}
