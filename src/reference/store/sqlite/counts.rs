//! How many events are in which state, as each process adds up what it changes itself.

use rusqlite::{Connection, params};

use super::columns::integer_or;
use crate::reference::store::EventState;
use crate::reference::store::totals::{COMMITS, CountSums, Delta};

/// A larger number was not counted: 2^53.
const MOST: i64 = 1 << 53;

/// Whether every count is a number, and their sums are those of a table with this many rows.
const IS_PLAUSIBLE: &str = "SELECT NOT EXISTS (
        SELECT 1 FROM counts WHERE typeof(n) <> 'integer' OR n NOT BETWEEN -?1 AND ?1
            OR typeof(state) <> 'integer' OR state NOT BETWEEN ?2 AND ?3)
    AND NOT EXISTS (SELECT 1 FROM counts GROUP BY state HAVING total(n) < 0)
    AND (SELECT total(n) FROM counts WHERE state <> ?2) <= (SELECT coalesce(max(seq), 0) FROM jobs)";
const SUMS: &str = "CREATE TEMP TABLE sums AS SELECT state, sum(n) AS n FROM counts GROUP BY state";
const COUNTED: &str = "CREATE TEMP TABLE sums AS SELECT state, count(*) AS n FROM jobs
    WHERE typeof(state) = 'integer' AND state BETWEEN 0 AND 5 GROUP BY state";
const KEPT_COMMITS: &str = "INSERT INTO sums SELECT ?1, sum(n) FROM counts
    WHERE state = ?1 AND typeof(n) = 'integer' AND n BETWEEN 0 AND ?2 HAVING count(*) > 0";
const REPLACE: &str = "DELETE FROM counts;
    INSERT INTO counts SELECT 0, state, n FROM sums;
    DROP TABLE sums;";

/// Replaces the counts of all processes with their sums. To be called in a transaction, when the store is used by this
/// process alone.
pub(super) fn add_up(connection: &Connection) -> rusqlite::Result<()> {
    let last = EventState::ALL.len() as i64 - 1;
    let is_plausible: bool =
        connection.query_row(IS_PLAUSIBLE, params![MOST, COMMITS, last], |row| row.get(0))?;
    if is_plausible {
        connection.execute_batch(SUMS)?;
    } else {
        tracing::warn!("the counts of events by state were wrong; the events were counted again");
        connection.execute_batch(COUNTED)?;
        connection.execute(KEPT_COMMITS, params![COMMITS, MOST])?;
    }
    connection.execute_batch(REPLACE)
}

/// How many commits a store has seen; they are counted for its processes to see each other, and never become fewer.
pub(super) fn commits(connection: &Connection) -> rusqlite::Result<u64> {
    let sql = "SELECT coalesce(sum(n), 0) FROM counts
        WHERE state = ?1 AND typeof(n) = 'integer' AND n BETWEEN 0 AND ?2";
    let mut statement = connection.prepare_cached(sql)?;
    statement.query_row([COMMITS, MOST], |row| {
        Ok(integer_or(row, 0, 0).max(0) as u64)
    })
}

/// What all other processes have changed together.
pub(super) fn elsewhere(connection: &Connection, owner: i64) -> rusqlite::Result<CountSums> {
    let sql = "SELECT state, sum(n) FROM counts WHERE owner <> ?1 GROUP BY state";
    sums(connection, sql, owner)
}

/// What this process has changed together.
pub(super) fn own(connection: &Connection, owner: i64) -> rusqlite::Result<Delta> {
    let sql = "SELECT state, n FROM counts WHERE owner = ?1";
    sums(connection, sql, owner).map(|sums| sums.counts)
}

fn sums(connection: &Connection, sql: &str, owner: i64) -> rusqlite::Result<CountSums> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut sums = CountSums::default();
    let mut rows = statement.query([owner])?;
    while let Some(row) = rows.next()? {
        sums.put(row.get(0)?, integer_or(row, 1, 0));
    }
    Ok(sums)
}

#[cfg(test)]
mod tests {
    use super::add_up;
    use crate::reference::store::StoreOptions;
    use crate::reference::store::sqlite::connection::open_writer;

    /// The counts by state after this change to a store with two queued events and seven commits.
    fn counts_after(change: &str) -> Vec<(i64, i64)> {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("store.db");
        let connection = open_writer(&StoreOptions::at(path.as_path()), &path).expect("it opens");
        let events = "INSERT INTO jobs (event_id, fingerprint, promise, state, due_ms, accepted_ms, attempts)
                VALUES (x'01', x'01', 0, 0, 0, 0, 0), (x'02', x'02', 0, 0, 0, 0, 0);
            INSERT INTO counts VALUES (1, 0, 3), (2, 0, -1), (1, -1, 5), (2, -1, 2);";
        connection.execute_batch(events).expect("inserted");
        connection.execute_batch(change).expect("changed");
        add_up(&connection).expect("added up");
        let mut counts = connection
            .prepare("SELECT state, n FROM counts WHERE owner = 0 ORDER BY state")
            .expect("a statement");
        let rows = counts.query_map([], |row| Ok((row.get(0)?, row.get(1)?)));
        rows.expect("rows")
            .map(|row| row.expect("numbers"))
            .collect()
    }

    #[test]
    fn counts_are_added_up() {
        assert_eq!(counts_after(""), [(-1, 7), (0, 2)]);
    }

    #[test]
    fn counts_that_cannot_be_true_are_replaced_with_the_number_of_events() {
        for change in [
            "INSERT INTO counts VALUES (77, 0, 9223372036854775807)",
            "INSERT INTO counts VALUES (77, 0, -9223372036854775807 - 1)",
            "INSERT INTO counts VALUES (77, 0, -100)",
            "INSERT INTO counts VALUES (77, 0, 100)",
            "INSERT INTO counts VALUES (77, 5, 1)",
            "INSERT INTO counts VALUES (77, 0, 'x')",
            "INSERT INTO counts VALUES (77, 0, 1.5)",
            "INSERT INTO counts VALUES (77, 99, 4)",
            "INSERT INTO counts VALUES (77, -1, 9223372036854775807)",
        ] {
            assert_eq!(counts_after(change), [(-1, 7), (0, 2)], "{change}");
        }
    }
}
