//! What a batch needs of the disk, and what is left of it where there is little.

use super::commit_queue::{Batch, Work};
use super::mailbox::{self, Reply};
use super::{StoreError, Submission};

/// What an event takes besides its payload: pages of the table and its indexes.
const EVENT_BYTES: u64 = 5 * 4096;

impl Batch {
    /// Tells everyone who brings new events, or asks whether that is possible, that there is no room.
    pub(super) fn refuse_new(&mut self, error: &StoreError) {
        let replies = self.accepts.drain(..).map(|(_, reply)| reply);
        mailbox::send_all(replies.map(|reply| (reply, Err(error.clone()))));
        let probes = |work: &mut Work| matches!(work, Work::Probe { .. });
        for probe in self.work.extract_if(.., probes) {
            probe.refuse(error.clone());
        }
    }

    /// Leaves less to be written: only the work if there were new events too, else one event for each claim. `None` if
    /// it asks for as little as it can.
    pub(super) fn smaller(&mut self) -> Option<Batch> {
        if !self.accepts.is_empty() && !self.work.is_empty() {
            let accepts = std::mem::take(&mut self.accepts);
            return Some(Batch {
                accepts,
                work: Vec::new(),
            });
        }
        let mut is_less = false;
        for work in &mut self.work {
            if let Work::Claim { limit, .. } = work
                && *limit > 1
            {
                (*limit, is_less) = (1, true);
            }
        }
        is_less.then(Batch::default)
    }

    /// About how many bytes its new events take, with their entries in the indexes.
    pub(super) fn bytes(&self) -> u64 {
        let of_event = |(event, _): &(Submission, Reply)| event.payload.len() as u64 + EVENT_BYTES;
        self.accepts.iter().map(of_event).sum()
    }

    /// Does its commit show that the store can be written? A claim that finds nothing commits on a full disk too.
    pub(super) fn shows_room(&self) -> bool {
        !self.accepts.is_empty()
            || (self.work.iter()).any(|work| matches!(work, Work::Probe { .. }))
    }
}
