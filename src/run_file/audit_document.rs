//! The completion audit of an endpoint as a run file keeps it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::document::{ExceedancesDocument, HistogramDocument};
use super::nanos;
use crate::completion::{Audit, Completion, DoneClock, Effects, Journal, Resends, Settled};
use crate::recording::Latency;

/// What became of what an endpoint accepted.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", tag = "audit")]
pub(super) enum AuditDocument {
    /// The server told.
    Read(Box<CompletionDocument>),
    /// It was to be asked and did not tell.
    Unread {
        /// Why.
        reason: String,
    },
}

/// What the server told.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub(super) struct CompletionDocument {
    /// What the client knew of its requests.
    pub(super) journal: Journal,
    /// Of the accepted, done when the server was asked last.
    pub(super) processed: u64,
    /// Of the accepted, not done, and not given up.
    pub(super) pending: u64,
    /// Of the accepted, given up by the server.
    pub(super) dead: u64,
    /// Of the accepted, unknown to the server.
    pub(super) lost: u64,
    /// Events with more than one insert.
    pub(super) inserted_twice: u64,
    /// Events with more than one notification.
    pub(super) notified_twice: u64,
    /// Events with more than one of either.
    pub(super) effects_twice: u64,
    /// Done although the client never saw an ok.
    pub(super) recovered: u64,
    /// Listed by the server, but never sent by this run.
    pub(super) unexpected: u64,
    /// Whose clocks the times are of.
    pub(super) clock: DoneClock,
    /// Whether the server tells how often an effect was had.
    pub(super) effects: Effects,
    /// How the wait for the server ended.
    pub(super) settled: Settled,
    /// Longest that was waited after the run.
    pub(super) patience_ns: u64,
    /// Time from acceptance to completion, of the processed events; four significant digits.
    pub(super) done: HistogramDocument,
    /// Whether each accepted event was done: one bit an accepted event in order of the intended start, eight a byte,
    /// lowest first.
    pub(super) done_bits: String,
    /// Which accepted events were not done within a target.
    pub(super) exceedances: Vec<ExceedancesDocument>,
    /// What became of requests that were sent twice on purpose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) resends: Option<Resends>,
}

impl From<&Audit> for AuditDocument {
    fn from(audit: &Audit) -> AuditDocument {
        match audit {
            Audit::Read(completion) => AuditDocument::Read(Box::new(completion.as_ref().into())),
            Audit::Unread { reason } => AuditDocument::Unread {
                reason: reason.clone(),
            },
        }
    }
}

impl From<&Completion> for CompletionDocument {
    fn from(completion: &Completion) -> CompletionDocument {
        let done = &completion.done;
        CompletionDocument {
            journal: completion.journal,
            processed: completion.processed,
            pending: completion.pending,
            dead: completion.dead,
            lost: completion.lost,
            inserted_twice: completion.inserted_twice,
            notified_twice: completion.notified_twice,
            effects_twice: completion.effects_twice,
            recovered: completion.recovered,
            unexpected: completion.unexpected,
            clock: completion.clock,
            effects: completion.effects,
            settled: completion.settled,
            patience_ns: nanos::of(completion.patience),
            done: match &done.latency {
                Latency::Histogram(histogram) => histogram.into(),
                _ => unreachable!("completions are recorded in a histogram"),
            },
            done_bits: done.ok.encode(),
            exceedances: done.exceedances.iter().map(Into::into).collect(),
            resends: completion.resends,
        }
    }
}
