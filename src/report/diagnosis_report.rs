//! What a diagnosis measured, and what it says of every cause.

use std::time::Duration;

use crate::judge::diagnosis::{
    ConnectionSharing, Diagnosis, DiagnosisOutcome, DiagnosisStep, Observation, Observations,
};
use crate::verdict::Verdict;

/// The measurements and the findings.
#[derive(Clone, Debug)]
pub(crate) struct DiagnosisReport {
    pub(crate) budget: Duration,
    /// How long all steps took together.
    pub(crate) took: Duration,
    /// Longest response time that a step waited for.
    pub(crate) timeout: Duration,
    pub(crate) observations: Observations,
    /// What it says of every cause.
    pub(crate) diagnosis: Diagnosis,
}

impl DiagnosisReport {
    /// Nothing wrong passes, a cause fails.
    pub(super) fn verdict(&self) -> Verdict {
        match self.diagnosis.outcome() {
            DiagnosisOutcome::NothingWrong => Verdict::Pass,
            DiagnosisOutcome::Found(_) => Verdict::Fail,
            DiagnosisOutcome::NotEnough => Verdict::Inconclusive,
        }
    }

    /// The measurements of each step and endpoint.
    pub(super) fn steps(&self) -> Vec<(DiagnosisStep, &str, &Observation)> {
        let o = &self.observations;
        let (probe, load) = (o.probe.as_str(), o.load.as_str());
        let (one, many) = match &o.sharing {
            ConnectionSharing::Bursts(steps) => (&steps.one, &steps.many),
            ConnectionSharing::None(_) => (&None, &None),
        };
        [
            (DiagnosisStep::Alone, probe, &o.alone),
            (DiagnosisStep::NewConnections, probe, &o.new_connections),
            (DiagnosisStep::OneAtATime, load, &o.one_at_a_time),
            (DiagnosisStep::DuringLoad, probe, &o.probe_during_load),
            (DiagnosisStep::DuringLoad, load, &o.load_during_probe),
            (DiagnosisStep::OneConnection, load, one),
            (DiagnosisStep::SeparateConnections, load, many),
            (DiagnosisStep::Offered, load, &o.offered),
        ]
        .into_iter()
        .filter_map(|(step, name, observation)| Some((step, name, observation.as_ref()?)))
        .collect()
    }
}
