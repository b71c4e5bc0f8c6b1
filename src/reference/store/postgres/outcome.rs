//! How attempts end, many in a statement.

use std::collections::{HashMap, HashSet};

use tokio_postgres::Error;

use super::effects::{EffectRows, job_and_attempt};
use super::session::Transaction;
use crate::reference::store::changes::Changes;
use crate::reference::store::lease::NOT_BEGUN;
use crate::reference::store::{AttemptOutcome, EventState, Finished, Lease, Notification};

const FINISH: &str = "UPDATE jobs SET state = new.state, due_ms = new.due_ms, span_ms = new.due_ms - $6::bigint,
        processed_ms = new.processed_ms
    FROM unnest($1::bigint[], $2::int[], $3::smallint[], $4::bigint[], $5::bigint[])
        AS new(seq, attempt, state, due_ms, processed_ms)
    WHERE jobs.seq = new.seq AND jobs.attempts = new.attempt AND jobs.state = 2 RETURNING jobs.seq, jobs.attempts";
/// Is the job in the state that this outcome of its latest attempt gave it, and has that attempt reported no other
/// outcome?
const DECIDED: &str =
    "SELECT EXISTS (SELECT 1 FROM jobs WHERE seq = $1 AND attempts = $2 AND state = $3)
    AND NOT EXISTS (SELECT 1 FROM effects WHERE job = $1 AND effect = 'notify' AND attempt = $2
        AND outcome <> 'started' AND outcome <> $4)";
/// The attempt was not begun: it is made up for in `base`.
const GIVE_BACK: &str = "UPDATE jobs SET state = 1, due_ms = $3, span_ms = 0, base = least(base, 2147483646) + 1
    FROM unnest($1::bigint[], $2::int[]) AS gone(seq, attempt)
    WHERE jobs.seq = gone.seq AND jobs.attempts = gone.attempt AND jobs.state = 2 RETURNING jobs.seq";

impl Transaction<'_> {
    /// Records how attempts ended. The effect log is written in any case: the notification has been sent.
    pub(super) async fn finish(
        &mut self,
        outcomes: &[(&Lease, &AttemptOutcome)],
        changes: &mut Changes,
    ) -> Result<Vec<Finished>, Error> {
        if outcomes.is_empty() {
            return Ok(Vec::new());
        }
        let now_ms = changes.now_ms;
        let mut log = EffectRows::default();
        for (lease, outcome) in outcomes {
            if let Some((what, detail)) = outcome.effect() {
                log.push(lease.job, lease.attempt, what, detail.map(str::to_owned));
            }
        }
        let mut logged = self.log("notify", log, now_ms).await?;
        let mut decided = self.decide(outcomes, now_ms).await?;
        let mut finished = Vec::with_capacity(outcomes.len());
        let mut decided_now: HashMap<(i64, u32), &AttemptOutcome> = HashMap::new();
        for (lease, outcome) in outcomes {
            let (job, attempt) = (lease.job, lease.attempt);
            let effect = outcome.effect().map(|(what, _)| what);
            // Of two that say the same in one transaction, the first is the one that counts.
            let already_logged =
                effect.is_some_and(|what| !logged.remove(&(job, attempt, what.to_owned())));
            if decided.remove(&(job, attempt)) {
                let state = outcome.becomes(lease);
                changes.finished(lease.event_id, state);
                if state == EventState::Retrying {
                    self.hints.later.push(outcome.state(lease, now_ms).1);
                }
                decided_now.insert((job, attempt), outcome);
                finished.push(Finished::Recorded);
                continue;
            }
            let decided = if decided_now.get(&(job, attempt)) == Some(outcome) {
                true
            } else {
                (already_logged || effect.is_none())
                    && self
                        .decided(lease, outcome, effect.unwrap_or_default())
                        .await?
            };
            finished.push(Finished::found(decided, already_logged || decided));
        }
        Ok(finished)
    }

    /// Did this outcome give the job its state before?
    async fn decided(
        &mut self,
        lease: &Lease,
        outcome: &AttemptOutcome,
        what: &str,
    ) -> Result<bool, Error> {
        let (attempt, code) = (lease.attempt as i32, outcome.becomes(lease).code() as i16);
        let rows = self
            .query(DECIDED, &[&lease.job, &attempt, &code, &what])
            .await?;
        Ok(rows[0].get(0))
    }

    /// Gives the events of leases that are still held their new states; which these are.
    async fn decide(
        &mut self,
        outcomes: &[(&Lease, &AttemptOutcome)],
        now_ms: i64,
    ) -> Result<HashSet<(i64, u32)>, Error> {
        let mut rows: Vec<(i64, i32, i16, i64, Option<i64>)> = outcomes
            .iter()
            .map(|(lease, outcome)| {
                let (state, due_ms) = outcome.state(lease, now_ms);
                let processed_ms = (state == EventState::Processed).then_some(now_ms);
                let (attempt, code) = (lease.attempt as i32, state.code() as i16);
                (lease.job, attempt, code, due_ms, processed_ms)
            })
            .collect();
        // Of two about one attempt, the first decides.
        rows.sort_by_key(|row| (row.0, row.1));
        rows.dedup_by_key(|row| (row.0, row.1));
        let jobs: Vec<i64> = rows.iter().map(|row| row.0).collect();
        let attempts: Vec<i32> = rows.iter().map(|row| row.1).collect();
        let states: Vec<i16> = rows.iter().map(|row| row.2).collect();
        let due: Vec<i64> = rows.iter().map(|row| row.3).collect();
        let processed: Vec<Option<i64>> = rows.iter().map(|row| row.4).collect();
        let rows = self
            .query(
                FINISH,
                &[&jobs, &attempts, &states, &due, &processed, &now_ms],
            )
            .await?;
        Ok(rows.iter().map(job_and_attempt).collect())
    }

    /// Takes back leases of attempts that were not begun.
    pub(super) async fn take_back(
        &mut self,
        leases: &[Lease],
        changes: &mut Changes,
    ) -> Result<(), Error> {
        let mut log = EffectRows::default();
        let (mut jobs, mut attempts) = (Vec::new(), Vec::new());
        for lease in leases {
            // The reported start did not happen.
            if lease.notification == Notification::Due {
                let reason = Some(NOT_BEGUN.to_owned());
                log.push(lease.job, lease.attempt, "failed", reason);
            }
            jobs.push(lease.job);
            attempts.push(lease.attempt as i32);
        }
        self.log("notify", log, changes.now_ms).await?;
        let rows = self
            .query(GIVE_BACK, &[&jobs, &attempts, &changes.now_ms])
            .await?;
        for _ in rows {
            self.hints.freed = true;
            changes.moved(EventState::Working, EventState::Retrying);
        }
        Ok(())
    }
}
