//! The saved run that a run was judged against, and what changed since.

use jiff::Timestamp;
use uuid::Uuid;

use crate::judge::comparison::{Change, Comparison, Noise};
use crate::judge::gate::Finding;

/// The saved run that a run was judged against, and what changed since.
#[derive(Clone, Debug)]
pub struct BaselineReport {
    /// The name of its file.
    pub file: String,
    /// SHA-256 of its file.
    pub sha256: String,
    /// The id of the run.
    pub run: Uuid,
    /// When it was measured.
    pub started_at: Timestamp,
    /// What counted as no change.
    pub noise: Noise,
    /// One for each endpoint that a gate compares.
    pub comparisons: Vec<Comparison>,
}

impl BaselineReport {
    /// The change that a gate is about.
    pub(super) fn change_of(&self, finding: &Finding) -> Option<&Change> {
        let own = self.comparisons.iter();
        let own = own.filter(|comparison| comparison.endpoint == finding.endpoint);
        let quantile = finding.gate.condition.quantile()?;
        own.flat_map(|comparison| &comparison.changes)
            .find(|change| change.quantile == quantile)
    }
}
