//! A part of an endpoint's rate profile, which is measured and judged on its own.

use std::sync::Arc;
use std::time::Duration;

use super::Endpoint;
use crate::run::rate_profile::{RatePart, RateParts, RateProfile};
use crate::run::replay::{PlannedReplay, ReplayRecord};
use crate::units::{MAX_RATE_PER_S, Rate};

/// A part of an endpoint's rate profile. In a plan, the segments of an endpoint follow each other.
#[derive(Clone, Debug, PartialEq)]
pub struct Segment {
    /// Name of the endpoint that it is a part of.
    pub endpoint: String,
    /// Its number among the parts of the profile, from 0.
    pub number: usize,
    /// The whole profile.
    pub profile: RateProfile,
    /// The number of its first request among all of the endpoint, from 0: `{{n}}` and rows continue from part to part.
    pub first_request: u64,
}

/// How the rate of a load goes over time, as far as verdicts depend on it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum LoadShape<'a> {
    /// One rate, as long as the run.
    Steady,
    /// One rate, as long as its part of a profile.
    Step,
    /// A rate that changes: a percentile of all its requests is one of no load.
    Ramp,
    /// Planned instants.
    Replay(&'a ReplayRecord),
}

impl LoadShape<'_> {
    /// Of one part of a profile, by its number from 0.
    pub fn of_part(parts: &RateParts, number: usize) -> LoadShape<'static> {
        match parts.parts().get(number) {
            Some(part) if part.is_ramp() => LoadShape::Ramp,
            _ => LoadShape::Step,
        }
    }

    /// Whether it has one rate.
    pub fn is_steady(self) -> bool {
        matches!(self, LoadShape::Steady | LoadShape::Step)
    }

    /// Whether its requests have percentiles in common.
    pub fn has_percentiles(self) -> bool {
        self != LoadShape::Ramp
    }

    /// A rate at which as many requests are due within a slow spell as there are at the most.
    pub fn rate_within(self, spell: Duration, rate_per_s: Option<f64>) -> Option<f64> {
        match self {
            LoadShape::Replay(replay) if !spell.is_zero() => {
                Some(replay.most_due_within(spell) as f64 / spell.as_secs_f64())
            }
            _ => rate_per_s,
        }
    }
}

impl Segment {
    /// The part of the profile that it is; `None` of a replay.
    pub fn part(&self) -> Option<&RatePart> {
        match &self.profile {
            RateProfile::Parts(parts) => parts.parts().get(self.number),
            RateProfile::Replay(_) => None,
        }
    }

    /// How its rate goes over time.
    pub fn shape(&self) -> LoadShape<'_> {
        match &self.profile {
            RateProfile::Parts(parts) => LoadShape::of_part(parts, self.number),
            RateProfile::Replay(replay) => LoadShape::Replay(&replay.record),
        }
    }

    /// From t0 to its beginning.
    pub fn start(&self) -> Duration {
        match &self.profile {
            RateProfile::Parts(parts) => parts.start_of(self.number),
            RateProfile::Replay(_) => Duration::ZERO,
        }
    }

    /// Its highest rate.
    pub fn highest_rate(&self) -> Option<Rate> {
        let per_s = match &self.profile {
            RateProfile::Parts(_) => self.part()?.highest(),
            RateProfile::Replay(replay) => replay.record.highest_per_s(),
        };
        Rate::per_second(per_s.min(MAX_RATE_PER_S))
    }
}

impl Endpoint {
    /// Sends at these instants, whatever its rate was.
    pub(crate) fn set_replay(&mut self, replay: Arc<PlannedReplay>) {
        let segment = Segment {
            endpoint: self.name.clone(),
            number: 0,
            profile: RateProfile::Replay(replay),
            first_request: 0,
        };
        self.rate = segment.highest_rate();
        self.segment = Some(segment);
    }

    /// The name that it has without its segment.
    pub fn base_name(&self) -> &str {
        self.segment.as_ref().map_or(&self.name, |s| &s.endpoint)
    }

    /// Whether it is the only or the first segment of its endpoint.
    pub fn is_first_segment(&self) -> bool {
        self.segment.as_ref().is_none_or(|s| s.number == 0)
    }

    /// How its rate goes over time.
    pub fn shape(&self) -> LoadShape<'_> {
        self.segment
            .as_ref()
            .map_or(LoadShape::Steady, Segment::shape)
    }

    /// The stream of random numbers of its schedule, by its place in the plan: all segments have that of the first.
    pub fn stream(&self, place: usize) -> u64 {
        let before = self.segment.as_ref().map_or(0, |s| s.number);
        place.saturating_sub(before) as u64
    }

    /// The rate at which it begins, for its warm-up: of a ramp from 0, one request per second. `None` in the closed model.
    pub fn first_rate(&self) -> Option<Rate> {
        let Some(segment) = &self.segment else {
            return self.rate;
        };
        let per_s = match &segment.profile {
            RateProfile::Parts(_) => segment.part().map(|part| part.from_per_s),
            RateProfile::Replay(replay) => replay.record.mean_per_s(),
        };
        let per_s = per_s.unwrap_or(0.0).min(MAX_RATE_PER_S);
        Rate::per_second(per_s).or(Rate::per_second(1.0))
    }

    /// Requests per second on average; `None` in the closed model, and where all of a replay are due at once.
    pub fn mean_rate(&self) -> Option<Rate> {
        let Some(segment) = &self.segment else {
            return self.rate;
        };
        let per_s = match &segment.profile {
            RateProfile::Parts(_) => segment.part()?.mean(),
            RateProfile::Replay(replay) => replay.record.mean_per_s()?,
        };
        Rate::per_second(per_s.min(MAX_RATE_PER_S))
    }
}
