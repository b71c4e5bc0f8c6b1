//! A store in a file, open.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rusqlite::{OptionalExtension, Row, params};

use super::clock::StoreClock;
use super::columns::{self, bytes, count_or_zero, event_id_or_stand_in, integer_or, text};
use super::damage::Damage;
use super::errors::is_of_the_row;
use super::follow::{Follower, Following};
use super::other_processes::OtherProcesses;
use super::readers::Readers;
use super::statements::SqliteContext;
use super::writer::{self, WriterShare};
use crate::reference::store::engine::{Engine, EngineSetup, Read};
use crate::reference::store::event::Calls;
use crate::reference::store::lease::ExternalLease;
use crate::reference::store::process::SHOWN_MS;
use crate::reference::store::thread::StoreThread;
use crate::reference::store::{
    DeadCursor, DeadLetter, DeadPage, EventId, EventPage, EventRecord, EventState, FailureText,
    Lease, OpenError, Process, ProcessReport, StoreError, WorkDone, disk_space, queries,
};

/// Shown as null.
const NO_TIME: i64 = i64::MIN;
/// SQLite's aggregate of booleans.
const ANY: &str = "max";

struct SqliteEngine {
    path: PathBuf,
    clock: Arc<StoreClock>,
    readers: Arc<Readers>,
    writer: StoreThread,
    follower: Follower,
}

/// Opens or creates the file and starts the threads.
pub(in crate::reference::store) fn open(
    setup: &EngineSetup<'_>,
    path: &Path,
) -> Result<Box<dyn Engine>, OpenError> {
    let others = Arc::new(OtherProcesses::default());
    let clock = Arc::new(StoreClock::default());
    let damage = Damage::default();
    let share = WriterShare {
        context: SqliteContext {
            clock: clock.clone(),
            rules: setup.rules,
        },
        others: others.clone(),
        damage: damage.clone(),
    };
    let writer = writer::start(setup, path, share)?;
    let readers = Readers::open(path, setup.options.readers, damage.clone())?;
    let following = Following {
        owner: setup.rules.owner,
        signals: setup.signals.clone(),
        others,
        damage,
    };
    Ok(Box::new(SqliteEngine {
        path: path.to_owned(),
        clock,
        readers: Arc::new(readers),
        writer,
        follower: Follower::start(path, following)?,
    }))
}

impl Engine for SqliteEngine {
    fn event(&self, event_id: EventId) -> Read<Option<EventRecord>> {
        self.readers.read(move |connection| {
            let mut statement = connection.prepare_cached(&queries::event(ANY))?;
            let event = statement.query_row([event_id.as_bytes()], record);
            Ok(event.optional()?.map(|(_, event)| event))
        })
    }

    /// Each page is a transaction of its own, so that a slow reader does not keep the log from being checkpointed.
    fn run_page(&self, run: &str, cursor: i64, limit: u32) -> Read<EventPage> {
        let run = run.to_owned();
        self.readers.read(move |connection| {
            let mut statement = connection.prepare_cached(&queries::run_page(ANY))?;
            let rows = statement.query_map(params![run, cursor, limit], record)?;
            Ok(EventPage::of(rows.collect::<Result<_, _>>()?, limit))
        })
    }

    /// New events are due since they were accepted: the first of them is the oldest. Those being worked on are few.
    fn oldest_wait(&self) -> Read<Option<Duration>> {
        let clock = self.clock.clone();
        self.readers.read(move |connection| {
            let sql = "SELECT min(oldest) FROM (
                SELECT min(due_ms) AS oldest FROM jobs INDEXED BY jobs_open WHERE state = 0 AND state < 5
                UNION ALL SELECT min(accepted_ms) FROM jobs INDEXED BY jobs_retrying WHERE state = 1
                UNION ALL SELECT min(accepted_ms) FROM jobs INDEXED BY jobs_open WHERE state = 2 AND state < 5)";
            let mut statement = connection.prepare_cached(sql)?;
            let oldest_ms: Option<i64> = statement.query_row([], |row| Ok(row.get(0).ok()))?;
            let waited_ms = oldest_ms.map(|ms| clock.now_ms().saturating_sub(ms).max(0));
            Ok(waited_ms.map(|ms| Duration::from_millis(ms as u64)))
        })
    }

    fn dead_page(&self, cursor: DeadCursor, limit: u32) -> Read<DeadPage> {
        self.readers.read(move |connection| {
            let sql = "SELECT seq, event_id, accepted_ms, due_ms, attempts, effect, detail
                FROM (SELECT * FROM jobs INDEXED BY jobs_open WHERE state = 4 AND state < 5
                    AND (due_ms, seq) > (?1, ?2) ORDER BY due_ms, seq LIMIT ?3)
                LEFT JOIN effects ON (job, effect, attempt) = (SELECT job, effect, attempt FROM effects
                    WHERE job = seq AND outcome IN ('failed', 'broken') ORDER BY attempt DESC, effect LIMIT 1)
                    AND outcome IN ('failed', 'broken')
                ORDER BY due_ms, seq";
            let mut statement = connection.prepare_cached(sql)?;
            let rows = statement.query_map(params![cursor.dead_ms, cursor.job, limit], letter)?;
            Ok(DeadPage::of(rows.collect::<Result<_, _>>()?, limit))
        })
    }

    fn processes(&self) -> Read<Vec<Process>> {
        let clock = self.clock.clone();
        self.readers.read(move |connection| {
            let now_ms = clock.now_ms();
            let mut statement = connection.prepare_cached(
                "SELECT role, host, pid, in_flight, attempts, processed, retries, dead, breaker, breaker_reason, seen_ms, owner
                FROM processes WHERE seen_ms >= ?1 ORDER BY role, host, pid",
            )?;
            let found = statement.query_map([now_ms - SHOWN_MS], |row| process(row, now_ms))?;
            // No process of this program wrote an unreadable value.
            let shown = found.filter(|process| !process.as_ref().is_err_and(is_of_the_row));
            shown.collect()
        })
    }

    fn expired_leases(&self) -> Read<u64> {
        let clock = self.clock.clone();
        self.readers.read(move |connection| {
            let sql = "SELECT count(*) FROM jobs INDEXED BY jobs_open WHERE state = ?1 AND state < 5 AND due_ms <= ?2";
            let mut statement = connection.prepare_cached(sql)?;
            let parameters = [EventState::Working.code(), clock.now_ms()];
            let count: i64 = statement.query_row(parameters, |row| row.get(0))?;
            Ok(count.max(0) as u64)
        })
    }

    fn payload(&self, event_id: EventId) -> Read<Option<Vec<u8>>> {
        self.readers.read(move |connection| {
            let mut statement = connection.prepare_cached(queries::PAYLOAD)?;
            let payload = statement.query_row([event_id.as_bytes()], |row| Ok(bytes(row, 0)));
            Ok(payload.optional()?.flatten())
        })
    }

    fn lease_of(&self, event_id: EventId, attempt: u32) -> Read<Option<Lease>> {
        self.readers.read(move |connection| {
            let held = |row: &Row<'_>| {
                let held = ExternalLease {
                    job: row.get(0)?,
                    base: count_or_zero(row, 1),
                    not_inserted: text(row, 2),
                };
                Ok(held.into_lease(event_id, attempt))
            };
            let mut statement = connection.prepare_cached(queries::EXTERNAL_LEASE)?;
            let parameters = params![attempt, event_id.as_bytes()];
            statement.query_row(parameters, held).optional()
        })
    }

    fn check_disk_space(&self) -> Read<()> {
        let path = self.path.clone();
        let checked = tokio::task::spawn_blocking(move || disk_space::check(&path));
        Box::pin(async move { checked.await.unwrap_or(Err(StoreError::Closed)) })
    }

    fn join(&self) {
        self.follower.stop();
        self.writer.join();
    }
}

/// The next process that meets an unreadable row gives it up; until then it is shown as dead.
fn record(row: &Row<'_>) -> rusqlite::Result<(i64, EventRecord)> {
    let event = EventRecord {
        event_id: event_id_or_stand_in(row, 1),
        state: columns::state(row, 2).unwrap_or(EventState::Dead),
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
    Ok((row.get(0)?, event.with(&calls)))
}

fn letter(row: &Row<'_>) -> rusqlite::Result<(i64, DeadLetter)> {
    let letter = DeadLetter {
        event_id: event_id_or_stand_in(row, 1),
        accepted_ms: integer_or(row, 2, NO_TIME),
        dead_ms: integer_or(row, 3, 0),
        attempts: count_or_zero(row, 4),
        effect: text(row, 5),
        error: text(row, 6),
    };
    Ok((row.get(0)?, letter))
}

fn process(row: &Row<'_>, now_ms: i64) -> rusqlite::Result<Process> {
    let report = ProcessReport {
        role: row.get(0)?,
        host: row.get(1)?,
        pid: row.get(2)?,
        in_flight: row.get(3)?,
        done: WorkDone::from_row([row.get(4)?, row.get(5)?, row.get(6)?, row.get(7)?]),
        breaker: row.get(8)?,
        breaker_reason: row.get::<_, Option<String>>(9)?.map(FailureText::from),
    };
    Ok(Process {
        seen_ms_ago: now_ms.saturating_sub(row.get(10)?).max(0) as u64,
        id: Process::id(row.get(11)?),
        report,
    })
}
