//! NATS JetStream: a work-queue stream in files, ids that drop duplicates, one durable pull consumer.

mod connection;
mod credentials;
mod pull;
mod receiver;
mod sender;
mod settings;

use std::time::Duration;

use uuid::Uuid;

use super::advice::Advice;
use super::broker::{Broker, JobReceiver, JobSender, Opening, QueueOptions};
use super::dispatch::Dispatch;
use super::error::BrokerFuture;
use receiver::NatsReceiver;
use sender::NatsSender;

/// NATS with JetStream.
pub(super) struct JetStream;

impl Broker for JetStream {
    fn sender<'a>(&self, dispatch: &'a Dispatch, deadline: Duration) -> Opening<'a, dyn JobSender> {
        Box::pin(NatsSender::open(dispatch, deadline))
    }

    fn receiver<'a>(
        &self,
        dispatch: &'a Dispatch,
        options: &'a QueueOptions,
        _name: Uuid,
    ) -> Opening<'a, dyn JobReceiver> {
        Box::pin(NatsReceiver::open(dispatch, options))
    }

    fn advice<'a>(
        &self,
        dispatch: &'a Dispatch,
        deadline: Duration,
    ) -> BrokerFuture<'a, Vec<Advice>> {
        Box::pin(settings::advice(dispatch, deadline))
    }
}
