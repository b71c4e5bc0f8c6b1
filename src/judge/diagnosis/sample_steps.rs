//! Steps of services with a known cause, for tests.

use std::time::Duration;

use super::{Observation, Observations, ladder};
use crate::run::recording::{Recording, TimeBase};
use crate::run::sample::{Outcome, Phases, Sample};

const TARGET: Duration = Duration::from_millis(150);

/// Requests at a rate with these latencies in ms; `None` timed out after 2 s. The server reports no times.
pub(crate) fn step(
    rate_per_s: f64,
    latencies: impl IntoIterator<Item = Option<f64>>,
) -> Observation {
    timed_step(rate_per_s, 0.0, latencies)
}

/// The same of a server whose `Server-Timing` says that its provider takes a share of the time; 0 for no header.
pub(crate) fn timed_step(
    rate_per_s: f64,
    provider_share: f64,
    latencies: impl IntoIterator<Item = Option<f64>>,
) -> Observation {
    let mut targets = ladder();
    targets.push(TARGET);
    targets.sort();
    let mut recording = Recording::new(TimeBase::IntendedStart, &targets);
    for (index, latency) in (0u64..).zip(latencies) {
        let start_ns = (index as f64 / rate_per_s * 1e9) as u64;
        let took_ns = (latency.unwrap_or(2_000.0) * 1e6) as u64;
        recording.add(&Sample {
            index,
            intended_start_ns: Some(start_ns),
            dispatched_ns: start_ns,
            sent_ns: Some(start_ns),
            finished_ns: start_ns + took_ns,
            outcome: match latency {
                Some(_) => Outcome::Ok,
                None => Outcome::Timeout,
            },
            status: None,
            connection: None,
            phases: Phases::default(),
            body_bytes: 0,
            server_timing: (provider_share > 0.0)
                .then(|| {
                    let took = Duration::from_nanos((took_ns as f64 * provider_share) as u64);
                    ("provider".to_owned(), took)
                })
                .into_iter()
                .collect(),
        });
    }
    Observation {
        recording,
        rate_per_s: Some(rate_per_s),
        cpu_share: Some(0.01),
    }
}

pub(crate) fn quick(n: usize) -> Observation {
    step(20.0, (0..n).map(|i| Some(1.0 + (i % 7) as f64 / 100.0)))
}

/// A quick service; `offered` replaces the load at the rate asked for.
pub(crate) fn observed(offered: Option<Observation>) -> Observations {
    Observations {
        target: TARGET,
        probe: "health".to_owned(),
        load: "ingest".to_owned(),
        alone: Some(quick(120)),
        new_connections: Some(quick(80)),
        one_at_a_time: Some(step(
            4.0,
            (0..60).map(|i| Some(1.0 + f64::from(i % 5) / 100.0)),
        )),
        probe_during_load: Some(quick(300)),
        load_during_probe: Some(step(4.0, (0..60).map(|_| Some(1.0)))),
        asked_per_s: 20.0,
        offered,
    }
}
