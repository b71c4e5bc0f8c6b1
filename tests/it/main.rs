//! Integration tests, one binary.

mod engine;
mod scripted;
mod stats;
