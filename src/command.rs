//! Placeholder.

pub mod serve;
