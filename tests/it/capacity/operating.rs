//! How often a search claims too much, on simulated services of known capacity. `cargo bench --bench capacity` has all rows.

#[path = "../../../benches/capacity/random.rs"]
mod random;
#[path = "../../../benches/capacity/rows.rs"]
mod rows;
#[path = "../../../benches/capacity/services.rs"]
mod services;
#[path = "../../../benches/capacity/simulation.rs"]
mod simulation;

use simulation::Tally;

const SEARCHES: u32 = 60;
const SEED: u64 = 2026;

fn assert_row_stands(name: &str) {
    let rows = rows::rows();
    let row = rows.iter().find(|row| row.scenario.name == name).unwrap();
    let tally = Tally::of(&row.scenario, SEARCHES, SEED);
    assert_eq!(tally.searches, SEARCHES);
    assert_eq!(row.allowed.misses(&tally), "", "{name}: {tally:?}");
}

#[test]
fn a_queue_with_a_hard_limit_is_bracketed_within_ten_per_cent() {
    assert_row_stands("M/D/1 200/s P95");
}

#[test]
fn bursts_widen_the_bracket_and_do_not_falsify_it() {
    assert_row_stands("abstract 200/s, bursts of 5, P95");
}

#[test]
fn a_slow_service_with_long_bursts_is_rarely_claimed_too_high() {
    assert_row_stands("abstract 20/s, bursts of 20, P95");
}

#[test]
fn a_service_that_drifts_is_claimed_as_it_was_at_the_blocks() {
    assert_row_stands("drift − 20 % P95");
}

#[test]
fn a_service_that_collapses_is_waited_for_and_one_that_stays_down_is_reported() {
    assert_row_stands("collapse 30 s P95");
    assert_row_stands("collapse 90 s P95");
}

#[test]
fn a_bucket_is_claimed_with_no_more_than_its_depth() {
    assert_row_stands("bucket 1 s P95");
}

#[test]
fn the_same_seed_gives_the_same_search() {
    let rows = rows::rows();
    let searched = |seed| format!("{:?}", rows[0].scenario.search(seed));
    assert_eq!(searched(7), searched(7));
    assert_ne!(searched(7), searched(8));
}
