//! The reported state of each request, and its status when the wait has ended.

use std::collections::HashMap;
use std::time::Duration;

use super::audited_requests::{AuditedRequest, AuditedRequests};
use super::early_observation::EarlyObservation;
use super::reported_state::{ReportedStage, ReportedState};
use super::service_times::{Clocks, Took, coarser};
use crate::run::completion::{AuditRemark, DoneClock, EventReport, EventStatus, Settled};

/// When something was asked and answered, counted from the beginning of the audit.
#[derive(Clone, Copy, Debug)]
pub(super) struct QueryTimes {
    pub(super) asked: Duration,
    pub(super) answered: Duration,
}

/// One entry for each request that can be asked about.
pub(super) struct AuditState<'a> {
    requests: &'a AuditedRequests,
    entries: Vec<RequestEntry>,
    memory: Memory,
    /// Whether an event that was known was not known later.
    has_forgotten: bool,
}

/// How long a service remembers an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Memory {
    /// A listing is complete: an event that is not listed does not exist.
    Everything,
    /// The service may forget an event after it is done, or, with a time, any event after that time.
    Single(Option<Duration>),
}

/// The reports about one request.
#[derive(Clone, Debug, Default)]
struct RequestEntry {
    /// The last answer: `None` in it is that there is no such event.
    last: Option<Option<ReportedState>>,
    /// When that was asked for.
    at: Duration,
    /// Whether the service has ever known it.
    was_known: bool,
    /// When it was last asked for and not done.
    not_done: Option<Duration>,
    /// When the answer came that it is done.
    done: Option<Duration>,
    /// Whether the service says that it is no longer there.
    gone: bool,
    /// The observations made during the run.
    early: Option<EarlyObservation>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct WaitEnd {
    pub(super) settled: Settled,
    /// Reports before this time do not show the state at the end of the wait.
    pub(super) fresh_from: Duration,
}

/// What the service made of a run's requests.
pub(super) struct AuditFindings {
    /// By endpoint and index.
    pub(super) by_endpoint: Vec<HashMap<u64, EventReport>>,
    /// Whose clocks the times are of; `None` where nothing was done.
    pub(super) clock: Option<DoneClock>,
    pub(super) remarks: Vec<AuditRemark>,
}

impl<'a> AuditState<'a> {
    pub(super) fn new(requests: &'a AuditedRequests, memory: Memory) -> AuditState<'a> {
        AuditState {
            requests,
            entries: vec![RequestEntry::default(); requests.all.len()],
            memory,
            has_forgotten: false,
        }
    }

    /// Records an observation made during the run. Called before anything else is recorded.
    pub(super) fn take_early(&mut self, place: usize, look: EarlyObservation) {
        let entry = &mut self.entries[place];
        entry.was_known |= look.state.is_some();
        entry.early = Some(look);
        if let Some(state) = look.state {
            entry.last = Some(Some(state));
            entry.done = (state.stage == ReportedStage::Done).then_some(Duration::ZERO);
        }
    }

    /// Records that the service knew a request at some time.
    pub(super) fn take_gone(&mut self, place: usize, look: QueryTimes) {
        self.take(place, None, look);
        self.entries[place].gone = true;
        self.has_forgotten = true;
    }

    /// Records that a final-looking report of a request is not reliable.
    pub(super) fn mark_unclear(&mut self, place: usize) {
        let entry = &mut self.entries[place];
        if let Some(Some(state)) = &mut entry.last {
            state.stage = ReportedStage::Unclear;
            entry.done = None;
        }
    }

    /// Whether the service does not know the request now and may have known it before.
    pub(super) fn may_be_forgotten(&self, place: usize) -> bool {
        let (entry, request) = (&self.entries[place], &self.requests.all[place]);
        let (Memory::Single(ttl), Some(None)) = (self.memory, entry.last) else {
            return false;
        };
        let before = request.answered.map(|answered| answered.before);
        let age = entry.at + before.unwrap_or(self.requests.since_t0);
        let missed_early = entry.early.is_some_and(|look| look.is_missing);
        entry.gone || entry.was_known || (!missed_early && ttl.is_some_and(|ttl| age >= ttl))
    }

    /// The same at the end of the wait: a service that was seen to forget events may also have forgotten an unknown
    /// one, unless it was missing within its retention time.
    fn may_have_been_forgotten(&self, place: usize) -> bool {
        let entry = &self.entries[place];
        let is_single = matches!(self.memory, Memory::Single(_));
        let missed_early = entry.early.is_some_and(|look| look.is_missing);
        let is_unknown = is_single && entry.last == Some(None);
        self.may_be_forgotten(place) || (is_unknown && self.has_forgotten && !missed_early)
    }

    /// Accepted requests that may have been forgotten.
    pub(super) fn forgotten(&self) -> u64 {
        let places = self.requests.all.iter().enumerate();
        let forgotten =
            places.filter(|(place, request)| request.owed && self.may_have_been_forgotten(*place));
        forgotten.count() as u64
    }

    /// Takes what the service says of a request; `None` if it knows no such event.
    pub(super) fn take(&mut self, place: usize, state: Option<ReportedState>, look: QueryTimes) {
        let entry = &mut self.entries[place];
        let is_done = state.is_some_and(|state| state.stage == ReportedStage::Done);
        if is_done {
            entry.done = entry.done.or(Some(look.answered));
        } else {
            (entry.not_done, entry.done) = (Some(look.asked), None);
        }
        self.has_forgotten |= entry.was_known && state.is_none();
        entry.was_known |= state.is_some();
        (entry.last, entry.at) = (Some(state), look.asked);
    }

    /// Takes the second report of a request, after all were processed: a processed event stays processed, and new
    /// effects are counted.
    pub(super) fn take_again(&mut self, place: usize, again: Option<ReportedState>) {
        let (Some(Some(state)), Some(again)) = (&mut self.entries[place].last, again) else {
            return;
        };
        let most = |a: Option<u64>, b: Option<u64>| a.max(b);
        state.inserts = most(state.inserts, again.inserts);
        state.notifications = most(state.notifications, again.notifications);
        state.notify_unknown = state.notify_unknown.max(again.notify_unknown);
    }

    /// Whether its state is final.
    pub(super) fn is_settled(&self, place: usize) -> bool {
        let state = self.entries[place].last.flatten();
        state.is_some_and(|state| {
            matches!(state.stage, ReportedStage::Done | ReportedStage::GivenUp)
        })
    }

    /// Whether the service knew it when it was asked last.
    pub(super) fn is_known(&self, place: usize) -> bool {
        self.entries[place].last.flatten().is_some()
    }

    /// Whether the service has ever known any request of an endpoint.
    pub(super) fn has_known(&self, endpoint: usize) -> bool {
        let pairs = self.requests.all.iter().zip(&self.entries);
        { pairs }.any(|(request, entry)| request.endpoint == endpoint && entry.was_known)
    }

    /// Whether all that is owed is there and settled, and nothing else is under way.
    pub(super) fn is_complete(&self) -> bool {
        let places = self.requests.all.iter().enumerate();
        { places }.all(|(place, request)| {
            let is_final = self.is_settled(place) || self.may_be_forgotten(place);
            is_final || !(request.owed || self.is_known(place))
        })
    }

    /// A number that changes as long as the service is catching up.
    pub(super) fn progress(&self) -> u64 {
        let places = 0..self.entries.len();
        places
            .map(|place| u64::from(self.is_known(place)) + u64::from(self.is_settled(place)))
            .sum()
    }

    /// What all that makes of the requests. Without an answer late enough its state in the end is unknown;
    /// `targets` are, by endpoint, the times to completion that must have passed for it to be too late.
    pub(super) fn findings(&self, ended: WaitEnd, targets: &[Duration]) -> AuditFindings {
        let clocks = self.clocks();
        let mut by_endpoint = vec![HashMap::new(); self.requests.endpoints.len()];
        let mut clock = None;
        let pairs = self.requests.all.iter().zip(&self.entries);
        for (place, (request, entry)) in pairs.enumerate() {
            let late_enough = ended.fresh_from.max(targets[request.endpoint]);
            let ending = if self.may_have_been_forgotten(place) {
                request.owed.then_some(End::Stands(EventStatus::Unread))
            } else {
                entry.status(request.owed, ended, late_enough)
            };
            let status = match ending {
                Some(End::Done(state, done)) => {
                    let believed = clocks.believed(request.took(&state));
                    let (own_clock, at_least, at_most) =
                        believed.unwrap_or_else(|| self.between_looks(request, entry, done));
                    clock = coarser(clock, own_clock);
                    EventStatus::Processed { at_least, at_most }
                }
                Some(End::Stands(status)) => status,
                None => continue,
            };
            let state = entry.last.flatten();
            let report = EventReport {
                status,
                inserts: state.and_then(|state| state.inserts),
                notifications: state.and_then(|state| state.notifications),
                notify_unknown: state.map_or(0, |state| state.notify_unknown),
            };
            by_endpoint[request.endpoint].insert(request.index, report);
        }
        AuditFindings {
            by_endpoint,
            clock,
            remarks: clocks.remarks(),
        }
    }

    /// Events that say nothing of when they were done.
    pub(super) fn without_time(&self) -> u64 {
        let states = self.entries.iter().filter_map(|entry| entry.last.flatten());
        let timeless =
            |state: &ReportedState| state.stage == ReportedStage::Done && state.done_at.is_none();
        states.filter(timeless).count() as u64
    }

    /// How reliable the reported times are.
    fn clocks(&self) -> Clocks {
        let mut clocks = Clocks::default();
        let pairs = self.requests.all.iter().zip(&self.entries);
        for (request, entry) in pairs {
            match entry.last.flatten().map(|state| request.took(&state)) {
                Some(Took::Told(DoneClock::Server, time)) if time.is_negative() => {
                    clocks.negative_by_server += 1;
                }
                Some(Took::Told(_, time)) if time.is_negative() => clocks.negative_by_both += 1,
                Some(Took::NoOffset) => clocks.no_offset += 1,
                _ => {}
            }
        }
        clocks
    }

    /// A time to completion from when it was seen, on this machine's clock.
    fn between_looks(
        &self,
        request: &AuditedRequest,
        entry: &RequestEntry,
        done: Duration,
    ) -> (DoneClock, Duration, Duration) {
        if let Some(look) = entry.early.filter(|look| look.is_done()) {
            return (
                DoneClock::Poll,
                look.not_done.unwrap_or_default(),
                look.answered,
            );
        }
        let not_done = entry.not_done.filter(|at| *at < done);
        let before = request.answered.map(|answered| answered.before);
        let at_least = not_done.map_or(Duration::ZERO, |at| at + before.unwrap_or_default());
        // Nothing was accepted before t0.
        let at_most = done + before.unwrap_or(self.requests.since_t0);
        (DoneClock::Poll, at_least, at_most)
    }
}

/// What became of a request, but for how long it took.
enum End {
    Done(ReportedState, Duration),
    Stands(EventStatus),
}

impl RequestEntry {
    /// `None` for a request that the service does not know.
    fn status(&self, owed: bool, ended: WaitEnd, late_enough: Duration) -> Option<End> {
        let shows_the_end = ended.settled != Settled::Deadline || self.at >= ended.fresh_from;
        match (self.last, self.done) {
            (Some(Some(state)), Some(done)) => Some(End::Done(state, done)),
            (Some(Some(state)), None) if state.stage == ReportedStage::GivenUp => {
                Some(End::Stands(EventStatus::GivenUp))
            }
            (Some(Some(state)), None) if state.stage == ReportedStage::Unclear => {
                Some(End::Stands(EventStatus::Unread))
            }
            // It was seen too early to say that it took too long.
            (Some(Some(_)), None) => Some(End::Stands(
                if ended.settled == Settled::Deadline && self.at < late_enough {
                    EventStatus::Unread
                } else {
                    EventStatus::Pending
                },
            )),
            (Some(None), _) if shows_the_end => None,
            _ => owed.then_some(End::Stands(EventStatus::Unread)),
        }
    }
}

#[cfg(test)]
mod tests;
