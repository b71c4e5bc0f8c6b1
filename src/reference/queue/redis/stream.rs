//! Event ids in a Redis stream with one consumer group. An entry lives until it is acknowledged, then it is deleted,
//! so that the stream is as long as what is not done.

use std::time::Duration;

use redis::Pipeline;
use redis::aio::MultiplexedConnection;
use redis::streams::{StreamAutoClaimReply, StreamId, StreamInfoConsumersReply, StreamReadReply};
use tokio::time::Instant;
use uuid::Uuid;

use super::super::broker::{JobReceiver, QueueOptions};
use super::super::delivery::{DeliveryHandle, Received, ReceivedJob, Settlement};
use super::super::dispatch::Dispatch;
use super::super::error::{BrokerFuture, QueueError};
use super::connection::{DEAD_LETTERS, connect, run, transaction};

const GROUP: &str = "a7probe";
const FIELD: &str = "event_id";
/// How long one read waits for an entry.
const BLOCK: Duration = Duration::from_secs(1);

/// Adds one entry to a batch.
pub(super) fn add(batch: &mut Pipeline, queue: &str, event_id: &str) {
    batch.cmd("XADD").arg(queue).arg("*");
    batch.arg(FIELD).arg(event_id).ignore();
}

/// Acknowledges and deletes one entry.
fn forget(batch: &mut Pipeline, queue: &str, entry: &str) {
    batch.cmd("XACK").arg(queue).arg(GROUP).arg(entry).ignore();
    batch.cmd("XDEL").arg(queue).arg(entry).ignore();
}

/// Reads as one consumer of the group.
pub(super) struct StreamReceiver {
    queue: String,
    consumer: String,
    options: QueueOptions,
    /// Reads block, so they have a connection of their own.
    reading: MultiplexedConnection,
    settling: MultiplexedConnection,
    reclaimed: Option<Instant>,
}

impl StreamReceiver {
    pub(super) async fn open(
        dispatch: &Dispatch,
        options: &QueueOptions,
        name: Uuid,
    ) -> Result<Box<dyn JobReceiver>, QueueError> {
        let mut settling = connect(dispatch, options.deadline).await?;
        make_group(&mut settling, dispatch.queue()).await?;
        Ok(Box::new(StreamReceiver {
            queue: dispatch.queue().to_owned(),
            consumer: name.to_string(),
            options: *options,
            reading: connect(dispatch, options.deadline + BLOCK).await?,
            settling,
            reclaimed: None,
        }))
    }

    async fn next(&mut self) -> Result<Vec<Received>, QueueError> {
        let pause = self.options.redelivery / 4;
        if self.reclaimed.is_none_or(|last| last.elapsed() >= pause) {
            let reclaimed = self.reclaim().await?;
            if !reclaimed.is_empty() {
                return Ok(self.received(reclaimed));
            }
            self.reclaimed = Some(Instant::now());
        }
        let mut read = self.read();
        read.arg("BLOCK").arg(BLOCK.as_millis() as u64);
        read.arg("STREAMS").arg(&self.queue).arg(">");
        let entries = entries(read.query_async(&mut self.reading).await?);
        Ok(self.received(entries))
    }

    /// Adds what this consumer has once more, at the end, so that other workers need not wait until it is missed.
    async fn give_back(mut self) -> Result<(), QueueError> {
        let mut read = self.read();
        read.arg("STREAMS").arg(&self.queue).arg("0");
        // Ends a read that is no longer waited for; what it still gets is reclaimed in its time.
        drop(self.reading);
        loop {
            let own = entries(read.query_async(&mut self.settling).await?);
            if own.is_empty() {
                return Ok(());
            }
            let mut batch = transaction();
            for entry in own {
                if let Some(text) = entry.get::<String>(FIELD) {
                    add(&mut batch, &self.queue, &text);
                }
                forget(&mut batch, &self.queue, &entry.id);
            }
            run(batch, self.settling.clone()).await?;
        }
    }

    /// The begin of a read as this consumer of the group.
    fn read(&self) -> redis::Cmd {
        let mut read = redis::cmd("XREADGROUP");
        read.arg("GROUP").arg(GROUP).arg(&self.consumer);
        read.arg("COUNT").arg(self.options.prefetch);
        read
    }

    /// Takes over what consumers that are gone left unacknowledged.
    async fn reclaim(&mut self) -> Result<Vec<StreamId>, QueueError> {
        let reply: StreamAutoClaimReply = redis::cmd("XAUTOCLAIM")
            .arg(&self.queue)
            .arg(GROUP)
            .arg(&self.consumer)
            .arg(self.options.redelivery.as_millis() as u64)
            .arg("0-0")
            .arg("COUNT")
            .arg(self.options.prefetch)
            .query_async(&mut self.settling)
            .await?;
        self.forget_the_gone().await?;
        Ok(reply.claimed)
    }

    /// Every start of a worker is a new consumer; those that have nothing left and are silent for long are removed.
    async fn forget_the_gone(&mut self) -> Result<(), QueueError> {
        let consumers: StreamInfoConsumersReply = redis::cmd("XINFO")
            .arg("CONSUMERS")
            .arg(&self.queue)
            .arg(GROUP)
            .query_async(&mut self.settling)
            .await?;
        let silent = self.options.redelivery.as_millis() as usize * 10;
        for gone in consumers.consumers {
            if gone.pending == 0 && gone.idle > silent && gone.name != self.consumer {
                redis::cmd("XGROUP")
                    .arg("DELCONSUMER")
                    .arg(&self.queue)
                    .arg(GROUP)
                    .arg(&gone.name)
                    .query_async::<()>(&mut self.settling)
                    .await?;
            }
        }
        Ok(())
    }

    fn received(&self, entries: Vec<StreamId>) -> Vec<Received> {
        let received = entries.into_iter().map(|entry| {
            let text: String = entry.get(FIELD).unwrap_or_default();
            let job = ReceivedJob::try_from(text.as_bytes());
            Received {
                job: job.map_err(|_| "the entry has no event_id".to_owned()),
                handle: Box::new(StreamEntry {
                    queue: self.queue.clone(),
                    entry: entry.id,
                    text,
                    connection: self.settling.clone(),
                }),
            }
        });
        received.collect()
    }
}

impl JobReceiver for StreamReceiver {
    fn receive(&mut self) -> BrokerFuture<'_, Vec<Received>> {
        Box::pin(self.next())
    }

    fn close(self: Box<Self>) -> BrokerFuture<'static, ()> {
        Box::pin(self.give_back())
    }
}

/// The entries of a reply, which is empty when nothing came.
fn entries(reply: Option<StreamReadReply>) -> Vec<StreamId> {
    let keys = reply.into_iter().flat_map(|reply| reply.keys);
    keys.flat_map(|key| key.ids).collect()
}

async fn make_group(connection: &mut MultiplexedConnection, queue: &str) -> Result<(), QueueError> {
    let made = redis::cmd("XGROUP")
        .arg("CREATE")
        .arg(queue)
        .arg(GROUP)
        .arg("0")
        .arg("MKSTREAM")
        .query_async::<()>(connection)
        .await;
    match made {
        Err(error) if error.code() != Some("BUSYGROUP") => Err(error.into()),
        _ => Ok(()),
    }
}

/// One entry that this consumer has.
struct StreamEntry {
    queue: String,
    entry: String,
    text: String,
    connection: MultiplexedConnection,
}

impl DeliveryHandle for StreamEntry {
    fn settle(self: Box<Self>, settlement: Settlement) -> BrokerFuture<'static, ()> {
        let mut batch = transaction();
        match settlement {
            Settlement::Done => {}
            Settlement::Retry => add(&mut batch, &self.queue, &self.text),
            Settlement::Dead { reason } => {
                tracing::warn!(reason, "an entry is dead-lettered");
                batch.cmd("XADD").arg(format!("{}.dead", self.queue));
                batch.arg("MAXLEN").arg("~").arg(DEAD_LETTERS).arg("*");
                batch.arg(FIELD).arg(&self.text).arg("reason").arg(reason);
                batch.ignore();
            }
        }
        forget(&mut batch, &self.queue, &self.entry);
        run(batch, self.connection)
    }
}
