//! Whether a commit of this server is worth a promise, and stays so as long as the connection lasts.

use std::sync::Once;

use tokio_postgres::Client;

use super::migrate::{DatabaseRefusal, SEQUENCES, TABLES};

/// What decides whether a commit that has returned is on disk.
const SETTINGS: &str = "SELECT current_setting('synchronous_commit'), current_setting('fsync'),
    current_setting('full_page_writes')";
/// The settings stay as checked, even if those of the role, the database or the server change later.
const PIN: &str = "SELECT set_config('synchronous_commit', $1, false)";

/// A commit that returns before the log is on disk would be a promise without a ground.
pub(super) async fn assert_durable(client: &Client) -> Result<(), DatabaseRefusal> {
    let row = client.query_one(SETTINGS, &[]).await?;
    let [synchronous_commit, fsync, full_page_writes]: [String; 3] =
        [row.get(0), row.get(1), row.get(2)];
    if synchronous_commit == "off" {
        return Err(DatabaseRefusal::Unusable(
            "synchronous_commit is off, so a power failure may lose a commit; enable it for this role or database: ALTER ROLE … SET synchronous_commit = on"
                .to_owned(),
        ));
    }
    if fsync == "off" {
        return Err(DatabaseRefusal::Unusable(
            "fsync is off, so a power failure may lose every event; set fsync = on in postgresql.conf".to_owned(),
        ));
    }
    if full_page_writes == "off" {
        // Only a warning, and only once: there are file systems that never write half a page.
        static WARNED: Once = Once::new();
        WARNED.call_once(|| tracing::warn!(
            "full_page_writes is off on the PostgreSQL server: unless its file system never writes half a page, a 202 does not survive a power cut\nhint: set full_page_writes = on in postgresql.conf"
        ));
    }
    refuse_unlogged(client).await?;
    client.query_one(PIN, &[&synchronous_commit]).await?;
    Ok(())
}

/// The tables as they are found by their names, with the mark of those that a crash empties.
const FOUND: &str = "SELECT name, pg_class.oid, coalesce(relpersistence = 'p', false)
    FROM unnest($1::text[]) AS named(name) LEFT JOIN pg_class ON pg_class.oid = to_regclass(name) ORDER BY name";

/// A crash of the server empties an UNLOGGED table, including committed rows.
async fn refuse_unlogged(client: &Client) -> Result<(), DatabaseRefusal> {
    let names: Vec<&str> = TABLES.into_iter().chain(SEQUENCES).collect();
    for row in client.query(FOUND, &[&names]).await? {
        let (name, oid, lasts): (&str, Option<u32>, bool) = (row.get(0), row.get(1), row.get(2));
        match oid {
            Some(_) if lasts => {}
            None if SEQUENCES.contains(&name) => {}
            None => {
                return Err(DatabaseRefusal::Unusable(format!(
                    "the table {name} is missing"
                )));
            }
            Some(_) => {
                return Err(DatabaseRefusal::Unusable(format!(
                    "{name} is UNLOGGED, so a crash of the server empties it; make it durable: ALTER TABLE {} SET LOGGED",
                    name.split_once("_seq")
                        .map_or(name, |(of, _)| of.split('_').next().unwrap_or(of)),
                )));
            }
        }
    }
    Ok(())
}

/// The tables, by their object ids, which last until they are dropped.
pub(super) async fn tables(client: &Client) -> Result<Vec<u32>, tokio_postgres::Error> {
    let names: Vec<&str> = TABLES.into_iter().chain(SEQUENCES).collect();
    let rows = client.query(FOUND, &[&names]).await?;
    Ok(rows.iter().filter_map(|row| row.get(1)).collect())
}
