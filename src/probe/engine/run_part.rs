//! The two parts of a run.

/// Whether a request belongs to the run proper.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RunPart {
    /// Before t0: sent alike, recorded apart.
    Warmup,
    /// Planned: ends in exactly one bin.
    Run,
}
