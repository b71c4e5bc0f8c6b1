//! One connection that writes, with the statements that were prepared on it.

use std::collections::HashMap;
use std::time::Duration;

use tokio::join;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Error, Row, Statement};

use super::answer::within;
use super::clock::{self, ClockReading};
use super::commit_failure::TransactionError;
use super::database_address::{DatabaseAddress, Tls};
use super::sqlstate::{is_locked, is_of_the_event};
use super::wake_hints::WakeHints;
use crate::reference::store::boot::boot_ms;

/// Parameters of a statement.
pub(super) type Params<'a> = &'a [&'a (dyn ToSql + Sync)];

/// Every statement finds its rows by an index, whatever the planner knows: it keeps a plan that it made while the tables
/// were empty, and such a plan reads all of them once they are full. A small table without an index to go by then seems so
/// dear that the server would compile the plan, for a third of a second each time.
pub(super) const BY_INDEX: &str =
    "SET enable_seqscan = off; SET enable_bitmapscan = off; SET enable_hashjoin = off;
    SET enable_mergejoin = off; SET jit = off";
/// The server itself ends what this process will not: a machine that loses its power in the middle of a transaction
/// would keep its locks for hours, and every waiting session would wait as long. A lock is waited for less long than a
/// statement may take, a statement less long than a transaction, and a transaction whose client is silent for longer
/// than any may take has lost it.
const LIMITS: &str =
    "SET statement_timeout = '8s'; SET idle_in_transaction_session_timeout = '12s'";
/// Whatever the role or the database prefers: the statements are written for this one.
///
/// Nearly every transaction writes to `jobs`. While another session has locked the table, no statement can continue, so
/// the lock is checked first, and the wait is longer than for a row.
const BEGIN: &str = "START TRANSACTION ISOLATION LEVEL READ COMMITTED;
    SET LOCAL lock_timeout = '1500ms'; LOCK TABLE jobs IN ROW EXCLUSIVE MODE";
/// A COMMIT whose statement is timed out while it waits for a standby reports success.
const COMMIT: &str = "SET LOCAL statement_timeout = 0; COMMIT";
/// Fails unless every one of these tables still exists and is durable. Asked after the last change and before the
/// commit: during the transaction no other session can alter the tables that it has written to.
const LASTING: &str = "SELECT 1 / (count(*) = cardinality($1::oid[]))::int FROM pg_class
    WHERE oid = ANY($1) AND relpersistence = 'p'";
/// How long the server may take to hear that a statement is not waited for any more.
const CANCEL_TIME: Duration = Duration::from_secs(2);

/// A connection. It ends when it is dropped, once the server has answered.
pub(super) struct Session {
    pub(super) client: Client,
    connection: JoinHandle<()>,
    /// A request to cancel has a connection of its own.
    tls: Tls,
    statements: HashMap<&'static str, Statement>,
    /// Runs by name, as far as they are known to be committed.
    pub(super) runs: HashMap<String, i64>,
    /// The tables that were found durable.
    pub(super) tables: Vec<u32>,
    begin: String,
}

/// How long a session waits for a lock of another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LockTimeout {
    /// All other work would wait with it: as long as a commit elsewhere may take, and no longer.
    Short,
    /// It has nothing else to do.
    Long,
}

impl LockTimeout {
    fn sql(self) -> &'static str {
        match self {
            LockTimeout::Short => "SET lock_timeout = '200ms'",
            LockTimeout::Long => "SET lock_timeout = '3s'",
        }
    }
}

/// A transaction on it. What is neither committed nor rolled back ends with the session.
pub(super) struct Transaction<'a> {
    client: &'a Client,
    statements: &'a mut HashMap<&'static str, Statement>,
    pub(super) runs: &'a HashMap<String, i64>,
    tables: &'a Vec<u32>,
    pub(super) hints: WakeHints,
}

impl Session {
    /// Connects within the address' time; the error says why not.
    pub(super) async fn connect(
        address: &DatabaseAddress,
        patience: LockTimeout,
    ) -> Result<Session, String> {
        within(address.connect_time, Session::open(address, patience)).await
    }

    async fn open(address: &DatabaseAddress, patience: LockTimeout) -> Result<Session, Error> {
        let (client, connection) = address.connect().await?;
        let connection = tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection to the database ended");
            }
        });
        client.batch_execute(BY_INDEX).await?;
        client.batch_execute(LIMITS).await?;
        client.batch_execute(patience.sql()).await?;
        Ok(Session {
            client,
            connection,
            tls: address.tls.clone(),
            statements: HashMap::new(),
            runs: HashMap::new(),
            tables: Vec::new(),
            begin: format!("{BEGIN}; {}", patience.sql()),
        })
    }

    /// Sets the lock timeout from now on.
    pub(super) async fn be(&self, patience: LockTimeout) -> Result<(), Error> {
        self.client.batch_execute(patience.sql()).await
    }

    /// A transaction, and the server's time in it.
    pub(super) async fn begin(
        &mut self,
    ) -> Result<(Transaction<'_>, ClockReading), TransactionError> {
        let mut work = Transaction {
            client: &self.client,
            statements: &mut self.statements,
            runs: &self.runs,
            tables: &self.tables,
            hints: WakeHints::default(),
        };
        let now = work.statement(clock::READ).await?;
        let asked_ms = boot_ms();
        // Sent in this order, and waited for together.
        let (begun, row) = join!(
            biased;
            work.client.batch_execute(&self.begin),
            work.client.query_one(&now, &[])
        );
        match begun {
            Err(error) if error.code().is_some_and(is_locked) => {
                return Err(TransactionError::TableLocked);
            }
            begun => begun?,
        }
        let row = row?;
        let reading = ClockReading {
            server_ms: row.get(0),
            offset_ms: row.get(1),
            asked_ms,
            answered_ms: boot_ms(),
        };
        Ok((work, reading))
    }

    /// Ends the transaction under way as if it had not been.
    pub(super) async fn roll_back(&self) -> Result<(), Error> {
        self.client.batch_execute("ROLLBACK").await
    }

    /// Gives the session up while the server owes an answer, which a session that is only dropped would wait for, and the
    /// server with it.
    pub(super) fn abandon(self) {
        let cancel = self.client.cancel_token();
        tokio::spawn(async move {
            if !matches!(
                timeout(CANCEL_TIME, cancel.cancel_query(self.tls)).await,
                Ok(Ok(()))
            ) {
                tracing::debug!("cannot cancel the statement on the server");
            }
            self.connection.abort();
        });
    }
}

impl Transaction<'_> {
    /// Commits, if its tables are durable.
    pub(super) async fn commit(mut self) -> Result<(), TransactionError> {
        let lasting = self.statement(LASTING).await?;
        let tables: Params<'_> = &[self.tables];
        // Sent in this order and awaited together: an earlier failure turns the commit into a roll-back.
        let (checked, committed) = join!(
            biased;
            self.client.query_one(&lasting, tables),
            self.client.batch_execute(COMMIT)
        );
        match checked {
            Err(error) if error.code() == Some(&SqlState::DIVISION_BY_ZERO) => {
                Err(TransactionError::Changed)
            }
            Err(error) => Err(error.into()),
            Ok(_) => Ok(committed?),
        }
    }

    /// Runs a statement, prepared once a connection.
    pub(super) async fn query(
        &mut self,
        sql: &'static str,
        params: Params<'_>,
    ) -> Result<Vec<Row>, Error> {
        let statement = self.statement(sql).await?;
        self.client.query(&statement, params).await
    }

    async fn statement(&mut self, sql: &'static str) -> Result<Statement, Error> {
        if let Some(statement) = self.statements.get(sql) {
            return Ok(statement.clone());
        }
        let statement = self.client.prepare(sql).await?;
        self.statements.insert(sql, statement.clone());
        Ok(statement)
    }

    /// The same where one attempt may fail without the transaction: `Err` inside is the database's refusal.
    pub(super) async fn try_query(
        &mut self,
        sql: &'static str,
        params: Params<'_>,
    ) -> Result<Result<Vec<Row>, String>, Error> {
        let statement = self.statement(sql).await?;
        // Sent in this order, and waited for together: after a refusal the savepoint is not released either.
        let (saved, tried, released) = join!(
            biased;
            self.client.batch_execute("SAVEPOINT try"),
            self.client.query(&statement, params),
            self.client.batch_execute("RELEASE try"),
        );
        saved?;
        match tried {
            Ok(rows) => {
                released?;
                Ok(Ok(rows))
            }
            Err(error) => {
                let refusal = error
                    .as_db_error()
                    .filter(|refusal| is_of_the_event(refusal.code()) || is_locked(refusal.code()))
                    .map(|refusal| {
                        if is_locked(refusal.code()) {
                            "another session has locked it".to_owned()
                        } else {
                            refusal.message().to_owned()
                        }
                    });
                let Some(refusal) = refusal else {
                    return Err(error);
                };
                self.client.batch_execute("ROLLBACK TO try").await?;
                Ok(Err(refusal))
            }
        }
    }
}
