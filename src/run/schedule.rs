//! Request index → intended start: fixed before the run, independent of the answers.

use std::time::Duration;

use uuid::Uuid;

use crate::run::plan::{Arrivals, Size};
use crate::units::Rate;

/// The plan of one endpoint in the open model: `intended_start(i) = t0 + (i + U_i)/λ`, with U_i = 0 on
/// the grid; for Poisson arrivals the i-th partial sum of exponential gaps. Integer nanoseconds from
/// t0, each computed from its index (or from the sum of unit gaps), so that rounding never adds up.
#[derive(Clone, Debug)]
pub struct Schedule {
    arrivals: Arrivals,
    rate_per_s: f64,
    seed: u64,
    planned: u64,
}

impl Schedule {
    /// The schedule of an endpoint; `stream` tells endpoints apart that share a seed.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use a7probe::run::plan::{Arrivals, Size};
    /// use a7probe::run::schedule::Schedule;
    /// use a7probe::units::Rate;
    ///
    /// let rate = Rate::per_second(4.0).unwrap();
    /// let size = Size::Duration(Duration::from_secs(1));
    /// let grid: Vec<u64> = Schedule::new(Arrivals::Grid, rate, size, 7, 0).iter().collect();
    /// assert_eq!(grid, [0, 250_000_000, 500_000_000, 750_000_000]);
    /// // Jitter places one request in each of these intervals.
    /// let jitter = Schedule::new(Arrivals::Jitter, rate, size, 7, 0);
    /// assert!(jitter.iter().zip(grid).all(|(at_ns, start_ns)| at_ns - start_ns < 250_000_000));
    /// ```
    pub fn new(arrivals: Arrivals, rate: Rate, size: Size, seed: u64, stream: u64) -> Schedule {
        let mut schedule = Schedule {
            arrivals,
            rate_per_s: rate.as_per_second(),
            seed: mix(seed ^ mix(stream.wrapping_add(1))),
            planned: u64::MAX,
        };
        schedule.planned = match (size, arrivals) {
            (Size::Requests(n), _) => n,
            (Size::Duration(d), Arrivals::Poisson) => {
                let end_ns = d.as_nanos() as u64;
                schedule.iter().take_while(|&at_ns| at_ns < end_ns).count() as u64
            }
            // The epsilon forgives 0.1 × 30 s coming out as 2.999….
            (Size::Duration(d), _) => (d.as_secs_f64() * schedule.rate_per_s + 1e-9).floor() as u64,
        };
        schedule
    }

    /// How many requests are planned.
    pub fn planned(&self) -> u64 {
        self.planned
    }

    /// Intended starts in order of the index, in ns from t0; ascending.
    pub fn iter(&self) -> impl Iterator<Item = u64> + use<> {
        let schedule = self.clone();
        let mut unit_sum = 0f64;
        (0..self.planned).map(move |i| {
            let position = match schedule.arrivals {
                Arrivals::Grid => i as f64,
                Arrivals::Jitter => i as f64 + uniform(schedule.seed, i),
                Arrivals::Poisson => {
                    unit_sum -= (1.0 - uniform(schedule.seed, i)).ln();
                    unit_sum
                }
            };
            (position / schedule.rate_per_s * 1e9) as u64
        })
    }

    /// Intended starts of one of `parts` equal shares: indices `part`, `part + parts`, …
    pub fn share(&self, part: u64, parts: u64) -> impl Iterator<Item = (u64, u64)> + use<> {
        (0u64..)
            .zip(self.iter())
            .filter(move |(index, _)| index % parts == part)
    }

    /// How long the plan takes at its rate.
    pub fn span(&self) -> Duration {
        Duration::from_secs_f64(self.planned as f64 / self.rate_per_s)
    }
}

/// SplitMix64's finaliser (Steele, Lea, Flood 2014): a printed seed must give the same schedule in
/// every version, which generators of the rand crate do not promise.
pub fn mix(mut z: u64) -> u64 {
    z = z.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// The index-th draw of a seed, uniform in [0, 1).
fn uniform(seed: u64, index: u64) -> f64 {
    (mix(seed ^ mix(index)) >> 11) as f64 / (1u64 << 53) as f64
}

/// The event id that stands for `{{uuid}}`: a function of run, endpoint and index, so that what was
/// sent can be listed afterwards without having been stored.
pub fn event_id(run: Uuid, stream: u64, index: u64) -> Uuid {
    let (high, low) = run.as_u64_pair();
    let key = mix(high ^ mix(low ^ mix(stream)));
    let bits = (u128::from(mix(key ^ mix(index))) << 64) | u128::from(mix(low ^ key ^ mix(!index)));
    uuid::Builder::from_random_bytes(bits.to_be_bytes()).into_uuid()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::time::Duration;

    use uuid::Uuid;

    use super::{Schedule, event_id};
    use crate::run::plan::{Arrivals, Size};
    use crate::units::Rate;

    fn schedule(arrivals: Arrivals, rate: f64, size: Size, seed: u64) -> Schedule {
        Schedule::new(arrivals, Rate::per_second(rate).unwrap(), size, seed, 0)
    }

    #[test]
    fn the_grid_is_exact_and_does_not_drift() {
        let starts: Vec<u64> = schedule(Arrivals::Grid, 3.0, Size::Requests(3_000_001), 1)
            .iter()
            .collect();
        assert_eq!(&starts[..3], [0, 333_333_333, 666_666_666]);
        assert_eq!(starts[3_000_000], 1_000_000_000_000_000);
    }

    #[test]
    fn jitter_puts_exactly_one_start_in_each_interval() {
        let plan = schedule(
            Arrivals::Jitter,
            100.0,
            Size::Duration(Duration::from_secs(60)),
            7,
        );
        assert_eq!(plan.planned(), 6000);
        for (i, at_ns) in plan.iter().enumerate() {
            assert_eq!(at_ns / 10_000_000, i as u64);
        }
    }

    #[test]
    fn poisson_arrivals_have_the_rate_and_the_spread_of_an_exponential() {
        let plan = schedule(Arrivals::Poisson, 1000.0, Size::Requests(100_000), 11);
        let starts: Vec<u64> = plan.iter().collect();
        let gaps: Vec<f64> = starts
            .windows(2)
            .map(|w| (w[1] - w[0]) as f64 / 1e6)
            .collect();
        let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
        let variance = gaps.iter().map(|g| (g - mean).powi(2)).sum::<f64>() / gaps.len() as f64;
        // Four standard errors around the true values, 1 ms and 1 ms².
        assert!((mean - 1.0).abs() < 0.013, "{mean}");
        assert!((variance - 1.0).abs() < 0.036, "{variance}");
    }

    #[test]
    fn a_seed_repeats_its_schedule_and_shares_cover_it_once() {
        let plan = schedule(Arrivals::Jitter, 50.0, Size::Requests(1000), 42);
        let again = schedule(Arrivals::Jitter, 50.0, Size::Requests(1000), 42);
        assert!(plan.iter().eq(again.iter()));
        let other = schedule(Arrivals::Jitter, 50.0, Size::Requests(1000), 43);
        assert!(!plan.iter().eq(other.iter()));
        let mut union: Vec<(u64, u64)> = (0..3).flat_map(|part| plan.share(part, 3)).collect();
        union.sort_unstable();
        assert!(union.into_iter().eq((0u64..).zip(plan.iter())));
    }

    #[test]
    fn a_duration_plans_rate_times_seconds() {
        let size = Size::Duration(Duration::from_secs(30));
        assert_eq!(schedule(Arrivals::Jitter, 0.1, size, 1).planned(), 3);
        assert_eq!(schedule(Arrivals::Grid, 20.0, size, 1).planned(), 600);
    }

    #[test]
    fn event_ids_never_repeat_within_or_across_runs() {
        let mut seen = HashSet::new();
        for run in 0..4 {
            for stream in 0..2 {
                for index in 0..5_000 {
                    assert!(seen.insert(event_id(Uuid::from_u128(run), stream, index)));
                }
            }
        }
    }
}
