//! Hears of other processes' commits, and tells of this one's: LISTEN and NOTIFY, with a look now and then instead of
//! what gets lost.

use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, mpsc, watch};
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_postgres::{AsyncMessage, Client, Error};

use super::address::Address;
use super::counts;
use super::session::BY_INDEX;
use super::{ANSWER_TIME, SILENCE};
use crate::store::signals::Signals;

/// Notifications are gathered for so long: PostgreSQL lets only one transaction at a time send any.
const GATHER: Duration = Duration::from_millis(5);
/// Between two tries to connect.
const RECONNECT: Duration = Duration::from_millis(500);

/// The task that listens.
pub(super) struct Listener {
    pub(super) address: Address,
    pub(super) owner: i64,
    pub(super) signals: Signals,
    /// Rung after a commit of this process.
    pub(super) bell: Arc<Notify>,
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
        let own = self.owner.to_string();
        // Kept over all turns: a process that has much to tell and hear looks all the same.
        let mut next_look = self.look(client).await?;
        loop {
            tokio::select! {
                heard = hearing.recv() => match heard {
                    None => return Ok(()),
                    Some(sender) if sender == own => {}
                    Some(_) => {
                        next_look = self.look(client).await?;
                        sleep(GATHER).await;
                    }
                },
                () = self.bell.notified() => {
                    answer(client.execute("SELECT pg_notify($1, $2)", &[&channel, &own])).await?;
                    sleep(GATHER).await;
                }
                () = sleep_until(next_look) => next_look = self.look(client).await?,
            }
        }
    }

    /// Looks what others have done; when to look again.
    async fn look(&mut self, client: &Client) -> Result<Instant, String> {
        let (commits, counts) = answer(counts::elsewhere(client, self.owner)).await?;
        if commits != self.commits {
            self.commits = commits;
            self.signals.publish_elsewhere(&counts);
        }
        Ok(Instant::now() + self.look_every)
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
