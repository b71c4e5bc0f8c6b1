//! How a run was judged, as its file keeps it: judged again, the run gets the same verdict.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::nanos;
use crate::run::plan::{DEFAULT_EPISODE, Design, Guard};

/// How a run was judged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Judging {
    /// Whether slow spells were allowed for.
    pub guard: GuardRecord,
    /// The budget and end of a run that stopped when its gates were decided; absent if the size was fixed beforehand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adaptive: Option<AdaptiveRecord>,
}

/// Whether slow spells were allowed for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum GuardRecord {
    /// The cluster guard.
    Episode {
        /// The longest slow spell that a PASS allows for, in ns.
        #[serde(rename = "episode_ns", with = "nanos")]
        #[cfg_attr(test, schemars(with = "u64"))]
        episode: Duration,
    },
    /// Requests were treated as independent.
    Iid,
}

/// A run that stopped when its gates were decided. The gates were checked after every request up to the hundredth, then
/// whenever 2 % more had ended, in order of the intended start, and again at the end. The bits of the requests
/// reproduce these checks, and their number is the end of the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct AdaptiveRecord {
    /// The budget, in ns.
    #[serde(rename = "budget_ns", with = "nanos")]
    #[cfg_attr(test, schemars(with = "u64"))]
    pub budget: Duration,
    /// Why it stopped.
    pub stopped: StopReason,
}

/// Why an adaptive run stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum StopReason {
    /// Every gate was decided and every gated percentile had its interval.
    Decided,
    /// The budget was spent.
    Budget,
    /// A signal interrupted it.
    Interrupted,
}

impl Judging {
    /// What the guard was.
    pub fn guard(&self) -> Guard {
        self.guard.into()
    }

    /// Whether the planned size was fixed.
    pub fn design(&self) -> Design {
        match self.adaptive {
            Some(_) => Design::Adaptive,
            None => Design::Fixed,
        }
    }
}

impl Default for GuardRecord {
    fn default() -> GuardRecord {
        GuardRecord::Episode {
            episode: DEFAULT_EPISODE,
        }
    }
}

impl From<GuardRecord> for Guard {
    fn from(record: GuardRecord) -> Guard {
        match record {
            GuardRecord::Episode { episode } => Guard::Episode(episode),
            GuardRecord::Iid => Guard::Iid,
        }
    }
}

impl From<Guard> for GuardRecord {
    fn from(guard: Guard) -> GuardRecord {
        match guard {
            Guard::Episode(episode) => GuardRecord::Episode { episode },
            Guard::Iid => GuardRecord::Iid,
        }
    }
}
