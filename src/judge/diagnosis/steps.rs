//! Which steps a budget pays for, and how much load each may put on the service.

use std::time::Duration;

/// The share of the load endpoint's time that is busy while the probe is measured: a blocked loop is then sometimes
/// free and sometimes not.
const LIGHT: f64 = 0.6;

/// The same of the endpoint that is looked at.
const PROBING: f64 = 0.2;

/// Requests of the endpoint under suspicion one after the other; above this part they may meet.
const ALONE: f64 = 0.75;

/// Requests of a burst, the most that fit first: over one connection that serves one at a time, a burst takes as many
/// times as long as over connections of their own.
const BURSTS: [usize; 2] = [MOST_IN_BURST, 4];

/// Most requests of a burst.
pub(crate) const MOST_IN_BURST: usize = 8;

/// Bursts that are enough where they are short, and the fewest that a longer burst is chosen for. The first opens the
/// connections.
const MOST_BURSTS: u32 = 25;
const LEAST_BURSTS: u32 = 11;

/// One of the steps, in the order in which they are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DiagnosisStep {
    /// The probe, alone, on reused connections.
    Alone,
    /// The probe, alone, on new connections.
    NewConnections,
    /// The load, alone, never two at a time.
    OneAtATime,
    /// Both, the load at a part of what it can bear.
    DuringLoad,
    /// The load, alone, in bursts over one HTTP/2 connection.
    OneConnection,
    /// The same bursts over a connection for each request.
    SeparateConnections,
    /// The load, alone, at the rate that was asked for.
    Offered,
}

impl DiagnosisStep {
    /// File name of its saved run.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            DiagnosisStep::Alone => "alone",
            DiagnosisStep::NewConnections => "new-connections",
            DiagnosisStep::OneAtATime => "one-at-a-time",
            DiagnosisStep::DuringLoad => "beside",
            DiagnosisStep::OneConnection => "one-connection",
            DiagnosisStep::SeparateConnections => "separate-connections",
            DiagnosisStep::Offered => "offered",
        }
    }

    /// Its part of the budget; what is left is for the pilot and for answers that are waited for. Bursts take theirs from
    /// all others.
    fn share(self, with_bursts: bool) -> f64 {
        let others = if with_bursts { 0.75 } else { 1.0 };
        let share = match self {
            DiagnosisStep::OneConnection | DiagnosisStep::SeparateConnections => return 0.12,
            DiagnosisStep::Alone => 0.1,
            DiagnosisStep::NewConnections => 0.07,
            DiagnosisStep::OneAtATime => 0.28,
            DiagnosisStep::DuringLoad => 0.29,
            DiagnosisStep::Offered => 0.09,
        };
        share * others
    }
}

/// The result of the pilot: the time of one request that follows another.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pilot {
    pub(crate) probe: Duration,
    pub(crate) load: Duration,
}

/// How a step puts load on the endpoints.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct StepLoad {
    pub(crate) step: DiagnosisStep,
    /// Requests a second to the probe; `None` for none.
    pub(crate) probe_per_s: Option<f64>,
    /// Requests a second to the load.
    pub(crate) load_per_s: Option<f64>,
    /// How many requests to the load are due at once; `None` for one at a time.
    pub(crate) burst: Option<usize>,
    pub(crate) duration: Duration,
}

/// The steps of a diagnosis.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct StepPlan {
    pub(crate) loads: Vec<StepLoad>,
    /// Longest response time that is waited for: answers outstanding at the end of a step are part of the budget.
    pub(crate) timeout: Duration,
}

/// The longest that the pilot, or the answers outstanding at the end of a step, may take of a budget.
pub(crate) fn patience(budget: Duration, timeout: Duration) -> Duration {
    timeout.min(budget.mul_f64(0.1))
}

/// The rates that were asked for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct StepRates {
    pub(crate) probe_per_s: f64,
    pub(crate) load_per_s: f64,
}

impl StepLoad {
    /// From one burst to the next.
    pub(crate) fn between_bursts(&self) -> Option<Duration> {
        let per_s = self.load_per_s? / self.burst? as f64;
        Duration::try_from_secs_f64(1.0 / per_s).ok()
    }
}

/// Divides a budget among the steps, each at most at the rates that were asked for.
///
/// Where the load's requests do not meet at the rate that was asked for, one step is for both questions. `streams` is how
/// many requests may share a connection; where they may, bursts show what that costs.
pub(crate) fn steps(
    budget: Duration,
    timeout: Duration,
    rates: StepRates,
    pilot: Pilot,
    streams: usize,
) -> StepPlan {
    let with_bursts = streams > 1;
    let busy = |latency: Duration, part: f64| part / latency.as_secs_f64().max(1e-6);
    let probe = rates.probe_per_s.min(busy(pilot.probe, PROBING));
    let light = rates.load_per_s.min(busy(pilot.load, LIGHT));
    let spaced = rates.load_per_s.min(busy(pilot.load, ALONE));
    let load = |step: DiagnosisStep, probe_per_s, load_per_s| StepLoad {
        step,
        probe_per_s,
        load_per_s,
        burst: None,
        duration: budget.mul_f64(step.share(with_bursts)),
    };
    let mut loads = vec![
        load(DiagnosisStep::Alone, Some(probe), None),
        load(DiagnosisStep::NewConnections, Some(probe), None),
        load(DiagnosisStep::OneAtATime, None, Some(spaced)),
        load(DiagnosisStep::DuringLoad, Some(probe), Some(light)),
    ];
    // Last, because it may leave the service with work that it has not done.
    let offered = load(DiagnosisStep::Offered, None, Some(rates.load_per_s));
    if with_bursts {
        let longest = budget.mul_f64(DiagnosisStep::OneConnection.share(true));
        let bursts = bursts(longest, rates.load_per_s, pilot.load, streams);
        loads.extend([
            bursts,
            StepLoad {
                step: DiagnosisStep::SeparateConnections,
                ..bursts
            },
        ]);
    }
    if spaced >= rates.load_per_s {
        loads[2].duration += offered.duration
    } else {
        loads.push(offered)
    }
    StepPlan {
        loads,
        timeout: patience(budget, timeout),
    }
}

/// Bursts on average at the rate that was asked for, or at what leaves a service that serves one at a time idle before the
/// next.
fn bursts(longest: Duration, load_per_s: f64, took: Duration, streams: usize) -> StepLoad {
    let every = |burst: usize| {
        let asked = burst as f64 / load_per_s.max(f64::MIN_POSITIVE);
        Duration::try_from_secs_f64(asked)
            .unwrap_or(Duration::MAX)
            .max(took.saturating_mul(burst as u32))
            .min(longest.max(Duration::from_micros(1)))
    };
    let sizes = BURSTS.map(|burst| burst.min(streams));
    let fits = |burst: &usize| every(*burst).saturating_mul(LEAST_BURSTS) <= longest;
    let burst = sizes.into_iter().find(fits).unwrap_or(sizes[1]);
    StepLoad {
        step: DiagnosisStep::OneConnection,
        probe_per_s: None,
        load_per_s: Some(burst as f64 / every(burst).as_secs_f64()),
        burst: Some(burst),
        duration: longest.min(every(burst).saturating_mul(MOST_BURSTS)),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{DiagnosisStep, Pilot, StepLoad, StepRates, steps};

    fn of(load_ms: u64) -> super::StepPlan {
        over_streams(load_ms, 1)
    }

    fn over_streams(load_ms: u64, streams: usize) -> super::StepPlan {
        let pilot = Pilot {
            probe: Duration::from_millis(1),
            load: Duration::from_millis(load_ms),
        };
        let minute = Duration::from_secs(60);
        let rates = StepRates {
            probe_per_s: 20.0,
            load_per_s: 20.0,
        };
        steps(minute, Duration::from_secs(10), rates, pilot, streams)
    }

    #[test]
    fn a_slow_load_is_offered_only_as_much_as_leaves_gaps() {
        let steps = of(200);
        let rate = |step| {
            let load = steps.loads.iter().find(|load| load.step == step);
            load.and_then(|load| load.load_per_s)
        };
        assert_eq!(rate(DiagnosisStep::OneAtATime), Some(3.75));
        assert!((rate(DiagnosisStep::DuringLoad).unwrap() - 3.0).abs() < 1e-9);
        assert_eq!(rate(DiagnosisStep::Offered), Some(20.0));
    }

    #[test]
    fn a_quick_load_needs_no_step_of_its_own_for_the_full_rate() {
        let steps = of(1);
        assert!(
            steps
                .loads
                .iter()
                .all(|load| load.step != DiagnosisStep::Offered)
        );
        assert!(
            steps
                .loads
                .iter()
                .all(|load| load.load_per_s.unwrap_or(20.0) == 20.0)
        );
    }

    #[test]
    fn the_steps_and_what_is_waited_for_fit_the_budget() {
        for (load_ms, streams) in [(1, 1), (200, 1), (5_000, 1), (1, 100), (200, 8), (5_000, 2)] {
            let steps = over_streams(load_ms, streams);
            let total: Duration = steps.loads.iter().map(|load| load.duration).sum();
            assert!(
                total + steps.timeout <= Duration::from_secs(60),
                "{total:?}"
            );
        }
    }

    #[test]
    fn bursts_leave_a_service_that_serves_one_at_a_time_idle_before_the_next() {
        let bursts = |load_ms, streams| {
            let steps = over_streams(load_ms, streams);
            let mut steps = steps.loads.into_iter().filter(|load| load.burst.is_some());
            let (one, many) = (steps.next().unwrap(), steps.next().unwrap());
            assert_eq!(one.step, DiagnosisStep::OneConnection);
            assert_eq!(
                StepLoad {
                    step: one.step,
                    ..many
                },
                one,
                "the same bursts both ways"
            );
            (
                one.burst.unwrap(),
                one.between_bursts().unwrap().as_millis(),
                one.duration,
            )
        };
        // At the 20/s that were asked for, 18 bursts of 8 in 7.2 s.
        assert_eq!(bursts(1, 100), (8, 400, Duration::from_millis(7_200)));
        // 8 × 100 ms would be 9 bursts; 4 × 100 ms are 18.
        assert_eq!(bursts(100, 100), (4, 400, Duration::from_millis(7_200)));
        // No more than share a connection.
        assert_eq!(bursts(1, 2), (2, 100, Duration::from_millis(2_500)));
        let steps = of(1);
        assert!(steps.loads.iter().all(|load| load.burst.is_none()));
    }
}
