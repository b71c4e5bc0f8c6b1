//! Hears from other processes, and tells them of commits: LISTEN and NOTIFY, with a look now and then instead of what gets
//! lost.

use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_postgres::types::ToSql;
use tokio_postgres::{AsyncMessage, Client, Error, Statement};

use super::address::Address;
use super::counts;
use super::session::BY_INDEX;
use super::wake::{Bell, Message};
use super::{ANSWER_TIME, Owners, SILENCE};
use crate::store::signals::Signals;
use crate::store::totals::Delta;

/// Notifications are gathered for so long: PostgreSQL lets only one transaction at a time send any.
const GATHER: Duration = Duration::from_millis(5);
/// So soon after others have settled events this process counts them as settled.
const COUNTS_WITHIN: Duration = Duration::from_millis(250);
/// Between two tries to connect.
const RECONNECT: Duration = Duration::from_millis(500);

/// After so long without a report a process is told of nothing.
const HEARD_MS: i64 = 15_000;
const NOTIFY: &str = "SELECT pg_notify($1, message) FROM unnest($2::text[]) AS told(message)";

/// What there is to see: counts of others, other processes that claim events, and whether anything is due.
fn look_sql() -> String {
    let now = super::clock::NOW_MS;
    format!(
        "SELECT 0, state, sum(n)::bigint FROM counters JOIN counts ON counts.owner = page
            WHERE counters.owner <> ALL($1) GROUP BY state
        UNION ALL SELECT 1, 0::smallint, owner FROM processes
            WHERE seen_ms >= {now} - $2::bigint AND owner <> ALL($1)
            AND EXISTS (SELECT FROM counters WHERE counters.owner = processes.owner AND claims)
        UNION ALL SELECT 2, 0::smallint, 1 WHERE EXISTS (SELECT FROM jobs WHERE state = 0 AND state < 5)
            OR EXISTS (SELECT FROM jobs WHERE state = 1 AND state < 5 AND due_ms <= {now})
            OR EXISTS (SELECT FROM jobs WHERE state = 2 AND state < 5 AND due_ms <= {now})"
    )
}

/// Prepared once a connection: to prepare a statement is a transaction too.
struct Statements {
    look: Statement,
    notify: Statement,
    channel: String,
}

/// The task that listens.
pub(super) struct Listener {
    pub(super) address: Address,
    pub(super) owners: Owners,
    pub(super) signals: Signals,
    /// Rung after a commit of this process.
    pub(super) bell: Arc<Bell>,
    /// How often others had committed when they were last looked at.
    pub(super) commits: i64,
    /// Between two looks when no notification comes.
    pub(super) look_every: Duration,
}

impl Listener {
    /// Listens until told to stop, on one connection after the other.
    pub(super) async fn run(mut self, mut stopped: watch::Receiver<bool>) {
        let listen = async {
            loop {
                if let Err(error) = self.listen().await {
                    tracing::debug!(error, "not listening to the database");
                }
                sleep(RECONNECT).await;
            }
        };
        tokio::select! {
            () = listen => {}
            _ = stopped.wait_for(|stop| *stop) => {}
        }
    }

    /// Listens as long as the connection lasts.
    async fn listen(&mut self) -> Result<(), String> {
        let connecting = timeout(self.address.connect_time, self.address.connect()).await;
        let (client, mut connection) = connecting
            .map_err(|_| SILENCE.to_owned())?
            .map_err(|error| super::chain(&error))?;
        let (heard, mut hearing) = mpsc::channel(1024);
        let connection = tokio::spawn(async move {
            while let Some(Ok(message)) = poll_fn(|cx| connection.poll_message(cx)).await {
                if let AsyncMessage::Notification(notification) = message {
                    // Full: a look is under way already.
                    let _ = heard.try_send(notification.payload().to_owned());
                }
            }
        });
        let listening = self.attend(&client, &mut hearing).await;
        connection.abort();
        listening
    }

    async fn attend(
        &mut self,
        client: &Client,
        hearing: &mut mpsc::Receiver<String>,
    ) -> Result<(), String> {
        answer(client.batch_execute(BY_INDEX)).await?;
        let channel = answer(channel(client)).await?;
        let listen = format!("LISTEN \"{channel}\"");
        answer(client.batch_execute(&listen)).await?;
        let statements = Statements {
            look: answer(client.prepare(&look_sql())).await?,
            notify: answer(client.prepare(NOTIFY)).await?,
            channel,
        };
        // Kept over all turns: a process that has much to tell and hear looks all the same.
        let mut next_look = self.look(client, &statements).await?;
        loop {
            tokio::select! {
                heard = hearing.recv() => match heard {
                    None => return Ok(()),
                    Some(text) => if let Some(within) = self.hear(Message::read(&text)) {
                        next_look = next_look.min(Instant::now() + within);
                    },
                },
                () = self.bell.rung() => {
                    self.tell(client, &statements).await?;
                    sleep(GATHER).await;
                }
                () = sleep_until(next_look) => next_look = self.look(client, &statements).await?,
            }
        }
    }

    /// Takes note of what another process says; within what time that is a reason to look.
    fn hear(&self, message: Option<Message>) -> Option<Duration> {
        let own = self.owners.process();
        match message {
            Some(Message::Work { from, .. } | Message::Settled { from, .. }) if from == own => None,
            Some(Message::Settled { events, .. }) => {
                self.signals.watchers.settle(&events);
                Some(COUNTS_WITHIN)
            }
            Some(Message::Work { to, hops, .. }) if to == own => {
                if !self.signals.is_idle() {
                    self.bell.pass_on(hops);
                }
                // Kept for whoever is idle next.
                self.signals.work.notify_one();
                None
            }
            Some(Message::Work { to, .. }) if to != 0 => None,
            Some(Message::Work { .. }) | None => {
                self.signals.work.notify_one();
                Some(GATHER)
            }
        }
    }

    async fn tell(&self, client: &Client, statements: &Statements) -> Result<(), String> {
        let messages = self.bell.take(self.owners.process());
        if !messages.is_empty() {
            let parameters: [&(dyn ToSql + Sync); 2] = [&statements.channel, &messages];
            answer(client.execute(&statements.notify, &parameters)).await?;
        }
        Ok(())
    }

    /// Looks what others have done; when to look again. Not all processes look at the same time.
    async fn look(&mut self, client: &Client, statements: &Statements) -> Result<Instant, String> {
        let owners = self.owners.all();
        let parameters: [&(dyn ToSql + Sync); 2] = [&owners, &HEARD_MS];
        let rows = answer(client.query(&statements.look, &parameters)).await?;
        let (mut commits, mut counts) = (0, Delta::default());
        let (mut peers, mut is_due) = (Vec::new(), false);
        for row in rows {
            let (kind, state, n): (i32, i16, i64) = (row.get(0), row.get(1), row.get(2));
            match kind {
                0 => counts::put((state, n), &mut commits, &mut counts),
                1 => peers.push(n),
                _ => is_due = true,
            }
        }
        self.bell.set_peers(peers);
        if commits != self.commits {
            self.commits = commits;
            self.signals.counted_elsewhere(&counts);
        }
        if is_due && self.signals.is_idle() {
            self.signals.work.notify_one();
        }
        Ok(Instant::now() + self.look_every.mul_f64(rand::random_range(0.8..1.2)))
    }
}

/// Waits for the server's answer, but not for ever.
async fn answer<T>(asked: impl Future<Output = Result<T, Error>>) -> Result<T, String> {
    let answered = timeout(ANSWER_TIME, asked).await;
    answered
        .map_err(|_| SILENCE.to_owned())?
        .map_err(|error| super::chain(&error))
}

/// Notifications are per database; stores in different schemas of one must not wake each other.
async fn channel(client: &Client) -> Result<String, Error> {
    let sql = "SELECT 'a7probe_' || left(md5(current_schema()), 16)";
    Ok(client.query_one(sql, &[]).await?.get(0))
}
