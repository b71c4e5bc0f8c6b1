//! Gates watched during a run: decided, and if not, how far from it.
//!
//! The looks are those with which the whole run is judged in the end, so the verdict at the stop is the verdict of
//! the report. They see requests in the order of their intended starts, and only as far as all have ended: what is
//! slow is not left out because it has not come back yet.

mod progress;

use super::evidence::ProportionTest;
use super::family::significant_fails;
use super::instrument_state::InstrumentState;
use super::spec::{ALPHA, Gate, Severity};
use crate::judge::summary::CONFIDENCE;
use crate::run::plan::{Design, Guard};
use crate::run::recording::{Margin, Rows};
use crate::stats::binomial;
use crate::stats::cluster::Clusters;
use crate::stats::interim_looks::InterimLooks;
use crate::stats::rank::min_samples_for_interval;
use crate::verdict::Verdict;

pub use progress::GateProgress;

/// Every gate on each endpoint it is about, in the order of the endpoints.
#[derive(Debug)]
pub struct GateWatch {
    gates: Vec<WatchedGate>,
    /// Whether some are about the audit after the run: until then they are undecided.
    waits_for_audit: bool,
    stop_rule: StopRule,
}

/// What is watched of one endpoint.
#[derive(Clone, Copy, Debug)]
pub struct WatchedEndpoint<'a> {
    /// Its name in gates.
    pub name: &'a str,
    /// Requests per second.
    pub rate_per_s: f64,
    /// Requests that are sent until the budget is spent.
    pub most_requests: u64,
}

/// When a run may stop before its budget is spent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StopRule {
    /// When every gate is decided, or one has failed, and every gated percentile has its interval.
    #[default]
    Decided,
    /// At the first FAIL that is shown; else as `Decided` (`--fail-fast`).
    FirstFail,
}

#[derive(Debug)]
struct WatchedGate {
    endpoint: usize,
    gate: Gate,
    at_most: InterimLooks,
    certain: InterimLooks,
    near: InterimLooks,
    far: InterimLooks,
    instrument: InstrumentState,
    /// Samples from which the interval of its percentile has two ends.
    interval_from: u64,
    /// Whether the budget allows a pass.
    can_pass: bool,
    /// Whether the budget allows an interval with two ends.
    can_have_interval: bool,
    samples: u64,
}

impl GateWatch {
    /// Gates on endpoints, in the order of the plan. Gates on two runs are left out, and those on the audit are not
    /// watched: one on the time to completion keeps the run going to its budget, unless another gate fails.
    pub fn new(
        gates: &[Gate],
        endpoints: &[WatchedEndpoint<'_>],
        guard: Guard,
        stop_rule: StopRule,
    ) -> GateWatch {
        let mut watched: Vec<WatchedGate> = Vec::new();
        for (endpoint, planned) in endpoints.iter().enumerate() {
            let during = gates.iter().filter(|gate| !gate.condition.needs_audit());
            for gate in during.filter(|gate| gate.selector.selects(planned.name)) {
                let gate = gate.for_endpoint(planned.name);
                let twice = watched.iter().any(|other| other.gate.is_same_test(&gate));
                if let (Some(theta0), false) = (gate.condition.allowed_share(), twice) {
                    let test = ProportionTest {
                        theta0,
                        design: Design::Adaptive,
                        episode: guard.requests(Some(planned.rate_per_s)),
                    };
                    watched.push(WatchedGate::new(
                        endpoint,
                        gate,
                        &test,
                        planned.most_requests,
                    ));
                }
            }
        }
        GateWatch {
            gates: watched,
            waits_for_audit: gates
                .iter()
                .any(|gate| gate.condition.done_quantile().is_some()),
            stop_rule,
        }
    }

    /// The smallest number of ended requests at which an endpoint has something to look at.
    pub fn next_look(&self, endpoint: usize) -> Option<u64> {
        let own = self
            .gates
            .iter()
            .filter(|watched| watched.endpoint == endpoint);
        own.map(|watched| watched.at_most.next()).min()
    }

    /// Looks wherever a look is due among the first `samples` requests of an endpoint, all of which have ended;
    /// `rows_of` finds the exceedances of a gate, `instrument_of` whether the instrument is up to it.
    pub fn advance<'a>(
        &mut self,
        endpoint: usize,
        samples: u64,
        rows_of: impl Fn(&Gate) -> Option<Rows<'a>>,
        instrument_of: impl Fn(&Gate) -> InstrumentState,
    ) {
        let own = self.gates.iter_mut();
        for watched in own.filter(|watched| watched.endpoint == endpoint) {
            watched.instrument = instrument_of(&watched.gate);
            if let Some(rows) = rows_of(&watched.gate) {
                watched.advance(samples, &rows);
            }
        }
    }

    /// Whether the run may stop: the verdicts allow for the number of gates. A gate that the budget cannot pass keeps
    /// it going only where that is true of all.
    pub fn is_decided(&self) -> bool {
        let gates = || self.gates.iter().zip(self.verdicts());
        let has_failed = self.has_failed();
        if has_failed && self.stop_rule == StopRule::FirstFail {
            return true;
        }
        let has_intervals =
            gates().all(|(watched, verdict)| watched.samples >= watched.awaited_interval(verdict));
        if has_failed {
            return has_intervals;
        }
        let is_open =
            gates().any(|(watched, verdict)| verdict == Verdict::Inconclusive && watched.can_pass);
        let can_any_pass = self.gates.iter().any(|watched| watched.can_pass);
        !self.waits_for_audit && can_any_pass && !is_open && has_intervals
    }

    /// Whether a gate that decides has failed.
    fn has_failed(&self) -> bool {
        let mut gates = self.gates.iter().zip(self.verdicts());
        gates.any(|(watched, verdict)| {
            verdict == Verdict::Fail && watched.gate.severity == Severity::Decides
        })
    }

    fn p_values(&self) -> Vec<(Severity, f64)> {
        let gates = self.gates.iter();
        gates
            .map(|watched| (watched.gate.severity, watched.p_fail()))
            .collect()
    }

    fn verdicts(&self) -> Vec<Verdict> {
        let fails = significant_fails(&self.p_values());
        let failing = self.gates.iter().zip(fails);
        failing
            .map(|(watched, fails)| {
                let passes = binomial::reaches(watched.at_most.test().p_pass(), ALPHA);
                match (passes, fails) {
                    (true, false) => Verdict::Pass,
                    (false, true) => Verdict::Fail,
                    _ => Verdict::Inconclusive,
                }
            })
            .collect()
    }
}

impl WatchedGate {
    fn new(endpoint: usize, gate: Gate, test: &ProportionTest, most_requests: u64) -> WatchedGate {
        let quantile = gate.condition.quantile();
        let interval_from =
            quantile.map_or(0, |quantile| min_samples_for_interval(quantile, CONFIDENCE));
        let looking = InterimLooks::new(test.theta0, ALPHA, test.episode);
        WatchedGate {
            endpoint,
            at_most: looking.clone(),
            certain: looking.clone(),
            near: looking.clone(),
            far: looking,
            instrument: InstrumentState::Sound,
            interval_from,
            can_pass: test.min_samples() <= most_requests,
            can_have_interval: interval_from <= most_requests,
            samples: 0,
            gate,
        }
    }

    fn advance(&mut self, samples: u64, rows: &Rows<'_>) {
        self.samples = samples;
        self.at_most
            .advance(samples, |n| Clusters::of_words(rows.at_most.words(), n));
        if rows.at_most == rows.certain {
            self.certain.clone_from(&self.at_most);
        } else {
            self.certain
                .advance(samples, |n| Clusters::of_words(rows.certain.words(), n));
        }
        for (looking, margin) in [(&mut self.near, Margin::Near), (&mut self.far, Margin::Far)] {
            if let Some(beyond) = rows.beyond(margin) {
                looking.advance(samples, |n| Clusters::of_words(beyond.words(), n));
            }
        }
    }

    /// What a FAIL is judged from, as far as the instrument is up to it. While the instrument is unfit, no gate fails;
    /// at the end failures of the service still may.
    fn proving_fail(&self) -> Option<&InterimLooks> {
        match self.instrument {
            InstrumentState::Sound => Some(&self.certain),
            InstrumentState::Limited(_, Margin::Near) => Some(&self.near),
            InstrumentState::Limited(_, Margin::Far) => Some(&self.far),
            InstrumentState::Useless(_) => None,
        }
    }

    fn p_fail(&self) -> f64 {
        self.proving_fail()
            .map_or(1.0, |looking| looking.test().p_fail())
    }

    /// Requests that the run waits for, so that the percentile has its interval; 0 where the budget has too few.
    fn awaited_interval(&self, verdict: Verdict) -> u64 {
        let is_awaited = self.can_pass || verdict == Verdict::Fail;
        if is_awaited && self.can_have_interval {
            self.interval_from
        } else {
            0
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{GateProgress, GateWatch, StopRule, WatchedEndpoint};
    use crate::judge::gate::{Gate, InstrumentState, Limitation};
    use crate::run::plan::Guard;
    use crate::run::recording::{Exceedances, Margin, Rows};
    use crate::run::sample::Outcome;
    use crate::verdict::Verdict;

    /// At 20/s for two minutes.
    fn endpoint(name: &str) -> WatchedEndpoint<'_> {
        WatchedEndpoint {
            name,
            rate_per_s: 20.0,
            most_requests: 2_400,
        }
    }

    /// 400 requests, a tenth of which take this long, by an instrument with this state.
    fn watched(slow: Duration, instrument: InstrumentState) -> GateProgress {
        let mut counted = Exceedances::of(Duration::from_millis(150));
        for index in 0..400 {
            let latency = if index % 10 == 0 {
                slow
            } else {
                Duration::ZERO
            };
            let ns = latency.as_nanos() as u64;
            counted.count(index, Outcome::Ok, ns, 0, Duration::from_millis(2));
        }
        let gates: [Gate; 1] = ["p95 <= 150ms".parse().unwrap()];
        let mut watching =
            GateWatch::new(&gates, &[endpoint("health")], Guard::Iid, StopRule::Decided);
        watching.advance(0, 400, |_| Some(Rows::from(&counted)), |_| instrument);
        watching.state().remove(0)
    }

    #[test]
    fn a_gate_on_the_time_to_completion_is_not_watched_and_lets_the_run_go_on() {
        let passed = |gates: &[&str]| {
            let counted = {
                let mut counted = Exceedances::of(Duration::from_millis(150));
                let fast = Duration::ZERO.as_nanos() as u64;
                (0..400)
                    .for_each(|index| counted.count(index, Outcome::Ok, fast, 0, Duration::ZERO));
                counted
            };
            let gates: Vec<Gate> = gates.iter().map(|text| text.parse().unwrap()).collect();
            let mut watching =
                GateWatch::new(&gates, &[endpoint("ingest")], Guard::Iid, StopRule::Decided);
            let sound = |_: &Gate| InstrumentState::Sound;
            watching.advance(0, 400, |_| Some(Rows::from(&counted)), sound);
            (watching.state().len(), watching.is_decided())
        };
        assert_eq!(passed(&["p95 <= 150ms"]), (1, true));
        assert_eq!(passed(&["p95 <= 150ms", "lost <= 0"]), (1, true));
        assert_eq!(passed(&["p95 <= 150ms", "done.p95 <= 2s"]), (1, false));
        assert_eq!(passed(&["done.p95 <= 2s"]), (0, false));
    }

    /// The number of these requests, one in `one_in` of them failed, until it stops; `None` if they are too few.
    fn stops_at(
        gates: &[&str],
        most_requests: u64,
        one_in: u64,
        stop_rule: StopRule,
    ) -> Option<u64> {
        let gates: Vec<Gate> = gates.iter().map(|text| text.parse().unwrap()).collect();
        let planned = WatchedEndpoint {
            most_requests,
            ..endpoint("health")
        };
        let mut watching = GateWatch::new(&gates, &[planned], Guard::Iid, stop_rule);
        let mut counted = Exceedances::of(Duration::from_millis(150));
        (0..most_requests).find(|&index| {
            let outcome = match index % one_in {
                0 => Outcome::Timeout,
                _ => Outcome::Ok,
            };
            counted.count(index, outcome, 0, 0, Duration::ZERO);
            let sound = |_: &Gate| InstrumentState::Sound;
            watching.advance(0, index + 1, |_| Some(Rows::from(&counted)), sound);
            watching.is_decided()
        })
    }

    #[test]
    fn a_gate_that_the_budget_cannot_pass_does_not_keep_the_run_going() {
        let none_failed = u64::MAX - 1;
        let both = ["p95 <= 150ms", "p99 <= 150ms"];
        let stops = |most| stops_at(&both, most, none_failed, StopRule::Decided);
        // The first request is slow: index 0 is a multiple of everything.
        let within_300 = stops(300).expect("P95 alone is waited for");
        let within_2400 = stops(2_400).expect("P99 as well");
        assert!(
            within_300 < 300 && within_2400 > 368,
            "{within_300} {within_2400}"
        );
        // Where no gate can pass, the run continues to its budget.
        assert_eq!(stops(20), None);
    }

    #[test]
    fn after_a_fail_a_run_waits_for_intervals_alone_and_with_fail_fast_for_nothing() {
        let gates = ["p95 <= 150ms", "p99 <= 150ms"];
        let interval_of_p99 = 368;
        let decided = stops_at(&gates, 2_400, 2, StopRule::Decided);
        assert_eq!(decided, Some(interval_of_p99 - 1));
        let first = stops_at(&gates, 2_400, 2, StopRule::FirstFail).expect("half of them fail");
        assert!(first < 100, "{first}");
        // A gate that only warns ends nothing.
        let warning = ["p95 <= 150ms warn", "p50 <= 150ms"];
        let warned = stops_at(&warning, 2_400, 4, StopRule::FirstFail).expect("P50 passes");
        assert!(warned >= 72 - 1, "{warned}");
    }

    #[test]
    fn what_the_instrument_holds_back_is_named_and_never_nearly_decided() {
        let flag = Limitation::Busy { share: 0.9 };
        let ms = Duration::from_millis;
        let at = |slow, instrument| {
            let watched = watched(ms(slow), instrument);
            (watched.verdict, watched.held_by)
        };
        let near = InstrumentState::Limited(flag, Margin::Near);
        let far = InstrumentState::Limited(flag, Margin::Far);
        assert_eq!(at(160, InstrumentState::Sound), (Verdict::Fail, None));
        assert_eq!(at(160, near), (Verdict::Inconclusive, Some(flag)));
        assert_eq!(at(170, near), (Verdict::Fail, None));
        assert_eq!(at(170, far), (Verdict::Inconclusive, Some(flag)));
        assert_eq!(at(203, far), (Verdict::Fail, None));
        assert_eq!(
            at(203, InstrumentState::Useless(flag)),
            (Verdict::Inconclusive, Some(flag))
        );
        // Above the target, but not by more than the measurement overhead: no number of requests makes that a failure.
        let doubtful = watched(ms(151), InstrumentState::Sound);
        assert_eq!((doubtful.progress, doubtful.held_by), (0.0, None));
        assert_eq!(watched(ms(170), far).progress, 0.0);
    }
}
