//! End-to-end and cross-module tests; one binary.

mod stats;
