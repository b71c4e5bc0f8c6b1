//! Rate profiles on the wire: each segment when the plan says, and a stall seen in full while the rate changes.

use std::time::{Duration, Instant};

use a7probe::run::plan::{Endpoint, Plan, Segment, Size};
use a7probe::run::rate_profile::{RateParts, RateProfile};

use super::{TARGET, measure, open};
use crate::scripted::{OK, Server, Stall};

/// A plan of these parts, one endpoint each.
fn profiled(port: u16, text: &str) -> (Plan, RateParts) {
    let parts = RateParts::try_from(text.to_owned()).expect("a profile");
    let plan = open(port, 1.0, Size::Duration(parts.length()));
    let endpoints = (0..parts.parts().len()).map(|number| {
        let segment = Segment {
            endpoint: "health".to_owned(),
            number,
            profile: RateProfile::Parts(parts.clone()),
            first_request: parts.due_before(number) as u64,
        };
        Endpoint {
            name: format!("health {number}"),
            rate: segment.highest_rate(),
            segment: Some(segment),
            ..plan.endpoints[0].clone()
        }
    });
    let endpoints = endpoints.collect();
    (Plan { endpoints, ..plan }, parts)
}

/// METHOD §6 with a rate that changes: in each stall, the requests that are due in its first part are too slow. Where t0 is
/// within the period of the stalls is not known, and the rate changes by that much less than a period.
#[test]
fn a_ramp_finds_the_stalls_as_often_as_its_rate_meets_them() {
    let (period, held, base) = (
        Duration::from_millis(1500),
        Duration::from_millis(300),
        Duration::from_millis(1),
    );
    let server = Stall::new(period, held, base).server();
    let (plan, parts) = profiled(server.port(), "40/s..160/s@12s");
    let measured = measure(&plan);
    let recording = &measured.endpoints[0].recording;
    super::all_ok(&measured.endpoints[0]);
    assert_eq!(recording.planned(), 1200);

    let slow = (base + held - TARGET).as_secs_f64();
    let cycles = 8.0;
    let expected = parts.parts()[0].mean() * slow * cycles;
    // Our own delay has nothing to do with the server's, and moves requests across the limit.
    let lag = &recording.send_lag;
    let lag_at = |rank: u64| Duration::from_nanos(lag.value_at_rank(rank).expect("lags"));
    assert!(lag_at(1140) < held / 3, "{:?}", lag_at(1140));
    let late = lag_at(1188).as_secs_f64() * parts.parts()[0].mean() * cycles;
    // Half a period of the growth either way, and one request a stall.
    let growth_per_s = 120.0 / 12.0;
    let tolerance = growth_per_s * period.as_secs_f64() / 2.0 * slow * cycles + cycles + late;
    let exceedances = recording
        .exceedances_of(TARGET)
        .expect("counted")
        .bits
        .count_ones() as f64;
    assert!(
        (exceedances - expected).abs() <= tolerance,
        "{exceedances} above 150 ms, expected {expected} ± {tolerance}"
    );
}

#[test]
fn the_server_sees_each_segment_at_its_rate_and_in_its_time() {
    let server = Server::answering(OK);
    let (plan, parts) = profiled(server.port(), "20/s@1s,20..100@1s,100/s@1s");
    let measured = measure(&plan);
    let counts: Vec<u64> = measured
        .endpoints
        .iter()
        .map(|e| e.recording.planned())
        .collect();
    assert_eq!(counts, [20, 60, 100]);
    assert_eq!(counts.iter().sum::<u64>() as f64, parts.due());
    let received: Vec<Instant> = server.received().iter().map(|r| r.at).collect();
    assert_eq!(received.len(), 180);
    // Half of the requests of each segment divide its time as the integral says; a busy machine delays some.
    let begin = received[0];
    for (number, due) in [(20, 1.0), (80, 2.0), (130, 2.5)] {
        let at = (received[number] - begin).as_secs_f64();
        assert!(
            (at - due).abs() < 0.3,
            "request {number} after {at} s, due after {due} s"
        );
    }
    for endpoint in &measured.endpoints {
        let segment = plan.endpoints.iter().find(|e| e.name == endpoint.name);
        let start = segment
            .and_then(|e| e.segment.as_ref())
            .expect("a segment")
            .start();
        let first = Duration::from_nanos(endpoint.recording.first_sent_ns.expect("sent"));
        assert!(first >= start, "{first:?} before {start:?}");
        let intervals = endpoint.recording.intervals.iter();
        let seconds: Vec<u64> = intervals.map(|(second, _)| second).collect();
        assert_eq!(
            seconds,
            [start.as_secs()],
            "its requests are due in its own second"
        );
    }
}
