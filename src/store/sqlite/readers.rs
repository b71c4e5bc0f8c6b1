//! The connections that read, beside the writer and never in its way.

use std::sync::{Condvar, Mutex, PoisonError};

use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::store::{EventId, EventRecord, OpenError, Options, Page, StoreError};

/// The columns of an [`EventRecord`], with `seq` first.
const RECORD: &str = "SELECT seq, event_id, state, accepted_ms, processed_ms, attempts,
    (SELECT count(*) FROM effects WHERE job = seq AND effect = 'insert' AND outcome = 'inserted'),
    (SELECT count(*) FROM effects WHERE job = seq AND effect = 'notify' AND outcome = 'sent') FROM jobs";

/// A fixed number of connections, lent out one query at a time.
pub(in crate::store) struct Readers {
    idle: Mutex<Vec<Connection>>,
    returned: Condvar,
}

impl Readers {
    /// Opens all of them.
    pub(in crate::store) fn open(options: &Options) -> Result<Readers, OpenError> {
        let open = |_| super::open_reader(&options.path);
        let idle = (0..options.readers.max(1))
            .map(open)
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Readers {
            idle: Mutex::new(idle),
            returned: Condvar::new(),
        })
    }

    /// One event.
    pub(in crate::store) fn event(
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
    pub(in crate::store) fn run_page(
        &self,
        run: &str,
        cursor: i64,
        limit: u32,
    ) -> Result<Page, StoreError> {
        self.with(|connection| {
            let sql = format!(
                "{RECORD} WHERE run = (SELECT id FROM runs WHERE name = ?1) AND seq > ?2 ORDER BY seq LIMIT ?3"
            );
            let mut statement = connection.prepare_cached(&sql)?;
            let rows: Vec<(i64, EventRecord)> =
                statement.query_map(params![run, cursor, limit], record)?.collect::<Result<_, _>>()?;
            let next = if rows.len() == limit as usize { rows.last().map(|(seq, _)| *seq) } else { None };
            Ok(Page { events: rows.into_iter().map(|(_, event)| event).collect(), next })
        })
    }

    /// When the oldest unsettled event was accepted.
    pub(in crate::store) fn oldest_open_ms(&self) -> Result<Option<i64>, StoreError> {
        self.with(|connection| {
            // New events are due since they were accepted: the first of them is the oldest. The others are few.
            let sql = "SELECT min(oldest) FROM (
                SELECT min(due_ms) AS oldest FROM jobs INDEXED BY jobs_open WHERE state = 0 AND state < 5
                UNION ALL SELECT min(accepted_ms) FROM jobs INDEXED BY jobs_open WHERE state = 1 AND state < 5
                UNION ALL SELECT min(accepted_ms) FROM jobs INDEXED BY jobs_open WHERE state = 2 AND state < 5)";
            connection.prepare_cached(sql)?.query_row([], |row| row.get(0))
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
        result.map_err(|error| super::failed(&error))
    }
}

fn record(row: &Row<'_>) -> rusqlite::Result<(i64, EventRecord)> {
    let event = EventRecord {
        event_id: EventId::from_bytes(row.get(1)?),
        state: super::state(row, 2)?,
        accepted_ms: row.get(3)?,
        processed_ms: row.get(4)?,
        attempts: row.get(5)?,
        inserts: row.get(6)?,
        notifications: row.get(7)?,
    };
    Ok((row.get(0)?, event))
}
