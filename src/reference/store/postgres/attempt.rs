//! Attempts at events, up to their begin, many in a statement.

use std::collections::HashMap;
use std::time::Duration;

use tokio_postgres::Error;
use uuid::Uuid;

use super::columns::{event_id, state};
use super::context::PostgresContext;
use super::effects::EffectRows;
use super::session::{Params, Transaction};
use super::unreadable::JobRow;
use crate::reference::store::changes::Changes;
use crate::reference::store::lease::LeaseStatus;
use crate::reference::store::next_attempt::NextAttempt;
use crate::reference::store::{
    Claim, EventId, EventState, Grant, Insert, Lease, Notification, RepeatPolicy,
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
const KEEP_PAYLOAD: &str = "UPDATE jobs SET payload = $2 WHERE seq = $1";
/// Judged attempt by attempt: one that has begun and not ended is not made up for by another one that has.
const NOTIFIED: &str = "SELECT job, bool_or(sent), bool_or(unknown OR started AND NOT ended)
    FROM (SELECT job, bool_or(outcome = 'sent') AS sent, bool_or(outcome IN ('unknown', 'broken')) AS unknown,
            bool_or(outcome = 'started') AS started, bool_or(outcome <> 'started') AS ended
        FROM effects WHERE job = ANY($1) AND effect = 'notify' GROUP BY job, attempt) attempts GROUP BY job";

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
            let left = limit as usize - jobs.len();
            let more = self
                .claim_in(state, until_ms, left, context, changes)
                .await?;
            jobs.extend(more);
        }
        let is_full = jobs.len() >= limit as usize;
        let leaves_more = if jobs.is_empty() {
            self.give_up_lost(None, changes).await?;
            self.bring_back(now_ms).await?
        } else {
            is_full && self.query(MORE, &[&now_ms]).await?[0].get(0)
        };
        self.hints.leaves_more |= is_full && leaves_more;
        let idle_for = if leaves_more {
            // After jobs there is more at once.
            jobs.is_empty().then_some(Duration::ZERO)
        } else {
            Some(Duration::MAX)
        };
        let leases = self.begin_all(&jobs, context, now_ms).await?;
        Ok(Claim { leases, idle_for })
    }

    /// Leases jobs in one state, up to the limit. An unreadable row gives its place to the next one.
    async fn claim_in(
        &mut self,
        state: EventState,
        until_ms: i64,
        limit: usize,
        context: PostgresContext,
        changes: &mut Changes,
    ) -> Result<Vec<NextAttempt<Vec<u8>>>, Error> {
        let mut jobs = Vec::new();
        let (code, end_ms) = (state.code() as i16, changes.now_ms + context.rules.lease_ms);
        let mut is_over = false;
        while !is_over && jobs.len() < limit {
            is_over = true;
            let left = (limit - jobs.len()) as i64;
            let parameters: Params<'_> = &[
                &code,
                &until_ms,
                &left,
                &end_ms,
                &context.rules.owner,
                &context.rules.lease_ms,
            ];
            let mut rows = self.query(CLAIM, parameters).await?;
            rows.sort_by_key(|row| (row.get::<_, i64>(6), row.get::<_, i64>(0)));
            for row in rows {
                match self
                    .next_attempt(JobRow::read(&row), state, changes)
                    .await?
                {
                    Some(job) => {
                        changes.moved(state, EventState::Working);
                        jobs.push(job);
                    }
                    None => is_over = false,
                }
            }
        }
        Ok(jobs)
    }

    /// Leases this very job, if it is due and not leased.
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
        let Some(state) = state(row, 6) else {
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
        changes.moved(state, EventState::Working);
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
            let state = state(row, 6).filter(|state| !state.is_settled())?;
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
        job: NextAttempt<Vec<u8>>,
        context: PostgresContext,
        now_ms: i64,
    ) -> Result<Lease, Error> {
        let end_ms = now_ms + context.rules.lease_ms;
        let (attempt, base) = (job.attempt as i32, job.base as i32);
        let parameters: Params<'_> = &[
            &job.seq,
            &end_ms,
            &attempt,
            &base,
            &context.rules.owner,
            &context.rules.lease_ms,
        ];
        self.query(LEASE, parameters).await?;
        let mut leases = self.begin_all(&[job], context, now_ms).await?;
        Ok(leases.pop().expect("one lease a job"))
    }

    /// Begins attempts: applies the inserts, which live in the same database, and looks what is left to send.
    pub(super) async fn begin_all<P: AsRef<[u8]>>(
        &mut self,
        jobs: &[NextAttempt<P>],
        context: PostgresContext,
        now_ms: i64,
    ) -> Result<Vec<Lease>, Error> {
        if jobs.is_empty() {
            return Ok(Vec::new());
        }
        let inserts = self.insert_events(jobs, now_ms).await?;
        let notifications = self.notifications(jobs, context.rules.repeat).await?;
        if context.rules.repeat == RepeatPolicy::AtMostOnce {
            let mut started = EffectRows::default();
            for (job, notification) in jobs.iter().zip(&notifications) {
                if *notification == Notification::Due {
                    started.push(job.seq, job.attempt, "started", None);
                }
            }
            self.log("notify", started, now_ms).await?;
        }
        let leases = jobs.iter().zip(inserts).zip(notifications);
        Ok(leases
            .map(|((job, insert), notification)| job.lease(insert, notification))
            .collect())
    }

    /// Moves payloads to `events`, all at once. A database that refuses one of them must not stop the others, so then
    /// they go one by one, and what is refused is an effect that failed.
    async fn insert_events<P: AsRef<[u8]>>(
        &mut self,
        jobs: &[NextAttempt<P>],
        now_ms: i64,
    ) -> Result<Vec<Insert>, Error> {
        let with_payload: Vec<&NextAttempt<P>> =
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
                    let payload = job.payload.as_ref().map(AsRef::as_ref);
                    self.query(KEEP_PAYLOAD, &[&job.seq, &payload]).await?;
                    Insert::Failed { reason }
                }
            });
        }
        self.log("insert", log, now_ms).await?;
        Ok(inserts)
    }

    /// Inserts some; what each came to, or why the database refuses one of them.
    async fn insert_some<P: AsRef<[u8]>>(
        &mut self,
        jobs: &[&NextAttempt<P>],
        now_ms: i64,
    ) -> Result<Result<Vec<(i64, &'static str)>, String>, Error> {
        let ids: Vec<Uuid> = jobs.iter().map(|job| job.event_id.uuid()).collect();
        let payloads: Vec<Option<&[u8]>> = jobs
            .iter()
            .map(|job| job.payload.as_ref().map(AsRef::as_ref))
            .collect();
        let tried = self
            .try_query(INSERT_EVENTS, &[&ids, &payloads, &now_ms])
            .await?;
        Ok(tried.map(|rows| {
            let inserted: Vec<EventId> = rows.iter().map(|row| event_id(row, 0)).collect();
            let outcome = |job: &&NextAttempt<P>| {
                let new = inserted.contains(&job.event_id);
                (job.seq, if new { "inserted" } else { "present" })
            };
            jobs.iter().map(outcome).collect()
        }))
    }

    /// What earlier attempts left to send.
    async fn notifications<P>(
        &mut self,
        jobs: &[NextAttempt<P>],
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
                let notification = Notification::after(row.get(1), row.get(2), repeat);
                known.insert(row.get(0), notification);
            }
        }
        let of = |job: &NextAttempt<P>| known.get(&job.seq).copied().unwrap_or(Notification::Due);
        Ok(jobs.iter().map(of).collect())
    }
}
