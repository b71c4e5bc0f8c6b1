//! Steps of services with a known cause, for tests.

use std::time::Duration;

use super::{BurstSteps, ConnectionSharing, NotShared, Observation, Observations, ladder};
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

/// Bursts of as many requests, each of which ends `apart_ms` after the one before it, the first after that time too.
pub(crate) fn bursts(burst: usize, bursts: usize, apart_ms: f64) -> Observation {
    let places = (0..burst * bursts).map(|number| number % burst);
    step(
        20.0,
        places.map(|place| Some((place + 1) as f64 * apart_ms)),
    )
}

/// A service over HTTP/2, whose bursts of 8 take this long over one connection and over one each, in ms a request.
pub(crate) fn over_http2(one_ms: f64, each_ms: f64, allowed: Option<u64>) -> ConnectionSharing {
    ConnectionSharing::Bursts(Box::new(BurstSteps {
        burst: 8,
        one: Some(bursts(8, 12, one_ms)),
        many: Some(bursts(8, 12, each_ms)),
        allowed,
    }))
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
        sharing: ConnectionSharing::None(NotShared::Http1),
    }
}
