//! What dispatchers, operators and other processes need: events that no worker took, replay of dead letters, live
//! processes.

use std::collections::HashSet;

use tokio_postgres::{Error, Row};

use super::columns::{event_id, state};
use super::session::Transaction;
use crate::reference::store::changes::Changes;
use crate::reference::store::process::KEPT_MS;
use crate::reference::store::sweep::{self, Candidate, Position, SweepStep};
use crate::reference::store::{EventId, EventState, ProcessReport, Replay, Swept};

const UNCLAIMED: &str = "SELECT seq, event_id, due_ms, swept_ms, attempts = 0 AND payload IS NULL FROM jobs
    WHERE state = $1 AND state < 5 AND due_ms <= $2 AND (due_ms, seq) > ($3, $4) ORDER BY due_ms, seq LIMIT $5";
/// What another process has named in between stays its own.
const SWEPT: &str = "UPDATE jobs SET swept_ms = $2 WHERE seq IN (SELECT seq FROM jobs
        WHERE seq = ANY($1) AND coalesce(swept_ms, 0) <= $3 ORDER BY seq FOR UPDATE SKIP LOCKED) RETURNING seq";
const REPLAY: &str =
    "UPDATE jobs SET state = 1, due_ms = $2, span_ms = 0, base = attempts WHERE event_id = $1 AND state = 4
    RETURNING seq";
const STATE: &str = "SELECT state FROM jobs WHERE event_id = $1";
const REPORT: &str = "INSERT INTO processes
    (owner, seen_ms, role, host, pid, in_flight, attempts, processed, retries, dead, breaker, breaker_reason)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
    ON CONFLICT (owner) DO UPDATE SET seen_ms = excluded.seen_ms, in_flight = excluded.in_flight,
        attempts = excluded.attempts, processed = excluded.processed, retries = excluded.retries, dead = excluded.dead,
        breaker = excluded.breaker, breaker_reason = excluded.breaker_reason
    RETURNING xmax = 0";
const FORGET: &str = "DELETE FROM processes WHERE seen_ms < $1 RETURNING owner";

fn candidate(row: &Row) -> Candidate {
    Candidate {
        at: Position {
            due_ms: row.get(2),
            seq: row.get(0),
        },
        event_id: event_id(row, 1),
        swept_ms: row.get(3),
    }
}

impl Transaction<'_> {
    /// Makes a step over what has been due for long and that no worker took.
    pub(super) async fn sweep(
        &mut self,
        mut step: SweepStep,
        changes: &mut Changes,
    ) -> Result<Swept, Error> {
        self.give_up_lost(None, changes).await?;
        let now_ms = changes.now_ms;
        for (index, state) in sweep::STATES.into_iter().enumerate() {
            let Position { due_ms, seq } = step.reached(index);
            let (code, left) = (state.code() as i16, i64::from(step.left()));
            let rows = self
                .query(
                    UNCLAIMED,
                    &[&code, &step.horizon_ms(), &due_ms, &seq, &left],
                )
                .await?;
            for row in &rows {
                let candidate = candidate(row);
                if row.get(4) {
                    self.check(candidate.event_id, changes).await?;
                } else {
                    step.look(index, &candidate);
                }
            }
        }
        let found: Vec<i64> = step.found().collect();
        if !found.is_empty() {
            let rows = self
                .query(SWEPT, &[&found, &now_ms, &step.horizon_ms()])
                .await?;
            let named: HashSet<i64> = rows.iter().map(|row| row.get(0)).collect();
            step.keep(|seq| named.contains(&seq));
        }
        Ok(step.end())
    }

    /// Makes a dead event due again, with all its attempts.
    pub(super) async fn replay(
        &mut self,
        event_id: EventId,
        changes: &mut Changes,
    ) -> Result<Replay, Error> {
        // A row that cannot be read is shown as dead before it is given up.
        self.give_up_lost(Some(event_id), changes).await?;
        let id = event_id.uuid();
        if !self
            .query(REPLAY, &[&id, &changes.now_ms])
            .await?
            .is_empty()
        {
            changes.moved(EventState::Dead, EventState::Retrying);
            changes.arrived.push(event_id);
            return Ok(Replay::Requeued);
        }
        let rows = self.query(STATE, &[&id]).await?;
        let state = rows.first().and_then(|row| state(row, 0));
        Ok(state.map_or(Replay::Unknown, Replay::NotDead))
    }

    /// Records what this process says of itself, and forgets those that have said nothing for long.
    pub(super) async fn report(
        &mut self,
        report: &ProcessReport,
        owner: i64,
        changes: &mut Changes,
    ) -> Result<(), Error> {
        let now_ms = changes.now_ms;
        let [attempts, processed, retries, dead] = report.done.to_row();
        let rows = self
            .query(
                REPORT,
                &[
                    &owner,
                    &now_ms,
                    &report.role,
                    &report.host,
                    &i64::from(report.pid),
                    &i64::from(report.in_flight),
                    &attempts,
                    &processed,
                    &retries,
                    &dead,
                    &report.breaker,
                    &report.breaker_reason.as_deref(),
                ],
            )
            .await?;
        changes.is_reported_anew |= rows.iter().any(|row| row.get(0));
        self.give_up_lost(None, changes).await?;
        self.bring_back(now_ms).await?;
        let forgotten = self.query(FORGET, &[&(now_ms - KEPT_MS)]).await?;
        let forgotten: Vec<i64> = forgotten.iter().map(|row| row.get(0)).collect();
        if !forgotten.is_empty() {
            self.fold(&forgotten).await?;
        }
        Ok(())
    }
}
