//! Attempts at events, from the lease to the outcome, many in a statement.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use tokio_postgres::{Error, Row};
use uuid::Uuid;

use super::accept::event_id;
use super::session::{Params, Transaction};
use super::transact::PostgresContext;
use super::unreadable::JobRow;
use crate::reference::store::lease::{LeaseStatus, NOT_BEGUN};
use crate::reference::store::signals::Changes;
use crate::reference::store::{
    AttemptOutcome, Claim, EventId, EventState, Finished, Grant, Insert, Lease, Notification,
    RepeatPolicy,
};

/// `SKIP LOCKED`: what another process is about to lease is not waited for.
const CLAIM: &str = "UPDATE jobs SET state = 2, due_ms = $4, span_ms = $6, attempts = least(attempts, 2147483646) + 1,
    owner = $5, payload = NULL
    FROM (SELECT seq, due_ms AS was_due, attempts AS begun, payload AS was FROM jobs WHERE state = $1 AND state < 5 AND due_ms <= $2
        ORDER BY due_ms, seq LIMIT $3 FOR UPDATE SKIP LOCKED) due
    WHERE jobs.seq = due.seq RETURNING jobs.seq, event_id, begun, base, was, fingerprint, was_due";
/// Whether there is another event to claim.
const MORE: &str = "SELECT EXISTS (SELECT FROM jobs WHERE state = 0 AND state < 5)
    OR EXISTS (SELECT FROM jobs WHERE state IN (1, 2) AND state < 5 AND due_ms <= $1)";
const LEASE_STATUS: &str =
    "SELECT seq, event_id, attempts, base, payload, fingerprint, state, due_ms
    FROM jobs WHERE event_id = $1 FOR UPDATE";
const LEASE: &str =
    "UPDATE jobs SET state = 2, due_ms = $2, span_ms = $6, attempts = $3, base = $4, owner = $5,
    payload = NULL WHERE seq = $1";
const INSERT_EVENTS: &str = "INSERT INTO events SELECT event_id, payload, $3
    FROM unnest($1::uuid[], $2::bytea[]) AS new(event_id, payload) ORDER BY event_id
    ON CONFLICT (event_id) DO NOTHING RETURNING event_id";
/// The attempt was not begun: it is made up for in `base`.
const GIVE_BACK: &str = "UPDATE jobs SET state = 1, due_ms = $3, span_ms = 0, base = least(base, 2147483646) + 1
    FROM unnest($1::bigint[], $2::int[]) AS gone(seq, attempt)
    WHERE jobs.seq = gone.seq AND jobs.attempts = gone.attempt AND jobs.state = 2 RETURNING jobs.seq";
const KEEP_PAYLOAD: &str = "UPDATE jobs SET payload = $2 WHERE seq = $1";
const LOG: &str = "INSERT INTO effects (job, effect, attempt, outcome, at_ms, detail)
    SELECT job, $6, attempt, outcome, $5, detail
    FROM unnest($1::bigint[], $2::int[], $3::text[], $4::text[]) AS new(job, attempt, outcome, detail)
    ON CONFLICT DO NOTHING RETURNING job, attempt, outcome";
/// Judged attempt by attempt: one that has begun and not ended is not made up for by another one that has.
const NOTIFIED: &str = "SELECT job, bool_or(sent), bool_or(unknown OR started AND NOT ended)
    FROM (SELECT job, bool_or(outcome = 'sent') AS sent, bool_or(outcome IN ('unknown', 'broken')) AS unknown,
            bool_or(outcome = 'started') AS started, bool_or(outcome <> 'started') AS ended
        FROM effects WHERE job = ANY($1) AND effect = 'notify' GROUP BY job, attempt) attempts GROUP BY job";
const FINISH: &str = "UPDATE jobs SET state = new.state, due_ms = new.due_ms, span_ms = new.due_ms - $6::bigint,
        processed_ms = new.processed_ms
    FROM unnest($1::bigint[], $2::int[], $3::smallint[], $4::bigint[], $5::bigint[])
        AS new(seq, attempt, state, due_ms, processed_ms)
    WHERE jobs.seq = new.seq AND jobs.attempts = new.attempt AND jobs.state = 2 RETURNING jobs.seq, jobs.attempts";
/// Is the job in the state that this outcome of its latest attempt gave it, and has that attempt told of no other one?
const DECIDED: &str =
    "SELECT EXISTS (SELECT 1 FROM jobs WHERE seq = $1 AND attempts = $2 AND state = $3)
    AND NOT EXISTS (SELECT 1 FROM effects WHERE job = $1 AND effect = 'notify' AND attempt = $2
        AND outcome <> 'started' AND outcome <> $4)";

/// A job whose next attempt begins.
pub(super) struct NextAttempt {
    pub(super) seq: i64,
    pub(super) event_id: EventId,
    /// The number of the attempt that begins.
    pub(super) attempt: u32,
    /// Attempts that do not count any more.
    pub(super) base: u32,
    /// Until it has moved to `events`.
    pub(super) payload: Option<Vec<u8>>,
}

/// Rows for the effect log.
#[derive(Default)]
struct EffectRows {
    jobs: Vec<i64>,
    attempts: Vec<i32>,
    outcomes: Vec<&'static str>,
    details: Vec<Option<String>>,
}

impl EffectRows {
    fn push(&mut self, job: i64, attempt: u32, outcome: &'static str, detail: Option<String>) {
        self.jobs.push(job);
        self.attempts.push(attempt as i32);
        self.outcomes.push(outcome);
        self.details.push(detail);
    }
}

impl Transaction<'_> {
    /// Leases up to `limit` jobs that are due: first those whose lease ran out, then retries, then new ones.
    pub(super) async fn claim(
        &mut self,
        limit: u32,
        context: PostgresContext,
        changes: &mut Changes,
    ) -> Result<Claim, Error> {
        let (now_ms, mut jobs) = (changes.now_ms, Vec::new());
        for (state, until_ms) in [
            (EventState::Working, now_ms),
            (EventState::Retrying, now_ms),
            (EventState::Queued, i64::MAX),
        ] {
            let limit = limit as usize;
            self.claim_in((state, until_ms), (limit, &mut jobs), context, changes)
                .await?;
        }
        let is_full = jobs.len() >= limit as usize;
        let leaves_more = if jobs.is_empty() {
            self.give_up_lost(None, changes).await?;
            self.bring_back(now_ms).await?
        } else {
            is_full && self.query(MORE, &[&now_ms]).await?[0].get(0)
        };
        changes.leaves_more |= is_full && leaves_more;
        let idle_for = match (leaves_more, jobs.is_empty()) {
            (false, _) => Some(Duration::MAX),
            (true, true) => Some(Duration::ZERO),
            // There is more at once.
            (true, false) => None,
        };
        let leases = self.begin_all(jobs, context, now_ms).await?;
        Ok(Claim { leases, idle_for })
    }

    /// Leases jobs in one state, up to the limit. An unreadable row gives its place to the next one.
    async fn claim_in(
        &mut self,
        (state, until_ms): (EventState, i64),
        (limit, jobs): (usize, &mut Vec<NextAttempt>),
        context: PostgresContext,
        changes: &mut Changes,
    ) -> Result<(), Error> {
        let (code, end_ms) = (state.code() as i16, changes.now_ms + context.lease_ms);
        let mut is_over = false;
        while !is_over && jobs.len() < limit {
            is_over = true;
            let left = (limit - jobs.len()) as i64;
            let parameters: Params<'_> = &[
                &code,
                &until_ms,
                &left,
                &end_ms,
                &context.owner,
                &context.lease_ms,
            ];
            let mut rows = self.query(CLAIM, parameters).await?;
            rows.sort_by_key(|row| (row.get::<_, i64>(6), row.get::<_, i64>(0)));
            for row in rows {
                match self
                    .next_attempt(JobRow::read(&row), state, changes)
                    .await?
                {
                    Some(job) => {
                        changes.left(state);
                        changes.entered(EventState::Working);
                        jobs.push(job);
                    }
                    None => is_over = false,
                }
            }
        }
        Ok(())
    }

    /// Leases this very job, if it is due and nobody else's.
    pub(super) async fn claim_event(
        &mut self,
        event_id: EventId,
        context: PostgresContext,
        changes: &mut Changes,
    ) -> Result<Grant, Error> {
        let rows = self.query(LEASE_STATUS, &[&event_id.uuid()]).await?;
        let Some(row) = rows.first() else {
            return Ok(Grant::Unknown);
        };
        let Some(state) = super::state(row, 6) else {
            self.give_up_lost(Some(event_id), changes).await?;
            return Ok(Grant::Settled(EventState::Dead));
        };
        let status = LeaseStatus {
            state,
            due_ms: row.get(7),
        };
        if let Some(refusal) = status.refusal(changes.now_ms) {
            return Ok(refusal);
        }
        let Some(job) = self.next_attempt(JobRow::read(row), state, changes).await? else {
            return Ok(Grant::Settled(EventState::Dead));
        };
        changes.left(state);
        changes.entered(EventState::Working);
        self.lease(job, context, changes.now_ms)
            .await
            .map(Grant::Leased)
    }

    /// Gives up this event if its row cannot be read.
    pub(super) async fn check(
        &mut self,
        event_id: EventId,
        changes: &mut Changes,
    ) -> Result<(), Error> {
        let rows = self.query(LEASE_STATUS, &[&event_id.uuid()]).await?;
        let open = rows.first().and_then(|row| {
            let state = super::state(row, 6).filter(|state| !state.is_settled())?;
            Some((JobRow::read(row), state))
        });
        if let Some((found, state)) = open {
            self.next_attempt(found, state, changes).await?;
        }
        Ok(())
    }

    /// Gives a known job to this process and begins the attempt.
    pub(super) async fn lease(
        &mut self,
        job: NextAttempt,
        context: PostgresContext,
        now_ms: i64,
    ) -> Result<Lease, Error> {
        let end_ms = now_ms + context.lease_ms;
        let (attempt, base) = (job.attempt as i32, job.base as i32);
        let parameters: Params<'_> = &[
            &job.seq,
            &end_ms,
            &attempt,
            &base,
            &context.owner,
            &context.lease_ms,
        ];
        self.query(LEASE, parameters).await?;
        let mut leases = self.begin_all(vec![job], context, now_ms).await?;
        Ok(leases.pop().expect("one lease a job"))
    }

    /// Begins attempts: applies the inserts, which live in the same database, and looks what is left to send.
    pub(super) async fn begin_all(
        &mut self,
        jobs: Vec<NextAttempt>,
        context: PostgresContext,
        now_ms: i64,
    ) -> Result<Vec<Lease>, Error> {
        if jobs.is_empty() {
            return Ok(Vec::new());
        }
        let inserts = self.insert_events(&jobs, now_ms).await?;
        let notifications = self.notifications(&jobs, context.repeat).await?;
        if context.repeat == RepeatPolicy::AtMostOnce {
            let mut started = EffectRows::default();
            for (job, notification) in jobs.iter().zip(&notifications) {
                if *notification == Notification::Due {
                    started.push(job.seq, job.attempt, "started", None);
                }
            }
            self.log("notify", started, now_ms).await?;
        }
        let leases = jobs.into_iter().zip(inserts).zip(notifications);
        Ok(leases
            .map(|((job, insert), notification)| Lease {
                job: job.seq,
                event_id: job.event_id,
                attempt: job.attempt,
                tries: job.attempt.saturating_sub(job.base),
                insert,
                notification,
            })
            .collect())
    }

    /// Moves payloads to `events`, all at once. A database that refuses one of them must not stop the others, so then
    /// they go one by one, and what is refused is an effect that failed.
    async fn insert_events(
        &mut self,
        jobs: &[NextAttempt],
        now_ms: i64,
    ) -> Result<Vec<Insert>, Error> {
        let with_payload: Vec<&NextAttempt> =
            jobs.iter().filter(|job| job.payload.is_some()).collect();
        let mut outcomes: HashMap<i64, Result<&'static str, String>> = HashMap::new();
        if !with_payload.is_empty() {
            match self.insert_some(&with_payload, now_ms).await? {
                Ok(done) => outcomes.extend(done.into_iter().map(|(job, done)| (job, Ok(done)))),
                Err(_) => {
                    for job in &with_payload {
                        let one = self.insert_some(&[job], now_ms).await?;
                        let outcome = one.map(|done| done.first().map_or("present", |one| one.1));
                        outcomes.insert(job.seq, outcome);
                    }
                }
            }
        }
        let (mut log, mut inserts) = (EffectRows::default(), Vec::with_capacity(jobs.len()));
        for job in jobs {
            inserts.push(match outcomes.remove(&job.seq) {
                None => Insert::Done,
                Some(Ok(outcome)) => {
                    log.push(job.seq, job.attempt, outcome, None);
                    Insert::Done
                }
                Some(Err(reason)) => {
                    log.push(job.seq, job.attempt, "failed", Some(reason.clone()));
                    self.query(KEEP_PAYLOAD, &[&job.seq, &job.payload]).await?;
                    Insert::Failed { reason }
                }
            });
        }
        self.log("insert", log, now_ms).await?;
        Ok(inserts)
    }

    /// Inserts some; what each came to, or why the database refuses one of them.
    async fn insert_some(
        &mut self,
        jobs: &[&NextAttempt],
        now_ms: i64,
    ) -> Result<Result<Vec<(i64, &'static str)>, String>, Error> {
        let ids: Vec<Uuid> = jobs.iter().map(|job| job.event_id.uuid()).collect();
        let payloads: Vec<Option<&[u8]>> = jobs.iter().map(|job| job.payload.as_deref()).collect();
        let tried = self
            .try_query(INSERT_EVENTS, &[&ids, &payloads, &now_ms])
            .await?;
        Ok(tried.map(|rows| {
            let inserted: Vec<EventId> = rows.iter().map(|row| event_id(row, 0)).collect();
            let outcome = |job: &&NextAttempt| {
                let new = inserted.contains(&job.event_id);
                (job.seq, if new { "inserted" } else { "present" })
            };
            jobs.iter().map(outcome).collect()
        }))
    }

    /// What earlier attempts left to send.
    async fn notifications(
        &mut self,
        jobs: &[NextAttempt],
        repeat: RepeatPolicy,
    ) -> Result<Vec<Notification>, Error> {
        let later: Vec<i64> = jobs
            .iter()
            .filter(|job| job.attempt > 1)
            .map(|job| job.seq)
            .collect();
        let mut known: HashMap<i64, Notification> = HashMap::new();
        if !later.is_empty() {
            for row in self.query(NOTIFIED, &[&later]).await? {
                let (sent, unknown): (bool, bool) = (row.get(1), row.get(2));
                let notification = match repeat {
                    _ if sent => Notification::Sent,
                    RepeatPolicy::AtMostOnce if unknown => Notification::Unknown,
                    _ => Notification::Due,
                };
                known.insert(row.get(0), notification);
            }
        }
        let of = |job: &NextAttempt| known.get(&job.seq).copied().unwrap_or(Notification::Due);
        Ok(jobs.iter().map(of).collect())
    }

    /// Records how attempts ended. The effect log is written in any case: what was sent was sent.
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
            let told_before =
                effect.is_some_and(|what| !logged.remove(&(job, attempt, what.to_owned())));
            if decided.remove(&(job, attempt)) {
                let state = outcome.becomes(lease);
                changes.left(EventState::Working);
                changes.entered(state);
                if state == EventState::Retrying {
                    changes.later.push(outcome.state(lease, now_ms).1);
                }
                if state.is_settled() {
                    changes.settled.push(lease.event_id);
                }
                decided_now.insert((job, attempt), outcome);
                finished.push(Finished::Recorded);
                continue;
            }
            let decided = if decided_now.get(&(job, attempt)) == Some(outcome) {
                true
            } else {
                (told_before || effect.is_none())
                    && self
                        .decided(lease, outcome, effect.unwrap_or_default())
                        .await?
            };
            finished.push(Finished::found(decided, told_before || decided));
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
            // What was said to have started has not.
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
            changes.freed = true;
            changes.left(EventState::Working);
            changes.entered(EventState::Retrying);
        }
        Ok(())
    }

    /// Adds rows to the effect log; those that were not there, by job, attempt and outcome.
    async fn log(
        &mut self,
        effect: &str,
        log: EffectRows,
        now_ms: i64,
    ) -> Result<HashSet<(i64, u32, String)>, Error> {
        if log.jobs.is_empty() {
            return Ok(HashSet::new());
        }
        let EffectRows {
            jobs,
            attempts,
            outcomes,
            details,
        } = &log;
        let rows = self
            .query(LOG, &[jobs, attempts, outcomes, details, &now_ms, &effect])
            .await?;
        let named = |row: &Row| {
            let (job, attempt) = job_and_attempt(row);
            (job, attempt, row.get(2))
        };
        Ok(rows.iter().map(named).collect())
    }
}

fn job_and_attempt(row: &Row) -> (i64, u32) {
    (row.get(0), row.get::<_, i32>(1).unsigned_abs())
}
