//! Finds the parts of a batch that another session has locked, before anything is written. They wait separately.

use std::collections::HashSet;

use tokio_postgres::Row;
use uuid::Uuid;

use super::columns::event_id;
use super::commit_failure::{LockedItems, TransactionError};
use super::session::Transaction;
use crate::reference::store::work::{WorkItem, WorkRequest};
use crate::reference::store::{EventId, Lease};

/// Locks the rows that are free; every row, and whether it was.
const FREE_JOBS: &str = "WITH free AS MATERIALIZED
        (SELECT seq FROM jobs WHERE seq = ANY($1) ORDER BY seq FOR UPDATE SKIP LOCKED)
    SELECT jobs.seq, event_id, free.seq IS NOT NULL FROM jobs LEFT JOIN free ON free.seq = jobs.seq
    WHERE jobs.seq = ANY($1)";
const FREE_EVENTS: &str = "WITH free AS MATERIALIZED
        (SELECT seq FROM jobs WHERE event_id = ANY($1) ORDER BY seq FOR UPDATE SKIP LOCKED)
    SELECT jobs.seq, event_id, free.seq IS NOT NULL FROM jobs LEFT JOIN free ON free.seq = jobs.seq
    WHERE event_id = ANY($1)";
/// The same for a transaction that may wait.
const JOBS: &str =
    "SELECT seq, event_id, true FROM jobs WHERE seq = ANY($1) ORDER BY seq FOR UPDATE";

/// The leases of a batch whose events exist. A database that was created again gives the numbers of old jobs to new
/// ones.
#[derive(Default)]
pub(super) struct ExistingLeases(HashSet<(i64, EventId)>);

impl ExistingLeases {
    pub(super) fn has(&self, lease: &Lease) -> bool {
        self.0.contains(&(lease.job, lease.event_id))
    }
}

impl Transaction<'_> {
    /// Locks the rows of the work. A row that cannot be locked at once stops the transaction, unless it may wait.
    pub(super) async fn lock(
        &mut self,
        items: &[WorkItem],
        waits: bool,
    ) -> Result<ExistingLeases, TransactionError> {
        let (mut jobs, mut events): (Vec<i64>, Vec<Uuid>) = (Vec::new(), Vec::new());
        for item in items {
            let work = &item.request;
            jobs.extend(leases(work).map(|lease| lease.job));
            events.extend(event(work).map(EventId::uuid));
        }
        let (mut real, mut locked) = (ExistingLeases::default(), HashSet::new());
        if !jobs.is_empty() {
            let sql = if waits { JOBS } else { FREE_JOBS };
            for row in self.query(sql, &[&jobs]).await? {
                real.0.insert((row.get(0), event_id(&row, 1)));
                note(&row, &mut locked);
            }
        }
        if !events.is_empty() && !waits {
            for row in self.query(FREE_EVENTS, &[&events]).await? {
                note(&row, &mut locked);
            }
        }
        let mut held = LockedItems::default();
        for (place, item) in items.iter().enumerate() {
            let work = &item.request;
            let is_locked = |id: EventId| locked.contains(&id);
            if leases(work).any(|lease| is_locked(lease.event_id))
                || event(work).is_some_and(is_locked)
            {
                held.work.push(place);
            }
        }
        if held.is_empty() {
            Ok(real)
        } else {
            Err(TransactionError::Held(held))
        }
    }
}

fn note(row: &Row, locked: &mut HashSet<EventId>) {
    let is_free: bool = row.get(2);
    if !is_free {
        locked.insert(event_id(row, 1));
    }
}

fn leases(work: &WorkRequest) -> impl Iterator<Item = &Lease> {
    let (one, many): (Option<&Lease>, &[Lease]) = match work {
        WorkRequest::Finish { lease, .. } => (Some(lease), &[]),
        WorkRequest::GiveBack(leases) => (None, leases),
        _ => (None, &[]),
    };
    one.into_iter().chain(many)
}

fn event(work: &WorkRequest) -> Option<EventId> {
    match work {
        WorkRequest::ClaimEvent(event_id) | WorkRequest::Replay(event_id) => Some(*event_id),
        _ => None,
    }
}
