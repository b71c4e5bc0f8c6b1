//! End-to-end and cross-module tests; one binary.

#![cfg_attr(
    not(feature = "full"),
    allow(
        dead_code,
        unused_imports,
        reason = "the helpers of tests that need a service"
    )
)]
#![expect(
    clippy::unwrap_used,
    reason = "a test that unwraps says where it failed"
)]

mod ab;
mod audit;
mod audit_python;
mod baseline;
#[cfg(all(feature = "amqp", feature = "redis", feature = "nats"))]
mod broker_host;
#[cfg(all(feature = "amqp", feature = "redis", feature = "nats"))]
mod brokers;
mod capacity;
#[cfg(any(
    feature = "postgres",
    all(feature = "amqp", feature = "redis", feature = "nats")
))]
mod certificate;
mod ci;
mod compare;
mod cut;
mod demo;
mod deploy;
mod diagnose;
mod dry_run;
mod engine;
mod faults;
mod frames;
mod gate;
mod guard;
mod harness;
mod help;
mod hints;
mod http2;
mod import;
mod judge;
mod load;
mod measure;
mod needs;
mod operating;
mod ops;
mod other_tools;
#[cfg(all(
    feature = "postgres",
    feature = "amqp",
    feature = "redis",
    feature = "nats"
))]
mod outage_log;
mod own_error;
#[cfg(all(feature = "amqp", feature = "redis", feature = "nats"))]
mod page;
mod pipelines;
mod poison;
#[cfg(feature = "postgres")]
mod postgres_host;
mod progress;
mod provider;
mod proxy;
mod rates;
mod readme;
mod requests;
mod reset;
mod run_damage;
mod run_file;
mod runs;
mod screens;
mod scripted;
mod secrets;
mod selftest;
mod serve;
#[cfg(all(feature = "amqp", feature = "redis", feature = "nats"))]
mod serve_brokers;
mod serve_client;
mod serve_clocks;
mod serve_external;
mod serve_host;
mod serve_http2;
#[cfg(feature = "postgres")]
mod serve_postgres;
#[cfg(feature = "postgres")]
mod serve_postgres_anew;
#[cfg(feature = "postgres")]
mod serve_postgres_clocks;
#[cfg(feature = "postgres")]
mod serve_postgres_encrypted;
#[cfg(feature = "postgres")]
mod serve_postgres_load;
#[cfg(feature = "postgres")]
mod serve_postgres_locks;
#[cfg(all(feature = "amqp", feature = "redis", feature = "nats"))]
mod serve_python;
mod serve_python_task;
mod serve_queue;
mod serve_refused;
mod serve_store;
mod serve_sync;
mod shards;
mod stationarity;
mod stats;
mod store_promises;
mod suggestions;
mod tidy;
mod tls;
mod untrusted;
mod version;
