//! Times to completion as the service reports them, and which of them can be believed.

use std::time::Duration;

use jiff::SignedDuration;

use super::audited_requests::AuditedRequest;
use super::reported_state::{ReportedStage, ReportedState, Time};
use crate::run::completion::{AuditRemark, DoneClock};

/// A time to completion as the service tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Took {
    Nothing,
    Told(DoneClock, SignedDuration),
    /// Two times that cannot be compared.
    NoOffset,
}

impl AuditedRequest {
    pub(super) fn took(&self, state: &ReportedState) -> Took {
        if state.stage != ReportedStage::Done {
            return Took::Nothing;
        }
        match (state.accepted_at, state.done_at, self.answered) {
            (Some(from), Some(to), _) => match from.until(to) {
                Some(time) => Took::Told(DoneClock::Server, time),
                None => Took::NoOffset,
            },
            (None, Some(Time::Instant(to)), Some(answered)) => {
                Took::Told(DoneClock::Both, to.duration_since(answered.at))
            }
            (None, Some(Time::Wall(_)), _) => Took::NoOffset,
            _ => Took::Nothing,
        }
    }
}

/// Which of the reported times are reliable.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Clocks {
    pub(super) negative_by_server: u64,
    pub(super) negative_by_both: u64,
    pub(super) no_offset: u64,
}

impl Clocks {
    /// A reported time; `None` if its clocks were seen to disagree.
    pub(super) fn believed(&self, took: Took) -> Option<(DoneClock, Duration, Duration)> {
        let Took::Told(clock, time) = took else {
            return None;
        };
        let disagreements = match clock {
            DoneClock::Server => self.negative_by_server,
            DoneClock::Both | DoneClock::Poll => self.negative_by_both,
        };
        let time = Duration::try_from(time).ok()?;
        (disagreements == 0).then_some((clock, time, time))
    }

    pub(super) fn remarks(&self) -> Vec<AuditRemark> {
        let negative = self.negative_by_server + self.negative_by_both;
        let disagree = (negative > 0).then_some(AuditRemark::ClocksDisagree { events: negative });
        let no_offset = (self.no_offset > 0).then_some(AuditRemark::NoOffset {
            events: self.no_offset,
        });
        disagree.into_iter().chain(no_offset).collect()
    }
}

/// The clock that tells less.
pub(super) fn coarser(one: Option<DoneClock>, other: DoneClock) -> Option<DoneClock> {
    let rank = |clock: &DoneClock| match clock {
        DoneClock::Server => 0,
        DoneClock::Both => 1,
        DoneClock::Poll => 2,
    };
    one.into_iter().chain([other]).max_by_key(rank)
}
