//! End-to-end and cross-module tests; one binary.

mod gate;
mod judge;
mod stats;
