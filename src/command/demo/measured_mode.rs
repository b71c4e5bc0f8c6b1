//! What the demo knows of one mode of the server.

use super::queue_watch::QueuePeak;
use crate::run::completion::Completion;
use crate::run::run_file::Run;

/// A mode of the server, measured and audited.
pub(super) struct MeasuredMode {
    pub(super) run: Run,
    pub(super) completion: Completion,
    pub(super) queue: QueuePeak,
}
