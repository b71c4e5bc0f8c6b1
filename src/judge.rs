//! Numbers to verdicts: percentiles with their intervals, gates, the effect of a change, the cause of slowness, and what may mislead.

pub(crate) mod abort_rule;
pub mod capacity;
pub mod comparison;
pub(crate) mod diagnosis;
pub mod failure_hints;
pub mod gate;
pub mod shard_warning;
pub mod summary;
pub mod warning;
pub mod warnings;
