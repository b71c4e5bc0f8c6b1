//! The queries that only read.

use tokio_postgres::{Error, Row};

use super::Reader;
use super::accept::event_id;
use super::clock::NOW_MS;
use super::unreadable::count_or_zero;
use crate::reference::store::engine::ExternalLease;
use crate::reference::store::event::Calls;
use crate::reference::store::process::SHOWN_MS;
use crate::reference::store::{
    DeadCursor, DeadLetter, DeadPage, EventId, EventPage, EventRecord, EventState, Process,
    ProcessReport, Reason, WorkDone,
};

/// The columns of an [`EventRecord`], with `seq` first.
const RECORD: &str = "SELECT seq, event_id, state, accepted_ms, processed_ms, attempts,
    (SELECT count(*) FROM effects WHERE job = seq AND effect = 'insert' AND outcome = 'inserted'),
    (SELECT count(*) FROM effects WHERE job = seq AND effect = 'notify' AND outcome = 'sent'),
    (SELECT min(attempt) FROM effects WHERE job = seq AND effect = 'notify' AND outcome = 'sent'),
    (SELECT count(*) FROM (SELECT attempt FROM effects WHERE job = seq AND effect = 'notify' GROUP BY attempt
        HAVING bool_or(outcome = 'failed') OR bool_or(outcome = 'unknown') AND NOT bool_or(outcome = 'started')) AS unsent
        WHERE attempt < coalesce((SELECT min(attempt) FROM effects
            WHERE job = seq AND effect = 'notify' AND outcome = 'sent'), 2147483647)),
    (SELECT count(*) FROM effects WHERE job = seq AND effect = 'notify' AND outcome = 'broken'
        AND attempt > (SELECT min(attempt) FROM effects WHERE job = seq AND effect = 'notify' AND outcome = 'sent'))
    FROM jobs";

/// One event.
pub(in crate::reference::store) async fn event(
    client: Reader,
    event_id: EventId,
) -> Result<Option<EventRecord>, Error> {
    let sql = format!("{RECORD} WHERE event_id = $1");
    let statement = client.prepare_cached(&sql).await?;
    let row = client.query_opt(&statement, &[&event_id.uuid()]).await?;
    Ok(row.as_ref().map(record))
}

/// The next `limit` events of a run after `cursor`.
pub(in crate::reference::store) async fn run_page(
    client: Reader,
    run: String,
    cursor: i64,
    limit: u32,
) -> Result<EventPage, Error> {
    let sql = format!(
        "{RECORD} WHERE run = (SELECT id FROM runs WHERE name = $1) AND seq > $2 ORDER BY seq LIMIT $3"
    );
    let statement = client.prepare_cached(&sql).await?;
    let rows = client
        .query(&statement, &[&run, &cursor, &i64::from(limit)])
        .await?;
    let next = (rows.len() == limit as usize)
        .then(|| rows.last().map(|row| row.get(0)))
        .flatten();
    let events = rows.iter().map(record).collect();
    Ok(EventPage { events, next })
}

/// How long the oldest unsettled event has waited, in milliseconds.
pub(in crate::reference::store) async fn oldest_ms(client: Reader) -> Result<Option<i64>, Error> {
    let sql = format!(
        "SELECT {NOW_MS}, least((SELECT min(due_ms) FROM jobs WHERE state = 0 AND state < 5),
            (SELECT min(accepted_ms) FROM jobs WHERE state = 1 AND state < 5),
            (SELECT min(accepted_ms) FROM jobs WHERE state = 2 AND state < 5))"
    );
    let statement = client.prepare_cached(&sql).await?;
    let row = client.query_one(&statement, &[]).await?;
    let (now_ms, oldest_ms): (i64, Option<i64>) = (row.get(0), row.get(1));
    Ok(oldest_ms.map(|ms| now_ms.saturating_sub(ms)))
}

/// The next `limit` dead letters after `cursor`, with the last error of each.
pub(in crate::reference::store) async fn dead_page(
    client: Reader,
    cursor: DeadCursor,
    limit: u32,
) -> Result<DeadPage, Error> {
    let sql = "SELECT seq, event_id, accepted_ms, due_ms, attempts, last.effect, last.detail
        FROM jobs LEFT JOIN LATERAL (SELECT effect, detail FROM effects WHERE job = seq AND outcome IN ('failed', 'broken')
            ORDER BY attempt DESC, effect LIMIT 1) last ON true
        WHERE state = 4 AND state < 5 AND (due_ms, seq) > ($1, $2) ORDER BY due_ms, seq LIMIT $3";
    let statement = client.prepare_cached(sql).await?;
    let rows = client
        .query(
            &statement,
            &[&cursor.dead_ms, &cursor.job, &i64::from(limit)],
        )
        .await?;
    let letter = |row: &Row| DeadLetter {
        event_id: event_id(row, 1),
        accepted_ms: row.get(2),
        dead_ms: row.get(3),
        attempts: count_or_zero(row, 4),
        effect: row.get(5),
        error: row.get(6),
    };
    let place = |row: &Row| DeadCursor {
        dead_ms: row.get(3),
        job: row.get(0),
    };
    let next = rows
        .last()
        .filter(|_| rows.len() == limit as usize)
        .map(place);
    let letters = rows.iter().map(letter).collect();
    Ok(DeadPage { letters, next })
}

/// The processes that have lately said that they are there.
pub(in crate::reference::store) async fn processes(client: Reader) -> Result<Vec<Process>, Error> {
    let sql = format!(
        "SELECT role, host, pid, in_flight, attempts, processed, retries, dead, breaker, breaker_reason, {NOW_MS} - seen_ms,
            owner
        FROM processes
        WHERE seen_ms >= {NOW_MS} - $1 ORDER BY role, host, pid"
    );
    let count = |row: &Row, column: usize| row.get::<_, i64>(column).max(0) as u64;
    let process = |row: &Row| Process {
        id: Process::id(row.get(11)),
        report: ProcessReport {
            role: row.get(0),
            host: row.get(1),
            pid: row.get::<_, i64>(2) as u32,
            in_flight: row.get::<_, i64>(3) as u32,
            done: WorkDone {
                attempts: count(row, 4),
                processed: count(row, 5),
                retries: count(row, 6),
                dead: count(row, 7),
            },
            breaker: row.get(8),
            breaker_reason: row.get::<_, Option<String>>(9).map(Reason::from),
        },
        seen_ms_ago: row.get::<_, i64>(10).max(0) as u64,
    };
    let statement = client.prepare_cached(&sql).await?;
    let rows = client.query(&statement, &[&SHOWN_MS]).await?;
    Ok(rows.iter().map(process).collect())
}

/// How many leases have run out and wait to be taken over.
pub(in crate::reference::store) async fn expired(client: Reader) -> Result<u64, Error> {
    let sql =
        format!("SELECT count(*) FROM jobs WHERE state = 2 AND state < 5 AND due_ms <= {NOW_MS}");
    let statement = client.prepare_cached(&sql).await?;
    let count: i64 = client.query_one(&statement, &[]).await?.get(0);
    Ok(count.max(0) as u64)
}

/// The body of an event as it came.
pub(in crate::reference::store) async fn payload(
    client: Reader,
    event_id: EventId,
) -> Result<Option<Vec<u8>>, Error> {
    let sql =
        "SELECT coalesce(events.payload, jobs.payload) FROM jobs LEFT JOIN events USING (event_id)
        WHERE event_id = $1";
    let statement = client.prepare_cached(sql).await?;
    let row = client.query_opt(&statement, &[&event_id.uuid()]).await?;
    Ok(row.and_then(|row| row.get(0)))
}

/// What is needed to put the lease of an attempt together again.
pub(in crate::reference::store) async fn held(
    client: Reader,
    event_id: EventId,
    attempt: u32,
) -> Result<Option<ExternalLease>, Error> {
    let sql = "SELECT seq, base, (SELECT coalesce(detail, '') FROM effects WHERE job = seq AND effect = 'insert'
        AND attempt = $2 AND outcome = 'failed') FROM jobs WHERE event_id = $1 AND $2 BETWEEN 1 AND attempts";
    let statement = client.prepare_cached(sql).await?;
    let row = client
        .query_opt(&statement, &[&event_id.uuid(), &(attempt as i32)])
        .await?;
    Ok(row.map(|row| ExternalLease {
        job: row.get(0),
        base: count_or_zero(&row, 1),
        not_inserted: row.get(2),
    }))
}

fn record(row: &Row) -> EventRecord {
    let calls = Calls {
        first_sent: row.get::<_, Option<i32>>(8).map(i32::unsigned_abs),
        unsent: row.get::<_, i64>(9) as u32,
        broken_after: row.get::<_, i64>(10) as u32,
    };
    let event = EventRecord {
        event_id: event_id(row, 1),
        // The next process that meets an unreadable row gives it up.
        state: super::state(row, 2).unwrap_or(EventState::Dead),
        accepted_ms: row.get(3),
        processed_ms: row.get(4),
        attempts: count_or_zero(row, 5),
        inserts: row.get::<_, i64>(6) as u32,
        notifications: row.get::<_, i64>(7) as u32,
        notify_unknown: 0,
    };
    event.with(&calls)
}
