//! What a sample is worth at a percentile: the design effect φ where slow values come together.
//!
//! An interval of a percentile rests on the number of values above it, and on the numbers above its neighbours. If they
//! come in spells, n values tell as much as n/φ independent ones. φ is looked for at the point percentile and at both
//! ends of its own interval, and the largest counts: a percentile that stands among the fast values tells nothing of
//! the bursts just above it.

use super::profile::{CUT_95, OrderStatistics, band};
use super::rank::Quantile;

/// With fewer windows than this, windows are not made longer: the number of slow values in so few says little.
const WINDOWS: usize = 20;

/// An effect below this is within what chance makes of independent values; a minimum number of values is not raised
/// for it. The interval is widened by it all the same.
const BY_CHANCE: f64 = 1.5;

/// How often the ends are looked at again with the φ found there.
const ROUNDS: usize = 3;

/// The largest φ at a percentile of `sample` and at the ends of its interval; `effect_above` tells φ of "above this
/// value". At least 1, and 1 without values.
pub fn at<S: OrderStatistics + ?Sized>(
    sample: &S,
    q: Quantile,
    effect_above: impl Fn(f64) -> f64,
) -> f64 {
    let n = sample.count();
    if n == 0 {
        return 1.0;
    }
    let mut largest = effect_above(sample.value(q.rank(n))).max(1.0);
    for _ in 0..ROUNDS {
        let Some((low, high)) = band(n, q, CUT_95 * largest) else {
            break;
        };
        let ends = [low.max(1), high.clamp(1, n)].map(|rank| effect_above(sample.value(rank)));
        let next = ends[0].max(ends[1]).max(largest);
        if next <= largest {
            break;
        }
        largest = next;
    }
    largest
}

/// What `n` values are worth; effects within chance count as none.
pub fn worth(n: u64, design_effect: f64) -> u64 {
    if design_effect < BY_CHANCE {
        n
    } else {
        (n as f64 / design_effect).floor() as u64
    }
}

/// How many values are worth `n`: the reverse of [`worth`].
pub fn needed(n: u64, design_effect: f64) -> u64 {
    if design_effect < BY_CHANCE {
        n
    } else {
        (n as f64 * design_effect).ceil() as u64
    }
}

/// φ from equal windows of time, each (values above, values): how much more the numbers above vary from window to
/// window than those of independent values, `Σ(x − p·n)² / (p(1−p)Σn)` (the ratio estimator). Windows are pooled by
/// two, four and so on as long as there are 20, so that longer bursts are seen, and the largest counts. `None` for
/// fewer than two windows with values.
pub fn of_windows(windows: &[(u64, u64)]) -> Option<f64> {
    let used = windows.iter().filter(|(_, n)| *n > 0).count();
    if used < 2 {
        return None;
    }
    let mut largest = dispersion(windows);
    let mut size = 2;
    while windows.len() / size >= WINDOWS {
        let pooled: Vec<(u64, u64)> = windows.chunks(size).map(sum).collect();
        largest = largest.max(dispersion(&pooled));
        size *= 2;
    }
    Some(largest)
}

fn sum(windows: &[(u64, u64)]) -> (u64, u64) {
    windows.iter().fold((0, 0), |(x, n), w| (x + w.0, n + w.1))
}

/// At least 1; 1 where nothing or everything is above.
fn dispersion(windows: &[(u64, u64)]) -> f64 {
    let (above, all) = sum(windows);
    let share = above as f64 / all as f64;
    let variance = share * (1.0 - share) * all as f64;
    if above == 0 || above == all {
        return 1.0;
    }
    let count = windows.iter().filter(|(_, n)| *n > 0).count() as f64;
    let squares: f64 = windows
        .iter()
        .map(|&(x, n)| (x as f64 - share * n as f64).powi(2))
        .sum();
    // The share is that of the same windows, which takes one degree of freedom.
    (squares / variance * count / (count - 1.0).max(1.0)).max(1.0)
}

#[cfg(test)]
mod tests {
    use super::{of_windows, worth};

    #[test]
    fn windows_that_differ_by_whole_bursts_are_worth_as_many_as_there_are_bursts() {
        // Every tenth of 400 windows of 10 is slow throughout: independent blocks of 10, so φ is 10.
        let windows: Vec<(u64, u64)> = (0..400)
            .map(|s| (u64::from(s * 7919 % 10 == 0) * 10, 10))
            .collect();
        let single = super::dispersion(&windows);
        assert!((single - 10.0).abs() < 0.1, "{single}");
        // The same with bursts of four windows on end: pooled windows see them.
        let long: Vec<(u64, u64)> = (0..400).map(|s| (u64::from(s % 40 < 4) * 10, 10)).collect();
        let effect = of_windows(&long).expect("windows");
        assert!(effect > 30.0, "{effect}");
    }

    #[test]
    fn even_windows_are_worth_all_their_values_and_one_window_says_nothing() {
        assert_eq!(of_windows(&[(1, 20); 30]), Some(1.0));
        assert_eq!(of_windows(&[(0, 20); 30]), Some(1.0));
        assert_eq!(of_windows(&[(1, 20), (0, 0)]), None);
        assert_eq!((worth(2_000, 37.0), worth(72, 1.2)), (54, 72));
    }
}
