//! End-to-end and cross-module tests; one binary.
//! Integration tests, one binary.

mod stats;
