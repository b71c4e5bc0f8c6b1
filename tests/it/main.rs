//! End-to-end and cross-module tests; one binary.

mod engine;
mod needs;
mod scripted;
mod stats;
mod tidy;
