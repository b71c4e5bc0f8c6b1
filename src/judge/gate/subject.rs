//! What gates are judged on: the recording of one endpoint and what is known of its run.

use std::time::Duration;

use super::instrument_state::InstrumentLoad;
use crate::run::completion::Audit;
use crate::run::plan::{Design, Guard, Model};
use crate::run::recording::Recording;
use crate::run::run_file::{EndpointRun, Run};

/// A recording to be judged.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// What gates call it.
    pub endpoint: &'a str,
    /// What its run left behind.
    pub recording: &'a Recording,
    /// How long its run waited for an answer, where that is known.
    pub timeout: Option<Duration>,
    /// Requests per second, where that is known: planned, or achieved in a closed model.
    pub rate_per_s: Option<f64>,
    /// The requests in flight of a closed model: one stall meets them all, however few are sent in its time. `None`
    /// in an open model and where it is not known.
    pub in_flight: Option<u64>,
    /// Whether bursts are reckoned with.
    pub guard: Guard,
    /// Whether the size of the sample was fixed beforehand.
    pub design: Design,
    /// What became of the accepted events; `None` without an audit.
    pub audit: Option<&'a Audit>,
    /// What may have kept the instrument from its work.
    pub load: InstrumentLoad,
}

impl<'a> Subject<'a> {
    /// Every endpoint of a run, under its own name, to be judged as when it was measured.
    pub fn of_run(run: &'a Run) -> Vec<Subject<'a>> {
        let subject = |endpoint: &'a EndpointRun| {
            Subject::of_endpoint(&endpoint.name, &endpoint.name, &endpoint.recording, run)
        };
        run.endpoints.iter().map(subject).collect()
    }

    /// An endpoint of a run: `planned` is its name in the plan.
    pub fn of_endpoint(
        name: &'a str,
        planned: &str,
        recording: &'a Recording,
        run: &'a Run,
    ) -> Subject<'a> {
        let offered = run
            .plan
            .endpoints
            .iter()
            .find(|endpoint| endpoint.name == planned)
            .and_then(|endpoint| endpoint.rate_per_s)
            .map(|rate| rate.as_per_second());
        Subject {
            endpoint: name,
            recording,
            timeout: Some(run.plan.timeout),
            rate_per_s: offered.or_else(|| recording.achieved_per_s()),
            in_flight: match run.plan.model {
                Model::Open { .. } => None,
                Model::Closed { concurrency } => Some(concurrency as u64),
            },
            guard: run.judging.guard(),
            design: run.design(),
            audit: run.endpoint(planned).and_then(|run| run.audit.as_ref()),
            load: InstrumentLoad {
                busy: run.busy(),
                throttled: run.instrument.throttled.map(|throttled| throttled.time),
            },
        }
    }

    /// Latencies that another tool measured: at what load is not known; in what order, the recording says.
    pub fn of_list(name: &'a str, recording: &'a Recording, guard: Guard) -> Subject<'a> {
        Subject {
            endpoint: name,
            recording,
            timeout: None,
            rate_per_s: None,
            in_flight: None,
            guard,
            design: Design::Fixed,
            audit: None,
            load: InstrumentLoad::default(),
        }
    }

    /// Its accepted events, to be judged by how long they took to be done; `None` without an audit.
    pub(super) fn completions(&self) -> Option<Subject<'a>> {
        let completion = self.audit?.completion()?;
        Some(Subject {
            recording: &completion.done,
            timeout: Some(completion.patience),
            ..*self
        })
    }
}
