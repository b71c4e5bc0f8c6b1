//! Request index → intended start: fixed before the run, independent of the answers.

use std::sync::Arc;

use uuid::Uuid;

use crate::run::plan::{Arrivals, Model, Plan, Size};
use crate::run::rate_profile::{RatePart, RateParts, RateProfile};
use crate::run::replay::PlannedReplay;
use crate::trace::{Trace, TraceId};
use crate::units::Rate;

/// The plan of one endpoint in the open model: `intended_start(i) = t0 + (i + U_i)/λ`, with U_i = 0 on
/// the grid; for Poisson arrivals the i-th partial sum of exponential gaps. Integer nanoseconds from
/// t0, each computed from its index (or from the sum of unit gaps), so that rounding never adds up.
///
/// Of a rate profile, `i + U_i` is where the cumulative rate is inverted, and each segment has the requests that are due
/// in its time: in any window there are as many as the rate's integral, to within 1 on the grid and 2 with jitter.
#[derive(Clone, Debug)]
pub struct Schedule {
    arrivals: Arrivals,
    course: Course,
    seed: u64,
    /// The number of its first request in the profile; 0 without one.
    first: u64,
    planned: u64,
}

/// What the positions of requests are mapped to.
#[derive(Clone, Debug)]
enum Course {
    Steady { rate_per_s: f64 },
    Segment(SegmentCourse),
    Replay(Arc<PlannedReplay>),
}

/// One part of a profile among its others.
#[derive(Clone, Copy, Debug)]
struct SegmentCourse {
    part: RatePart,
    start_ns: u64,
    /// The integral of the rate until its beginning.
    due_before: f64,
}

impl Schedule {
    /// The schedule of an endpoint at one rate; `stream` tells endpoints apart that share a seed.
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
        let rate_per_s = rate.as_per_second();
        let mut schedule = Schedule {
            arrivals,
            course: Course::Steady { rate_per_s },
            seed: seed_of(seed, stream),
            first: 0,
            planned: u64::MAX,
        };
        schedule.planned = match (size, arrivals) {
            (Size::Requests(n), _) => n,
            (Size::Duration(d), Arrivals::Poisson) => {
                let end_ns = d.as_nanos() as u64;
                schedule.iter().take_while(|&at_ns| at_ns < end_ns).count() as u64
            }
            // The epsilon forgives 0.1 × 30 s coming out as 2.999….
            (Size::Duration(d), _) => (d.as_secs_f64() * rate_per_s + 1e-9).floor() as u64,
        };
        schedule
    }

    /// The schedule of a part of a profile, by its number from 0; `stream` is that of the whole endpoint. A part that the
    /// profile does not have is empty.
    ///
    /// ```
    /// use a7probe::run::plan::Arrivals;
    /// use a7probe::run::rate_profile::RateParts;
    /// use a7probe::run::schedule::Schedule;
    ///
    /// let parts = RateParts::try_from("1/s@2s,0/s..4/s@2s".to_owned()).unwrap();
    /// let ramp: Vec<u64> = Schedule::of_part(Arrivals::Grid, &parts, 1, 7, 0).iter().collect();
    /// // After the two requests of the step, t² are due t seconds into the ramp.
    /// assert_eq!(ramp, [2_000_000_000, 3_000_000_000, 3_414_213_562, 3_732_050_807]);
    /// ```
    pub fn of_part(
        arrivals: Arrivals,
        parts: &RateParts,
        number: usize,
        seed: u64,
        stream: u64,
    ) -> Schedule {
        let mut schedule = Schedule {
            arrivals,
            course: Course::Steady { rate_per_s: 1.0 },
            seed: seed_of(seed, stream),
            first: 0,
            planned: 0,
        };
        let Some(&part) = parts.parts().get(number) else {
            return schedule;
        };
        let due_before = parts.due_before(number);
        schedule.course = Course::Segment(SegmentCourse {
            part,
            start_ns: parts.start_of(number).as_nanos() as u64,
            due_before,
        });
        schedule.first = schedule.first_from(due_before);
        let end = schedule.first_from(parts.due_before(number + 1));
        schedule.planned = end - schedule.first;
        schedule
    }

    /// The schedule of a replay: its own instants.
    pub fn of_replay(replay: &Arc<PlannedReplay>) -> Schedule {
        Schedule {
            arrivals: Arrivals::Grid,
            course: Course::Replay(Arc::clone(replay)),
            seed: 0,
            first: 0,
            planned: replay.record.requests,
        }
    }

    /// The schedule of an endpoint of a plan, by its number; `None` in the closed model.
    pub fn of_plan(plan: &Plan, endpoint: usize) -> Option<Schedule> {
        let Model::Open { arrivals } = plan.model else {
            return None;
        };
        let planned = plan.endpoints.get(endpoint)?;
        let stream = planned.stream(endpoint);
        Some(match planned.segment.as_ref() {
            None => Schedule::new(arrivals, planned.rate?, plan.size, plan.seed, stream),
            Some(segment) => match &segment.profile {
                RateProfile::Parts(parts) => {
                    Schedule::of_part(arrivals, parts, segment.number, plan.seed, stream)
                }
                RateProfile::Replay(replay) => Schedule::of_replay(replay),
            },
        })
    }

    /// The schedule of its warm-up: at the rate at which it begins. Empty for all segments but the first.
    pub fn of_warmup(plan: &Plan, endpoint: usize) -> Option<Schedule> {
        let Model::Open { arrivals } = plan.model else {
            return None;
        };
        let planned = plan.endpoints.get(endpoint)?;
        let size = match planned.segment.as_ref() {
            Some(segment) if segment.number > 0 => Size::Requests(0),
            _ => Size::Duration(plan.warmup),
        };
        let rate = planned.first_rate()?;
        Some(Schedule::new(
            arrivals,
            rate,
            size,
            plan.seed,
            !(endpoint as u64),
        ))
    }

    /// How many requests are planned.
    pub fn planned(&self) -> u64 {
        self.planned
    }

    /// The number of its first request among all of the profile.
    pub fn first(&self) -> u64 {
        self.first
    }

    /// Intended starts in order of the index, in ns from t0; ascending.
    pub fn iter(&self) -> impl Iterator<Item = u64> + use<> {
        self.share(0, 1).map(|(_, at_ns)| at_ns)
    }

    /// The intended start of a request, by its index here; of Poisson arrivals, after those before it.
    fn start_ns(&self, index: u64, unit_sum: &mut f64) -> u64 {
        let number = self.first + index;
        let position = self.position(number, unit_sum);
        match &self.course {
            Course::Steady { rate_per_s } => (position / rate_per_s * 1e9) as u64,
            Course::Segment(segment) => {
                segment.start_ns + segment.part.at_ns(position - segment.due_before)
            }
            Course::Replay(replay) => replay.offsets_ns()[number as usize],
        }
    }

    /// Where a request stands on the axis of the cumulative rate. Poisson arrivals add their gap to the sum of those
    /// before them.
    fn position(&self, number: u64, unit_sum: &mut f64) -> f64 {
        match self.arrivals {
            Arrivals::Grid => number as f64,
            Arrivals::Jitter => number as f64 + uniform(self.seed, number),
            Arrivals::Poisson => {
                *unit_sum -= (1.0 - uniform(self.seed, number)).ln();
                *unit_sum
            }
        }
    }

    /// The sum of the gaps of all requests before its first one.
    fn unit_sum_before_first(&self) -> f64 {
        let mut unit_sum = 0.0;
        if self.arrivals == Arrivals::Poisson {
            (0..self.first).for_each(|number| {
                self.position(number, &mut unit_sum);
            });
        }
        unit_sum
    }

    /// The number of the first request that does not stand before this place on the axis of the cumulative rate.
    fn first_from(&self, due: f64) -> u64 {
        match self.arrivals {
            Arrivals::Grid => due.ceil() as u64,
            Arrivals::Jitter => {
                let number = due.floor() as u64;
                number + u64::from(self.position(number, &mut 0.0) < due)
            }
            Arrivals::Poisson => {
                let mut unit_sum = 0.0;
                let mut numbers = 0u64..;
                let found = numbers.find(|&number| self.position(number, &mut unit_sum) >= due);
                found.unwrap_or(0)
            }
        }
    }

    /// Intended starts of one of `parts` equal shares: indices `part`, `part + parts`, … of the whole schedule.
    pub fn share(&self, part: u64, parts: u64) -> impl Iterator<Item = (u64, u64)> + use<> {
        let schedule = self.clone();
        let mut unit_sum = schedule.unit_sum_before_first();
        // Gaps of Poisson arrivals add up, so all of them are drawn.
        let (first, step) = match self.arrivals {
            Arrivals::Poisson => (0, 1),
            Arrivals::Jitter | Arrivals::Grid => (part, parts as usize),
        };
        let indices = (first..self.planned).step_by(step);
        let starts = indices.map(move |index| (index, schedule.start_ns(index, &mut unit_sum)));
        starts.filter(move |(index, _)| index % parts == part)
    }
}

/// The seed of an endpoint's draws.
fn seed_of(seed: u64, stream: u64) -> u64 {
    mix(seed ^ mix(stream.wrapping_add(1)))
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

/// The event id that stands for `{{uuid}}`: a function of run, endpoint and index, so that the sent ids can be listed
/// afterwards without being stored.
pub fn event_id(run: Uuid, stream: u64, index: u64) -> Uuid {
    let bits = request_bits(run, stream, index);
    uuid::Builder::from_random_bytes(bits.to_be_bytes()).into_uuid()
}

/// The trace that a request begins (`--trace`): a function of run, endpoint and index as well, so that the ids of single
/// requests can be named afterwards. Independent of the request's event id, and marked as sampled.
pub fn request_trace(run: Uuid, stream: u64, index: u64) -> Trace {
    let bits = request_bits(Uuid::from_u128(run.as_u128() ^ TRACES), stream, index);
    let (first, second) = ((bits >> 64) as u64, bits as u64);
    Trace::sampled(TraceId::of(bits), mix(first ^ mix(second)))
}

/// Sets the draws of traces apart from those of event ids: `traces` in ASCII.
const TRACES: u128 = 0x7472_6163_6573;

/// 128 bits of one request, by SplitMix64.
fn request_bits(run: Uuid, stream: u64, index: u64) -> u128 {
    let (high, low) = run.as_u64_pair();
    let key = mix(high ^ mix(low ^ mix(stream)));
    (u128::from(mix(key ^ mix(index))) << 64) | u128::from(mix(low ^ key ^ mix(!index)))
}

#[cfg(test)]
mod profile_tests;

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::time::Duration;

    use uuid::Uuid;

    use super::{Schedule, event_id, request_trace};
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
    fn traces_are_repeated_and_are_all_different() {
        let mut seen = HashSet::new();
        for run in 0..4 {
            for stream in 0..2 {
                for index in 0..5_000 {
                    let run = Uuid::from_u128(run);
                    let trace = request_trace(run, stream, index);
                    assert_eq!(trace, request_trace(run, stream, index));
                    assert!(seen.insert(trace.trace_id().to_string()));
                    assert!(seen.insert(trace.span_id().to_string()));
                    let event = event_id(run, stream, index).simple().to_string();
                    assert!(seen.insert(event), "neither names the other");
                }
            }
        }
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
