//! One connection that writes, with the statements that were prepared on it.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::timeout;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Config, Error, NoTls, Row, Statement, Transaction};

use super::CONNECT_TIME;

/// Parameters of a statement.
pub(super) type Params<'a> = &'a [&'a (dyn ToSql + Sync)];

/// Every statement finds its rows by an index, whatever the planner knows: it keeps a plan that it made while the tables
/// were empty, and such a plan reads all of them once they are full.
const BY_INDEX: &str =
    "SET enable_seqscan = off; SET enable_bitmapscan = off; SET enable_hashjoin = off;
    SET enable_mergejoin = off";

/// A connection. It ends when it is dropped.
pub(super) struct Session {
    pub(super) client: Client,
    statements: HashMap<&'static str, Statement>,
    /// Runs by name, as far as they are known to be committed.
    pub(super) runs: HashMap<String, i64>,
}

/// A transaction on it; rolled back when dropped.
pub(super) struct Work<'a> {
    pub(super) transaction: Transaction<'a>,
    statements: &'a mut HashMap<&'static str, Statement>,
    pub(super) runs: &'a HashMap<String, i64>,
}

impl Session {
    /// Connects; the error says why not.
    pub(super) async fn connect(config: &Config) -> Result<Session, String> {
        let limit = config
            .get_connect_timeout()
            .copied()
            .unwrap_or(CONNECT_TIME);
        let connecting = timeout(limit + Duration::from_secs(1), config.connect(NoTls)).await;
        let (client, connection) = connecting
            .map_err(|_| "the server does not answer".to_owned())?
            .map_err(|error| super::chain(&error))?;
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection to the database ended");
            }
        });
        let settled = timeout(limit, client.batch_execute(BY_INDEX)).await;
        settled
            .map_err(|_| "the server does not answer".to_owned())?
            .map_err(|error| super::chain(&error))?;
        Ok(Session {
            client,
            statements: HashMap::new(),
            runs: HashMap::new(),
        })
    }

    pub(super) async fn begin(&mut self) -> Result<Work<'_>, Error> {
        Ok(Work {
            transaction: self.client.transaction().await?,
            statements: &mut self.statements,
            runs: &self.runs,
        })
    }
}

impl Work<'_> {
    /// Runs a statement, prepared once a connection.
    pub(super) async fn query(
        &mut self,
        sql: &'static str,
        params: Params<'_>,
    ) -> Result<Vec<Row>, Error> {
        let statement = match self.statements.get(sql) {
            Some(statement) => statement.clone(),
            None => {
                let statement = self.transaction.prepare(sql).await?;
                self.statements.insert(sql, statement.clone());
                statement
            }
        };
        self.transaction.query(&statement, params).await
    }

    /// The same where one attempt may fail without the transaction: `Err` inside is the database's refusal.
    pub(super) async fn try_query(
        &mut self,
        sql: &'static str,
        params: Params<'_>,
    ) -> Result<Result<Vec<Row>, String>, Error> {
        self.transaction.batch_execute("SAVEPOINT try").await?;
        match self.query(sql, params).await {
            Ok(rows) => {
                self.transaction.batch_execute("RELEASE try").await?;
                Ok(Ok(rows))
            }
            Err(error) => {
                // Without the database's own words it is the connection that failed.
                let Some(refusal) = error
                    .as_db_error()
                    .map(|refusal| refusal.message().to_owned())
                else {
                    return Err(error);
                };
                self.transaction.batch_execute("ROLLBACK TO try").await?;
                Ok(Err(refusal))
            }
        }
    }
}
