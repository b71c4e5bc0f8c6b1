//! Event ids in a Redis stream with one consumer group. An entry lives until it is acknowledged, then it is deleted,
//! so that the stream is as long as what is not done.

use std::time::Duration;

use redis::Pipeline;
use redis::aio::MultiplexedConnection;
use redis::streams::{StreamAutoClaimReply, StreamId, StreamReadReply};
use tokio::time::Instant;
use uuid::Uuid;

use super::super::{Delivery, Dispatch, QueueOptions, QueueError, Settlement};
use super::DEAD_LETTERS;

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
pub(in super::super) struct Source {
    queue: String,
    consumer: String,
    options: QueueOptions,
    /// Reads block, so they have a connection of their own.
    reading: MultiplexedConnection,
    settling: MultiplexedConnection,
    reclaimed: Option<Instant>,
}

impl Source {
    pub(in super::super) async fn open(
        dispatch: &Dispatch,
        options: &QueueOptions,
        name: Uuid,
    ) -> Result<Source, QueueError> {
        let mut settling = super::connect(dispatch, options.deadline).await?;
        make_group(&mut settling, dispatch.queue()).await?;
        Ok(Source {
            queue: dispatch.queue().to_owned(),
            consumer: name.to_string(),
            options: *options,
            reading: super::connect(dispatch, options.deadline + BLOCK).await?,
            settling,
            reclaimed: None,
        })
    }

    pub(in super::super) async fn receive(&mut self) -> Result<Vec<Delivery>, QueueError> {
        let pause = self.options.redelivery / 4;
        if self.reclaimed.is_none_or(|last| last.elapsed() >= pause) {
            let reclaimed = self.reclaim().await?;
            if !reclaimed.is_empty() {
                return self.deliveries(reclaimed).await;
            }
            self.reclaimed = Some(Instant::now());
        }
        let read: Option<StreamReadReply> = redis::cmd("XREADGROUP")
            .arg("GROUP")
            .arg(GROUP)
            .arg(&self.consumer)
            .arg("COUNT")
            .arg(self.options.prefetch)
            .arg("BLOCK")
            .arg(BLOCK.as_millis() as u64)
            .arg("STREAMS")
            .arg(&self.queue)
            .arg(">")
            .query_async(&mut self.reading)
            .await?;
        let keys = read.into_iter().flat_map(|read| read.keys);
        self.deliveries(keys.flat_map(|key| key.ids).collect())
            .await
    }

    /// Adds what this consumer has once more, at the end, so that nobody has to wait until it is missed.
    pub(in super::super) async fn close(self) -> Result<(), QueueError> {
        let Source {
            queue,
            consumer,
            options,
            reading,
            mut settling,
            ..
        } = self;
        // Ends a read that nobody waits for any more; what it still gets is reclaimed in its time.
        drop(reading);
        loop {
            let own: Option<StreamReadReply> = redis::cmd("XREADGROUP")
                .arg("GROUP")
                .arg(GROUP)
                .arg(&consumer)
                .arg("COUNT")
                .arg(options.prefetch)
                .arg("STREAMS")
                .arg(&queue)
                .arg("0")
                .query_async(&mut settling)
                .await?;
            let entries: Vec<StreamId> = own
                .into_iter()
                .flat_map(|own| own.keys)
                .flat_map(|key| key.ids)
                .collect();
            if entries.is_empty() {
                return Ok(());
            }
            let mut batch = redis::pipe();
            batch.atomic();
            for entry in entries {
                if let Some(text) = entry.get::<String>(FIELD) {
                    add(&mut batch, &queue, &text);
                }
                forget(&mut batch, &queue, &entry.id);
            }
            batch.query_async::<()>(&mut settling).await?;
        }
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
        let consumers: redis::streams::StreamInfoConsumersReply = redis::cmd("XINFO")
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

    async fn deliveries(&mut self, entries: Vec<StreamId>) -> Result<Vec<Delivery>, QueueError> {
        let (mut deliveries, mut failed) = (Vec::with_capacity(entries.len()), None);
        for entry in entries {
            let text: Option<String> = entry.get(FIELD);
            let handle = Handle {
                queue: self.queue.clone(),
                entry: entry.id,
                text: text.unwrap_or_default(),
                connection: self.settling.clone(),
            };
            match Uuid::try_parse(&handle.text) {
                Ok(event_id) => deliveries.push(Delivery::new(
                    event_id,
                    None,
                    super::super::delivery::Handle::Stream(handle),
                )),
                Err(_) => {
                    let reason = "the entry has no event_id".to_owned();
                    if let Err(error) = handle.settle(Settlement::Dead { reason }).await {
                        failed = Some(error);
                    }
                }
            }
        }
        match failed {
            Some(error) if deliveries.is_empty() => Err(error),
            _ => Ok(deliveries),
        }
    }
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
pub(in super::super) struct Handle {
    queue: String,
    entry: String,
    text: String,
    connection: MultiplexedConnection,
}

impl Handle {
    pub(in super::super) async fn settle(
        mut self,
        settlement: Settlement,
    ) -> Result<(), QueueError> {
        let mut batch = redis::pipe();
        batch.atomic();
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
        Ok(batch.query_async::<()>(&mut self.connection).await?)
    }
}
