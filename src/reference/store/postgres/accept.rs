//! Takes events in: all that wait in one statement, then one by one what came before.

use std::collections::{HashMap, HashSet};

use tokio_postgres::{Error, Row};
use uuid::Uuid;

use super::columns::{counts, event_id, state};
use super::commit_failure::{LockedItems, TransactionError};
use super::context::PostgresContext;
use super::session::{Params, Session, Transaction};
use crate::reference::store::changes::Changes;
use crate::reference::store::commit_batch::{AcceptItem, CommitBatch};
use crate::reference::store::duplicate_key::{DuplicateAction, KnownKey, duplicate_action};
use crate::reference::store::new_job::{NewJob, first_attempt};
use crate::reference::store::next_attempt::NextAttempt;
use crate::reference::store::unreadable::NO_STATE;
use crate::reference::store::{Admission, EventId, Fingerprint, Promise, Submission};

/// In the order of their ids, so that two processes that insert the same ones wait for each other and not in a circle.
const INSERT: &str = "INSERT INTO jobs
    (event_id, fingerprint, promise, state, due_ms, accepted_ms, attempts, owner, run, payload, span_ms)
    SELECT event_id, fingerprint, promise, state, due_ms, accepted_ms, attempts, owner, run, payload,
        CASE state WHEN 2 THEN $11::bigint ELSE 0 END
    FROM unnest($1::uuid[], $2::bytea[], $3::smallint[], $4::smallint[], $5::bigint[], $6::bigint[], $7::int[],
        $8::bigint[], $9::bigint[], $10::bytea[]) WITH ORDINALITY
        AS new(event_id, fingerprint, promise, state, due_ms, accepted_ms, attempts, owner, run, payload, place)
    ORDER BY event_id, place ON CONFLICT (event_id) DO NOTHING RETURNING event_id, seq";
const KNOWN: &str =
    "SELECT event_id, seq, fingerprint, promise, state, accepted_ms, due_ms, attempts, base, payload
    FROM jobs WHERE event_id = ANY($1) ORDER BY event_id FOR UPDATE";
/// The same without the rows that another session has locked.
const KNOWN_AND_FREE: &str =
    "SELECT event_id, seq, fingerprint, promise, state, accepted_ms, due_ms, attempts, base, payload
    FROM jobs WHERE event_id = ANY($1) ORDER BY event_id FOR UPDATE SKIP LOCKED";
const REQUEUE: &str =
    "UPDATE jobs SET state = 0, promise = 0, due_ms = $2, span_ms = 0, base = $3 WHERE seq = $1";
const NEW_RUNS: &str = "INSERT INTO runs (name) SELECT unnest($1::text[]) ON CONFLICT DO NOTHING";
const RUNS: &str = "SELECT name, id FROM runs WHERE name = ANY($1)";
/// Runs are few; but a client may name them as it likes.
const RUNS_KNOWN: usize = 10_000;

/// The columns of `INSERT`.
#[derive(Default)]
struct JobColumns<'a> {
    ids: Vec<Uuid>,
    fingerprints: Vec<&'a [u8]>,
    promises: Vec<i16>,
    states: Vec<i16>,
    due: Vec<i64>,
    accepted: Vec<i64>,
    attempts: Vec<i32>,
    owners: Vec<Option<i64>>,
    runs: Vec<Option<i64>>,
    payloads: Vec<Option<&'a [u8]>>,
}

impl Session {
    /// Makes sure that the runs of a batch have numbers, in a separate transaction, because a run's number is not part
    /// of the acceptance.
    pub(super) async fn learn_runs(&mut self, batch: &CommitBatch) -> Result<(), Error> {
        let named = batch
            .accepts
            .iter()
            .filter_map(|item| item.submission.run.as_deref());
        let named: HashSet<&str> = named.collect();
        if self.runs.len() > RUNS_KNOWN && named.iter().any(|name| !self.runs.contains_key(*name)) {
            self.runs.clear();
        }
        let is_new = |name: &&str| !self.runs.contains_key(*name);
        let new: HashSet<&str> = named.into_iter().filter(is_new).collect();
        if new.is_empty() {
            return Ok(());
        }
        let mut names: Vec<&str> = new.into_iter().collect();
        names.sort_unstable();
        self.client.execute(NEW_RUNS, &[&names]).await?;
        for row in self.client.query(RUNS, &[&names]).await? {
            self.runs.insert(row.get(0), row.get(1));
        }
        Ok(())
    }
}

impl Transaction<'_> {
    /// Takes all of them in; `skew_ms` is how far the server's clock is ahead of this machine's.
    pub(super) async fn accept(
        &mut self,
        accepts: &[AcceptItem],
        context: PostgresContext,
        skew_ms: i64,
        changes: &mut Changes,
    ) -> Result<Vec<Admission>, TransactionError> {
        if accepts.is_empty() {
            return Ok(Vec::new());
        }
        let mut new = self
            .insert(accepts, context, skew_ms, changes.now_ms)
            .await?;
        let again: Vec<Uuid> = repeated(accepts, &new);
        let mut known = self.known(&again, context.waits).await?;
        if let Some(stop) = missing(accepts, &again, &known, context.waits) {
            return Err(stop);
        }
        let mut admissions = Vec::with_capacity(accepts.len());
        let mut called = Vec::new();
        for (place, item) in accepts.iter().enumerate() {
            let submission = &item.submission;
            let admission = match new.remove(&submission.event_id) {
                Some(seq) => match first_attempt(seq, submission, changes) {
                    Some(job) => {
                        called.push((place, job));
                        // Replaced by its lease below.
                        Admission::InProgress
                    }
                    None => Admission::Queued,
                },
                None => {
                    let known = known
                        .get_mut(&submission.event_id)
                        .expect("an id that is missing has stopped the transaction");
                    self.accept_duplicate(submission, known, context, changes)
                        .await?
                }
            };
            admissions.push(admission);
        }
        let (places, jobs): (Vec<usize>, Vec<NextAttempt<&[u8]>>) = called.into_iter().unzip();
        let leases = self.begin_all(&jobs, context, changes.now_ms).await?;
        for (place, lease) in places.into_iter().zip(leases) {
            admissions[place] = Admission::Leased(lease);
        }
        Ok(admissions)
    }

    /// Inserts the new ones; their numbers.
    async fn insert(
        &mut self,
        accepts: &[AcceptItem],
        context: PostgresContext,
        skew_ms: i64,
        now_ms: i64,
    ) -> Result<HashMap<EventId, i64>, Error> {
        let mut columns = JobColumns::default();
        for item in accepts {
            let submission = &item.submission;
            let run = submission.run.as_deref();
            let run = run.and_then(|name| self.runs.get(name)).copied();
            // By the server's clock, like every other time, and never later than now.
            let accepted_ms = submission.accepted_ms.saturating_add(skew_ms).min(now_ms);
            let job = NewJob::of(submission, accepted_ms, now_ms, &context.rules);
            columns.push(submission, run, &job);
        }
        let parameters: Params<'_> = &[
            &columns.ids,
            &columns.fingerprints,
            &columns.promises,
            &columns.states,
            &columns.due,
            &columns.accepted,
            &columns.attempts,
            &columns.owners,
            &columns.runs,
            &columns.payloads,
            &context.rules.lease_ms,
        ];
        let rows = self.query(INSERT, parameters).await?;
        let numbered = |row: &Row| (event_id(row, 0), row.get(1));
        Ok(rows.iter().map(numbered).collect())
    }

    async fn known(
        &mut self,
        ids: &[Uuid],
        waits: bool,
    ) -> Result<HashMap<EventId, KnownKey>, TransactionError> {
        if ids.is_empty() {
            return Ok(HashMap::new());
        }
        let sql = if waits { KNOWN } else { KNOWN_AND_FREE };
        let rows = self.query(sql, &[&ids]).await?;
        let known = |row: &Row| {
            let fingerprint: Vec<u8> = row.get(2);
            let (attempts, base) =
                counts(row.get(7), row.get(8)).map_err(TransactionError::Unreadable)?;
            let no_state = || TransactionError::Unreadable(NO_STATE.to_owned());
            let known = KnownKey {
                seq: row.get(1),
                fingerprint: Fingerprint(fingerprint.try_into().unwrap_or_default()),
                promise: Promise::from_code(row.get::<_, i16>(3).into()),
                state: state(row, 4).ok_or_else(no_state)?,
                accepted_ms: row.get(5),
                due_ms: row.get(6),
                attempts,
                base,
                payload: row.get(9),
            };
            Ok((event_id(row, 0), known))
        };
        rows.iter().map(known).collect()
    }

    async fn accept_duplicate(
        &mut self,
        submission: &Submission,
        known: &mut KnownKey,
        context: PostgresContext,
        changes: &mut Changes,
    ) -> Result<Admission, Error> {
        let now_ms = changes.now_ms;
        let admission =
            match duplicate_action(known, submission, now_ms, context.rules.key_lifetime_ms) {
                DuplicateAction::Answer(admission) => return Ok(admission),
                DuplicateAction::Requeue => {
                    known.requeue(submission.event_id, changes);
                    self.query(REQUEUE, &[&known.seq, &now_ms, &(known.base as i32)])
                        .await?;
                    Admission::Queued
                }
                DuplicateAction::TakeOver => {
                    let lease_end_ms = now_ms + context.rules.lease_ms;
                    let job = known.take_over(submission.event_id, lease_end_ms, changes);
                    Admission::Leased(self.lease(job, context, now_ms).await?)
                }
            };
        Ok(admission)
    }
}

/// What stops the transaction if an id that conflicts is not found: another session has locked it. With time to wait
/// for the lock: a row that existed and is gone.
fn missing(
    accepts: &[AcceptItem],
    again: &[Uuid],
    known: &HashMap<EventId, KnownKey>,
    waits: bool,
) -> Option<TransactionError> {
    let is_missing = |id: EventId| !known.contains_key(&id) && again.contains(&id.uuid());
    let places = accepts.iter().enumerate();
    let accepts: Vec<usize> = places
        .filter(|(_, item)| is_missing(item.submission.event_id))
        .map(|(place, _)| place)
        .collect();
    if accepts.is_empty() {
        return None;
    }
    Some(if waits {
        TransactionError::Neither
    } else {
        TransactionError::Held(LockedItems {
            accepts,
            ..LockedItems::default()
        })
    })
}

/// The ids that `new` does not account for: known before, or twice among those that wait.
fn repeated(accepts: &[AcceptItem], new: &HashMap<EventId, i64>) -> Vec<Uuid> {
    let mut seen = HashSet::new();
    let again = |event_id: &EventId| !new.contains_key(event_id) || !seen.insert(*event_id);
    let ids: HashSet<EventId> = accepts
        .iter()
        .map(|item| item.submission.event_id)
        .filter(again)
        .collect();
    ids.into_iter().map(EventId::uuid).collect()
}

impl<'a> JobColumns<'a> {
    fn push(&mut self, submission: &'a Submission, run: Option<i64>, job: &NewJob<'a>) {
        self.ids.push(submission.event_id.uuid());
        self.fingerprints.push(&submission.fingerprint.0);
        self.promises
            .push(submission.handling.promise().code() as i16);
        self.states.push(job.state.code() as i16);
        self.due.push(job.due_ms);
        self.accepted.push(job.accepted_ms);
        self.attempts.push(job.attempts.into());
        self.owners.push(job.owner);
        self.runs.push(run);
        self.payloads.push(job.payload);
    }
}
