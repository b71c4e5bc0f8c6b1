//! End-to-end and cross-module tests; one binary.

mod engine;
mod gate;
mod import;
mod judge;
mod measure;
mod needs;
mod provider;
mod run_file;
mod runs;
mod scripted;
mod serve;
mod serve_client;
mod serve_host;
mod serve_kill;
mod stats;
mod tidy;
mod witness;
