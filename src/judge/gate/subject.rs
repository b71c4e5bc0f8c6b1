//! What gates are judged on: the recording of one endpoint and what is known of its run.

use std::time::Duration;

use super::instrument_state::InstrumentLoad;
use crate::run::completion::Audit;
use crate::run::plan::{Design, Guard, LoadShape, Model};
use crate::run::recording::Recording;
use crate::run::run_file::{EndpointRecord, EndpointRun, Run, RunEnd};

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
    /// How that rate goes over time.
    pub shape: LoadShape<'a>,
    /// The requests in flight of a closed model: one stall meets them all, however few are sent in its time. `None`
    /// in an open model and where it is not known.
    pub in_flight: Option<u64>,
    /// Whether slow spells are allowed for.
    pub guard: Guard,
    /// Whether the size of the sample was fixed beforehand.
    pub design: Design,
    /// What became of the accepted events; `None` without an audit.
    pub audit: Option<&'a Audit>,
    /// What may have kept the instrument from its work.
    pub load: InstrumentLoad,
    /// What its plan could have sent; `None` where there was no plan.
    pub planned: Option<PlannedSample>,
}

/// The most that a plan could have sent to an endpoint, whatever number was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlannedSample {
    /// Requests; `None` where time alone bounds them and the run was cut.
    pub requests: Option<u64>,
    /// Whether their number was fixed.
    pub design: Design,
}

impl PlannedSample {
    fn of(run: &Run, planned: &str, recording: &Recording) -> PlannedSample {
        let is_cut = run.ended != RunEnd::Complete;
        let whole = (!is_cut && run.judging.design() == Design::Fixed).then(|| recording.planned());
        PlannedSample {
            requests: run.plan.planned_requests(planned).or(whole),
            design: run.judging.design(),
        }
    }
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
        let mut endpoints = run.plan.endpoints.iter();
        let record = endpoints.find(|endpoint| endpoint.name == planned);
        let offered = record.and_then(|endpoint| endpoint.rate_per_s);
        let offered = offered.map(|rate| rate.as_per_second());
        Subject {
            endpoint: name,
            recording,
            timeout: Some(run.plan.timeout),
            rate_per_s: offered.or_else(|| recording.achieved_per_s()),
            shape: record.map_or(LoadShape::Steady, EndpointRecord::shape),
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
            planned: Some(PlannedSample::of(run, planned, recording)),
        }
    }

    /// Latencies that another tool measured: at what load is not known; in what order, the recording says.
    pub fn of_list(name: &'a str, recording: &'a Recording, guard: Guard) -> Subject<'a> {
        Subject {
            endpoint: name,
            recording,
            timeout: None,
            rate_per_s: None,
            shape: LoadShape::Steady,
            in_flight: None,
            guard,
            design: Design::Fixed,
            audit: None,
            load: InstrumentLoad::default(),
            planned: None,
        }
    }

    /// A rate at which as many requests are due within a slow spell as there are at the most.
    pub(super) fn rate_within_spell(&self) -> Option<f64> {
        match self.guard {
            Guard::Episode(episode) => self.shape.rate_within(episode, self.rate_per_s),
            Guard::Iid => self.rate_per_s,
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
