//! The part of a rate profile that an endpoint of a saved run is.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::run::plan::Segment;
use crate::run::rate_profile::{RatePart, RateParts, RateProfile};
use crate::run::replay::ReplayRecord;

/// The part of a rate profile that an endpoint is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct SegmentRecord {
    /// Name of the endpoint that it is a part of.
    pub endpoint: String,
    /// Its number among the parts of the profile, from 1.
    pub number: usize,
    /// The whole profile.
    pub profile: ProfileRecord,
}

/// The intended rate over time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum ProfileRecord {
    /// Steps and ramps.
    Parts {
        /// As in `--rate`, each with its time.
        parts: RateParts,
    },
    /// The instants of a file.
    Replay(ReplayRecord),
}

impl SegmentRecord {
    /// Of a segment of a plan.
    pub fn of(segment: &Segment) -> SegmentRecord {
        SegmentRecord {
            endpoint: segment.endpoint.clone(),
            number: segment.number + 1,
            profile: match &segment.profile {
                RateProfile::Parts(parts) => ProfileRecord::Parts {
                    parts: parts.clone(),
                },
                RateProfile::Replay(replay) => ProfileRecord::Replay(replay.record.clone()),
            },
        }
    }

    /// Its number from 0.
    pub fn index(&self) -> usize {
        self.number.saturating_sub(1)
    }

    /// How many segments its endpoint has.
    pub fn count(&self) -> usize {
        match &self.profile {
            ProfileRecord::Parts { parts } => parts.parts().len(),
            ProfileRecord::Replay(_) => 1,
        }
    }

    /// The part that it is; `None` of a replay.
    pub fn part(&self) -> Option<&RatePart> {
        match &self.profile {
            ProfileRecord::Parts { parts } => parts.parts().get(self.index()),
            ProfileRecord::Replay(_) => None,
        }
    }

    /// From t0 to its beginning.
    pub fn start(&self) -> Duration {
        match &self.profile {
            ProfileRecord::Parts { parts } => parts.start_of(self.index()),
            ProfileRecord::Replay(_) => Duration::ZERO,
        }
    }

    /// The profile as a fact that two comparable plans have in common.
    pub(super) fn fact(&self) -> String {
        match &self.profile {
            ProfileRecord::Parts { parts } => format!("part {} of {parts}", self.number),
            ProfileRecord::Replay(replay) => format!(
                "replay of {} requests at speed {} with SHA-256 {}",
                replay.requests, replay.speed, replay.sha256
            ),
        }
    }
}
