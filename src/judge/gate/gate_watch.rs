//! Gates watched while a run goes on: decided yet, and if not, how far from it.
//!
//! The looks are those with which the whole run is judged in the end, so the verdict at the stop is the verdict of
//! the report. They see requests in the order of their intended starts, and only as far as all have ended: what is
//! slow is not left out because it has not come back yet.

use super::evidence::ProportionTest;
use super::family::significant_fails;
use super::instrument_state::{InstrumentState, Limitation};
use super::spec::{ALPHA, Gate, Severity};
use crate::judge::summary::CONFIDENCE;
use crate::run::plan::{Design, Guard};
use crate::run::recording::{Margin, Rows};
use crate::stats::binomial;
use crate::stats::cluster::Clusters;
use crate::stats::interim_looks::InterimLooks;
use crate::stats::rank::min_samples_for_interval;
use crate::verdict::Verdict;

/// Every gate on each endpoint it is about, in the order of the endpoints.
#[derive(Debug)]
pub struct GateWatch {
    gates: Vec<WatchedGate>,
    /// Whether some are about what the audit tells when the run is over: until then they are undecided.
    waits_for_audit: bool,
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
    samples: u64,
}

/// How far one gate is from decided.
#[derive(Clone, Debug, PartialEq)]
pub struct GateProgress {
    /// Which endpoint, by its place in the plan.
    pub endpoint: usize,
    /// The gate, for this endpoint alone.
    pub gate: Gate,
    /// INCONCLUSIVE means not decided yet.
    pub verdict: Verdict,
    /// From 0 to 1; at 1 nothing more is needed, a verdict nor an interval.
    pub progress: f64,
    /// What keeps back a FAIL that the samples by themselves would give.
    pub held_by: Option<Limitation>,
}

impl GateWatch {
    /// Gates on endpoints, each with its name and its rate per second. Gates on two runs are left out, and those on the
    /// audit are not watched: one on the time to completion keeps the run going to its budget.
    pub fn new(gates: &[Gate], endpoints: &[(&str, f64)], guard: Guard) -> GateWatch {
        let mut watched: Vec<WatchedGate> = Vec::new();
        for (endpoint, &(name, rate_per_s)) in endpoints.iter().enumerate() {
            let during = gates.iter().filter(|gate| !gate.condition.needs_audit());
            for gate in during.filter(|gate| gate.selector.selects(name)) {
                let gate = gate.for_endpoint(name);
                let twice = watched.iter().any(|other| other.gate == gate);
                if let (Some(theta0), false) = (gate.condition.allowed_share(), twice) {
                    let test = ProportionTest {
                        theta0,
                        design: Design::Adaptive,
                        episode: guard.requests(Some(rate_per_s)),
                    };
                    watched.push(WatchedGate::new(endpoint, gate, &test));
                }
            }
        }
        GateWatch {
            gates: watched,
            waits_for_audit: gates
                .iter()
                .any(|gate| gate.condition.done_quantile().is_some()),
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

    /// Whether every gate has its verdict, many gates reckoned with, and every gated percentile its interval.
    pub fn is_decided(&self) -> bool {
        let verdicts = self.verdicts();
        !self.waits_for_audit
            && !verdicts.is_empty()
            && verdicts
                .iter()
                .all(|verdict| *verdict != Verdict::Inconclusive)
            && self.gates.iter().all(WatchedGate::has_interval)
    }

    /// How far each gate is.
    pub fn state(&self) -> Vec<GateProgress> {
        let decided = self.gates.iter().zip(self.verdicts());
        decided
            .map(|(watched, verdict)| GateProgress {
                endpoint: watched.endpoint,
                gate: watched.gate.clone(),
                verdict,
                progress: watched.progress(verdict),
                held_by: watched.held_by(verdict),
            })
            .collect()
    }

    fn verdicts(&self) -> Vec<Verdict> {
        let p_values: Vec<(Severity, f64)> = self
            .gates
            .iter()
            .map(|watched| (watched.gate.severity, watched.p_fail()))
            .collect();
        let fails = significant_fails(&p_values);
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
    fn new(endpoint: usize, gate: Gate, test: &ProportionTest) -> WatchedGate {
        let looking = InterimLooks::new(test.theta0, ALPHA, test.episode);
        WatchedGate {
            endpoint,
            at_most: looking.clone(),
            certain: looking.clone(),
            near: looking.clone(),
            far: looking,
            instrument: InstrumentState::Sound,
            interval_from: gate
                .condition
                .quantile()
                .map_or(0, |quantile| min_samples_for_interval(quantile, CONFIDENCE)),
            samples: 0,
            gate,
        }
    }

    fn advance(&mut self, samples: u64, rows: &Rows<'_>) {
        self.samples = samples;
        self.at_most
            .advance(samples, |n| Clusters::of(rows.at_most.prefix(n)));
        if rows.at_most == rows.certain {
            self.certain.clone_from(&self.at_most);
        } else {
            self.certain
                .advance(samples, |n| Clusters::of(rows.certain.prefix(n)));
        }
        for (looking, margin) in [(&mut self.near, Margin::Near), (&mut self.far, Margin::Far)] {
            if let Some(beyond) = rows.beyond(margin) {
                looking.advance(samples, |n| Clusters::of(beyond.prefix(n)));
            }
        }
    }

    /// What a FAIL is judged from, as far as the instrument is up to it. While it is no use, nothing fails: at the end
    /// failures of the service still may.
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

    fn held_by(&self, verdict: Verdict) -> Option<Limitation> {
        let fails = |p_fail| binomial::reaches(p_fail, ALPHA);
        let held = verdict == Verdict::Inconclusive
            && fails(self.certain.test().p_fail())
            && !fails(self.p_fail());
        self.instrument.limitation().filter(|_| held)
    }

    /// Of the side that it leans to, and of the row that must decide it.
    fn towards_a_verdict(&self) -> f64 {
        if self.at_most.leans_to_pass() {
            return self.at_most.progress();
        }
        self.proving_fail()
            .map_or(0.0, |looking| looking.test().progress_to_fail())
    }

    fn has_interval(&self) -> bool {
        self.samples >= self.interval_from
    }

    fn progress(&self, verdict: Verdict) -> f64 {
        let decided = match verdict {
            // Significant by itself, but not among so many gates.
            Verdict::Inconclusive => self.towards_a_verdict().min(0.99),
            _ => 1.0,
        };
        if self.has_interval() {
            decided
        } else {
            decided.min(self.samples as f64 / self.interval_from as f64)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{GateProgress, GateWatch};
    use crate::judge::gate::{Gate, InstrumentState, Limitation};
    use crate::run::plan::Guard;
    use crate::run::recording::{Exceedances, Margin, Rows};
    use crate::run::sample::Outcome;
    use crate::verdict::Verdict;

    /// 400 requests, a tenth of which take so long, by an instrument that is no better than that.
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
        let mut watching = GateWatch::new(&gates, &[("health", 20.0)], Guard::Iid);
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
            let mut watching = GateWatch::new(&gates, &[("ingest", 20.0)], Guard::Iid);
            let sound = |_: &Gate| InstrumentState::Sound;
            watching.advance(0, 400, |_| Some(Rows::from(&counted)), sound);
            (watching.state().len(), watching.is_decided())
        };
        assert_eq!(passed(&["p95 <= 150ms"]), (1, true));
        assert_eq!(passed(&["p95 <= 150ms", "lost <= 0"]), (1, true));
        assert_eq!(passed(&["p95 <= 150ms", "done.p95 <= 2s"]), (1, false));
        assert_eq!(passed(&["done.p95 <= 2s"]), (0, false));
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
        // Above the target, and not by more than the own error: no number of requests makes that a failure.
        let doubtful = watched(ms(151), InstrumentState::Sound);
        assert_eq!((doubtful.progress, doubtful.held_by), (0.0, None));
        assert_eq!(watched(ms(170), far).progress, 0.0);
    }
}
