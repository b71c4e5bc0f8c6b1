//! Rows that another program has changed so that no attempt can be made: each is given up with its reason, and the
//! others are processed.

use tokio_postgres::{Error, Row};

use super::columns::{counts, event_id};
use super::session::{Params, Transaction};
use crate::reference::store::changes::Changes;
use crate::reference::store::next_attempt::NextAttempt;
use crate::reference::store::unreadable::{
    MOST_ATTEMPTS, NO_STATE, Unreadable, attempts, is_accepted,
};
use crate::reference::store::{EventId, EventState};

/// Rows that no other query finds. An event that was processed and is in `events` stays so.
const LOST: &str = "SELECT seq, event_id, attempts, processed_ms IS NOT NULL
        AND EXISTS (SELECT FROM events WHERE events.event_id = jobs.event_id)
    FROM jobs WHERE state NOT BETWEEN 0 AND 5 ORDER BY seq LIMIT 64 FOR UPDATE OF jobs SKIP LOCKED";
const LOST_EVENT: &str = "SELECT seq, event_id, attempts, processed_ms IS NOT NULL
        AND EXISTS (SELECT FROM events WHERE events.event_id = jobs.event_id)
    FROM jobs WHERE event_id = $1 AND state NOT BETWEEN 0 AND 5 FOR UPDATE OF jobs";
const RESTORE: &str = "UPDATE jobs SET state = $2, due_ms = $3 WHERE seq = $1";
/// Dead, with readable numbers. The effect log knows which attempts were begun.
const GIVE_UP: &str = "UPDATE jobs SET state = 4, due_ms = $2, span_ms = 0, base = 0, payload = coalesce($4, payload),
    attempts = least(greatest($3, (SELECT max(attempt) FROM effects WHERE job = seq)), $5)
    WHERE seq = $1 RETURNING attempts";
const GIVEN_UP: &str = "INSERT INTO effects (job, effect, attempt, outcome, at_ms, detail)
    VALUES ($1, 'insert', $2, 'failed', $3, $4) ON CONFLICT DO NOTHING";

/// A row as it was found: `seq, event_id, attempts, base, payload, fingerprint`.
pub(super) struct JobRow {
    seq: i64,
    event_id: EventId,
    attempts: i32,
    base: i32,
    payload: Option<Vec<u8>>,
    fingerprint: Vec<u8>,
}

impl JobRow {
    pub(super) fn read(row: &Row) -> JobRow {
        JobRow {
            seq: row.get(0),
            event_id: event_id(row, 1),
            attempts: row.get(2),
            base: row.get(3),
            payload: row.get(4),
            fingerprint: row.get(5),
        }
    }

    /// The attempt that may begin now, or the reason why none can.
    fn next_attempt(&self) -> Result<(u32, u32), String> {
        let (begun, base) = counts(self.attempts, self.base)?;
        match &self.payload {
            Some(payload) => is_accepted(payload, &self.fingerprint)?,
            None if begun > 0 => {}
            None => return Err("payload is NULL, not a body".to_owned()),
        }
        Ok((begun + 1, base))
    }
}

impl Transaction<'_> {
    /// The job whose next attempt begins; `None` if the row is given up.
    pub(super) async fn next_attempt(
        &mut self,
        found: JobRow,
        state: EventState,
        changes: &mut Changes,
    ) -> Result<Option<NextAttempt<Vec<u8>>>, Error> {
        match found.next_attempt() {
            Ok((attempt, base)) => Ok(Some(NextAttempt {
                seq: found.seq,
                event_id: found.event_id,
                attempt,
                base,
                payload: found.payload,
            })),
            Err(reason) => {
                let row = Unreadable {
                    seq: found.seq,
                    state,
                    event_id: Some(found.event_id),
                    reason,
                };
                self.give_up(&row, found.attempts, found.payload.as_deref(), changes)
                    .await?;
                Ok(None)
            }
        }
    }

    /// Gives up rows whose state is not one of this version: those that are found, or this one. Settled rows stay so.
    pub(super) async fn give_up_lost(
        &mut self,
        only: Option<EventId>,
        changes: &mut Changes,
    ) -> Result<(), Error> {
        let rows = match only {
            Some(event_id) => self.query(LOST_EVENT, &[&event_id.uuid()]).await?,
            None => self.query(LOST, &[]).await?,
        };
        for row in rows {
            let (seq, begun, is_processed): (i64, i32, bool) = (row.get(0), row.get(2), row.get(3));
            if is_processed {
                let code = EventState::Processed.code() as i16;
                self.query(RESTORE, &[&seq, &code, &changes.now_ms]).await?;
                continue;
            }
            let row = Unreadable {
                seq,
                // The one in which it is most likely counted.
                state: if begun > 0 {
                    EventState::Retrying
                } else {
                    EventState::Queued
                },
                event_id: Some(event_id(&row, 1)),
                reason: NO_STATE.to_owned(),
            };
            self.give_up(&row, begun, None, changes).await?;
        }
        Ok(())
    }

    /// Makes one row dead, with its reason. `payload`: if the claim has taken it out of the row.
    pub(super) async fn give_up(
        &mut self,
        row: &Unreadable,
        begun: i32,
        payload: Option<&[u8]>,
        changes: &mut Changes,
    ) -> Result<(), Error> {
        let (said, most) = (row.say(), MOST_ATTEMPTS as i32);
        let begun = attempts("attempts", begun.into()).unwrap_or(0) as i32;
        let parameters: Params<'_> = &[&row.seq, &changes.now_ms, &begun, &payload, &most];
        let kept = self.query(GIVE_UP, parameters).await?;
        let begun: i32 = kept.first().map_or(begun, |row| row.get(0));
        self.query(GIVEN_UP, &[&row.seq, &begun, &changes.now_ms, &said])
            .await?;
        changes.gave_up(row);
        Ok(())
    }
}
