//! What the steps of a diagnosis measured.

use std::time::Duration;

use super::observation::Observation;

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
    }
}
