//! METHOD §6: the truth about a server that stalls is known, and the open model must find it.

use std::time::{Duration, Instant};

use a7probe::run::histogram::RankedValues;
use a7probe::run::plan::{Arrivals, Model, Size};

use super::{TARGET, closed, measure_one, open, percentile};
use crate::scripted::{OK, Server, Stall};

const PERIOD: Duration = Duration::from_millis(1500);
const HELD: Duration = Duration::from_millis(300);
const BASE: Duration = Duration::from_millis(1);

/// Q(p) = s0 + max(0, D − P(1 − p)).
fn true_quantile(p: f64) -> Duration {
    BASE + HELD.saturating_sub(PERIOD.mul_f64(1.0 - p))
}

#[test]
fn the_open_model_finds_the_stalls_where_the_formula_has_them() {
    let server = Stall::new(PERIOD, HELD, BASE).server();
    let (rate_per_s, cycles) = (100.0, 8u32);
    let plan = open(server.port(), rate_per_s, Size::Duration(PERIOD * cycles));
    let endpoint = measure_one(&plan);
    super::all_ok(&endpoint);

    // METHOD allows 1/λ and our own lag; a busy machine and the server's own threads some more.
    let tolerance = Duration::from_secs_f64(1.0 / rate_per_s) + Duration::from_millis(20);
    for (name, p) in [("p50", 0.50), ("p90", 0.90), ("p95", 0.95), ("p99", 0.99)] {
        let (read, truth) = (percentile(&endpoint.recording, name), true_quantile(p));
        assert!(
            read.abs_diff(truth) <= tolerance,
            "{name}: {read:?}, truth {truth:?}"
        );
    }
    let max = Duration::from_nanos(
        endpoint
            .recording
            .latency
            .ranked_values()
            .at_rank(1200)
            .unwrap(),
    );
    assert!(max.abs_diff(BASE + HELD) <= tolerance, "{max:?}");

    let per_cycle = rate_per_s * (BASE + HELD - TARGET).as_secs_f64();
    let exceedances = endpoint
        .recording
        .exceedances_of(TARGET)
        .unwrap()
        .bits
        .count_ones();
    let error = (exceedances as f64 - per_cycle * f64::from(cycles)).abs();
    assert!(error <= f64::from(cycles), "{exceedances} above 150 ms");

    // Our own delay has nothing to do with the server's.
    let lag = &endpoint.recording.send_lag;
    let p95_lag = Duration::from_nanos(lag.value_at_rank(1140).unwrap());
    assert!(p95_lag < Duration::from_millis(20), "{p95_lag:?}");
}

#[test]
fn a_closed_loop_does_not_see_the_same_stalls() {
    let server = Stall::new(PERIOD, HELD, BASE).server();
    let plan = closed(server.port(), 1, Size::Duration(PERIOD * 3));
    let endpoint = measure_one(&plan);
    super::all_ok(&endpoint);
    let p95 = percentile(&endpoint.recording, "p95");
    assert!(p95 < Duration::from_millis(50), "{p95:?}");
    // One request a stall was in it, so the maximum knows.
    let slowest = endpoint.recording.slowest[0].latency;
    assert!(slowest > Duration::from_millis(200), "{slowest:?}");
    assert!(endpoint.recording.send_lag.count() == 0);
}

#[test]
fn a_known_delay_is_not_understated_and_hardly_overstated() {
    let server = Server::exactly(Duration::from_millis(5));
    let endpoint = measure_one(&open(server.port(), 50.0, Size::Requests(100)));
    super::all_ok(&endpoint);
    // The server says how long it really held each request.
    let held = endpoint.recording.server_timing["held"].ranked_values();
    let latency = endpoint.recording.latency.ranked_values();
    for rank in [1, 50, 95] {
        let at_rank = |levels: &RankedValues| Duration::from_nanos(levels.at_rank(rank).unwrap());
        let (read, truth) = (at_rank(&latency), at_rank(&held));
        // A bucket of the histogram of what the server says is up to 0.05 % wide.
        assert!(read.mul_f64(1.001) >= truth, "{read:?}, held {truth:?}");
        assert!(
            rank > 50 || read < truth + Duration::from_millis(10),
            "{read:?}"
        );
    }
}

#[test]
fn the_server_sees_requests_when_the_plan_says() {
    let server = Server::answering(OK);
    let mut plan = open(server.port(), 50.0, Size::Requests(75));
    plan.model = Model::Open {
        arrivals: Arrivals::Grid,
    };
    super::all_ok(&measure_one(&plan));
    let received = server.received();
    assert_eq!(received.len(), 75);
    // The median of what the arrivals say about t0 is not disturbed by a few that the machine delayed.
    let step = Duration::from_millis(20);
    let mut t0s: Vec<Instant> = (0u32..)
        .zip(&received)
        .map(|(i, r)| r.at - step * i)
        .collect();
    t0s.sort();
    let off_by_50_ms = |t0: &&Instant| **t0 > t0s[37] + Duration::from_millis(50);
    assert!(t0s[37] - t0s[0] < Duration::from_millis(50));
    assert!(t0s.iter().filter(off_by_50_ms).count() < 8);
}
