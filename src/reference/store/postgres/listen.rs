//! Receives and sends notifications of commits: LISTEN and NOTIFY, with a periodic look that replaces lost ones.

use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, sleep_until};
use tokio_postgres::types::ToSql;
use tokio_postgres::{AsyncMessage, Client, Statement};
use uuid::Uuid;

use super::answer::{answer, within};
use super::columns::event_id;
use super::database_address::DatabaseAddress;
use super::notifier::{WakeMessage, WakeNotifier};
use super::owners::Owners;
use super::session::BY_INDEX;
use crate::reference::store::EventId;
use crate::reference::store::signals::CommitSignals;
use crate::reference::store::totals::CountSums;

/// Notifications are gathered for this time: PostgreSQL lets only one transaction at a time send any.
const GATHER: Duration = Duration::from_millis(5);
/// Between two tries to connect.
const RECONNECT: Duration = Duration::from_millis(500);

/// A process that has not reported for this long is not notified.
const REPORTED_MS: i64 = 15_000;
/// Between two looks at the events that a client waits for.
const WATCH_EVERY: Duration = Duration::from_millis(50);
/// How often a process without a place looks for one.
const LOOK_FOR_A_PLACE: Duration = Duration::from_secs(1);
const NOTIFY: &str = "SELECT pg_notify($1, message) FROM unnest($2::text[]) AS notices(message)";
const SETTLED: &str = "SELECT event_id FROM jobs WHERE event_id = ANY($1) AND state > 2";

/// One look: counts of others, the processes that listen, whether anything is due, and a place for a process that wants
/// to listen. Every notification is a transaction of every session that listens, so there are two places.
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
            OR EXISTS (SELECT FROM jobs WHERE state = 2 AND state < 5 AND due_ms <= {now})
        UNION ALL SELECT 3, 0::smallint, CASE WHEN NOT $3::boolean THEN 0
            WHEN pg_try_advisory_lock($4::int, 1) THEN 1 WHEN pg_try_advisory_lock($4::int, 2) THEN 2 ELSE 0 END"
    )
}

/// A connection with its prepared statements: preparing a statement is a transaction too.
struct ListenConnection<'a> {
    client: &'a Client,
    look: Statement,
    notify: Statement,
    settled: Statement,
    channel: String,
    /// The keys of the locks that stand for the places.
    places: i32,
    /// The place from which this process listens.
    place: Option<i64>,
}

impl<'a> ListenConnection<'a> {
    async fn open(client: &'a Client) -> Result<ListenConnection<'a>, String> {
        answer(client.batch_execute(BY_INDEX)).await?;
        let row = answer(client.query_one(CHANNEL, &[])).await?;
        Ok(ListenConnection {
            client,
            look: answer(client.prepare(&look_sql())).await?,
            notify: answer(client.prepare(NOTIFY)).await?,
            settled: answer(client.prepare(SETTLED)).await?,
            channel: row.get(0),
            places: row.get(1),
            place: None,
        })
    }

    async fn listen(&mut self, place: i64, owner: i64) -> Result<(), String> {
        let channel = &self.channel;
        let sql = format!(
            "LISTEN \"{channel}\"; UPDATE counters SET claims = true WHERE owner = {owner}"
        );
        answer(self.client.batch_execute(&sql)).await?;
        self.place = Some(place);
        Ok(())
    }

    /// Leaves the place to a process with an idle worker.
    async fn leave(&mut self, owner: i64) -> Result<(), String> {
        if let Some(place) = self.place.take() {
            let places = self.places;
            let sql = format!(
                "UNLISTEN *; UPDATE counters SET claims = false WHERE owner = {owner};
                SELECT pg_advisory_unlock({places}, {place})"
            );
            answer(self.client.batch_execute(&sql)).await?;
        }
        Ok(())
    }
}

/// The task that listens.
pub(super) struct Listener {
    pub(super) address: DatabaseAddress,
    pub(super) owners: Owners,
    pub(super) signals: CommitSignals,
    /// Rung after a commit of this process.
    pub(super) notifier: Arc<WakeNotifier>,
    /// How often others had committed when they were last looked at.
    pub(super) commits: i64,
    /// Between two looks when no notification comes.
    pub(super) look_every: Duration,
}

impl Listener {
    /// Listens until the shutdown, on one connection after the other.
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
        let connecting = self.address.connect();
        let (client, mut connection) = within(self.address.connect_time, connecting).await?;
        let (received, mut messages) = mpsc::channel(1024);
        let connection = tokio::spawn(async move {
            while let Some(Ok(message)) = poll_fn(|cx| connection.poll_message(cx)).await {
                if let AsyncMessage::Notification(notification) = message {
                    // Full: a look is under way already.
                    let _ = received.try_send(notification.payload().to_owned());
                }
            }
        });
        let listening = self.attend(&client, &mut messages).await;
        connection.abort();
        listening
    }

    async fn attend(
        &mut self,
        client: &Client,
        messages: &mut mpsc::Receiver<String>,
    ) -> Result<(), String> {
        let (mut connection, own) = (ListenConnection::open(client).await?, self.owners.process());
        // Kept over all turns: a process that has much to tell and hear looks all the same.
        let mut next_look = self.look(&mut connection).await?;
        let mut watch = interval(WATCH_EVERY);
        watch.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                received = messages.recv() => match received {
                    None => return Ok(()),
                    Some(text) => match self.receive(WakeMessage::read(&text)) {
                        AfterMessage::Nothing => {}
                        AfterMessage::Look => next_look = next_look.min(Instant::now() + GATHER),
                        AfterMessage::NoTime => connection.leave(own).await?,
                    },
                },
                () = self.notifier.changed() => {
                    self.notify(&connection).await?;
                    sleep(GATHER).await;
                }
                () = sleep_until(next_look) => next_look = self.look(&mut connection).await?,
                _ = watch.tick() => self.watch(&connection).await?,
            }
        }
    }

    /// Handles a notification of another process.
    fn receive(&self, message: Option<WakeMessage>) -> AfterMessage {
        let own = self.owners.process();
        let Some(WakeMessage { from, to, hops }) = message else {
            return AfterMessage::Look;
        };
        if from == own || to != own && to != 0 {
            return AfterMessage::Nothing;
        }
        let has_time = self.signals.is_idle();
        // Kept for the next worker that is idle.
        self.signals.work.notify_one();
        if !has_time {
            self.notifier.pass_on(hops);
            return AfterMessage::NoTime;
        }
        if to == own {
            AfterMessage::Nothing
        } else {
            AfterMessage::Look
        }
    }

    async fn notify(&self, connection: &ListenConnection<'_>) -> Result<(), String> {
        let messages = self.notifier.take(self.owners.process());
        if !messages.is_empty() {
            let parameters: [&(dyn ToSql + Sync); 2] = [&connection.channel, &messages];
            answer(connection.client.execute(&connection.notify, &parameters)).await?;
        }
        Ok(())
    }

    /// Checks whether events have settled that a client of this process waits for: no notification reports that.
    async fn watch(&self, connection: &ListenConnection<'_>) -> Result<(), String> {
        let watched = self.signals.watchers.watched();
        if watched.is_empty() {
            return Ok(());
        }
        let ids: Vec<Uuid> = watched.into_iter().map(EventId::uuid).collect();
        let rows = answer(connection.client.query(&connection.settled, &[&ids])).await?;
        let settled: Vec<EventId> = rows.iter().map(|row| event_id(row, 0)).collect();
        self.signals.watchers.settle(&settled);
        Ok(())
    }

    /// Looks at the work of others, and for a place. Returns the time of the next look. Not all processes look at the
    /// same time.
    async fn look(&mut self, connection: &mut ListenConnection<'_>) -> Result<Instant, String> {
        let owners = self.owners.all();
        let wants_a_place = connection.place.is_none() && self.signals.is_idle();
        let parameters: [&(dyn ToSql + Sync); 4] =
            [&owners, &REPORTED_MS, &wants_a_place, &connection.places];
        let rows = answer(connection.client.query(&connection.look, &parameters)).await?;
        let mut sums = CountSums::default();
        let (mut peers, mut is_due, mut place) = (Vec::new(), false, 0);
        for row in rows {
            let (kind, state, n): (i32, i16, i64) = (row.get(0), row.get(1), row.get(2));
            match kind {
                0 => sums.put(state.into(), n),
                1 => peers.push(n),
                2 => is_due = true,
                _ => place = n,
            }
        }
        self.notifier.set_peers(peers);
        if sums.commits != self.commits {
            self.commits = sums.commits;
            self.signals.totals.set_elsewhere(&sums.counts);
        }
        if place > 0 {
            connection.listen(place, self.owners.process()).await?;
        }
        // Notifications from before this process listened did not reach it.
        if (is_due || place > 0) && self.signals.is_idle() {
            self.signals.work.notify_one();
        }
        let every = match connection.place {
            Some(_) => self.look_every,
            None => self.look_every.min(LOOK_FOR_A_PLACE),
        };
        Ok(Instant::now() + every.mul_f64(rand::random_range(0.8..1.2)))
    }
}

/// The effect of a notification.
enum AfterMessage {
    Nothing,
    /// There is reason to look.
    Look,
    /// This process has no idle worker for the notification.
    NoTime,
}

/// Notifications and locks are per database; stores in different schemas of one must not wake each other.
const CHANNEL: &str = "SELECT 'a7probe_' || left(md5(current_schema()), 16), hashtext('a7probe ' || current_schema())";
