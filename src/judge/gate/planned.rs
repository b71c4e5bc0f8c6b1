//! What a plan sends to one endpoint, as gates see it.

use crate::run::plan::{Design, Guard, LoadShape, Size};

/// What a plan sends to one endpoint.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Planned<'a> {
    /// Name of the endpoint.
    pub endpoint: &'a str,
    /// Planned requests; `None` where the plan is bounded by time alone, as in the closed model.
    pub samples: Option<u64>,
    /// Requests per second; `None` in the closed model.
    pub rate_per_s: Option<f64>,
    /// How that rate goes over time.
    pub shape: LoadShape<'a>,
    /// Whether slow spells are allowed for.
    pub guard: Guard,
    /// Whether the number of samples is fixed, or the most that there may be.
    pub design: Design,
    /// What bounds the plan: a number or a time.
    pub size: Size,
}
