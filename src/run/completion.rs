//! What became of what an endpoint accepted: done, done twice, lost, given up, and how long it took.
//!
//! Pure: the client's side is a row of bits (answered ok or not), the server's side is one [`EventReport`] a request. Who asks
//! the server, and how, is not decided here.

mod acceptance;
mod answers;
mod event_report;
mod hint;
mod remark;
mod resends;

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::run::recording::{Clock, Latency, Recording, Values};
use crate::stats::rank::Quantile;

pub use acceptance::AcceptanceCounts;
pub use answers::{Accepted, AcceptedEvent, Answers, EventKey, json_of, key_in_answer, text_of};
pub use event_report::{EventReport, EventStatus, UnknownMeans};
pub use hint::{cause_and_hint, in_one_line};
pub use remark::AuditRemark;
pub use resends::{Resend, Resends};

/// Whether it is known what became of an endpoint's requests.
#[derive(Clone, Debug)]
pub enum Audit {
    /// The server told.
    Read(Box<Completion>),
    /// It was to be asked and did not tell.
    Unread {
        /// Why.
        reason: String,
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

/// Events that a run did not send, as far as they can be told from those whose answer it never saw.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UnexpectedEvents {
    /// So many for certain.
    pub at_least: u64,
    /// So many, if the server took in none of the requests whose events have names that nobody knows.
    pub at_most: u64,
}

impl UnexpectedEvents {
    /// Exactly so many.
    pub fn exactly(count: u64) -> UnexpectedEvents {
        UnexpectedEvents {
            at_least: count,
            at_most: count,
        }
    }

    /// So many events that are nobody's, of which `open` may be requests without a known name.
    pub fn among(events: u64, open: u64) -> UnexpectedEvents {
        UnexpectedEvents {
            at_least: events.saturating_sub(open),
            at_most: events,
        }
    }
}

/// Whose clocks the time from acceptance to completion is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DoneClock {
    /// The server's, at both ends.
    Server,
    /// The probe's when it had the answer, the server's at completion: as true as the two clocks agree.
    Both,
    /// The probe's: completion was between the poll that did not see it yet and the poll that did.
    Poll,
}

impl DoneClock {
    /// In words.
    pub fn as_str(self) -> &'static str {
        match self {
            DoneClock::Server => "from acceptance to completion, both by the server's clock",
            DoneClock::Both => {
                "from the answer by this machine's clock to completion by the server's, as true as the two agree"
            }
            DoneClock::Poll => {
                "from the answer to the poll that saw it done, which began when the run had ended: at most so long"
            }
        }
    }
}

/// Whether the server tells how often one kind of effect was had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "Effects")]
pub enum EffectReporting {
    /// It tells.
    #[serde(rename = "told")]
    Reported,
    /// It does not, or not of every event that was done: duplicates cannot be seen.
    #[serde(rename = "not_told")]
    NotReported,
}

/// How the wait for the server ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Settled {
    /// Nothing was pending any more.
    Done,
    /// At the deadline.
    Deadline,
    /// By a signal.
    Interrupted,
}

/// How the server was outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuditOutcome {
    /// Whose clocks its times are of.
    pub clock: DoneClock,
    /// How the wait for it ended.
    pub settled: Settled,
    /// Longest that was waited.
    pub patience: Duration,
    /// What to make of accepted requests that it does not know.
    pub unknown: UnknownMeans,
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
        completion.inserts = told(reports, |report| report.inserts);
        completion.notifications = told(reports, |report| report.notifications);
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
        let mut done = Recording::new(Clock::Given, targets);
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
    pub fn sees_duplicates(&self) -> bool {
        (self.inserts, self.notifications) == (EffectReporting::Reported, EffectReporting::Reported)
    }

    /// Why the state of something could not be read, if that was so.
    pub fn trouble(&self) -> Option<&str> {
        self.remarks.iter().find_map(AuditRemark::trouble)
    }

    /// Whether every accepted event was done exactly once, and there were any.
    pub fn is_exactly_once(&self) -> bool {
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
    pub fn done_after(&self, quantile: Quantile) -> Option<Duration> {
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
fn told(
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
mod tests {
    use std::collections::{HashMap, HashSet};
    use std::time::Duration;

    use super::{
        AcceptanceCounts, AuditOutcome, Completion, DoneClock, EffectReporting, EventReport,
        EventStatus, Settled, UnexpectedEvents, UnknownMeans,
    };
    use crate::run::recording::{Clock, Recording};
    use crate::run::sample::{FailureKind, Outcome, Phases, Sample};
    use crate::stats::rank::Quantile;

    const OUTCOME: AuditOutcome = AuditOutcome {
        clock: DoneClock::Server,
        settled: Settled::Deadline,
        unknown: UnknownMeans::Lost,
        patience: Duration::from_secs(30),
    };

    /// 100 requests: the first 90 answered ok, then 5 reset, 3 timed out, 2 answered with an error.
    fn recording() -> Recording {
        let mut recording = Recording::new(Clock::IntendedStart, &[]);
        for index in 0..100 {
            let outcome = match index {
                0..90 => Outcome::Ok,
                90..95 => Outcome::Failed(FailureKind::Reset),
                95..98 => Outcome::Timeout,
                _ => Outcome::Failed(FailureKind::Status),
            };
            recording.add(&Sample {
                index,
                intended_start_ns: Some(0),
                dispatched_ns: 0,
                sent_ns: Some(0),
                finished_ns: 1,
                outcome,
                status: None,
                connection: None,
                phases: Phases::default(),
                body_bytes: 0,
                server_timing: Vec::new(),
            });
        }
        recording
    }

    fn processed(after_ms: u64) -> EventReport {
        let took = Duration::from_millis(after_ms);
        EventReport {
            status: EventStatus::Processed {
                at_least: took,
                at_most: took,
            },
            inserts: Some(1),
            notifications: Some(1),
            notify_unknown: 0,
        }
    }

    /// Request number n was done after n + 1 ms.
    fn reports(range: std::ops::Range<u64>) -> HashMap<u64, EventReport> {
        range.map(|index| (index, processed(index + 1))).collect()
    }

    fn of(reports: &HashMap<u64, EventReport>) -> Completion {
        let none = HashSet::new();
        Completion::of(
            &recording(),
            &none,
            reports,
            OUTCOME,
            &[Duration::from_millis(80)],
        )
    }

    #[test]
    fn all_accepted_and_done_once_is_exactly_once() {
        let completion = of(&reports(0..90));
        assert!(completion.is_exactly_once());
        let journal = AcceptanceCounts {
            ok: 90,
            failed: 2,
            unknown: 8,
            by_repeat: 0,
        };
        assert_eq!((completion.journal, completion.processed), (journal, 90));
        assert_eq!((completion.lost, completion.recovered), (0, Some(0)));
        // Nearest rank: ceil(90 × 0.95) = 86.
        let p95 = completion.done_after(Quantile::P95).expect("done");
        assert!(p95.abs_diff(Duration::from_millis(86)) < Duration::from_micros(10));
        let exceedances = &completion.done.exceedances[0];
        assert_eq!(
            (exceedances.bits.len(), exceedances.bits.count_ones()),
            (90, 10)
        );
    }

    #[test]
    fn planted_losses_duplicates_and_recoveries_are_counted() {
        let mut reports = reports(3..95);
        let change =
            |reports: &mut HashMap<u64, EventReport>, index, change: fn(&mut EventReport)| {
                change(reports.get_mut(&index).expect("planted"));
            };
        change(&mut reports, 3, |report| report.inserts = Some(2));
        change(&mut reports, 4, |report| report.notifications = Some(3));
        change(&mut reports, 5, |report| {
            (report.inserts, report.notifications) = (Some(2), Some(2))
        });
        change(&mut reports, 6, |report| {
            report.status = EventStatus::Pending
        });
        change(&mut reports, 7, |report| {
            report.status = EventStatus::GivenUp
        });
        let completion = of(&reports);
        assert_eq!(completion.lost, 3);
        assert_eq!(
            (completion.inserted_twice, completion.notified_twice),
            (2, 2)
        );
        assert_eq!(
            completion.duplicated(),
            3,
            "an event done twice both ways counts once"
        );
        assert_eq!((completion.pending, completion.dead), (1, 1));
        assert_eq!(
            completion.recovered,
            Some(5),
            "reset, and done all the same"
        );
        assert_eq!(completion.processed, 85);
        assert!(!completion.is_exactly_once());
        // What was not done is slower than every target, lost or not: 0, 1, 2, 6, 7, and 80 to 89 ms.
        assert_eq!(completion.done.exceedances[0].bits.count_ones(), 15);
        assert_eq!(completion.done_after(Quantile::P99), None);
    }

    #[test]
    fn what_may_still_appear_is_pending_and_not_lost() {
        let outcome = AuditOutcome {
            unknown: UnknownMeans::Pending,
            ..OUTCOME
        };
        let completion =
            Completion::of(&recording(), &HashSet::new(), &reports(0..80), outcome, &[]);
        assert_eq!((completion.lost, completion.pending), (0, 10));
    }

    #[test]
    fn nothing_accepted_proves_nothing() {
        let empty = Recording::new(Clock::IntendedStart, &[]);
        let completion = Completion::of(&empty, &HashSet::new(), &HashMap::new(), OUTCOME, &[]);
        assert!(!completion.is_exactly_once());
    }

    #[test]
    fn duplicates_that_the_server_does_not_tell_of_are_not_denied() {
        let mut reports = reports(0..90);
        for report in reports.values_mut() {
            report.notifications = None;
        }
        let completion = of(&reports);
        let told = (completion.inserts, completion.notifications);
        assert_eq!(
            told,
            (EffectReporting::Reported, EffectReporting::NotReported),
            "each by itself"
        );
        assert!(!completion.sees_duplicates() && !completion.is_exactly_once());
    }

    #[test]
    fn what_could_not_be_read_is_pending_and_exceeds_no_target_for_certain() {
        let mut reports = reports(0..90);
        for index in 80..90 {
            reports.insert(
                index,
                EventReport {
                    status: EventStatus::Unread,
                    ..processed(0)
                },
            );
        }
        let completion = of(&reports);
        let counts = (completion.pending, completion.unread, completion.lost);
        assert_eq!(counts, (10, 10, 0));
        let exceedances = &completion.done.exceedances[0];
        assert_eq!(exceedances.bits.count_ones(), 10);
        assert_eq!(exceedances.certain.count_ones(), 0);
    }

    #[test]
    fn what_only_the_repetition_was_accepted_of_is_owed() {
        let repeated = HashSet::from([92, 99]);
        let reports = reports(0..93);
        let completion = Completion::of(&recording(), &repeated, &reports, OUTCOME, &[]);
        // The first 90, and two of which one is known to the server.
        assert_eq!((completion.accepted(), completion.processed), (92, 91));
        assert_eq!((completion.lost, completion.recovered), (1, Some(2)));
    }

    #[test]
    fn strangers_may_be_requests_whose_names_nobody_knows() {
        let strangers = |at_least, at_most| UnexpectedEvents { at_least, at_most };
        assert_eq!(UnexpectedEvents::among(7, 0), UnexpectedEvents::exactly(7));
        assert_eq!(UnexpectedEvents::among(7, 2), strangers(5, 7));
        assert_eq!(UnexpectedEvents::among(1, 2), strangers(0, 1));
    }

    #[test]
    fn a_time_that_is_known_within_a_range_is_certain_only_beyond_its_smaller_end() {
        let range = EventReport {
            status: EventStatus::Processed {
                at_least: Duration::from_millis(50),
                at_most: Duration::from_millis(100),
            },
            ..processed(0)
        };
        let reports = (0..90).map(|index| (index, range)).collect();
        let exceedances = &of(&reports).done.exceedances[0];
        assert_eq!(exceedances.bits.count_ones(), 90);
        assert_eq!(exceedances.certain.count_ones(), 0);
    }
}
