//! What Python put into Redis lists, Celery tasks and RQ jobs, taken so that a killed worker loses nothing: a script
//! moves an item from the list to a table of what is under way, in one step.

use std::sync::Arc;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{Pipeline, Script};
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use super::super::broker::{JobReceiver, QueueOptions};
use super::super::celery::Task;
use super::super::delivery::{DeliveryHandle, Received, Settlement};
use super::super::dispatch::{Dialect, Dispatch};
use super::super::error::{BrokerFuture, QueueError};
use super::super::rq;
use super::connection::{DEAD_LETTERS, connect, run, transaction};
use super::keys::ListKeys;
use super::rq_job::{self, JobLookup};
use super::scripts::{PUT_BACK, PUT_BACK_OLD, PUT_BACK_OWN, TAKE};

/// Pause between two looks at an empty list: a script cannot wait for one.
const LOOK: Duration = Duration::from_millis(50);

/// Takes items off the lists.
pub(super) struct ListReceiver {
    keys: Arc<ListKeys>,
    options: QueueOptions,
    /// The prefix of every tag, and how often items were taken.
    name: Uuid,
    calls: u64,
    take: Script,
    put_back_old: Script,
    connection: MultiplexedConnection,
    looked_back: Option<Instant>,
}

impl ListReceiver {
    pub(super) async fn open(
        dispatch: &Dispatch,
        options: &QueueOptions,
        name: Uuid,
    ) -> Result<Box<dyn JobReceiver>, QueueError> {
        Ok(Box::new(ListReceiver {
            keys: Arc::new(ListKeys::of(dispatch)),
            options: *options,
            name,
            calls: 0,
            take: Script::new(TAKE),
            put_back_old: Script::new(&format!("{PUT_BACK}{PUT_BACK_OLD}")),
            connection: connect(dispatch, options.deadline).await?,
            looked_back: None,
        }))
    }

    async fn next(&mut self) -> Result<Vec<Received>, QueueError> {
        let pause = self.options.redelivery / 4;
        if self.looked_back.is_none_or(|last| last.elapsed() >= pause) {
            self.put_back_old().await?;
            self.looked_back = Some(Instant::now());
        }
        self.calls += 1;
        let mut call = self.keys.call(&self.take);
        call.arg(self.keys.pop()).arg(self.options.prefetch);
        call.arg(format!("{}:{:012}", self.name, self.calls));
        let taken: Vec<Vec<u8>> = call.invoke_async(&mut self.connection).await?;
        if taken.is_empty() {
            sleep(LOOK).await;
        }
        let mut received = Vec::with_capacity(taken.len() / 2);
        for pair in taken.chunks_exact(2) {
            match self.received(&pair[0], &pair[1]).await {
                Ok(message) => received.extend(message),
                // Jobs taken earlier are processed. This item and the others come again in their time.
                Err(error) if received.is_empty() => return Err(error),
                Err(_) => break,
            }
        }
        Ok(received)
    }

    /// Takes over what workers that are gone had.
    async fn put_back_old(&mut self) -> Result<(), QueueError> {
        let mut call = self.keys.call(&self.put_back_old);
        call.arg(self.keys.unpop())
            .arg(self.options.redelivery.as_millis() as u64);
        Ok(call.invoke_async::<()>(&mut self.connection).await?)
    }

    /// Puts everything that is still under way here where the next pop finds it: Celery's and RQ's own workers know
    /// nothing of the table. Jobs that arrived during the last wait are included.
    async fn put_back_own(mut self) -> Result<(), QueueError> {
        let script = Script::new(&format!("{PUT_BACK}{PUT_BACK_OWN}"));
        let mut call = self.keys.call(&script);
        call.arg(self.keys.unpop()).arg(format!("{}:", self.name));
        Ok(call.invoke_async::<()>(&mut self.connection).await?)
    }

    async fn received(&mut self, tag: &[u8], item: &[u8]) -> Result<Option<Received>, QueueError> {
        let mut handle = Box::new(ListItem {
            keys: self.keys.clone(),
            tag: tag.to_vec(),
            item: item.to_vec(),
            job_key: None,
            connection: self.connection.clone(),
        });
        let job = if self.keys.dialect == Dialect::Rq {
            match rq_job::find(&mut self.connection, item).await? {
                JobLookup::Job { key, data } => {
                    handle.job_key = Some(key);
                    data.ok_or_else(|| "the job has no data".to_owned())
                        .and_then(|data| rq::read(&self.keys.task, &data))
                }
                JobLookup::Other(reason) => Err(reason),
                // The job was deleted or has expired; RQ's own workers pass over it too.
                JobLookup::Nothing => {
                    handle.settle(Settlement::Done).await?;
                    return Ok(None);
                }
            }
        } else {
            Task::open(&self.keys.task, item)
        };
        Ok(Some(Received { job, handle }))
    }
}

impl JobReceiver for ListReceiver {
    fn receive(&mut self) -> BrokerFuture<'_, Vec<Received>> {
        Box::pin(self.next())
    }

    fn close(self: Box<Self>) -> BrokerFuture<'static, ()> {
        Box::pin(self.put_back_own())
    }
}

/// One item that is under way.
struct ListItem {
    keys: Arc<ListKeys>,
    tag: Vec<u8>,
    item: Vec<u8>,
    /// Of RQ's job, if there is one.
    job_key: Option<String>,
    connection: MultiplexedConnection,
}

impl DeliveryHandle for ListItem {
    fn settle(self: Box<Self>, settlement: Settlement) -> BrokerFuture<'static, ()> {
        let mut batch = transaction();
        match &settlement {
            // Celery forgets a task with its acknowledgement.
            Settlement::Done => {
                if let Some(key) = &self.job_key {
                    rq_job::finish(&mut batch, key);
                }
            }
            Settlement::Retry => {
                let (push, list) = (self.keys.push(), &self.keys.lists[0]);
                batch.cmd(push).arg(list).arg(&self.item).ignore();
            }
            Settlement::Dead { reason } => {
                tracing::warn!(reason, "a job is dead-lettered");
                self.dead_letter(&mut batch, reason);
            }
        }
        let ListKeys { index, table, .. } = &*self.keys;
        batch.cmd("ZREM").arg(index).arg(&self.tag).ignore();
        batch.cmd("HDEL").arg(table).arg(&self.tag).ignore();
        run(batch, self.connection)
    }
}

impl ListItem {
    /// A dead task of Celery goes into a list of its own, as it came, so that a worker can take it again; its reason
    /// stands at the same place of a parallel list. A reason without an RQ job to keep it is kept in that list too.
    fn dead_letter(&self, batch: &mut Pipeline, reason: &str) {
        let dead = format!("{}.dead", self.keys.queue);
        let reasons = format!("{dead}.reasons");
        if self.keys.dialect != Dialect::Rq {
            keep(batch, &dead, &self.item);
            keep(batch, &reasons, reason.as_bytes());
            return;
        }
        match &self.job_key {
            Some(key) => rq_job::fail(batch, key, reason),
            None => {
                let reason = format!("{}: {reason}", self.item.escape_ascii());
                keep(batch, &reasons, reason.as_bytes());
            }
        }
        rq_job::register_failure(batch, &self.keys.queue, &self.item);
    }
}

/// Keeps a dead letter, or the reason of one, in front of a bounded list.
fn keep(batch: &mut Pipeline, list: &str, entry: &[u8]) {
    batch.cmd("LPUSH").arg(list).arg(entry).ignore();
    batch.cmd("LTRIM").arg(list).arg(0).arg(DEAD_LETTERS - 1);
    batch.ignore();
}
