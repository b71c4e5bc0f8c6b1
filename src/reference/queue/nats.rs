//! NATS JetStream: a work-queue stream in files, ids that drop duplicates, one durable pull consumer.

mod connection;
mod receiver;
mod sender;
mod settings;

use std::time::Duration;

use uuid::Uuid;

use super::advice::Advice;
use super::broker::{Broker, JobReceiver, JobSender, QueueOptions};
use super::dispatch::Dispatch;
use super::error::BrokerFuture;
use receiver::NatsReceiver;
use sender::NatsSender;

/// NATS with JetStream.
pub(super) struct JetStream;

impl Broker for JetStream {
    fn sender<'a>(
        &self,
        dispatch: &'a Dispatch,
        deadline: Duration,
    ) -> BrokerFuture<'a, Box<dyn JobSender>> {
        Box::pin(async move {
            let sender = NatsSender::open(dispatch, deadline).await?;
            Ok(Box::new(sender) as Box<dyn JobSender>)
        })
    }

    fn receiver<'a>(
        &self,
        dispatch: &'a Dispatch,
        options: &'a QueueOptions,
        _name: Uuid,
    ) -> BrokerFuture<'a, Box<dyn JobReceiver>> {
        Box::pin(async move {
            let receiver = NatsReceiver::open(dispatch, options).await?;
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
