//! The connections that read, beside the writer and never in its way.

use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::clock::StoreClock;
use super::damage::Damage;
use super::unreadable::{
    bytes, count_or_zero, event_id_or_stand_in, integer_or, is_of_the_row, text,
};
use crate::reference::store::engine::ExternalLease;
use crate::reference::store::event::Calls;
use crate::reference::store::process::SHOWN_MS;
use crate::reference::store::{
    DeadCursor, DeadLetter, DeadPage, EventId, EventPage, EventRecord, EventState, OpenError,
    Process, ProcessReport, Reason, StoreError, WorkDone,
};

/// The columns of an [`EventRecord`], with `seq` first.
const RECORD: &str = "SELECT seq, event_id, state, accepted_ms, processed_ms, attempts,
    (SELECT count(*) FROM effects WHERE job = seq AND effect = 'insert' AND outcome = 'inserted'),
    (SELECT count(*) FROM effects WHERE job = seq AND effect = 'notify' AND outcome = 'sent'),
    (SELECT min(attempt) FROM effects WHERE job = seq AND effect = 'notify' AND outcome = 'sent') AS first_sent,
    (SELECT count(*) FROM (SELECT attempt FROM effects WHERE job = seq AND effect = 'notify' GROUP BY attempt
        HAVING max(outcome = 'failed') OR max(outcome = 'unknown') AND NOT max(outcome = 'started')) AS unsent
        WHERE attempt < coalesce((SELECT min(attempt) FROM effects
            WHERE job = seq AND effect = 'notify' AND outcome = 'sent'), 2147483647)),
    (SELECT count(*) FROM effects WHERE job = seq AND effect = 'notify' AND outcome = 'broken'
        AND attempt > (SELECT min(attempt) FROM effects WHERE job = seq AND effect = 'notify' AND outcome = 'sent'))
    FROM jobs";

/// Shown as null.
const NO_TIME: i64 = i64::MIN;

/// A fixed number of connections, lent out one query at a time.
pub(in crate::reference::store) struct Readers {
    idle: Mutex<Vec<Connection>>,
    returned: Condvar,
    clock: Arc<StoreClock>,
    damage: Damage,
}

impl Readers {
    /// Opens all of them.
    pub(super) fn open(
        path: &Path,
        count: usize,
        (clock, damage): (Arc<StoreClock>, Damage),
    ) -> Result<Readers, OpenError> {
        let open = |_| super::open_reader(path);
        let idle = (0..count.max(1)).map(open).collect::<Result<Vec<_>, _>>()?;
        Ok(Readers {
            idle: Mutex::new(idle),
            returned: Condvar::new(),
            clock,
            damage,
        })
    }

    /// One event.
    pub(in crate::reference::store) fn event(
        &self,
        event_id: EventId,
    ) -> Result<Option<EventRecord>, StoreError> {
        self.with(|connection| {
            let mut statement =
                connection.prepare_cached(&format!("{RECORD} WHERE event_id = ?1"))?;
            statement
                .query_row([event_id.as_bytes()], |row| {
                    record(row).map(|(_, event)| event)
                })
                .optional()
        })
    }

    /// The next `limit` events of a run after `cursor`. Each page is a transaction of its own, so that a slow reader
    /// does not keep the log from being checkpointed.
    pub(in crate::reference::store) fn run_page(
        &self,
        run: &str,
        cursor: i64,
        limit: u32,
    ) -> Result<EventPage, StoreError> {
        self.with(|connection| {
            let sql = format!(
                "{RECORD} WHERE run = (SELECT id FROM runs WHERE name = ?1) AND seq > ?2 ORDER BY seq LIMIT ?3"
            );
            let mut statement = connection.prepare_cached(&sql)?;
            let rows: Vec<(i64, EventRecord)> =
                statement.query_map(params![run, cursor, limit], record)?.collect::<Result<_, _>>()?;
            let next = if rows.len() == limit as usize { rows.last().map(|(seq, _)| *seq) } else { None };
            Ok(EventPage { events: rows.into_iter().map(|(_, event)| event).collect(), next })
        })
    }

    /// How long the oldest unsettled event has waited, in milliseconds.
    pub(in crate::reference::store) fn oldest_wait_ms(&self) -> Result<Option<i64>, StoreError> {
        let oldest_ms = self.oldest_open_ms()?;
        Ok(oldest_ms.map(|ms| self.clock.now_ms().saturating_sub(ms)))
    }

    fn oldest_open_ms(&self) -> Result<Option<i64>, StoreError> {
        self.with(|connection| {
            // New events are due since they were accepted: the first of them is the oldest. Those being worked on are few.
            let sql = "SELECT min(oldest) FROM (
                SELECT min(due_ms) AS oldest FROM jobs INDEXED BY jobs_open WHERE state = 0 AND state < 5
                UNION ALL SELECT min(accepted_ms) FROM jobs INDEXED BY jobs_retrying WHERE state = 1
                UNION ALL SELECT min(accepted_ms) FROM jobs INDEXED BY jobs_open WHERE state = 2 AND state < 5)";
            connection.prepare_cached(sql)?.query_row([], |row| Ok(row.get(0).ok()))
        })
    }

    /// The next `limit` dead letters after `cursor`, with the last error of each.
    pub(in crate::reference::store) fn dead_page(
        &self,
        cursor: DeadCursor,
        limit: u32,
    ) -> Result<DeadPage, StoreError> {
        self.with(|connection| {
            let sql = "SELECT seq, event_id, accepted_ms, due_ms, attempts, effect, detail
                FROM (SELECT * FROM jobs INDEXED BY jobs_open WHERE state = 4 AND state < 5
                    AND (due_ms, seq) > (?1, ?2) ORDER BY due_ms, seq LIMIT ?3)
                LEFT JOIN effects ON (job, effect, attempt) = (SELECT job, effect, attempt FROM effects
                    WHERE job = seq AND outcome IN ('failed', 'broken') ORDER BY attempt DESC, effect LIMIT 1)
                    AND outcome IN ('failed', 'broken')
                ORDER BY due_ms, seq";
            let mut statement = connection.prepare_cached(sql)?;
            let mut letters = Vec::new();
            let mut rows = statement.query(params![cursor.dead_ms, cursor.job, limit])?;
            let mut last = None;
            while let Some(row) = rows.next()? {
                let letter = DeadLetter {
                    event_id: event_id_or_stand_in(row, 1),
                    accepted_ms: integer_or(row, 2, NO_TIME),
                    dead_ms: integer_or(row, 3, 0),
                    attempts: count_or_zero(row, 4),
                    effect: text(row, 5),
                    error: text(row, 6),
                };
                last = Some(DeadCursor { dead_ms: letter.dead_ms, job: row.get(0)? });
                letters.push(letter);
            }
            let next = last.filter(|_| letters.len() == limit as usize);
            Ok(DeadPage { letters, next })
        })
    }

    /// The processes that have lately said that they are there.
    pub(in crate::reference::store) fn processes(&self) -> Result<Vec<Process>, StoreError> {
        self.with(|connection| {
            let now_ms = self.clock.now_ms();
            let mut statement = connection.prepare_cached(
                "SELECT role, host, pid, in_flight, attempts, processed, retries, dead, breaker, breaker_reason, seen_ms, owner
                FROM processes
                WHERE seen_ms >= ?1 ORDER BY role, host, pid",
            )?;
            let count = |row: &Row<'_>, column: usize| {
                row.get::<_, i64>(column).map(|count| count.max(0) as u64)
            };
            let process = |row: &Row<'_>| {
                let report = ProcessReport {
                    role: row.get(0)?,
                    host: row.get(1)?,
                    pid: row.get(2)?,
                    in_flight: row.get(3)?,
                    done: WorkDone {
                        attempts: count(row, 4)?,
                        processed: count(row, 5)?,
                        retries: count(row, 6)?,
                        dead: count(row, 7)?,
                    },
                    breaker: row.get(8)?,
                    breaker_reason: row.get::<_, Option<String>>(9)?.map(Reason::from),
                };
                let seen_ms_ago = now_ms.saturating_sub(row.get(10)?).max(0) as u64;
                Ok(Process {
                    id: Process::id(row.get(11)?),
                    report,
                    seen_ms_ago,
                })
            };
            let found = statement.query_map([now_ms - SHOWN_MS], process)?;
            // No process of this program wrote an unreadable value.
            let shown = found.filter(|process| !process.as_ref().is_err_and(is_of_the_row));
            shown.collect()
        })
    }

    /// How many leases have run out and wait to be taken over.
    pub(in crate::reference::store) fn expired(&self) -> Result<u64, StoreError> {
        self.with(|connection| {
            let sql = "SELECT count(*) FROM jobs INDEXED BY jobs_open WHERE state = ?1 AND state < 5 AND due_ms <= ?2";
            connection
                .prepare_cached(sql)?
                .query_row(params![EventState::Working.code(), self.clock.now_ms()], |row| row.get(0))
                .map(|count: i64| count.max(0) as u64)
        })
    }

    /// The body of an event as it came.
    pub(in crate::reference::store) fn payload(
        &self,
        event_id: EventId,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        self.with(|connection| {
            let sql = "SELECT coalesce(events.payload, jobs.payload) FROM jobs LEFT JOIN events USING (event_id)
                WHERE event_id = ?1";
            let mut statement = connection.prepare_cached(sql)?;
            let payload = statement
                .query_row([event_id.as_bytes()], |row| Ok(bytes(row, 0)))
                .optional()?;
            Ok(payload.flatten())
        })
    }

    /// What is needed to put the lease of an attempt together again.
    pub(in crate::reference::store) fn held(
        &self,
        event_id: EventId,
        attempt: u32,
    ) -> Result<Option<ExternalLease>, StoreError> {
        self.with(|connection| {
            let sql = "SELECT seq, base, (SELECT coalesce(detail, '') FROM effects WHERE job = seq
                AND effect = 'insert' AND attempt = ?2 AND outcome = 'failed') FROM jobs
                WHERE event_id = ?1 AND ?2 BETWEEN 1 AND attempts";
            let held = |row: &Row<'_>| {
                Ok(ExternalLease {
                    job: row.get(0)?,
                    base: count_or_zero(row, 1),
                    not_inserted: text(row, 2),
                })
            };
            let mut statement = connection.prepare_cached(sql)?;
            statement
                .query_row(params![event_id.as_bytes(), attempt], held)
                .optional()
        })
    }

    fn with<T>(
        &self,
        read: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let connection = loop {
            match idle.pop() {
                Some(connection) => break connection,
                None => {
                    idle = self
                        .returned
                        .wait(idle)
                        .unwrap_or_else(PoisonError::into_inner)
                }
            }
        };
        drop(idle);
        let result = read(&connection);
        self.idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(connection);
        self.returned.notify_one();
        result.map_err(|error| {
            self.damage.record(&error);
            super::failed(&error)
        })
    }
}

fn record(row: &Row<'_>) -> rusqlite::Result<(i64, EventRecord)> {
    let event = EventRecord {
        event_id: event_id_or_stand_in(row, 1),
        // The next process that meets an unreadable row gives it up.
        state: super::state(row, 2).unwrap_or(EventState::Dead),
        accepted_ms: integer_or(row, 3, NO_TIME),
        processed_ms: row.get(4).unwrap_or_default(),
        attempts: count_or_zero(row, 5),
        inserts: row.get(6)?,
        notifications: row.get(7)?,
        notify_unknown: 0,
    };
    let calls = Calls {
        first_sent: row.get(8).unwrap_or_default(),
        unsent: row.get(9)?,
        broken_after: row.get(10)?,
    };
    let event = event.with(&calls);
    Ok((row.get(0)?, event))
}
