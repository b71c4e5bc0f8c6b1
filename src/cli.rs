//! What was typed, what is meant, and every rule between the two.

pub mod judge;
pub mod output;
