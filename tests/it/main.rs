//! End-to-end and cross-module tests; one binary.

mod provider;
mod serve;
mod serve_client;
mod serve_host;
mod serve_kill;
mod serve_store;
mod stats;
