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

/// What became of what an endpoint accepted.
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case", tag = "audit")]
pub(super) enum AuditDocument<'a> {
    /// The server told.
    Read(#[serde(borrow)] Box<CompletionDocument<'a>>),
    /// It was to be asked and did not tell.
    Unread {
        /// Why.
        reason: String,
        /// What answers alone show of requests that were sent twice on purpose.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        resends: Option<Resends>,
    },
}

/// What the server told.
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct CompletionDocument<'a> {
    /// What the client knew of its requests.
    pub(super) journal: AcceptanceCounts,
    /// Of the accepted, done when the server was asked last.
    pub(super) processed: u64,
    /// Of the accepted, not done, and not given up.
    pub(super) pending: u64,
    /// Of the pending, those whose state could not be read when the audit ended.
    #[serde(default)]
    pub(super) unread: u64,
    /// Of the accepted, given up by the server.
    pub(super) dead: u64,
    /// Of the accepted, unknown to the server.
    pub(super) lost: u64,
    /// Of the accepted, answered with the event of another request.
    #[serde(default)]
    pub(super) shared: u64,
    /// Events with more than one insert.
    pub(super) inserted_twice: u64,
    /// Events with more than one notification.
    pub(super) notified_twice: u64,
    /// Events with more than one of either.
    pub(super) effects_twice: u64,
    /// Of the others, those that may have been notified more than once.
    #[serde(default)]
    pub(super) perhaps_twice: u64,
    /// Processed, and nobody knows whether they were notified at all.
    #[serde(default)]
    pub(super) perhaps_never: u64,
    /// Done although the client never saw an ok; `null` if nobody knows the names of such events.
    pub(super) recovered: Option<u64>,
    /// Listed by the server, but never sent by this run: so many at least; `null` if that cannot be known.
    pub(super) unexpected: Option<u64>,
    /// The same at most; absent where that is the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) unexpected_at_most: Option<u64>,
    /// Whose clocks the times are of.
    pub(super) clock: DoneClock,
    /// Whether the server tells how often both effects were had.
    pub(super) effects: EffectReporting,
    /// Whether it tells how often it inserted; absent in files of before there was this field, where it is as `effects`.
    #[serde(default)]
    pub(super) inserts: Option<EffectReporting>,
    /// The same of notifications.
    #[serde(default)]
    pub(super) notifications: Option<EffectReporting>,
    /// How the wait for the server ended.
    pub(super) settled: Settled,
    /// Longest that was waited after the run.
    pub(super) patience_ns: u64,
    /// How long after everything was done it was all read once more; absent if it was not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) quiet_ns: Option<u64>,
    /// What must be known to read the numbers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) remarks: Vec<AuditRemark>,
    /// Time from acceptance to completion, of the processed events; four significant digits.
    #[serde(borrow)]
    pub(super) done: HistogramDocument<'a>,
    /// Whether each accepted event was done: one bit an accepted event in order of the intended start, eight a byte,
    /// lowest first.
    #[serde(borrow)]
    pub(super) done_bits: BorrowedText<'a>,
    /// Whether the state of each accepted event was unread, in the same form; absent where none was.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub(super) unread_bits: Option<BorrowedText<'a>>,
    /// Which accepted events were not done within a target.
    #[serde(borrow)]
    pub(super) exceedances: Vec<ExceedancesDocument<'a>>,
    /// What became of requests that were sent twice on purpose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) resends: Option<Resends>,
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
        }
    }
}
