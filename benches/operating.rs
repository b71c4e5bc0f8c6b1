//! How often a verdict is wrong, and how long it takes: the table of `docs/method.md`, simulated with the
//! looks of a real run. Ends with an error if a false verdict comes more often than is claimed.

#[expect(
    dead_code,
    reason = "the tests of `tests/it/operating.rs` simulate other runs too"
)]
#[path = "operating/simulation.rs"]
mod simulation;

use simulation::{Outcomes, Scenario, allowed};

const RUNS: u32 = 1000;
const SEED: u64 = 2024;

#[expect(clippy::print_stdout, reason = "a bench prints its result")]
fn main() {
    println!(
        "| gate | slow requests come | true share, times the limit | PASS | FAIL | mean time to the verdict |"
    );
    println!("|---|---|---|---|---|---|");
    let mut wrong = 0;
    for (name, theta0) in [("P95", 0.05), ("P99", 0.01)] {
        for (burst, how) in [(1, "alone"), (5, "in bursts of 5"), (20, "in bursts of 20")] {
            for times in [0.0, 0.5, 1.0, 2.0] {
                let scenario = Scenario::of_gate(theta0, times, burst);
                let found = scenario.adaptive(RUNS, SEED);
                // 1200 episodes are 120 s.
                let seconds = found.mean_samples() / scenario.episode * 0.1;
                let (pass, fail) = (found.pass_rate() * 100.0, found.fail_rate() * 100.0);
                println!("| {name} | {how} | {times} | {pass:.1}% | {fail:.1}% | {seconds:.0} s |");
                wrong += u32::from(is_wrong_too_often(times, &found));
            }
        }
    }
    if wrong > 0 {
        std::process::exit(1);
    }
}

/// At the limit itself neither verdict is shown; within it FAIL is false, beyond it PASS is.
fn is_wrong_too_often(times: f64, found: &Outcomes) -> bool {
    (times >= 1.0 && found.pass_rate() > allowed(RUNS))
        || (times <= 1.0 && found.fail_rate() > allowed(RUNS))
}
