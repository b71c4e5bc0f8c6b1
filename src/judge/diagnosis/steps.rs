//! Which steps a budget pays for, and how much load each may put on the service.

use std::time::Duration;

/// The share of the load endpoint's time that is busy while the probe is measured: a blocked loop is then sometimes
/// free and sometimes not.
const LIGHT: f64 = 0.6;

/// The same of the endpoint that is looked at.
const PROBING: f64 = 0.2;

/// Requests of the endpoint under suspicion one after the other; above this part they may meet.
const ALONE: f64 = 0.75;

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
            DiagnosisStep::Offered => "offered",
        }
    }

    /// Its part of the budget; what is left is for the pilot and for answers that are waited for.
    fn share(self) -> f64 {
        match self {
            DiagnosisStep::Alone => 0.1,
            DiagnosisStep::NewConnections => 0.07,
            DiagnosisStep::OneAtATime => 0.28,
            DiagnosisStep::DuringLoad => 0.29,
            DiagnosisStep::Offered => 0.09,
        }
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

/// Divides a budget among the steps, each at most at the rates that were asked for.
///
/// Where the load's requests do not meet at the rate that was asked for, one step is for both questions.
pub(crate) fn steps(
    budget: Duration,
    timeout: Duration,
    rates: StepRates,
    pilot: Pilot,
) -> StepPlan {
    let busy = |latency: Duration, part: f64| part / latency.as_secs_f64().max(1e-6);
    let probe = rates.probe_per_s.min(busy(pilot.probe, PROBING));
    let light = rates.load_per_s.min(busy(pilot.load, LIGHT));
    let spaced = rates.load_per_s.min(busy(pilot.load, ALONE));
    let load = |step: DiagnosisStep, probe_per_s, load_per_s| StepLoad {
        step,
        probe_per_s,
        load_per_s,
        duration: budget.mul_f64(step.share()),
    };
    let mut loads = vec![
        load(DiagnosisStep::Alone, Some(probe), None),
        load(DiagnosisStep::NewConnections, Some(probe), None),
        load(DiagnosisStep::OneAtATime, None, Some(spaced)),
        load(DiagnosisStep::DuringLoad, Some(probe), Some(light)),
    ];
    // Last, because it may leave the service with work that it has not done.
    let offered = load(DiagnosisStep::Offered, None, Some(rates.load_per_s));
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{DiagnosisStep, Pilot, StepRates, steps};

    fn of(load_ms: u64) -> super::StepPlan {
        let pilot = Pilot {
            probe: Duration::from_millis(1),
            load: Duration::from_millis(load_ms),
        };
        let minute = Duration::from_secs(60);
        let rates = StepRates {
            probe_per_s: 20.0,
            load_per_s: 20.0,
        };
        steps(minute, Duration::from_secs(10), rates, pilot)
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
        for load_ms in [1, 200, 5_000] {
            let steps = of(load_ms);
            let total: Duration = steps.loads.iter().map(|load| load.duration).sum();
            assert!(
                total + steps.timeout <= Duration::from_secs(60),
                "{total:?}"
            );
        }
    }
}
