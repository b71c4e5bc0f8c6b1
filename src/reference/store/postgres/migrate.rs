//! Brings the schema up to date, one process at a time: at the start, and after the database was created again.

use tokio_postgres::Client;

use super::answer::chain;
use crate::reference::store::{Location, OpenError};

/// What turns each version of the schema into the next; the first one starts from nothing.
const MIGRATIONS: [&str; 4] = [
    include_str!("schema_1.sql"),
    include_str!("schema_2.sql"),
    include_str!("schema_3.sql"),
    include_str!("schema_4.sql"),
];
pub(super) const TABLES: [&str; 9] = [
    "jobs",
    "runs",
    "events",
    "effects",
    "counts",
    "counters",
    "processes",
    "a7probe_schema",
    "a7probe_clock",
];
/// The sequences of their rows.
pub(super) const SEQUENCES: [&str; 2] = ["jobs_seq_seq", "runs_id_seq"];
/// The advisory lock during a migration: "a7pr".
const LOCK: i64 = 0x6137_7072;
/// Another process may be at it, and a large table may take its time.
const LIMITS: &str = "SET LOCAL lock_timeout = '60s'; SET LOCAL statement_timeout = 0";

/// Why a database cannot be used.
pub(super) enum DatabaseRefusal {
    Unusable(String),
    /// It is not ours, or of a later version.
    Foreign(String),
}

impl DatabaseRefusal {
    pub(super) fn into_open_error(self, url: &str) -> OpenError {
        let store = Location::Postgres(url.to_owned());
        match self {
            DatabaseRefusal::Unusable(reason) => OpenError::Unusable { store, reason },
            DatabaseRefusal::Foreign(found) => OpenError::Foreign { store, found },
        }
    }
}

impl From<tokio_postgres::Error> for DatabaseRefusal {
    fn from(error: tokio_postgres::Error) -> DatabaseRefusal {
        DatabaseRefusal::Unusable(chain(&error))
    }
}

/// All migrations that are missing, in one transaction.
pub(super) async fn migrate(client: &mut Client) -> Result<(), DatabaseRefusal> {
    let transaction = client.transaction().await?;
    transaction.batch_execute(LIMITS).await?;
    transaction
        .execute("SELECT pg_advisory_xact_lock($1)", &[&LOCK])
        .await?;
    let known: bool = transaction
        .query_one("SELECT to_regclass('a7probe_schema') IS NOT NULL", &[])
        .await?
        .get(0);
    let version: i32 = if known {
        transaction
            .query_opt("SELECT version FROM a7probe_schema", &[])
            .await?
            .ok_or_else(|| {
                DatabaseRefusal::Foreign("its table a7probe_schema is empty".to_owned())
            })?
            .get(0)
    } else {
        refuse_foreign(&transaction).await?;
        transaction
            .batch_execute(
                "CREATE TABLE a7probe_schema (version integer NOT NULL);
                 INSERT INTO a7probe_schema VALUES (0)",
            )
            .await?;
        0
    };
    let newest = MIGRATIONS.len() as i32;
    if version > newest {
        return Err(DatabaseRefusal::Foreign(format!(
            "its schema has version {version}, not {newest}"
        )));
    }
    for sql in MIGRATIONS.iter().skip(version.max(0) as usize) {
        transaction.batch_execute(sql).await?;
    }
    if version < newest {
        transaction
            .execute("UPDATE a7probe_schema SET version = $1", &[&newest])
            .await?;
    }
    Ok(transaction.commit().await?)
}

/// Tables of these names without our other tables belong to another program.
async fn refuse_foreign(
    transaction: &tokio_postgres::Transaction<'_>,
) -> Result<(), DatabaseRefusal> {
    let sql = "SELECT string_agg(name, ', ') FROM unnest(ARRAY['jobs', 'runs', 'events', 'effects', 'counts', 'counters', 'processes']) AS t(name)
        WHERE to_regclass(name) IS NOT NULL";
    let taken: Option<String> = transaction.query_one(sql, &[]).await?.get(0);
    match taken {
        None => Ok(()),
        Some(names) => Err(DatabaseRefusal::Foreign(format!(
            "another program has tables in this schema ({names}); use a separate schema: ?options=-csearch_path%3DNAME"
        ))),
    }
}
