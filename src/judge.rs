//! Numbers to verdicts: percentiles with their intervals, gates, the effect of a change, the cause of slowness.

pub mod comparison;
pub(crate) mod diagnosis;
pub mod failure_hints;
pub mod gate;
pub mod summary;
