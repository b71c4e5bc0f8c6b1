//! Opens the store for its writer, which takes over the work of dead processes if it is alone.

use std::path::Path;

use rusqlite::{Connection, params};

use super::attempt;
use super::checkpoint::{empty_log, move_log_alone};
use super::clock::StoreClock;
use super::connection::open_writer;
use super::counts;
use super::errors::{is_of_the_disk, unusable};
use super::presence::Presence;
use crate::reference::store::{EventState, OpenError, StoreOptions};

/// Opens the store, alone or alongside other processes.
pub(super) fn open(
    options: &StoreOptions,
    path: &Path,
    presence: &mut Presence,
    clock: &StoreClock,
) -> Result<Connection, OpenError> {
    let unusable = |error| unusable(path, error);
    if !presence.is_alone() {
        let mut connection = open_writer(options, path)?;
        clock.set(&mut connection, false).map_err(unusable)?;
        return Ok(connection);
    }
    presence.check_note()?;
    let mut connection = open_writer(options, path).or_else(|error| {
        // The log itself may fill the disk.
        if move_log_alone(path) {
            open_writer(options, path)
        } else {
            Err(error)
        }
    })?;
    clock.set(&mut connection, true).map_err(unusable)?;
    let taken = take_over_if_there_is_room(&mut connection, clock.now_ms());
    taken.map_err(unusable)?;
    Ok(connection)
}

/// Takes over the work of dead processes. On a full disk this waits until their leases expire, as if another process
/// had the store open. Existing events can be served.
fn take_over_if_there_is_room(connection: &mut Connection, now_ms: i64) -> rusqlite::Result<()> {
    let mut taken = take_over(connection, now_ms);
    if taken.as_ref().is_err_and(is_of_the_disk) && empty_log(connection) == Ok(true) {
        taken = take_over(connection, now_ms);
    }
    match taken {
        Err(error) if is_of_the_disk(&error) => {
            tracing::warn!(
                %error,
                "the store is full; attempts of the previous process are taken over when their leases expire"
            );
            Ok(())
        }
        taken => taken,
    }
}

/// No other process has the store open, so every lease is of a dead one and void, and all counts become one's own to
/// keep: those that each process left behind are added up.
fn take_over(connection: &mut Connection, now_ms: i64) -> rusqlite::Result<()> {
    let (working, retrying) = (EventState::Working.code(), EventState::Retrying.code());
    let transaction = connection.transaction()?;
    let sql = "UPDATE jobs INDEXED BY jobs_open SET state = ?1, due_ms = ?2, span_ms = 0 WHERE state = ?3 AND state < 5";
    let freed = transaction.execute(sql, params![retrying, now_ms, working])?;
    attempt::bring_back(&transaction, now_ms)?;
    let sql = "INSERT INTO counts VALUES (0, ?1, ?2) ON CONFLICT DO UPDATE SET n = n + excluded.n";
    if freed > 0 {
        transaction.execute(sql, params![working, -(freed as i64)])?;
        transaction.execute(sql, params![retrying, freed as i64])?;
        tracing::info!(freed, "took over the attempts of the previous process");
    }
    transaction.execute_batch("DELETE FROM processes")?;
    counts::add_up(&transaction)?;
    transaction.commit()
}
