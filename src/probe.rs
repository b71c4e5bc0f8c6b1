//! Sends the requests of a run, and asks afterwards what became of the accepted events.

pub mod audit;
pub mod engine;
