//! What to expect of a search, before anything is sent.

use std::time::Duration;

use super::whole_seconds;
use crate::judge::capacity::CapacityOptions;
use crate::report::capacity_report::AskedCapacity;
use crate::report::figures::{per_second, thousands};
use crate::units::Pretty;

/// What to expect of a search, before anything is sent; `work` is the longest wait for the work of a trial.
pub(in crate::report) fn expectation(
    options: &CapacityOptions,
    tested: Option<AskedCapacity>,
    work: Option<Duration>,
) -> Vec<String> {
    let mut lines = match tested {
        Some(tested) => vec![format!(
            "testing {} with two blocks of {}",
            per_second(tested.rate.as_per_second()),
            Pretty(options.pair_block())
        )],
        None => of_search(options),
    };
    lines.extend(work.map(|longest| {
        format!(
            "after each trial the work on its events is waited for, at most {}",
            Pretty(longest)
        )
    }));
    lines
}

fn of_search(options: &CapacityOptions) -> Vec<String> {
    let block = options.durations.block;
    let at = |rate: f64| {
        let slow = 2.0 * block.as_secs_f64() * rate * options.goal.theta0;
        format!(
            "at {}, {} slow requests at the limit, a bracket of {}",
            per_second(rate),
            thousands(slow.round() as u64),
            bracket(slow)
        )
    };
    vec![
        format!(
            "searching from {} to {}, at most {}; two blocks of {} confirm each rate",
            per_second(options.from),
            per_second(options.to),
            whole_seconds(options.budget),
            Pretty(block)
        ),
        format!("expect {}; {}", at(options.from), at(options.to)),
    ]
}

/// The bracket that most searches reach with this number of effective exceedances in a pair, by simulation.
fn bracket(exceedances: f64) -> &'static str {
    match exceedances {
        e if e >= 300.0 => "10%",
        e if e >= 50.0 => "20%",
        e if e >= 24.0 => "20% to 40%",
        _ => "40% or more",
    }
}
