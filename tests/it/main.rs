//! Integration tests, one binary.

mod stats;
