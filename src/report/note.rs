//! What a command must say of how the numbers came about, as values. The sentences stand in [`super::text`].

use std::time::Duration;

use crate::run::import::ImportRemark;

/// What must be known to read the numbers, beyond what the report derives from them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Note {
    /// One run was made after the other.
    DriftNotControlled,
    /// The runs are the sides of one `ab`, without their blocks.
    SidesOfAb,
    /// One side has no plan that could be checked.
    NoPlan,
    /// There are no gates on two runs.
    NoGates,
    /// Both sides were measured in blocks, in the order before, after, after, before.
    Blocks {
        /// Complete pairs of blocks.
        pairs: u64,
        /// Planned pairs.
        planned: u64,
        /// Length of a block.
        block: Duration,
        /// Time to settle before each block.
        settle: Duration,
    },
    /// Both sides are the same service.
    SameSides,
    /// Slow requests on both sides of a gap between blocks were judged in two ways.
    EpisodesAcrossBlocks,
    /// A remark on a file of another tool.
    Import {
        /// The file as messages call it.
        file: String,
        /// The remark.
        remark: ImportRemark,
    },
}
