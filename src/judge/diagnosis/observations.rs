//! What the steps of a diagnosis measured.

use std::time::Duration;

use super::evidence::NotShared;
use super::observation::Observation;
use super::steps::{DiagnosisStep, StepLoad};

/// The share of the target that a cause must cost to matter.
pub(crate) const MATERIAL: f64 = 0.1;

/// The measurements; `None` for a step that was not made.
#[derive(Clone, Debug)]
pub(crate) struct Observations {
    /// What latency should be within.
    pub(crate) target: Duration,
    /// Name of the endpoint that should always be fast.
    pub(crate) probe: String,
    /// Name of the endpoint under suspicion.
    pub(crate) load: String,
    /// The probe, alone, on reused connections.
    pub(crate) alone: Option<Observation>,
    /// The probe, alone, on a new connection for each request.
    pub(crate) new_connections: Option<Observation>,
    /// The load, alone, so seldom that no request meets another.
    pub(crate) one_at_a_time: Option<Observation>,
    /// The probe while the load is offered, at a part of what it can bear.
    pub(crate) probe_during_load: Option<Observation>,
    pub(crate) load_during_probe: Option<Observation>,
    /// The rate of the load that was asked for, a second.
    pub(crate) asked_per_s: f64,
    /// The load, alone, at that rate; `None` too where `one_at_a_time` already is.
    pub(crate) offered: Option<Observation>,
    pub(crate) sharing: ConnectionSharing,
}

/// Whether requests that are under way at the same time share a connection.
#[derive(Clone, Debug)]
pub(crate) enum ConnectionSharing {
    /// They do not.
    None(NotShared),
    /// They do; bursts show what that costs.
    Bursts(Box<BurstSteps>),
}

/// The same bursts of the load over one connection and over one for each request.
#[derive(Clone, Debug)]
pub(crate) struct BurstSteps {
    /// Requests of a burst.
    pub(crate) burst: usize,
    pub(crate) one: Option<Observation>,
    pub(crate) many: Option<Observation>,
    /// The fewest streams that the service allowed on the one connection.
    pub(crate) allowed: Option<u64>,
}

impl Observations {
    /// The least latency that matters, in ns.
    pub(super) fn material_ns(&self) -> f64 {
        self.target.as_nanos() as f64 * MATERIAL
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Observation> {
        [
            &self.alone,
            &self.new_connections,
            &self.one_at_a_time,
            &self.probe_during_load,
            &self.load_during_probe,
            &self.offered,
        ]
        .into_iter()
        .flatten()
        .chain(self.bursts().into_iter().flat_map(BurstSteps::both))
    }

    fn bursts(&self) -> Option<&BurstSteps> {
        match &self.sharing {
            ConnectionSharing::None(_) => None,
            ConnectionSharing::Bursts(steps) => Some(steps),
        }
    }
}

impl ConnectionSharing {
    /// Adds what a step of bursts measured, and the fewest streams that the service allowed on a connection.
    pub(crate) fn add(
        &mut self,
        planned: &StepLoad,
        measured: Option<Observation>,
        allowed: Option<u64>,
    ) {
        let (ConnectionSharing::Bursts(steps), Some(burst)) = (self, planned.burst) else {
            return;
        };
        steps.burst = burst;
        if planned.step == DiagnosisStep::OneConnection {
            (steps.one, steps.allowed) = (measured, allowed);
        } else {
            steps.many = measured;
        }
    }
}

impl BurstSteps {
    fn both(&self) -> impl Iterator<Item = &Observation> {
        self.one.iter().chain(&self.many)
    }
}
