//! The rows of the operating table: services, their capacity, and what a search may do on them.

use std::time::Duration;

use super::services::{Service, ServiceTime};
use super::simulation::{Scenario, Tally};

/// One row.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) scenario: Scenario,
    pub(crate) allowed: Allowed,
}

/// What must hold. Shares are of the searches.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Allowed {
    pub(crate) false_lower: f64,
    pub(crate) false_upper: f64,
    pub(crate) within_10: f64,
    pub(crate) within_21: f64,
    pub(crate) minutes: f64,
    pub(crate) does_not_recover: f64,
}

const P95: f64 = 0.05;
const P99: f64 = 0.01;

const STEEP_P95: Allowed = Allowed {
    false_lower: 0.05,
    false_upper: 0.05,
    within_10: 0.85,
    within_21: 0.90,
    minutes: 4.5,
    does_not_recover: 0.0,
};

const STEEP_P99: Allowed = Allowed {
    minutes: 8.0,
    ..STEEP_P95
};

const SAFE: Allowed = Allowed {
    within_10: 0.0,
    within_21: 0.0,
    minutes: f64::INFINITY,
    ..STEEP_P95
};

impl Allowed {
    /// What does not hold; empty if all does.
    pub(crate) fn misses(&self, tally: &Tally) -> String {
        let checks = [
            ("L", tally.share(tally.false_lower_2) <= self.false_lower),
            ("U", tally.share(tally.false_upper_1) <= self.false_upper),
            ("1.10", tally.share(tally.within_10) >= self.within_10),
            ("1.21", tally.share(tally.within_21) >= self.within_21),
            ("minutes", tally.mean_minutes() <= self.minutes),
            (
                "recovery",
                tally.share(tally.does_not_recover) >= self.does_not_recover,
            ),
        ];
        let missed = checks.iter().filter(|(_, holds)| !holds);
        missed.map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
    }
}

/// Every row.
pub(crate) fn rows() -> Vec<Row> {
    let mut rows = steep();
    rows.extend(abstract_services());
    rows.extend(heavy_tails());
    rows.extend(changing());
    rows.extend(buckets());
    rows
}

fn row(name: &'static str, service: Service, capacity: f64, theta0: f64, allowed: Allowed) -> Row {
    Row {
        scenario: Scenario {
            name,
            service,
            theta0,
            limit: Duration::from_millis(150),
            capacity,
            unseen: 1.0,
            from: capacity / 20.0,
        },
        allowed,
    }
}

/// One server of 5 ms.
pub(crate) fn single_server(theta0: f64) -> Row {
    let (name, allowed) = if theta0 == P95 {
        ("M/D/1 200/s P95", STEEP_P95)
    } else {
        ("M/D/1 200/s P99", STEEP_P99)
    };
    let service = Service::queue(1, ServiceTime::Constant(0.005));
    row(name, service, 200.0, theta0, allowed)
}

fn steep() -> Vec<Row> {
    let ten = || {
        Service::queue(
            10,
            ServiceTime::Bimodal {
                short: 0.03,
                long: 0.14,
                long_share: 0.015,
            },
        )
    };
    let eight = || {
        Service::queue(
            8,
            ServiceTime::Lognormal {
                mean: 0.004,
                variation: 1.0,
            },
        )
    };
    vec![
        single_server(P95),
        single_server(P99),
        row("M/G/10 bimodal P95", ten(), 313.7, P95, STEEP_P95),
        row("M/G/10 bimodal P99", ten(), 312.0, P99, STEEP_P99),
        row("M/G/8 P95", eight(), 1_989.0, P95, STEEP_P95),
        row("M/G/8 P99", eight(), 1_979.0, P99, STEEP_P99),
    ]
}

/// Bursts of five at 200/s.
pub(crate) fn bursts_of_five() -> Row {
    let allowed = Allowed {
        within_10: 0.55,
        within_21: 0.88,
        minutes: 5.5,
        ..STEEP_P95
    };
    let service = Service::abstract_service(200.0, P95, 5);
    row(
        "abstract 200/s, bursts of 5, P95",
        service,
        200.0,
        P95,
        allowed,
    )
}

fn abstract_services() -> Vec<Row> {
    let fast_p95 = Allowed {
        within_21: 0.93,
        ..STEEP_P95
    };
    let fast_p99 = Allowed {
        within_10: 0.75,
        within_21: 0.93,
        ..STEEP_P99
    };
    let slow_p99 = Allowed {
        within_10: 0.28,
        within_21: 0.82,
        minutes: 11.0,
        ..STEEP_P95
    };
    let slowest = Allowed {
        false_lower: 0.06,
        ..SAFE
    };
    let of = |capacity, theta0, burst| Service::abstract_service(capacity, theta0, burst);
    vec![
        row(
            "abstract 2000/s, alone, P95",
            of(2_000.0, P95, 1),
            2_000.0,
            P95,
            fast_p95,
        ),
        row(
            "abstract 2000/s, bursts of 5, P95",
            of(2_000.0, P95, 5),
            2_000.0,
            P95,
            fast_p95,
        ),
        row(
            "abstract 2000/s, alone, P99",
            of(2_000.0, P99, 1),
            2_000.0,
            P99,
            fast_p99,
        ),
        row(
            "abstract 2000/s, bursts of 5, P99",
            of(2_000.0, P99, 5),
            2_000.0,
            P99,
            fast_p99,
        ),
        bursts_of_five(),
        row(
            "abstract 200/s, bursts of 5, P99",
            of(200.0, P99, 5),
            200.0,
            P99,
            slow_p99,
        ),
        row(
            "abstract 20/s, alone, P95",
            of(20.0, P95, 1),
            20.0,
            P95,
            slowest,
        ),
        row(
            "abstract 20/s, bursts of 5, P95",
            of(20.0, P95, 5),
            20.0,
            P95,
            slowest,
        ),
        row(
            "abstract 20/s, bursts of 20, P95",
            of(20.0, P95, 20),
            20.0,
            P95,
            slowest,
        ),
        row(
            "abstract 20/s, bursts of 5, P99",
            of(20.0, P99, 5),
            20.0,
            P99,
            slowest,
        ),
        row(
            "abstract 20/s, bursts of 20, P99",
            of(20.0, P99, 20),
            20.0,
            P99,
            slowest,
        ),
    ]
}

fn heavy_tails() -> Vec<Row> {
    let tail = Allowed {
        false_lower: 0.06,
        ..SAFE
    };
    let of = |mean, variation| Service::queue(1, ServiceTime::Lognormal { mean, variation });
    vec![
        row("M/G/1 cv 0.5, 40 ms, P95", of(0.04, 0.5), 21.18, P95, SAFE),
        row("M/G/1 cv 0.5, 40 ms, P99", of(0.04, 0.5), 17.72, P99, SAFE),
        row("M/G/1 cv 1, 4.5 ms, P95", of(0.0045, 1.0), 211.9, P95, SAFE),
        row("M/G/1 cv 1, 4.5 ms, P99", of(0.0045, 1.0), 205.7, P99, SAFE),
        row("M/G/1 cv 2, 4.5 ms, P95", of(0.0045, 2.0), 177.5, P95, tail),
        row("M/G/1 cv 2, 4.5 ms, P99", of(0.0045, 2.0), 130.8, P99, tail),
    ]
}

fn changing() -> Vec<Row> {
    let drift = Allowed {
        minutes: 15.0,
        ..SAFE
    };
    let never = Allowed {
        does_not_recover: 0.98,
        ..SAFE
    };
    let collapse = Allowed {
        within_10: 0.90,
        ..SAFE
    };
    vec![
        row(
            "drift + 20 % P95",
            Service::drifting(0.2),
            200.0,
            P95,
            drift,
        ),
        row(
            "drift − 20 % P95",
            Service::drifting(-0.2),
            200.0,
            P95,
            drift,
        ),
        row(
            "drift + 20 % P99",
            Service::drifting(0.2),
            200.0,
            P99,
            drift,
        ),
        row(
            "drift − 20 % P99",
            Service::drifting(-0.2),
            200.0,
            P99,
            drift,
        ),
        row(
            "collapse 30 s P95",
            Service::collapsing(30.0),
            200.0,
            P95,
            collapse,
        ),
        row(
            "collapse 90 s P95",
            Service::collapsing(90.0),
            200.0,
            P95,
            never,
        ),
    ]
}

/// A bucket of 200/s that holds a second.
pub(crate) fn bucket(theta0: f64) -> Row {
    let allowed = Allowed {
        within_10: 0.75,
        within_21: 0.88,
        ..SAFE
    };
    let name = if theta0 == P95 {
        "bucket 1 s P95"
    } else {
        "bucket 1 s P99"
    };
    let mut row = row(
        name,
        Service::bucket(200.0, 1.0),
        200.0 / (1.0 - theta0),
        theta0,
        allowed,
    );
    // What a block lets through: the depth is spent within the warm-up and the block.
    let block = row.scenario.durations().block.as_secs_f64() + 2.0;
    row.scenario.unseen = 1.0 + 1.0 / block;
    row
}

fn buckets() -> Vec<Row> {
    vec![bucket(P95), bucket(P99)]
}
