//! The share of requests that did not end ok, before and after.

use super::change_evidence::ChangeRange;
use super::effect::Effect;
use super::pair::Pair;
use crate::judge::summary::CONFIDENCE;
use crate::stats::binomial;

/// How many of the planned requests did not end ok.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ErrorRate {
    /// Failed, timed out or unsent.
    pub not_ok: u64,
    /// All.
    pub planned: u64,
}

/// The share before, after, and how surely it changed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ErrorRateChange {
    /// The counts.
    pub rates: Pair<ErrorRate>,
    /// Share after − share before, as a fraction.
    pub difference: Option<f64>,
    /// Its interval at [`CONFIDENCE`], within [−1, 1].
    pub interval: Option<ChangeRange>,
    /// Improved or regressed if the interval lies on one side of zero, else inconclusive; no noise band.
    pub effect: Effect,
}

impl ErrorRate {
    /// The share, from 0 to 1; `None` without requests.
    pub fn share(self) -> Option<f64> {
        (self.planned > 0).then(|| self.not_ok as f64 / self.planned as f64)
    }

    /// Clopper–Pearson interval of the share.
    fn bounds(self) -> ChangeRange {
        let tail = (1.0 - CONFIDENCE) / 2.0;
        ChangeRange {
            low: binomial::lower_bound(self.planned, self.not_ok, tail),
            high: binomial::upper_bound(self.planned, self.not_ok, tail),
        }
    }
}

impl ErrorRateChange {
    /// The interval is put together from the two exact ones by the square-and-add rule (Newcombe 1998, method 10, with
    /// Clopper–Pearson for Wilson limits): it never claims more than 95 % where requests fail independently, and does
    /// not collapse without failures.
    pub fn between(rates: Pair<ErrorRate>) -> ErrorRateChange {
        let shares = rates.map(ErrorRate::share);
        let (Some(before), Some(after)) = (shares.before, shares.after) else {
            return ErrorRateChange {
                rates,
                difference: None,
                interval: None,
                effect: Effect::Inconclusive,
            };
        };
        let bounds = rates.map(ErrorRate::bounds);
        let difference = after - before;
        let interval = ChangeRange {
            low: difference - (after - bounds.after.low).hypot(bounds.before.high - before),
            high: difference + (bounds.after.high - after).hypot(before - bounds.before.low),
        };
        ErrorRateChange {
            rates,
            difference: Some(difference),
            interval: Some(interval),
            effect: match interval {
                ChangeRange { high, .. } if high < 0.0 => Effect::Improved,
                ChangeRange { low, .. } if low > 0.0 => Effect::Regressed,
                _ => Effect::Inconclusive,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Effect, ErrorRate, ErrorRateChange, Pair};

    fn change(before: (u64, u64), after: (u64, u64)) -> ErrorRateChange {
        let rate = |(not_ok, planned)| ErrorRate { not_ok, planned };
        ErrorRateChange::between(Pair {
            before: rate(before),
            after: rate(after),
        })
    }

    fn choose(n: u64, k: u64) -> f64 {
        (0..k).fold(1.0, |c, i| c * (n - i) as f64 / (i + 1) as f64)
    }

    fn probability(n: u64, k: u64, p: f64) -> f64 {
        choose(n, k) * p.powi(k as i32) * (1.0 - p).powi((n - k) as i32)
    }

    #[test]
    fn the_interval_covers_the_truth_at_least_as_often_as_it_says() {
        // Every outcome of 30 and 50 requests, weighed by its exact probability.
        for (p_before, p_after) in [
            (0.02, 0.02),
            (0.1, 0.1),
            (0.05, 0.3),
            (0.5, 0.4),
            (0.0, 0.01),
        ] {
            let (n, m) = (30, 50);
            let covered: f64 = (0..=n)
                .flat_map(|k| (0..=m).map(move |j| (k, j)))
                .filter(|&(k, j)| {
                    let interval = change((k, n), (j, m)).interval.expect("there are requests");
                    (interval.low..=interval.high).contains(&(p_after - p_before))
                })
                .map(|(k, j)| probability(n, k, p_before) * probability(m, j, p_after))
                .sum();
            assert!(covered >= 0.95, "{p_before} to {p_after}: {covered}");
        }
    }

    #[test]
    fn the_interval_contains_newcombes_and_mirrors_when_the_sides_change_places() {
        // Newcombe 1998, table II, example (a): 48/80 against 56/70, score limits 0.0524 to 0.3339.
        let forth = change((48, 80), (56, 70)).interval.expect("data");
        assert!(forth.low < 0.0524 && forth.low > 0.03, "{forth:?}");
        assert!(forth.high > 0.3339 && forth.high < 0.36, "{forth:?}");
        let back = change((56, 70), (48, 80)).interval.expect("data");
        assert!((forth.low + back.high).abs() < 1e-12 && (forth.high + back.low).abs() < 1e-12);
    }

    #[test]
    fn no_failures_on_both_sides_show_nothing_and_many_show_themselves() {
        let clean = change((0, 600), (0, 600));
        assert_eq!(clean.effect, Effect::Inconclusive);
        let interval = clean.interval.expect("data");
        // 1 − 0.025^(1/600) = 0.613 %.
        assert!((interval.high - 0.006_13).abs() < 1e-5 && interval.low == -interval.high);
        assert_eq!(change((0, 600), (30, 600)).effect, Effect::Regressed);
        assert_eq!(change((30, 600), (0, 600)).effect, Effect::Improved);
    }

    #[test]
    fn no_requests_are_no_share() {
        let nothing = change((0, 0), (1, 10));
        assert_eq!((nothing.difference, nothing.interval), (None, None));
    }
}
