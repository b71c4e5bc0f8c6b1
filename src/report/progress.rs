//! How far a run is, as values: what the live panel, the plain lines and the objects of `--progress json` show.

use std::time::Duration;

use super::style::Style;
use crate::judge::gate::GateProgress;
use crate::judge::summary::Observed;
use crate::verdict::Verdict;

/// Endpoints that the panel and the plain lines show at most.
pub(super) const MOST_ENDPOINTS: usize = 10;

/// One moment of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct ProgressSnapshot {
    /// Which part of a longer measurement it is; empty for a whole run.
    pub label: String,
    /// What happens now.
    pub stage: ProgressStage,
    /// Time of the run, from its first start of the schedule.
    pub elapsed: Duration,
    /// When the plan ends it.
    pub end: PlannedEnd,
    /// Time until the expected end if requests continue as they were; `None` where that is unknown.
    pub to_go: Option<Duration>,
    /// In the order of the plan; none where nothing is sent.
    pub endpoints: Vec<EndpointProgress>,
    /// How the load is sent.
    pub sending: SendingProgress,
}

/// What happens at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProgressStage {
    /// This machine's overhead is being measured, since this time.
    Calibration(Duration),
    /// Requests before the run.
    WarmUp {
        /// Time since its start.
        elapsed: Duration,
        /// In all.
        of: Duration,
    },
    /// Requests of the run are sent.
    Running,
    /// The schedule has ended; the last answers are waited for.
    LastAnswers,
    /// The gates ended the schedule; the last answers are waited for.
    Decided,
    /// A signal ended the schedule; the last answers are waited for.
    Stopping,
    /// The run has ended, and the audit waits for accepted events, since this time.
    Audit(Duration),
}

/// When a plan ends a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlannedEnd {
    /// After this time at most: a decision may come earlier.
    AtMost(Duration),
    /// After this time.
    After(Duration),
    /// After this number of requests in all, whatever time they need.
    Requests(u64),
}

/// One endpoint at a moment.
#[derive(Clone, Debug, PartialEq)]
pub struct EndpointProgress {
    /// Its name.
    pub name: String,
    /// Requests that ended.
    pub requests: u64,
    /// Of these, those that failed or timed out.
    pub failed: u64,
    /// P50, P95 and P99 of them; failures are slower than every latency.
    pub percentiles: [Observed; 3],
    /// P95 of each second of the run.
    pub seconds: Vec<SecondP95>,
    /// How far its gates are; none in a run of a fixed size, which is judged at its end.
    pub gates: Vec<GateProgress>,
}

/// P95 of one part of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecondP95 {
    /// No request ended in it.
    Empty,
    /// A latency in ns.
    Value(u64),
    /// Its rank falls among failures.
    Failed,
}

/// How the load of a run is sent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SendingProgress {
    /// Requests sent per second, over all endpoints; `None` in the first second.
    pub sent_per_s: Option<f64>,
    /// What the plan asks for.
    pub offered: OfferedLoad,
    /// Requests sent and not answered yet.
    pub in_flight: u64,
    /// This machine's own delay; `None` in the closed model.
    pub send_lag_p99: Option<Duration>,
}

/// The load that a plan asks for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum OfferedLoad {
    /// This rate per second at each endpoint.
    Each(f64),
    /// This rate per second over all endpoints, whose rates differ.
    Total(f64),
    /// This number of requests at a time.
    AtATime(usize),
}

/// The terminal that a panel is laid out for.
#[derive(Clone, Copy, Debug)]
pub struct PanelView {
    /// Colours, glyphs and columns.
    pub style: Style,
    /// Lines of the terminal; the panel leaves one free.
    pub rows: u16,
    /// Number of the drawing, which turns the spinner.
    pub drawing: usize,
}

impl EndpointProgress {
    /// Whether a gate is still undecided.
    pub(super) fn has_open_gates(&self) -> bool {
        self.open_gates().next().is_some()
    }

    /// Gates that are still undecided.
    pub(super) fn open_gates(&self) -> impl Iterator<Item = &GateProgress> {
        let gates = self.gates.iter();
        gates.filter(|gate| gate.verdict == Verdict::Inconclusive)
    }

    /// Undecided before failed before passed: what is left out first comes last.
    fn rank(&self) -> u8 {
        let failed = self.gates.iter().any(|gate| gate.verdict == Verdict::Fail);
        match (self.has_open_gates(), failed) {
            (true, true) | (true, false) => 0,
            (false, true) => 1,
            (false, false) => 2,
        }
    }
}

/// The endpoints that are shown, in the order of the plan, up to the limit; and those that are left out.
pub(super) fn divided(
    endpoints: &[EndpointProgress],
    most: usize,
) -> (Vec<&EndpointProgress>, Vec<&EndpointProgress>) {
    let mut order: Vec<usize> = (0..endpoints.len()).collect();
    order.sort_by_key(|&at| endpoints[at].rank());
    let mut hidden = order.split_off(most.min(order.len()));
    order.sort_unstable();
    hidden.sort_unstable();
    let of = |places: Vec<usize>| places.into_iter().map(|at| &endpoints[at]).collect();
    (of(order), of(hidden))
}
