//! Publishes whole batches to Redis in one transaction; the answer to it is the confirmation.

use std::time::Duration;

use redis::Pipeline;
use redis::aio::MultiplexedConnection;

use super::super::broker::{DispatchJob, JobSender};
use super::super::celery::Task;
use super::super::dispatch::{Dialect, Dispatch};
use super::super::error::{BrokerFuture, QueueError};
use super::super::rq;
use super::connection::{connect, run, transaction};
use super::{keys, stream};

/// One connection that publishes to a stream or a list.
pub(super) struct RedisSender {
    dispatch: Dispatch,
    connection: MultiplexedConnection,
}

impl RedisSender {
    pub(super) async fn open(
        dispatch: &Dispatch,
        deadline: Duration,
    ) -> Result<Box<dyn JobSender>, QueueError> {
        Ok(Box::new(RedisSender {
            dispatch: dispatch.clone(),
            connection: connect(dispatch, deadline).await?,
        }))
    }

    /// With jobs that workers have taken and not settled, as far as this program keeps them.
    async fn length(&mut self) -> Result<u64, QueueError> {
        let mut batch = redis::pipe();
        let queue = self.dispatch.queue();
        if self.dispatch.dialect() == Dialect::Own {
            batch.cmd("XLEN").arg(queue);
        } else {
            for list in keys::lists(&self.dispatch) {
                batch.cmd("LLEN").arg(list);
            }
            batch.cmd("HLEN").arg(keys::table(queue));
        }
        let lengths: Vec<u64> = batch.query_async(&mut self.connection).await?;
        Ok(lengths.iter().sum())
    }
}

impl JobSender for RedisSender {
    fn publish<'a>(&'a mut self, jobs: &'a [DispatchJob]) -> BrokerFuture<'a, ()> {
        if jobs.is_empty() {
            return Box::pin(async { Ok(()) });
        }
        let mut batch = transaction();
        for job in jobs {
            add(&mut batch, &self.dispatch, job);
        }
        run(batch, self.connection.clone())
    }

    fn depth(&mut self) -> BrokerFuture<'_, u64> {
        Box::pin(self.length())
    }
}

fn add(batch: &mut Pipeline, dispatch: &Dispatch, job: &DispatchJob) {
    let queue = dispatch.queue();
    match dispatch.dialect() {
        Dialect::Own => {
            stream::add(batch, queue, &job.event_id.to_string());
        }
        Dialect::Celery => {
            let envelope = Task::of(dispatch.task(), job).envelope(queue);
            batch.cmd("LPUSH").arg(queue).arg(envelope).ignore();
        }
        Dialect::Rq => {
            let (id, list) = (job.event_id.to_string(), rq::queue_key(queue));
            batch.cmd("HSET").arg(rq::job_key(&id));
            for (name, value) in rq::fields(queue, dispatch.task(), job) {
                batch.arg(name).arg(value);
            }
            batch.ignore();
            // A finished job of the same id was about to expire.
            batch.cmd("PERSIST").arg(rq::job_key(&id)).ignore();
            batch.cmd("SADD").arg(rq::QUEUES).arg(&list).ignore();
            batch.cmd("RPUSH").arg(&list).arg(id).ignore();
        }
    }
}
