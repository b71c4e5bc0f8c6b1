//! A run under way, seen from outside: its counters and gates as a snapshot.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::seconds::SecondsSoFar;
use crate::judge::gate::{GateProgress, GateWatch};
use crate::judge::summary::Observed;
use crate::probe::engine::{Live, LiveEndpoint, StopSignal};
use crate::report::{
    EndpointProgress, OfferedLoad, PlannedEnd, ProgressSnapshot, ProgressStage, SendingProgress,
};
use crate::run::plan::{Design, Model, Plan, Size};
use crate::stats::rank::Quantile;

/// The gates of an adaptive run, kept up to date by the decider.
pub(in crate::command) type Gates = Arc<Mutex<GateWatch>>;

/// From here on rates are shown.
const FIRST_SECOND: Duration = Duration::from_secs(1);

/// What is known of a run before it begins.
#[derive(Debug, Clone)]
pub(in crate::command) struct ProgressScope {
    /// Which part of a longer measurement it is; empty for a whole run.
    label: String,
    endpoints: Vec<ScopedEndpoint>,
    warmup: Duration,
    end: PlannedEnd,
    /// When the schedule ends; `None` in a closed model of a fixed size.
    span: Option<Duration>,
    offered: OfferedLoad,
}

#[derive(Debug, Clone)]
struct ScopedEndpoint {
    name: String,
    /// `None` in the closed model.
    rate_per_s: Option<f64>,
}

impl ProgressScope {
    /// Of a run of this plan.
    pub(in crate::command) fn of(plan: &Plan, design: Design) -> ProgressScope {
        let endpoints = plan.endpoints.iter().map(|endpoint| ScopedEndpoint {
            name: endpoint.name.clone(),
            rate_per_s: endpoint.rate.map(|rate| rate.as_per_second()),
        });
        let endpoints: Vec<ScopedEndpoint> = endpoints.collect();
        let rates = endpoints.iter().filter_map(|endpoint| endpoint.rate_per_s);
        let lowest = rates.clone().fold(f64::INFINITY, f64::min);
        let is_steady = plan
            .endpoints
            .iter()
            .all(|endpoint| endpoint.segment.is_none());
        let span = match (plan.size, plan.model) {
            (Size::Duration(duration), _) => Some(duration),
            (Size::Requests(n), Model::Open { .. }) if lowest.is_finite() => {
                Some(Duration::from_secs_f64(n as f64 / lowest))
            }
            (Size::Requests(_), _) => None,
        };
        let all = |n: u64| n.saturating_mul(endpoints.len() as u64);
        ProgressScope {
            label: String::new(),
            warmup: plan.warmup,
            end: match (span, plan.size, design) {
                (Some(span), _, Design::Adaptive) => PlannedEnd::AtMost(span),
                (Some(span), _, Design::Fixed) => PlannedEnd::After(span),
                (None, Size::Requests(n), _) => PlannedEnd::Requests(all(n)),
                (None, Size::Duration(duration), _) => PlannedEnd::After(duration),
            },
            span,
            offered: match plan.model {
                Model::Closed { concurrency } => OfferedLoad::AtATime(concurrency),
                Model::Open { .. } if is_steady && rates.clone().all(|rate| rate == lowest) => {
                    OfferedLoad::Each(lowest)
                }
                Model::Open { .. } => OfferedLoad::Total(plan.highest_rate(|_| true)),
            },
            endpoints,
        }
    }

    /// The same as a part of a longer measurement.
    pub(in crate::command) fn labelled(self, label: &str) -> ProgressScope {
        ProgressScope {
            label: label.to_owned(),
            ..self
        }
    }
}

/// A run under way.
pub(in crate::command) struct WatchedRun {
    scope: ProgressScope,
    live: Arc<Live>,
    gates: Option<Gates>,
    stop: StopSignal,
    began: Instant,
    seconds: Vec<SecondsSoFar>,
}

impl WatchedRun {
    /// A run that begins now; `gates` of one that may be decided.
    pub(in crate::command) fn new(
        scope: ProgressScope,
        live: Arc<Live>,
        gates: Option<Gates>,
        stop: StopSignal,
    ) -> WatchedRun {
        WatchedRun {
            seconds: scope
                .endpoints
                .iter()
                .map(|_| SecondsSoFar::default())
                .collect(),
            scope,
            live,
            gates,
            stop,
            began: Instant::now(),
        }
    }

    /// Whether a signal has ended its schedule.
    pub(super) fn is_interrupted(&self) -> bool {
        self.stop.is_interrupted()
    }

    /// As it is now.
    pub(super) fn snapshot(&mut self) -> ProgressSnapshot {
        let now = Instant::now();
        let since_t0 = self.live.t0().and_then(|t0| now.checked_duration_since(t0));
        let ran = since_t0.unwrap_or_default();
        let ran = self.scope.span.map_or(ran, |span| ran.min(span));
        let counted = self.live.snapshot();
        let state = self.gates.as_ref().map(|gates| {
            let gates = gates.lock().unwrap_or_else(PoisonError::into_inner);
            let waits_for_audit = gates.waits_for_audit();
            (gates.state(), waits_for_audit)
        });
        let gates = state.as_ref().map_or(&[][..], |(gates, _)| gates);
        let expected = match &state {
            Some((gates, false)) => self.decided_at(gates),
            _ => Some(Duration::MAX),
        };
        let endpoints = self.endpoints(&counted, gates, since_t0);
        ProgressSnapshot {
            label: self.scope.label.clone(),
            stage: self.stage(now, since_t0),
            elapsed: ran,
            end: self.scope.end,
            to_go: self.to_go(ran, expected, &counted),
            endpoints,
            sending: self.sending(ran),
        }
    }

    fn stage(&self, now: Instant, since_t0: Option<Duration>) -> ProgressStage {
        let of = self.scope.warmup;
        match since_t0 {
            _ if self.stop.is_interrupted() => ProgressStage::Stopping,
            _ if self.stop.is_stopped() => ProgressStage::Decided,
            None => {
                let left = self.live.t0().map(|t0| t0.saturating_duration_since(now));
                let elapsed = match left {
                    Some(left) => of.saturating_sub(left),
                    None => self.began.elapsed().min(of),
                };
                ProgressStage::WarmUp { elapsed, of }
            }
            Some(ran) if self.scope.span.is_some_and(|span| ran >= span) => {
                ProgressStage::LastAnswers
            }
            Some(_) => ProgressStage::Running,
        }
    }

    /// When the last gate is expected to be decided; never is `Duration::MAX`.
    fn decided_at(&self, gates: &[GateProgress]) -> Option<Duration> {
        if gates.is_empty() {
            return Some(Duration::MAX);
        }
        let times = gates.iter().map(|gate| {
            let rate = self.scope.endpoints.get(gate.endpoint)?.rate_per_s?;
            let seconds = gate.expected_at? as f64 / rate;
            Some(Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX))
        });
        times.reduce(|a, b| Some(a?.max(b?))).flatten()
    }

    fn to_go(
        &self,
        ran: Duration,
        expected: Option<Duration>,
        counted: &[LiveEndpoint],
    ) -> Option<Duration> {
        if let PlannedEnd::Requests(planned) = self.scope.end {
            let ended: u64 = counted.iter().map(|endpoint| endpoint.ended).sum();
            if ended == 0 || ran < FIRST_SECOND {
                return None;
            }
            let left = planned.saturating_sub(ended) as f64;
            let seconds = left * ran.as_secs_f64() / ended as f64;
            return Duration::try_from_secs_f64(seconds).ok();
        }
        let end = expected?.min(self.scope.span?);
        Some(end.saturating_sub(ran))
    }

    fn endpoints(
        &mut self,
        counted: &[LiveEndpoint],
        gates: &[GateProgress],
        since_t0: Option<Duration>,
    ) -> Vec<EndpointProgress> {
        let second = since_t0.map_or(0, |ran| ran.as_secs());
        let endpoints = self.scope.endpoints.iter().zip(counted).enumerate();
        endpoints
            .zip(&mut self.seconds)
            .map(|((at, (endpoint, counted)), seconds)| {
                seconds.reach(second, counted);
                EndpointProgress {
                    name: endpoint.name.clone(),
                    requests: counted.ended,
                    failed: counted.not_ok,
                    percentiles: [Quantile::P50, Quantile::P95, Quantile::P99]
                        .map(|quantile| percentile(counted, quantile)),
                    seconds: seconds.all().to_vec(),
                    gates: gates
                        .iter()
                        .filter(|gate| gate.endpoint == at)
                        .cloned()
                        .collect(),
                }
            })
            .collect()
    }

    fn sending(&self, ran: Duration) -> SendingProgress {
        let per_s = self.live.sent() as f64 / ran.as_secs_f64();
        let lag = self.live.send_lag();
        let lag = lag.value_at_rank(Quantile::P99.rank(lag.count()));
        let is_open = !matches!(self.scope.offered, OfferedLoad::AtATime(_));
        SendingProgress {
            sent_per_s: (ran >= FIRST_SECOND).then_some(per_s),
            offered: self.scope.offered,
            in_flight: self.live.in_flight(),
            send_lag_p99: lag.map(Duration::from_nanos).filter(|_| is_open),
        }
    }
}

/// By nearest rank; failures are above every latency.
fn percentile(counted: &LiveEndpoint, quantile: Quantile) -> Observed {
    if counted.ended == 0 {
        return Observed::NoData;
    }
    let rank = quantile.rank(counted.ended);
    match counted.latency.value_at_rank(rank) {
        Some(ns) => Observed::Value(Duration::from_nanos(ns)),
        None => Observed::Failed,
    }
}
