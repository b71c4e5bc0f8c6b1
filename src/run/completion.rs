//! What became of what an endpoint accepted: done, done twice, lost, given up, and how long it took.
//!
//! Pure: the client's side is a row of bits (answered ok or not), the server's side is one [`EventReport`] a request. Who asks
//! the server, and how, is not decided here.

mod acceptance;
mod answers;
mod audit_outcome;
pub(crate) mod audit_trouble;
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
pub use event_report::{EventReport, EventStatus, UnknownMeans};
pub use remark::AuditRemark;
pub use resends::{Resend, Resends};
pub use unexpected_events::UnexpectedEvents;

/// Whether it is known what became of an endpoint's requests.
#[derive(Clone, Debug)]
pub enum Audit {
    /// The server told.
    Read(Box<Completion>),
    /// It was to be asked and did not tell.
    Unread {
        /// Why.
        reason: AuditTrouble,
        /// What the answers alone show of requests that were sent twice on purpose.
        resends: Option<Resends>,
    },
}

impl Audit {
    /// What the server told, if it did.
    pub fn completion(&self) -> Option<&Completion> {
        match self {
            Audit::Read(completion) => Some(completion),
            Audit::Unread { .. } => None,
        }
    }

    /// What became of requests that were sent twice on purpose, whether or not the server told more.
    pub fn resends(&self) -> Option<&Resends> {
        match self {
            Audit::Read(completion) => completion.resends.as_ref(),
            Audit::Unread { resends, .. } => resends.as_ref(),
        }
    }
}

/// What became of the requests of one endpoint. A request that was answered ok is accepted: the server owes it.
#[derive(Clone, Debug)]
pub struct Completion {
    /// What the client knows of its requests.
    pub journal: AcceptanceCounts,
    /// Of the accepted, done when the server was asked last.
    pub processed: u64,
    /// Of the accepted, known to the server but neither done nor given up; or not known to it, while it was still
    /// catching up; or of unknown state.
    pub pending: u64,
    /// Of the pending, those whose state could not be read when the wait ended.
    pub unread: u64,
    /// Of the accepted, given up by the server after its retries.
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
    /// Processed, and nobody knows whether they were notified at all.
    pub perhaps_never: u64,
    /// Done although the client never saw an ok: the answer was lost, not the event. `None` where nobody knows the names
    /// of such events.
    pub recovered: Option<u64>,
    /// In the server's listing of the run, but not sent by it; whose they are, nobody knows. `None` without a listing of
    /// this run alone.
    pub unexpected: Option<UnexpectedEvents>,
    /// Acceptance to completion, one value a processed event; the accepted that were not done are slower than
    /// everything. In the order of the intended start.
    pub done: Recording,
    /// Whose clocks the times are of.
    pub clock: DoneClock,
    /// Whether the server tells how often it inserted.
    pub inserts: EffectReporting,
    /// Whether the server tells how often it notified.
    pub notifications: EffectReporting,
    /// How the wait for the server ended.
    pub settled: Settled,
    /// Longest that was waited after the run.
    pub patience: Duration,
    /// How long after everything was done it was all read once more; `None` if it was not.
    pub quiet: Option<Duration>,
    /// What must be known to read the numbers.
    pub remarks: Vec<AuditRemark>,
    /// What became of requests that were sent twice on purpose.
    pub resends: Option<Resends>,
}

impl Completion {
    /// Holds what the server says of requests, by their index, against what the client saw; times above these targets
    /// are counted. Of requests that are not in `reports` the server knows nothing. What was accepted only when it was
    /// sent a second time, `by_repeat`, is owed as well.
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
        for (index, ok) in (0u64..).zip(recording.ok.iter()) {
            let report = reports.get(&index);
            completion.count_effects(report);
            if ok || by_repeat.contains(&index) {
                completion.count_accepted(row, report, outcome.unknown);
                row += 1;
            } else {
                recovered += u64::from(report.is_some_and(EventReport::is_processed))
            }
        }
        completion.recovered = Some(recovered);
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
            clock: outcome.clock,
            inserts: EffectReporting::NotReported,
            notifications: EffectReporting::NotReported,
            settled: outcome.settled,
            patience: outcome.patience,
            quiet: None,
            remarks: Vec::new(),
            resends: None,
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
                return;
            }
            (Some(EventStatus::Unread), _) => {
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
        self.done.add_never_completed(row);
    }

    /// Requests that were answered ok, the first time or the second: what the server owes.
    pub fn accepted(&self) -> u64 {
        self.journal.accepted()
    }

    /// Events whose effects were had more than once, and keys that were answered with more than one event.
    pub fn duplicated(&self) -> u64 {
        self.effects_twice + self.resends.map_or(0, |resends| resends.several_events)
    }

    /// Whether duplicates would have been seen, whichever effect was had twice.
    pub(crate) fn sees_duplicates(&self) -> bool {
        (self.inserts, self.notifications) == (EffectReporting::Reported, EffectReporting::Reported)
    }

    /// Why the state of something could not be read, if that was so.
    pub(crate) fn trouble(&self) -> Option<&AuditTrouble> {
        self.remarks.iter().find_map(AuditRemark::trouble)
    }

    /// Whether every accepted event was done exactly once, and there were any.
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

/// An effect is told if it is told of everything that was done: what is not done yet may have nothing to tell.
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
