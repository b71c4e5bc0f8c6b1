//! What it costs to judge a run while it goes on: all that a decision adds to an endpoint at 1 000 requests a second
//! for 120 s, as a share of one core. Ends with an error from 1 % on.

use std::time::{Duration, Instant};

use a7probe::judge::gate::{GateWatch, InstrumentState, StopRule, WatchedEndpoint, default_gates};
use a7probe::run::plan::Guard;
use a7probe::run::recording::LiveExceedances;
use a7probe::run::sample::{Outcome, Phases, Sample};

const RATE_PER_S: u64 = 1_000;
const RUN: Duration = Duration::from_secs(120);

/// The decider asks whether a look is due this often.
const REQUESTS_A_PERIOD: u64 = RATE_PER_S / 20;

#[expect(clippy::print_stdout, reason = "a bench prints its result")]
fn main() {
    let target = Duration::from_millis(150);
    let mut watching = GateWatch::new(
        &default_gates(target),
        &[WatchedEndpoint {
            name: "health",
            rate_per_s: RATE_PER_S as f64,
            most_requests: RUN.as_secs() * RATE_PER_S,
        }],
        Guard::default(),
        StopRule::Decided,
    );
    let mut exceedances = LiveExceedances::new(&[target]);
    let (mut looks, began) = (0, Instant::now());
    for index in 0..RUN.as_secs() * RATE_PER_S {
        exceedances.add(&sample(index));
        let due = watching
            .next_look(0)
            .is_some_and(|next| next <= exceedances.complete());
        if (index + 1).is_multiple_of(REQUESTS_A_PERIOD) && due {
            let seen = exceedances.clone();
            watching.advance(
                0,
                seen.complete(),
                |gate| seen.rows_of(gate.condition.target()),
                |_| InstrumentState::Sound,
            );
            looks += 1;
            std::hint::black_box(watching.state());
        }
    }
    let spent = began.elapsed();
    let share = spent.as_secs_f64() / RUN.as_secs_f64() * 100.0;
    println!(
        "{looks} times new looks at three gates: {spent:?} of {RUN:?}, {share:.3} % of a core"
    );
    if share >= 1.0 {
        std::process::exit(1);
    }
}

/// Bursts of up to fifty, one in twenty requests slow: the costliest case, because the bursts are long and correlated.
fn sample(index: u64) -> Sample {
    let slow = index % 1_000 < 50 || index.is_multiple_of(7_919);
    let start_ns = index * 1_000_000;
    Sample {
        index,
        intended_start_ns: Some(start_ns),
        dispatched_ns: start_ns + 40_000,
        sent_ns: Some(start_ns + 40_000),
        finished_ns: start_ns + if slow { 400_000_000 } else { 5_000_000 },
        outcome: Outcome::Ok,
        status: Some(200),
        connection: None,
        phases: Phases::default(),
        body_bytes: 0,
        server_timing: Vec::new(),
    }
}
