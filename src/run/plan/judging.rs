//! How a run is judged, as decided before it: whether the verdicts allow for slow spells, and whether its size is
//! fixed.

use std::time::Duration;

/// The default length of the slow spells that a verdict allows for, τ0.
pub const DEFAULT_EPISODE: Duration = Duration::from_millis(100);

/// Whether a verdict allows for slow spells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guard {
    /// The cluster guard: a PASS allows for slow spells of up to this length, τ0.
    Episode(Duration),
    /// Requests are treated as independent (`--iid`).
    Iid,
}

impl Default for Guard {
    fn default() -> Guard {
        Guard::Episode(DEFAULT_EPISODE)
    }
}

impl Guard {
    /// ℓ0: how many requests of an endpoint with this rate a slow spell meets, one if no rate is known. `None` without
    /// the guard.
    pub fn requests(self, rate_per_s: Option<f64>) -> Option<f64> {
        match self {
            Guard::Episode(episode) => {
                Some(rate_per_s.map_or(1.0, |rate| rate * episode.as_secs_f64()))
            }
            Guard::Iid => None,
        }
    }
}

/// Whether the number of samples is fixed beforehand, which decides what a p-value may be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Design {
    /// By a plan that does not depend on the answers: one look at the end, exact tests.
    #[default]
    Fixed,
    /// The run stops when the gates are decided: many looks, evidence that is valid at any time. The plan's size is
    /// the budget.
    Adaptive,
}
