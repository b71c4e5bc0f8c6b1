//! End-to-end and cross-module tests; one binary.

mod engine;
mod measure;
mod needs;
mod run_file;
mod runs;
mod scripted;
mod stats;
mod tidy;
mod witness;
