//! The disk space that a batch needs, and how to reduce a batch when little is left.

use super::commit_queue::{CommitBatch, WorkRequest};
use super::reply_batch::{self, Reply};
use super::{StoreError, Submission};

/// The size of an event besides its payload: pages of the table and its indexes.
const EVENT_BYTES: u64 = 5 * 4096;
/// The payload that is assumed of an event that is smaller.
const SMALL_BYTES: u64 = 4096;

impl CommitBatch {
    /// Answers every new event and every capacity check with the error that there is no room.
    pub(super) fn refuse_new(&mut self, error: &StoreError) {
        let replies = self.accepts.drain(..).map(|(_, reply)| reply);
        reply_batch::send_all(replies.map(|reply| (reply, Err(error.clone()))));
        let probes = |work: &mut WorkRequest| matches!(work, WorkRequest::Probe { .. });
        for probe in self.work.extract_if(.., probes) {
            probe.refuse(error.clone());
        }
    }

    /// Reduces the write: first to the work without new events, then to one event for each claim. `None` if the batch
    /// cannot be smaller.
    pub(super) fn smaller(&mut self) -> Option<CommitBatch> {
        if !self.accepts.is_empty() && !self.work.is_empty() {
            let accepts = std::mem::take(&mut self.accepts);
            return Some(CommitBatch {
                accepts,
                work: Vec::new(),
            });
        }
        let mut is_less = false;
        for work in &mut self.work {
            if let WorkRequest::Claim { limit, .. } = work
                && *limit > 1
            {
                (*limit, is_less) = (1, true);
            }
        }
        is_less.then(CommitBatch::default)
    }

    /// About how many bytes its new events take, with their entries in the indexes. A check of the capacity counts as
    /// a small event, so that both have the same answer.
    pub(super) fn bytes(&self) -> u64 {
        let of_event = |(event, _): &(Submission, Reply)| {
            (event.payload.len() as u64).max(SMALL_BYTES) + EVENT_BYTES
        };
        let bytes: u64 = self.accepts.iter().map(of_event).sum();
        bytes.max(SMALL_BYTES + EVENT_BYTES)
    }

    /// Whether its commit shows that the store can be written. A claim that finds nothing commits on a full disk too.
    pub(super) fn shows_room(&self) -> bool {
        !self.accepts.is_empty()
            || (self.work.iter()).any(|work| matches!(work, WorkRequest::Probe { .. }))
    }
}
