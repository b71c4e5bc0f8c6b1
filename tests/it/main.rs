//! End-to-end and cross-module tests; one binary.

mod engine;
mod gate;
mod judge;
mod needs;
mod run_file;
mod runs;
mod scripted;
mod stats;
mod tidy;
