//! How often a capacity search claims too much, how narrow its bracket is and how long it takes, on simulated services of
//! known capacity. Ends with an error if a row of the operating table of `docs/capacity.md` does not stand.
//!
//! Arguments: the number of searches a row (200), and a part of a row's name.

#[path = "capacity/random.rs"]
mod random;
#[path = "capacity/rows.rs"]
mod rows;
#[path = "capacity/services.rs"]
mod services;
#[path = "capacity/simulation.rs"]
mod simulation;

use rows::rows;
use simulation::Tally;

const SEARCHES: u32 = 200;
const SEED: u64 = 2026;

#[expect(clippy::print_stdout, reason = "a bench prints its result")]
fn main() {
    // Cargo adds `--bench`.
    let mut arguments = std::env::args()
        .skip(1)
        .filter(|argument| !argument.starts_with("--"));
    let searches = arguments
        .next()
        .and_then(|text| text.parse().ok())
        .unwrap_or(SEARCHES);
    let wanted = arguments.next().unwrap_or_default();
    println!("| service | L > C | by 2 % | U < C | by 1 % | U/L ≤ 1.10 | ≤ 1.21 | min | |");
    println!("|---|---|---|---|---|---|---|---|---|");
    let mut failed = 0;
    for row in rows()
        .iter()
        .filter(|row| row.scenario.name.contains(&wanted))
    {
        let tally = Tally::of(&row.scenario, searches, SEED);
        let percent = |count| format!("{:.1} %", 100.0 * tally.share(count));
        let misses = row.allowed.misses(&tally);
        println!(
            "| {} | {} | {} | {} | {} | {} | {} | {:.1} | {misses} |",
            row.scenario.name,
            percent(tally.false_lower),
            percent(tally.false_lower_2),
            percent(tally.false_upper),
            percent(tally.false_upper_1),
            percent(tally.within_10),
            percent(tally.within_21),
            tally.mean_minutes(),
        );
        failed += u32::from(!misses.is_empty());
    }
    if failed > 0 {
        std::process::exit(1);
    }
}
