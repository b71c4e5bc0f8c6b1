//! End-to-end and cross-module tests; one binary.

#![expect(
    clippy::unwrap_used,
    reason = "a test that unwraps says where it failed"
)]

mod ab;
mod audit;
mod audit_python;
#[cfg(all(feature = "amqp", feature = "redis", feature = "nats"))]
mod broker_host;
#[cfg(all(feature = "amqp", feature = "redis", feature = "nats"))]
mod brokers;
#[cfg(any(
    feature = "postgres",
    all(feature = "amqp", feature = "redis", feature = "nats")
))]
mod certificate;
mod compare;
mod demo;
mod diagnose;
mod engine;
mod faults;
mod gate;
mod guard;
mod import;
mod judge;
mod load;
mod measure;
mod needs;
mod ops;
mod own_error;
#[cfg(feature = "postgres")]
mod postgres_host;
mod provider;
mod proxy;
mod readme;
mod run_damage;
mod run_file;
mod runs;
mod scripted;
mod secrets;
mod selftest;
mod serve;
#[cfg(all(feature = "amqp", feature = "redis", feature = "nats"))]
mod serve_brokers;
mod serve_client;
mod serve_external;
mod serve_host;
#[cfg(feature = "postgres")]
mod serve_postgres;
#[cfg(feature = "postgres")]
mod serve_postgres_encrypted;
#[cfg(all(feature = "amqp", feature = "redis", feature = "nats"))]
mod serve_python;
mod serve_python_task;
mod serve_queue;
mod serve_refused;
mod serve_store;
mod serve_sync;
mod stationarity;
mod stats;
mod store_promises;
mod tidy;
mod witness;
