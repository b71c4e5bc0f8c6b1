//! The audit of the events that an endpoint accepted: processed, processed twice, lost, dead, and the time to
//! completion.
//!
//! Pure: the client's side is a row of bits (answered ok or not), the server's side is one [`EventReport`] per request.
//! The reading of the server is not part of this module.

mod acceptance;
mod answers;
mod audit_outcome;
pub(crate) mod audit_trouble;
mod completion_course;
mod completion_time;
mod drain;
mod event_report;
mod remark;
mod resends;
mod unexpected_events;

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use crate::run::recording::{Latency, Recording, TimeBase, Values};
use crate::stats::rank::Quantile;

pub use acceptance::AcceptanceCounts;
pub use answers::{Accepted, AcceptedEvent, Answers, EventKey, json_of, key_in_answer, text_of};
pub use audit_outcome::{AuditOutcome, DoneClock, EffectReporting, Settled};
pub use audit_trouble::{
    AuditTrouble, EventNaming, ListingTrouble, PollTrouble, QueryFailure, RedirectDefect,
    StateContainer,
};
pub use completion_course::CompletionCourse;
pub use completion_time::CompletionTime;
pub use event_report::{EventReport, EventStatus, UnknownMeans};
pub use remark::AuditRemark;
pub use resends::{Resend, Resends};
pub use unexpected_events::UnexpectedEvents;

/// Whether it is known what became of an endpoint's requests.
#[derive(Clone, Debug)]
pub enum Audit {
    /// The server reported it.
    Read(Box<Completion>),
    /// The audit could not read the events' states.
    Unread {
        /// Why.
        reason: AuditTrouble,
        /// What the answers alone show of requests that were sent twice on purpose.
        resends: Option<Resends>,
    },
}

impl Audit {
    /// The server's report, if there is one.
    pub fn completion(&self) -> Option<&Completion> {
        match self {
            Audit::Read(completion) => Some(completion),
            Audit::Unread { .. } => None,
        }
    }

    /// The outcome of requests sent twice on purpose, whether or not the server reported more.
    pub fn resends(&self) -> Option<&Resends> {
        match self {
            Audit::Read(completion) => completion.resends.as_ref(),
            Audit::Unread { resends, .. } => resends.as_ref(),
        }
    }
}

/// The audit of the requests of one endpoint. A request with an ok answer is accepted: the server owes its processing.
#[derive(Clone, Debug)]
pub struct Completion {
    /// What the client knows of its requests.
    pub journal: AcceptanceCounts,
    /// Accepted events that were processed at the last reading.
    pub processed: u64,
    /// Accepted events that the server knows and that are neither processed nor dead; or that it did not know while it
    /// was still catching up; or of unknown state.
    pub pending: u64,
    /// Of the pending, those whose state could not be read when the wait ended.
    pub unread: u64,
    /// Accepted events that failed permanently after the server's retries (dead).
    pub dead: u64,
    /// Of the accepted, unknown to the server.
    pub lost: u64,
    /// Of the accepted, answered with the event of another request.
    pub shared: u64,
    /// Events with more than one insert.
    pub inserted_twice: u64,
    /// Events with more than one notification.
    pub notified_twice: u64,
    /// Events with more than one of either, each counted once.
    pub effects_twice: u64,
    /// Of the others, those that may have been notified more than once: an attempt was cut off, and another one made.
    pub perhaps_twice: u64,
    /// Processed, and unknown whether they were notified at all.
    pub perhaps_never: u64,
    /// Done although the client never saw an ok: the answer was lost, not the event. `None` where the names of such
    /// events are unknown.
    pub recovered: Option<u64>,
    /// In the server's listing of the run, but not sent by it; their origin is unknown. `None` without a listing of
    /// this run alone.
    pub unexpected: Option<UnexpectedEvents>,
    /// Acceptance to completion, one value a processed event; the accepted that were not done are slower than
    /// everything. In the order of the intended start.
    pub done: Recording,
    /// The time to completion of each accepted event, in the same order; empty of a run that was saved.
    pub times: Vec<CompletionTime>,
    /// Whose clocks the times are of.
    pub clock: DoneClock,
    /// Whether the server reports the number of inserts.
    pub inserts: EffectReporting,
    /// Whether the server reports the number of notifications.
    pub notifications: EffectReporting,
    /// How the wait for the server ended.
    pub settled: Settled,
    /// Longest wait after the run.
    pub patience: Duration,
    /// Pause between the last processed event and the second reading; `None` without a second reading.
    pub quiet: Option<Duration>,
    /// What must be known to read the numbers.
    pub remarks: Vec<AuditRemark>,
    /// What became of requests that were sent twice on purpose.
    pub resends: Option<Resends>,
    /// When events were accepted and done; `None` where the order of the requests was not kept.
    pub course: Option<CompletionCourse>,
}

impl Completion {
    /// Compares the server's reports of requests, by their index, with the client's answers; counts times above these
    /// targets. The server does not know requests that are not in `reports`. Events accepted only at their second
    /// sending, `by_repeat`, count as well.
    pub fn of(
        recording: &Recording,
        by_repeat: &HashSet<u64>,
        reports: &HashMap<u64, EventReport>,
        outcome: AuditOutcome,
        targets: &[Duration],
    ) -> Completion {
        let mut journal = AcceptanceCounts::of(&recording.counts);
        journal.by_repeat = by_repeat.len() as u64;
        let mut completion = Completion::empty(journal, outcome, targets);
        completion.inserts = effect_reporting(reports, |report| report.inserts);
        completion.notifications = effect_reporting(reports, |report| report.notifications);
        let (mut row, mut recovered) = (0, 0);
        let placed = CompletionCourse::placed(recording);
        let mut course = CompletionCourse::default();
        for (index, ok) in (0u64..).zip(recording.ok.iter()) {
            let report = reports.get(&index);
            completion.count_effects(report);
            if ok || by_repeat.contains(&index) {
                completion.count_accepted(row, report, outcome.unknown);
                if let Some(request) = placed.as_ref().and_then(|p| p.get(index as usize)) {
                    course.add(request, report.and_then(EventReport::done_after));
                }
                row += 1;
            } else {
                recovered += u64::from(report.is_some_and(EventReport::is_processed))
            }
        }
        completion.recovered = Some(recovered);
        completion.course = placed.is_some().then_some(course);
        completion
    }

    /// Of nothing that was accepted.
    pub fn empty(
        journal: AcceptanceCounts,
        outcome: AuditOutcome,
        targets: &[Duration],
    ) -> Completion {
        let mut done = Recording::new(TimeBase::Given, targets);
        if outcome.clock == DoneClock::Poll {
            done.values = Values::AtMost;
        }
        Completion {
            journal,
            processed: 0,
            pending: 0,
            unread: 0,
            dead: 0,
            lost: 0,
            shared: 0,
            inserted_twice: 0,
            notified_twice: 0,
            effects_twice: 0,
            perhaps_twice: 0,
            perhaps_never: 0,
            recovered: Some(0),
            unexpected: None,
            done,
            times: Vec::new(),
            clock: outcome.clock,
            inserts: EffectReporting::NotReported,
            notifications: EffectReporting::NotReported,
            settled: outcome.settled,
            patience: outcome.patience,
            quiet: None,
            remarks: Vec::new(),
            resends: None,
            course: None,
        }
    }

    fn count_effects(&mut self, report: Option<&EventReport>) {
        let Some(report) = report else { return };
        let inserted = report.inserts.is_some_and(|n| n > 1);
        let notified = report.notifications.is_some_and(|n| n > 1);
        self.inserted_twice += u64::from(inserted);
        self.notified_twice += u64::from(notified);
        self.effects_twice += u64::from(inserted || notified);
        let sent = report.notifications.unwrap_or(0);
        let perhaps = report.notify_unknown > 0;
        self.perhaps_twice +=
            u64::from(perhaps && !inserted && sent <= 1 && sent + report.notify_unknown > 1);
        self.perhaps_never += u64::from(perhaps && report.is_processed() && sent == 0);
    }

    fn count_accepted(&mut self, row: u64, report: Option<&EventReport>, unknown: UnknownMeans) {
        match (report.map(|report| report.status), unknown) {
            (Some(EventStatus::Processed { at_least, at_most }), _) => {
                self.processed += 1;
                self.done.add_completion(row, at_least, at_most);
                self.times.push(CompletionTime::between(at_least, at_most));
                return;
            }
            (Some(EventStatus::Unread), _) => {
                self.times.push(CompletionTime::NEVER);
                self.pending += 1;
                self.unread += 1;
                // It may have been done in time.
                self.done.add_unread(row);
                return;
            }
            (Some(EventStatus::GivenUp), _) => self.dead += 1,
            (Some(EventStatus::Pending), _) | (None, UnknownMeans::Pending) => self.pending += 1,
            (None, UnknownMeans::Lost) => self.lost += 1,
        }
        self.times.push(CompletionTime::NEVER);
        self.done.add_never_completed(row);
    }

    /// Requests with an ok answer, at the first or the second sending: the server owes their processing.
    pub fn accepted(&self) -> u64 {
        self.journal.accepted()
    }

    /// Events with an effect more than once, and keys that were answered with more than one event.
    pub fn duplicated(&self) -> u64 {
        self.effects_twice + self.resends.map_or(0, |resends| resends.several_events)
    }

    /// Whether every kind of duplicate would have been seen.
    pub(crate) fn sees_duplicates(&self) -> bool {
        (self.inserts, self.notifications) == (EffectReporting::Reported, EffectReporting::Reported)
    }

    /// Why a state could not be read, if so.
    pub(crate) fn trouble(&self) -> Option<&AuditTrouble> {
        self.remarks.iter().find_map(AuditRemark::trouble)
    }

    /// Whether there were accepted events and each was processed exactly once.
    pub(crate) fn is_exactly_once(&self) -> bool {
        self.accepted() > 0
            && self.processed == self.accepted()
            && self.duplicated() == 0
            && self.sees_duplicates()
            && (self.perhaps_twice, self.perhaps_never) == (0, 0)
            && self.shared == 0
            && self.unexpected.is_none_or(|them| them.at_most == 0)
    }

    /// A percentile of the time from acceptance to completion over all accepted events, nearest rank; `None` if the
    /// event at its rank was not done.
    pub(crate) fn done_after(&self, quantile: Quantile) -> Option<Duration> {
        let levels = self.done.latency.ranked_values();
        let rank = quantile.rank(self.accepted());
        levels.at_rank(rank).map(Duration::from_nanos)
    }

    /// The longest time to completion, of the events that were done.
    pub fn longest(&self) -> Option<Duration> {
        match &self.done.latency {
            Latency::Histogram(histogram) => histogram.max_ns().map(Duration::from_nanos),
            _ => None,
        }
    }
}

/// An effect is reported if it is reported for every processed event: a pending event may have no report yet.
fn effect_reporting(
    reports: &HashMap<u64, EventReport>,
    effect: impl Fn(&EventReport) -> Option<u64>,
) -> EffectReporting {
    let mut done = reports
        .values()
        .filter(|report| report.is_processed())
        .peekable();
    if done.peek().is_some() && done.all(|report| effect(report).is_some()) {
        EffectReporting::Reported
    } else {
        EffectReporting::NotReported
    }
}

#[cfg(test)]
mod tests;
