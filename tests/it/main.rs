//! End-to-end and cross-module tests; one binary.

mod run_file;
mod runs;
mod stats;
