//! How attempts end.

use rusqlite::params;

use super::statements::Statements;
use crate::reference::store::changes::Changes;
use crate::reference::store::lease::NOT_BEGUN;
use crate::reference::store::{AttemptOutcome, EventState, Finished, Lease, Notification};

impl Statements<'_> {
    /// Records how an attempt ended. The effect log is written in any case: the notification has been sent.
    pub(super) fn finish(
        &mut self,
        lease: &Lease,
        outcome: &AttemptOutcome,
        changes: &mut Changes,
    ) -> rusqlite::Result<Finished> {
        let now_ms = changes.now_ms;
        let effect = outcome.effect();
        let mut already_logged = false;
        if let Some((what, detail)) = effect {
            already_logged = !self.log_notify(lease, now_ms, what, detail)?;
        }
        let (state, due_ms) = outcome.state(lease, now_ms);
        let changed = self.finish.execute(params![
            lease.job,
            lease.attempt,
            state.code(),
            due_ms,
            (state == EventState::Processed).then_some(now_ms),
            due_ms.saturating_sub(now_ms)
        ])?;
        if changed == 0 {
            let decided = (already_logged || effect.is_none())
                && self.decided(lease, state, effect.map_or("", |(what, _)| what))?;
            return Ok(Finished::found(decided, already_logged || decided));
        }
        changes.finished(lease.event_id, state);
        Ok(Finished::Recorded)
    }

    /// Did this outcome give the job its state before?
    fn decided(&mut self, lease: &Lease, state: EventState, what: &str) -> rusqlite::Result<bool> {
        let parameters = params![lease.job, lease.attempt, state.code(), what];
        self.decided.query_row(parameters, |row| row.get(0))
    }

    /// Takes back leases of attempts that were not begun.
    pub(super) fn take_back(
        &mut self,
        leases: &[Lease],
        changes: &mut Changes,
    ) -> rusqlite::Result<()> {
        for lease in leases {
            // The reported start did not happen.
            if lease.notification == Notification::Due {
                self.log_notify(lease, changes.now_ms, "failed", Some(NOT_BEGUN))?;
            }
            let row = params![lease.job, lease.attempt, changes.now_ms];
            if self.give_back.execute(row)? == 1 {
                changes.moved(EventState::Working, EventState::Retrying);
            }
        }
        Ok(())
    }
}
