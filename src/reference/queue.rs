//! Brokers as dispatchers: they carry event ids to the workers, and a lost id is found again in the store.
//!
//! A broker's word is never final. A [`Publisher`] returns when the broker has confirmed, or fails within its deadline; a
//! [`Consumer`] connects again on its own, and a delivery may come twice. The store makes sure that an event is done once
//! (leases and fencing), and the sweeper that it is done at all.

mod advice;
#[cfg(feature = "amqp")]
mod amqp;
mod backoff;
mod broker;
mod built_in;
#[cfg(any(feature = "amqp", feature = "redis"))]
mod celery;
mod consumer;
mod delivery;
mod dispatch;
mod dispatch_url;
mod error;
#[cfg(feature = "nats")]
mod nats;
#[cfg(feature = "redis")]
mod pickle;
mod publisher;
#[cfg(any(feature = "amqp", feature = "redis"))]
mod python_call;
#[cfg(feature = "redis")]
mod redis;
#[cfg(feature = "redis")]
mod rq;

pub use advice::Advice;
pub use broker::{DispatchJob, QueueOptions};
pub use built_in::advice;
pub use consumer::Consumer;
pub use delivery::{Delivery, Settlement};
pub use dispatch::{Dialect, Dispatch, Protocol};
pub use dispatch_url::DispatchError;
pub use error::QueueError;
pub use publisher::Publisher;
