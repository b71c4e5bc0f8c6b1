//! The bundled ingest server with its store, brokers, workers and provider.

pub mod counters;
pub(crate) mod outage;
pub(crate) mod payload;
pub mod provider;
pub mod queue;
pub mod server;
pub mod store;
pub mod trace;
pub mod worker;
