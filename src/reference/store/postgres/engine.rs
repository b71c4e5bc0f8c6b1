//! A store in a PostgreSQL database, open.

use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::time::Duration;

use tokio::sync::watch;
use tokio_postgres::Row;

use super::clock::NOW_MS;
use super::columns::{count_or_zero, event_id, state};
use super::committer::Committer;
use super::database_address::DatabaseAddress;
use super::listen::Listener;
use super::notifier::WakeNotifier;
use super::owners::Owners;
use super::readers::ReaderPool;
use crate::reference::store::engine::{Engine, EngineSetup, Read};
use crate::reference::store::event::Calls;
use crate::reference::store::lease::ExternalLease;
use crate::reference::store::process::SHOWN_MS;
use crate::reference::store::thread::StoreThread;
use crate::reference::store::{
    DeadCursor, DeadLetter, DeadPage, EventId, EventPage, EventRecord, EventState, FailureText,
    Lease, Location, OpenError, Process, ProcessReport, WorkDone, queries,
};

/// PostgreSQL's aggregate of booleans.
const ANY: &str = "bool_or";

struct PostgresEngine {
    readers: ReaderPool,
    committer: StoreThread,
    stop: watch::Sender<bool>,
}

/// Connects, brings the schema up to date and starts the threads.
pub(in crate::reference::store) fn open(
    setup: &EngineSetup<'_>,
    url: &str,
) -> Result<Box<dyn Engine>, OpenError> {
    let unusable = |reason: String| OpenError::Unusable {
        store: Location::Postgres(url.to_owned()),
        reason,
    };
    let address = DatabaseAddress::parse(url).map_err(unusable)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .thread_name("store-postgres")
        .enable_all()
        .build()
        .map_err(|error| unusable(error.to_string()))?;
    let handle = runtime.handle().clone();
    let notifier = Arc::new(WakeNotifier::default());
    let owners = Owners::new(setup.rules.owner);
    let committer = Committer::new(setup, address.clone(), owners.clone(), notifier.clone());
    let (ready, opened) = sync_channel(1);
    let run = move || committer.run(runtime, &ready);
    let committer = StoreThread::start("store-writer", "writer", run)
        .map_err(|error| unusable(error.to_string()))?;
    let first = opened
        .recv()
        .map_err(|_| unusable("the writer could not start".to_owned()))?;
    let elsewhere = first.map_err(|refusal| refusal.into_open_error(url))?;
    setup.signals.publish_elsewhere(&elsewhere.counts);

    let (stop, stopped) = watch::channel(false);
    let listener = Listener {
        address: address.clone(),
        owners,
        signals: setup.signals.clone(),
        notifier,
        commits: elsewhere.commits,
        look_every: setup.options.look_every,
    };
    handle.spawn(listener.run(stopped));
    let readers = ReaderPool::new(handle, address, setup.options.readers).map_err(unusable)?;
    Ok(Box::new(PostgresEngine {
        readers,
        committer,
        stop,
    }))
}

impl Drop for PostgresEngine {
    /// The committer ends on its own, the queue being closed.
    fn drop(&mut self) {
        self.stop.send_replace(true);
    }
}

impl Engine for PostgresEngine {
    fn event(&self, event_id: EventId) -> Read<Option<EventRecord>> {
        self.readers.read(move |client| async move {
            let statement = client.prepare_cached(&queries::event(ANY)).await?;
            let row = client.query_opt(&statement, &[&event_id.uuid()]).await?;
            Ok(row.map(|row| record(&row).1))
        })
    }

    fn run_page(&self, run: &str, cursor: i64, limit: u32) -> Read<EventPage> {
        let run = run.to_owned();
        self.readers.read(move |client| async move {
            let statement = client.prepare_cached(&queries::run_page(ANY)).await?;
            let rows = client
                .query(&statement, &[&run, &cursor, &i64::from(limit)])
                .await?;
            Ok(EventPage::of(rows.iter().map(record).collect(), limit))
        })
    }

    fn oldest_wait(&self) -> Read<Option<Duration>> {
        self.readers.read(move |client| async move {
            let sql = format!(
                "SELECT {NOW_MS}, least((SELECT min(due_ms) FROM jobs WHERE state = 0 AND state < 5),
                    (SELECT min(accepted_ms) FROM jobs WHERE state = 1 AND state < 5),
                    (SELECT min(accepted_ms) FROM jobs WHERE state = 2 AND state < 5))"
            );
            let statement = client.prepare_cached(&sql).await?;
            let row = client.query_one(&statement, &[]).await?;
            let (now_ms, oldest_ms): (i64, Option<i64>) = (row.get(0), row.get(1));
            let waited_ms = oldest_ms.map(|ms| now_ms.saturating_sub(ms).max(0));
            Ok(waited_ms.map(|ms| Duration::from_millis(ms as u64)))
        })
    }

    fn dead_page(&self, cursor: DeadCursor, limit: u32) -> Read<DeadPage> {
        self.readers.read(move |client| async move {
            let sql = "SELECT seq, event_id, accepted_ms, due_ms, attempts, last.effect, last.detail
                FROM jobs LEFT JOIN LATERAL (SELECT effect, detail FROM effects WHERE job = seq AND outcome IN ('failed', 'broken')
                    ORDER BY attempt DESC, effect LIMIT 1) last ON true
                WHERE state = 4 AND state < 5 AND (due_ms, seq) > ($1, $2) ORDER BY due_ms, seq LIMIT $3";
            let statement = client.prepare_cached(sql).await?;
            let rows = client
                .query(&statement, &[&cursor.dead_ms, &cursor.job, &i64::from(limit)])
                .await?;
            Ok(DeadPage::of(rows.iter().map(letter).collect(), limit))
        })
    }

    fn processes(&self) -> Read<Vec<Process>> {
        self.readers.read(move |client| async move {
            let sql = format!(
                "SELECT role, host, pid, in_flight, attempts, processed, retries, dead, breaker, breaker_reason, {NOW_MS} - seen_ms,
                    owner
                FROM processes
                WHERE seen_ms >= {NOW_MS} - $1 ORDER BY role, host, pid"
            );
            let statement = client.prepare_cached(&sql).await?;
            let rows = client.query(&statement, &[&SHOWN_MS]).await?;
            Ok(rows.iter().map(process).collect())
        })
    }

    fn expired_leases(&self) -> Read<u64> {
        self.readers.read(move |client| async move {
            let sql = format!(
                "SELECT count(*) FROM jobs WHERE state = 2 AND state < 5 AND due_ms <= {NOW_MS}"
            );
            let statement = client.prepare_cached(&sql).await?;
            let count: i64 = client.query_one(&statement, &[]).await?.get(0);
            Ok(count.max(0) as u64)
        })
    }

    fn payload(&self, event_id: EventId) -> Read<Option<Vec<u8>>> {
        self.readers.read(move |client| async move {
            let statement = client.prepare_cached(queries::PAYLOAD).await?;
            let row = client.query_opt(&statement, &[&event_id.uuid()]).await?;
            Ok(row.and_then(|row| row.get(0)))
        })
    }

    fn lease_of(&self, event_id: EventId, attempt: u32) -> Read<Option<Lease>> {
        self.readers.read(move |client| async move {
            let statement = client.prepare_cached(queries::EXTERNAL_LEASE).await?;
            let row = client
                .query_opt(&statement, &[&(attempt as i32), &event_id.uuid()])
                .await?;
            let lease = |row: Row| ExternalLease {
                job: row.get(0),
                base: count_or_zero(&row, 1),
                not_inserted: row.get(2),
            };
            Ok(row.map(|row| lease(row).into_lease(event_id, attempt)))
        })
    }

    fn join(&self) {
        self.committer.join();
        self.stop.send_replace(true);
        self.readers.close();
    }
}

/// The next process that meets an unreadable row gives it up; until then it is shown as dead.
fn record(row: &Row) -> (i64, EventRecord) {
    let calls = Calls {
        first_sent: row.get::<_, Option<i32>>(8).map(i32::unsigned_abs),
        unsent: row.get::<_, i64>(9) as u32,
        broken_after: row.get::<_, i64>(10) as u32,
    };
    let event = EventRecord {
        event_id: event_id(row, 1),
        state: state(row, 2).unwrap_or(EventState::Dead),
        accepted_ms: row.get(3),
        processed_ms: row.get(4),
        attempts: count_or_zero(row, 5),
        inserts: row.get::<_, i64>(6) as u32,
        notifications: row.get::<_, i64>(7) as u32,
        notify_unknown: 0,
    };
    (row.get(0), event.with(&calls))
}

fn letter(row: &Row) -> (i64, DeadLetter) {
    let letter = DeadLetter {
        event_id: event_id(row, 1),
        accepted_ms: row.get(2),
        dead_ms: row.get(3),
        attempts: count_or_zero(row, 4),
        effect: row.get(5),
        error: row.get(6),
    };
    (row.get(0), letter)
}

fn process(row: &Row) -> Process {
    Process {
        id: Process::id(row.get(11)),
        report: ProcessReport {
            role: row.get(0),
            host: row.get(1),
            pid: row.get::<_, i64>(2) as u32,
            in_flight: row.get::<_, i64>(3) as u32,
            done: WorkDone::from_row([row.get(4), row.get(5), row.get(6), row.get(7)]),
            breaker: row.get(8),
            breaker_reason: row.get::<_, Option<String>>(9).map(FailureText::from),
        },
        seen_ms_ago: row.get::<_, i64>(10).max(0) as u64,
    }
}
