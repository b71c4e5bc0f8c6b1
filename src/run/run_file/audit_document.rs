//! The completion audit of an endpoint as a run file keeps it.

use serde::{Deserialize, Serialize};

use super::borrowed_text::BorrowedText;
use super::exceedances_document::ExceedancesDocument;
use super::histogram_document::HistogramDocument;
use super::nanos;
use crate::run::completion::{
    AcceptanceCounts, Audit, AuditRemark, Completion, DoneClock, EffectReporting, Resends, Settled,
};
use crate::run::recording::Latency;

/// The audit of the events that an endpoint accepted.
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case", tag = "audit")]
pub(super) enum AuditDocument<'a> {
    /// The server reported it.
    Read(#[serde(borrow)] Box<CompletionDocument<'a>>),
    /// The audit could not read the events' states.
    Unread {
        /// The reason.
        reason: String,
        /// The answers to requests sent twice on purpose.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        resends: Option<Resends>,
    },
}

/// The server's report.
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct CompletionDocument<'a> {
    /// The client's counts of its requests.
    pub(super) journal: AcceptanceCounts,
    /// Accepted events that were processed at the last reading.
    pub(super) processed: u64,
    /// Accepted events that were neither processed nor dead.
    pub(super) pending: u64,
    /// Pending events whose state could not be read when the audit ended.
    #[serde(default)]
    pub(super) unread: u64,
    /// Accepted events that failed permanently (dead).
    pub(super) dead: u64,
    /// Accepted events that are unknown to the server.
    pub(super) lost: u64,
    /// Accepted requests that were answered with the event of another request.
    #[serde(default)]
    pub(super) shared: u64,
    /// Events with more than one insert.
    pub(super) inserted_twice: u64,
    /// Events with more than one notification.
    pub(super) notified_twice: u64,
    /// Events with more than one of either.
    pub(super) effects_twice: u64,
    /// Other events that may have been notified more than once.
    #[serde(default)]
    pub(super) perhaps_twice: u64,
    /// Processed events that may never have been notified.
    #[serde(default)]
    pub(super) perhaps_never: u64,
    /// Events that were processed although the client saw no ok answer; `null` if the names of such events are unknown.
    pub(super) recovered: Option<u64>,
    /// Listed by the server, but never sent by this run: the smallest possible number; `null` if that cannot be known.
    pub(super) unexpected: Option<u64>,
    /// The largest possible number; absent if it is the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) unexpected_at_most: Option<u64>,
    /// The clocks of the times.
    pub(super) clock: DoneClock,
    /// Whether the server reports the number of both effects.
    pub(super) effects: EffectReporting,
    /// Whether the server reports the number of inserts; absent in older files, where it is as `effects`.
    #[serde(default)]
    pub(super) inserts: Option<EffectReporting>,
    /// The same for notifications.
    #[serde(default)]
    pub(super) notifications: Option<EffectReporting>,
    /// How the wait for the server ended.
    pub(super) settled: Settled,
    /// Longest wait after the run.
    pub(super) patience_ns: u64,
    /// Pause between the last processed event and the second reading; absent without a second reading.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) quiet_ns: Option<u64>,
    /// Remarks that explain the numbers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) remarks: Vec<AuditRemark>,
    /// Time from acceptance to completion, of the processed events; four significant digits.
    #[serde(borrow)]
    pub(super) done: HistogramDocument<'a>,
    /// Whether each accepted event was processed: one bit per accepted event in order of the intended start, eight a
    /// byte, lowest first.
    #[serde(borrow)]
    pub(super) done_bits: BorrowedText<'a>,
    /// Whether the state of each accepted event was unread, in the same form; absent if none was.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub(super) unread_bits: Option<BorrowedText<'a>>,
    /// Accepted events that were not processed within a target.
    #[serde(borrow)]
    pub(super) exceedances: Vec<ExceedancesDocument<'a>>,
    /// The outcome of requests sent twice on purpose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) resends: Option<Resends>,
    /// Accepted events by the second from t0 in which the answer was complete; absent where the order of the requests was
    /// not kept, and in files of before there was this field.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) accepted_by_second: Option<Vec<u64>>,
    /// Processed events by the second from t0 in which they were done; absent where `accepted_by_second` is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) done_by_second: Option<Vec<u64>>,
}

impl AuditDocument<'_> {
    /// The lengths of its remarks and of its exceedances.
    pub(super) fn lengths(&self) -> (usize, usize) {
        match self {
            AuditDocument::Read(completion) => {
                (completion.remarks.len(), completion.exceedances.len())
            }
            AuditDocument::Unread { .. } => (0, 0),
        }
    }
}

impl From<&Audit> for AuditDocument<'_> {
    fn from(audit: &Audit) -> Self {
        match audit {
            Audit::Read(completion) => AuditDocument::Read(Box::new(completion.as_ref().into())),
            Audit::Unread { reason, resends } => AuditDocument::Unread {
                reason: reason.to_string(),
                resends: *resends,
            },
        }
    }
}

impl From<&Completion> for CompletionDocument<'_> {
    fn from(completion: &Completion) -> Self {
        let done = &completion.done;
        CompletionDocument {
            journal: completion.journal,
            processed: completion.processed,
            pending: completion.pending,
            unread: completion.unread,
            dead: completion.dead,
            lost: completion.lost,
            shared: completion.shared,
            inserted_twice: completion.inserted_twice,
            notified_twice: completion.notified_twice,
            effects_twice: completion.effects_twice,
            recovered: completion.recovered,
            unexpected: completion.unexpected.map(|them| them.at_least),
            unexpected_at_most: completion
                .unexpected
                .filter(|them| them.at_least != them.at_most)
                .map(|them| them.at_most),
            clock: completion.clock,
            effects: if completion.sees_duplicates() {
                EffectReporting::Reported
            } else {
                EffectReporting::NotReported
            },
            perhaps_twice: completion.perhaps_twice,
            perhaps_never: completion.perhaps_never,
            inserts: Some(completion.inserts),
            notifications: Some(completion.notifications),
            settled: completion.settled,
            patience_ns: nanos::of(completion.patience),
            quiet_ns: completion.quiet.map(nanos::of),
            remarks: completion.remarks.clone(),
            done: match &done.latency {
                Latency::Histogram(histogram) => histogram.into(),
                _ => unreachable!("completions are recorded in a histogram"),
            },
            done_bits: done.ok.encode().into(),
            unread_bits: (completion.unread > 0).then(|| done.client.encode().into()),
            exceedances: done.exceedances.iter().map(Into::into).collect(),
            resends: completion.resends,
            accepted_by_second: completion.course.as_ref().map(|c| c.accepted.clone()),
            done_by_second: completion.course.as_ref().map(|c| c.done.clone()),
        }
    }
}
