//! How often a verdict is wrong, and how long it takes: the table of the README's method section, simulated with the
//! looks of a real run. Ends with an error if a false verdict comes more often than is claimed.

use a7probe::stats::operating::{Outcomes, Scenario};

const RUNS: u32 = 1000;
const SEED: u64 = 2024;

/// α, and the one point that repeated looks at the number of episodes add, and three standard errors.
fn allowed() -> f64 {
    let rate: f64 = 0.06;
    rate + 3.0 * (rate * (1.0 - rate) / f64::from(RUNS)).sqrt()
}

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
                println!(
                    "| {name} | {how} | {times} | {pass:.1} % | {fail:.1} % | {seconds:.0} s |"
                );
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
    (times >= 1.0 && found.pass_rate() > allowed())
        || (times <= 1.0 && found.fail_rate() > allowed())
}
