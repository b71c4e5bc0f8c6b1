//! The bundled ingest server with its store, brokers, workers and provider.

pub mod counters;
mod mutex;
pub(crate) mod outage;
pub(crate) mod payload;
pub mod provider;
pub mod queue;
pub mod server;
pub mod store;
mod timestamp;
pub mod worker;
