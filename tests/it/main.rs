//! End-to-end and cross-module tests; one binary.

mod engine;
mod scripted;
mod stats;
