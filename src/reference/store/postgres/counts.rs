//! How many events are in which state, as each process adds up what it changes itself.

use tokio_postgres::{Client, Error};

use super::session::Transaction;
use crate::reference::store::changes::Changes;
use crate::reference::store::commit_batch::CommitBatch;
use crate::reference::store::totals::{COMMITS, CountSums, Delta};

/// Commits on a page; see `schema_2.sql`.
const PAGE_COMMITS: u32 = 256;

const REGISTER: &str = "INSERT INTO counters VALUES ($1, $2)
    ON CONFLICT (owner) DO UPDATE SET page = counters.page RETURNING page";
const COUNT: &str = "INSERT INTO counts SELECT $1, * FROM unnest($2::smallint[], $3::bigint[])
    ON CONFLICT (owner, state) DO UPDATE SET n = counts.n + excluded.n";
const MOVE: &str = "WITH old AS (DELETE FROM counts WHERE owner = $1 RETURNING state, n)
    INSERT INTO counts SELECT $2, state, n FROM old";
const MOVED: &str = "UPDATE counters SET page = $2 WHERE owner = $1";
const FOLD: &str = "WITH gone AS (DELETE FROM counters WHERE owner = ANY($1) RETURNING page),
        old AS (DELETE FROM counts WHERE owner IN (SELECT page FROM gone) RETURNING state, n)
    INSERT INTO counts SELECT 0, state, sum(n)::bigint FROM old GROUP BY state ORDER BY state
    ON CONFLICT (owner, state) DO UPDATE SET n = counts.n + excluded.n";

/// The owner of rows without a process, in both tables.
const NOBODY: i64 = 0;

/// The rows of `counts` that a process writes to, and whose they are.
#[derive(Clone, Copy)]
pub(super) struct CountsPage {
    owner: i64,
    number: i64,
    commits: u32,
    is_registered: bool,
}

impl CountsPage {
    /// The first page of a process has its own number.
    pub(super) fn first(owner: i64) -> CountsPage {
        CountsPage {
            owner,
            number: owner,
            commits: 0,
            is_registered: false,
        }
    }

    /// For writes outside the main connection: counted at once, as if the process had ended.
    pub(super) fn unowned() -> CountsPage {
        CountsPage {
            is_registered: true,
            ..CountsPage::first(NOBODY)
        }
    }

    /// What the process has changed together, and the page where others find that from now on. Waits for a commit that may
    /// still be under way on the server: it has changed the same rows.
    pub(super) async fn recount(
        self,
        client: &Client,
        owners: &[i64],
    ) -> Result<(CountsPage, Delta), Error> {
        let row = client
            .query_one(REGISTER, &[&self.owner, &self.number])
            .await?;
        let page = CountsPage {
            number: row.get(0),
            is_registered: true,
            ..self
        };
        let nothing: (&[i16], &[i64]) = (&[COMMITS as i16], &[0]);
        client
            .execute(COUNT, &[&page.number, &nothing.0, &nothing.1])
            .await?;
        let own = sums(client, "counters.owner = ANY($1)", owners).await?;
        Ok((page, own.counts))
    }
}

impl Transaction<'_> {
    /// Adds to this process' counts what the transaction changed. Nothing, if nothing did. The page for the next one.
    pub(super) async fn count(
        &mut self,
        changes: &Changes,
        mut page: CountsPage,
        batch: &CommitBatch,
    ) -> Result<CountsPage, Error> {
        let (mut states, mut by) = (Vec::new(), Vec::new());
        for (state, change) in changes.delta.iter().enumerate() {
            if *change != 0 {
                states.push(state as i16);
                by.push(*change);
            }
        }
        if states.is_empty() && !batch.has_probe() {
            return Ok(page);
        }
        states.push(COMMITS as i16);
        by.push(1);
        if !page.is_registered {
            self.query(REGISTER, &[&page.owner, &page.number]).await?;
            page.is_registered = true;
        }
        self.query(COUNT, &[&page.number, &states, &by]).await?;
        if page.owner == NOBODY || page.commits < PAGE_COMMITS {
            let commits = page.commits + 1;
            return Ok(CountsPage { commits, ..page });
        }
        let number = rand::random::<i64>();
        self.query(MOVE, &[&page.number, &number]).await?;
        self.query(MOVED, &[&page.owner, &number]).await?;
        let commits = 0;
        Ok(CountsPage {
            number,
            commits,
            ..page
        })
    }

    /// Adds the counts of these processes to the counts without an owner.
    pub(super) async fn fold(&mut self, owners: &[i64]) -> Result<(), Error> {
        self.query(FOLD, &[&owners]).await.map(drop)
    }
}

/// How often others have committed, and what they have changed together.
pub(super) async fn elsewhere(client: &Client, owners: &[i64]) -> Result<CountSums, Error> {
    sums(client, "counters.owner <> ALL($1)", owners).await
}

async fn sums(client: &Client, whose: &str, owners: &[i64]) -> Result<CountSums, Error> {
    let sql = format!(
        "SELECT state, sum(n)::bigint FROM counters JOIN counts ON counts.owner = page WHERE {whose} GROUP BY state"
    );
    let mut sums = CountSums::default();
    for row in client.query(&sql, &[&owners]).await? {
        sums.put(row.get::<_, i16>(0).into(), row.get(1));
    }
    Ok(sums)
}
