//! What a search asks for next, and how it ended.

use std::time::Duration;

/// The next step of a search.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum SearchAction {
    /// Sends at one rate.
    Send(PlannedTrial),
    /// Sends nothing until every answer is in, then waits until the service answers at `--from` as in the reference.
    Recover {
        /// The rate that was beyond the limit, in requests per second.
        after: f64,
    },
    /// Judges both blocks of a rate as one sample.
    Judge(PairTest),
    /// The search has ended.
    End,
}

/// One trial. The warm-up at its rate comes before it and is not part of its duration.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PlannedTrial {
    /// What it is for.
    pub purpose: TrialPurpose,
    /// Requests per second.
    pub rate: f64,
    /// The longest time; only a narrowing trial may end earlier.
    pub duration: Duration,
}

/// What a trial is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrialPurpose {
    /// The lowest rate, the reference of recoveries.
    Reference,
    /// Doubles the rate until a trial fails.
    Expand,
    /// Halves the distance between the last good and the first bad rate.
    Narrow,
    /// One of two blocks that are judged together.
    Block(BoundSide),
}

/// The bound that a pair of blocks is meant to show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BoundSide {
    /// That the service holds.
    Lower,
    /// That it fails.
    Upper,
    /// Either, between two bounds that are shown.
    Middle,
}

/// A test of both blocks at one rate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PairTest {
    /// Its number in the search, from 1.
    pub number: u32,
    /// Its level, `α/(j·(j+1))`.
    pub level: f64,
    /// The bound that it is about.
    pub side: BoundSide,
    /// Requests per second.
    pub rate: f64,
    /// The slow spell that a PASS without any exceedance must exclude: τ0, or the longest one of a trial up to the upper
    /// bound that did not fail. `None` if requests are taken as independent.
    pub spell: Option<Duration>,
}

/// How a trial, a block or a pair of blocks ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrialVerdict {
    /// Within the gates.
    Pass,
    /// Beyond them.
    Fail,
    /// The latency rises from stretch to stretch: a queue fills.
    Growing,
    /// Neither is shown.
    Undecided(ShareSide),
    /// This machine could not offer the rate.
    ClientLimited,
}

/// The side of the allowed share on which the observed share lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShareSide {
    /// At most what is allowed.
    Within,
    /// More than is allowed by at least one gate.
    Beyond,
}

impl TrialVerdict {
    /// Whether the service may need time before the next trial.
    pub(super) fn is_beyond(self) -> bool {
        matches!(
            self,
            TrialVerdict::Fail | TrialVerdict::Growing | TrialVerdict::Undecided(ShareSide::Beyond)
        )
    }

    /// Whether it alone shows that the rate is too high.
    pub(super) fn is_failure(self) -> bool {
        matches!(self, TrialVerdict::Fail | TrialVerdict::Growing)
    }
}

/// Whether the service answers at `--from` again as in the reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recovery {
    /// One window was not worse.
    Recovered,
    /// Every window until the end of `--recover` was worse.
    StillWorse,
}
