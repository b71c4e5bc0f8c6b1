//! What a diagnosis measured, and what it says of every cause.

use std::time::Duration;

use crate::judge::diagnosis::{
    Diagnosis, DiagnosisOutcome, DiagnosisStep, Observation, Observations,
};
use crate::verdict::Verdict;

/// What was measured, and what it says.
#[derive(Clone, Debug)]
pub(crate) struct DiagnosisReport {
    pub(crate) budget: Duration,
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

    /// What was measured in each step, of which endpoint.
    pub(super) fn steps(&self) -> Vec<(DiagnosisStep, &str, &Observation)> {
        let o = &self.observations;
        let (probe, load) = (o.probe.as_str(), o.load.as_str());
        [
            (DiagnosisStep::Alone, probe, &o.alone),
            (DiagnosisStep::NewConnections, probe, &o.new_connections),
            (DiagnosisStep::OneAtATime, load, &o.one_at_a_time),
            (DiagnosisStep::DuringLoad, probe, &o.probe_during_load),
            (DiagnosisStep::DuringLoad, load, &o.load_during_probe),
            (DiagnosisStep::Offered, load, &o.offered),
        ]
        .into_iter()
        .filter_map(|(step, name, observation)| Some((step, name, observation.as_ref()?)))
        .collect()
    }
}
