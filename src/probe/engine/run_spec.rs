//! The one input of the engine: what to send, under which ids, and what to do beyond measuring.

use std::sync::Arc;
use std::time::Duration;

use uuid::Uuid;

use super::live::Live;
use super::own_error::OwnError;
use super::start_time::StartTime;
use super::stop::StopSignal;
use crate::run::plan::{AuditCapture, Endpoint, Plan};
use crate::run::shard::Shard;

/// From the origin of the clock to the first start: time for the threads to get ready.
const LEAD: Duration = Duration::from_millis(5);

/// Ids that the requests of one run carry. The warm-up has its own, so that a server's listing of the run has exactly
/// the planned requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunIds {
    /// Of the planned requests.
    pub run: Uuid,
    /// Of the requests before t0.
    pub warmup: Uuid,
    /// From where `{{n}}` and `{{uuid}}` of the planned requests count: the requests of earlier blocks of one run.
    pub first_index: u64,
}

impl RunIds {
    /// New ones: every run sends new events.
    pub fn fresh() -> RunIds {
        RunIds {
            run: Uuid::now_v7(),
            warmup: Uuid::now_v7(),
            first_index: 0,
        }
    }

    /// Those of the next block of the same run, after this number of requests in all.
    pub fn after(self, requests: u64) -> RunIds {
        RunIds {
            run: self.run,
            warmup: Uuid::now_v7(),
            first_index: requests,
        }
    }
}

/// One run of a plan.
#[derive(Debug, Clone)]
pub struct RunSpec<'a> {
    /// What is sent, and when.
    pub plan: &'a Plan,
    /// What the requests carry.
    pub ids: RunIds,
    /// The measurement overhead; zero without a calibration. If it is set only during the warm-up, requests of the run
    /// that ended before are recorded then.
    pub own_error: OwnError,
    /// What an answer needed before the run; as many connections as that calls for are opened before t0.
    pub answer_time: Option<Duration>,
    /// What is kept of the answers and sent twice.
    pub capture: AuditCapture,
    /// Which of the plan's requests are sent here. They are numbered from 0 in all that is recorded.
    pub shard: Shard,
    /// When the run proper begins.
    pub start: StartTime,
    /// Ends the run early.
    pub stop: StopSignal,
    /// Receives the measurements during the run.
    pub live: Option<Arc<Live>>,
}

impl<'a> RunSpec<'a> {
    /// A run that measures and does nothing else, by an instrument that was not calibrated.
    pub fn new(plan: &'a Plan, ids: RunIds, stop: &StopSignal) -> RunSpec<'a> {
        RunSpec {
            plan,
            ids,
            own_error: OwnError::known(Duration::ZERO),
            answer_time: None,
            capture: AuditCapture::default(),
            shard: Shard::WHOLE,
            start: StartTime::WhenReady,
            stop: stop.clone(),
            live: None,
        }
    }

    /// Starts a second at the most, over all endpoints.
    pub(super) fn total_rate(&self) -> f64 {
        self.rate_of(|_| true)
    }

    /// Starts a second at the most, over the endpoints of one origin.
    pub(super) fn rate_at(&self, origin: usize) -> f64 {
        self.rate_of(|endpoint| self.plan.origin_of(endpoint) == origin)
    }

    fn rate_of(&self, is_chosen: impl Fn(&Endpoint) -> bool) -> f64 {
        self.plan.highest_rate(is_chosen) / f64::from(self.shard.count())
    }

    /// From the origin of the clock to the start of the run proper.
    pub(super) fn before_t0(&self) -> Duration {
        LEAD + self.plan.warmup
    }

    /// When the run proper begins, in ns of the clock.
    pub(super) fn t0_ns(&self) -> u64 {
        self.before_t0().as_nanos() as u64
    }
}
