//! What a command must say of how the numbers came about, as values. The sentences stand in [`super::text`].

use std::time::Duration;

use crate::run::import::ImportRemark;
use crate::run::replay::ReplaySource;
use crate::run::run_file::{FactDifference, PlanRecord};

/// What must be known to read the numbers, beyond what the report derives from them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Note {
    /// An endpoint that a URL without a path means was not sent to: its request writes, and the host is not this
    /// machine.
    NotAskedFor {
        /// What gates would call it.
        name: String,
        /// HTTP method.
        method: String,
        /// Path.
        path: String,
        /// Host and port.
        host: String,
    },
    /// An endpoint that a URL without a path means does not exist.
    LeftOut {
        /// What gates would call it.
        name: String,
        /// HTTP method.
        method: String,
        /// Path.
        path: String,
        /// What it answered before the run.
        status: u16,
    },
    /// Requests were sent at the instants of a file.
    Replayed(ReplaySource),
    /// One run was made after the other.
    DriftNotControlled,
    /// A segment whose rate changes has no percentiles to compare.
    RampNotCompared {
        /// Its name.
        endpoint: String,
    },
    /// The runs are the sides of one `ab`, without their blocks.
    SidesOfAb,
    /// One side has no plan that could be checked.
    NoPlan,
    /// `ab` measured one side over HTTP/1.1 and the other over HTTP/2.
    Protocols {
        /// Over what the side before was measured.
        before: String,
        /// The same of the side after.
        after: String,
    },
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

impl Note {
    /// What the sides of an `ab` were measured over; `None` if that is the same.
    pub fn of_protocols(before: &PlanRecord, after: &PlanRecord) -> Option<Note> {
        let differences = before.differences(after).into_iter();
        let protocol = { differences }.find(FactDifference::is_of_protocol)?;
        Some(Note::Protocols {
            before: protocol.before,
            after: protocol.after,
        })
    }
}
