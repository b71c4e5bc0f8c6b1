//! What continuous integration reads: test reports, step summaries, annotations, metrics and benchmark series.

mod annotations;
mod benchmark;
pub(super) mod capacity;
mod comment;
pub(super) mod junit;
mod metrics;
mod outputs;
mod summary;

pub(super) use annotations::write as write_annotations;
pub use outputs::Written;
pub(super) use outputs::write as write_outputs;
pub(super) use summary::write as write_summary;

pub(super) use benchmark::{write_bmf, write_gab};
pub(super) use comment::{MARK, write as write_comment};
pub(super) use junit::write as write_junit;
pub(super) use metrics::write as write_metrics;
