//! Redis: a stream with a consumer group for our own workers, lists for Celery's and RQ's.

mod connection;
mod keys;
mod list;
mod rq_job;
mod scripts;
mod sender;
mod settings;
mod stream;

use std::time::Duration;

use uuid::Uuid;

use super::advice::Advice;
use super::broker::{Broker, JobReceiver, JobSender, QueueOptions};
use super::dispatch::{Dialect, Dispatch};
use super::error::BrokerFuture;
use list::ListReceiver;
use sender::RedisSender;
use stream::StreamReceiver;

/// Redis, or a server that speaks its protocol.
pub(super) struct Redis;

impl Broker for Redis {
    fn sender<'a>(
        &self,
        dispatch: &'a Dispatch,
        deadline: Duration,
    ) -> BrokerFuture<'a, Box<dyn JobSender>> {
        Box::pin(async move {
            let sender = RedisSender::open(dispatch, deadline).await?;
            Ok(Box::new(sender) as Box<dyn JobSender>)
        })
    }

    fn receiver<'a>(
        &self,
        dispatch: &'a Dispatch,
        options: &'a QueueOptions,
        name: Uuid,
    ) -> BrokerFuture<'a, Box<dyn JobReceiver>> {
        Box::pin(async move {
            if dispatch.dialect() == Dialect::Own {
                let receiver = StreamReceiver::open(dispatch, options, name).await?;
                return Ok(Box::new(receiver) as Box<dyn JobReceiver>);
            }
            let receiver = ListReceiver::open(dispatch, options, name).await?;
            Ok(Box::new(receiver) as Box<dyn JobReceiver>)
        })
    }

    fn advice<'a>(
        &self,
        dispatch: &'a Dispatch,
        deadline: Duration,
    ) -> BrokerFuture<'a, Vec<Advice>> {
        Box::pin(settings::advice(dispatch, deadline))
    }
}
