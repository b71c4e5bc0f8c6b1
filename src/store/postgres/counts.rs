//! How many events are in which state, as each process adds up what it changes itself.

use tokio_postgres::{Client, Error};

use super::session::Work;
use crate::store::commit_queue::{self, Batch};
use crate::store::signals::Changes;
use crate::store::totals::Delta;

/// The state under which commits are counted.
const COMMITS: i16 = -1;
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

/// The rows of `counts` that a process writes to.
#[derive(Clone, Copy)]
pub(super) struct Page {
    number: i64,
    commits: u32,
}

impl Page {
    /// The first page of a process has its own number.
    pub(super) fn first(owner: i64) -> Page {
        Page {
            number: owner,
            commits: 0,
        }
    }

    /// What the process has changed together, and the page where others find that from now on. Waits for a commit that may
    /// still be under way on the server: it has changed the same rows.
    pub(super) async fn recount(self, client: &Client, owner: i64) -> Result<(Page, Delta), Error> {
        let row = client.query_one(REGISTER, &[&owner, &self.number]).await?;
        let page = Page {
            number: row.get(0),
            ..self
        };
        let nothing: (&[i16], &[i64]) = (&[COMMITS], &[0]);
        client
            .execute(COUNT, &[&page.number, &nothing.0, &nothing.1])
            .await?;
        let (_, own) = sums(client, "counters.owner = $1", owner).await?;
        Ok((page, own))
    }
}

impl Work<'_> {
    /// Adds to this process' counts what the transaction changed. Nothing, if nothing did. The page for the next one.
    pub(super) async fn count(
        &mut self,
        changes: &Changes,
        (owner, page): (i64, Page),
        batch: &Batch,
    ) -> Result<Page, Error> {
        let probed = batch
            .work
            .iter()
            .any(|work| matches!(work, commit_queue::Work::Probe { .. }));
        let (mut states, mut by) = (Vec::new(), Vec::new());
        for (state, change) in changes.delta.iter().enumerate() {
            if *change != 0 {
                states.push(state as i16);
                by.push(*change);
            }
        }
        if states.is_empty() && !probed {
            return Ok(page);
        }
        states.push(COMMITS);
        by.push(1);
        self.query(COUNT, &[&page.number, &states, &by]).await?;
        if page.commits < PAGE_COMMITS {
            let commits = page.commits + 1;
            return Ok(Page { commits, ..page });
        }
        let number = rand::random::<i64>();
        self.query(MOVE, &[&page.number, &number]).await?;
        self.query(MOVED, &[&owner, &number]).await?;
        Ok(Page { number, commits: 0 })
    }

    /// Adds what these processes have counted to what nobody owns.
    pub(super) async fn fold(&mut self, owners: &[i64]) -> Result<(), Error> {
        self.query(FOLD, &[&owners]).await.map(drop)
    }
}

/// How often others have committed, and what they have changed together.
pub(super) async fn elsewhere(client: &Client, owner: i64) -> Result<(i64, Delta), Error> {
    sums(client, "counters.owner <> $1", owner).await
}

async fn sums(client: &Client, whose: &str, owner: i64) -> Result<(i64, Delta), Error> {
    let sql = format!(
        "SELECT state, sum(n)::bigint FROM counters JOIN counts ON counts.owner = page WHERE {whose} GROUP BY state"
    );
    let (mut commits, mut counts) = (0, Delta::default());
    for row in client.query(&sql, &[&owner]).await? {
        let (state, n): (i16, i64) = (row.get(0), row.get(1));
        if state == COMMITS {
            commits = n;
        } else if let Some(count) = usize::try_from(state)
            .ok()
            .and_then(|state| counts.get_mut(state))
        {
            *count = n;
        }
    }
    Ok((commits, counts))
}
