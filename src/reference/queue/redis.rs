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
use super::broker::{Broker, JobReceiver, JobSender, Opening, QueueOptions};
use super::dispatch::{Dialect, Dispatch};
use super::error::BrokerFuture;
use list::ListReceiver;
use sender::RedisSender;
use stream::StreamReceiver;

/// Redis, or a server that speaks its protocol.
pub(super) struct Redis;

impl Broker for Redis {
    fn sender<'a>(&self, dispatch: &'a Dispatch, deadline: Duration) -> Opening<'a, dyn JobSender> {
        Box::pin(RedisSender::open(dispatch, deadline))
    }

    fn receiver<'a>(
        &self,
        dispatch: &'a Dispatch,
        options: &'a QueueOptions,
        name: Uuid,
    ) -> Opening<'a, dyn JobReceiver> {
        if dispatch.dialect() == Dialect::Own {
            Box::pin(StreamReceiver::open(dispatch, options, name))
        } else {
            Box::pin(ListReceiver::open(dispatch, options, name))
        }
    }

    fn advice<'a>(
        &self,
        dispatch: &'a Dispatch,
        deadline: Duration,
    ) -> BrokerFuture<'a, Vec<Advice>> {
        Box::pin(settings::advice(dispatch, deadline))
    }
}
