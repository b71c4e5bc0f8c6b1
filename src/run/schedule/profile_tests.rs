//! In any window of a profile, as many requests are due as the integral of its rate says.

use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;

use super::Schedule;
use crate::run::plan::Arrivals;
use crate::run::rate_profile::{RatePart, RateParts};
use crate::run::replay::{PlannedReplay, ReplayFile};

/// One part: steps, rising and falling ramps, and ramps from or to nothing.
fn part() -> impl Strategy<Value = RatePart> {
    let rate = prop_oneof![Just(0.0), 0.1f64..20.0, 20.0f64..400.0];
    let lengths = 1u64..5_000;
    (rate.clone(), rate, lengths, any::<bool>()).prop_filter_map(
        "something is sent",
        |(from, to, ms, is_step)| {
            let to_per_s = if is_step { from } else { to };
            (from + to_per_s > 0.0).then(|| RatePart {
                from_per_s: from,
                to_per_s,
                length: Duration::from_millis(ms),
            })
        },
    )
}

fn profile() -> impl Strategy<Value = RateParts> {
    prop::collection::vec(part(), 1..6).prop_filter_map("valid parts", RateParts::new)
}

/// The schedules of all segments, each with the ends of its own time.
fn segments(arrivals: Arrivals, parts: &RateParts, seed: u64) -> Vec<Vec<u64>> {
    (0..parts.parts().len())
        .map(|number| {
            let schedule = Schedule::of_part(arrivals, parts, number, seed, 0);
            let starts: Vec<u64> = schedule.iter().collect();
            assert_eq!(starts.len() as u64, schedule.planned());
            starts
        })
        .collect()
}

fn all(segments: &[Vec<u64>]) -> Vec<u64> {
    segments.concat()
}

/// How many start within a window of time.
fn within(starts: &[u64], window: [f64; 2]) -> f64 {
    let ends = window.map(|seconds| {
        let ns = seconds * 1e9;
        starts.partition_point(|&at_ns| (at_ns as f64) < ns)
    });
    (ends[1] - ends[0]) as f64
}

/// A window by two places within the whole.
fn window(parts: &RateParts, mut places: [f64; 2]) -> [f64; 2] {
    places.sort_by(f64::total_cmp);
    places.map(|place| place * parts.length().as_secs_f64())
}

fn integral(parts: &RateParts, window: [f64; 2]) -> f64 {
    parts.due_until(window[1]) - parts.due_until(window[0])
}

/// What a nanosecond and 53 bits may add.
const ROUNDING: f64 = 1e-4;

proptest! {
    #[test]
    fn the_grid_has_the_integral_of_any_window_to_within_one(
        parts in profile(), places in prop::array::uniform2(0.0f64..1.0),
    ) {
        let starts = all(&segments(Arrivals::Grid, &parts, 1));
        let window = window(&parts, places);
        let off = within(&starts, window) - integral(&parts, window);
        prop_assert!(off.abs() <= 1.0 + ROUNDING, "{} {:?}: off by {}", parts, window, off);
    }

    #[test]
    fn jitter_has_it_to_within_two_and_from_the_start_to_within_one(
        parts in profile(), places in prop::array::uniform2(0.0f64..1.0), seed: u64,
    ) {
        let starts = all(&segments(Arrivals::Jitter, &parts, seed));
        let window = window(&parts, places);
        let off = within(&starts, window) - integral(&parts, window);
        prop_assert!(off.abs() < 2.0 + ROUNDING, "{} {:?}: off by {}", parts, window, off);
        let from_t0 = [0.0, window[1]];
        let off = within(&starts, from_t0) - integral(&parts, from_t0);
        prop_assert!(off.abs() < 1.0 + ROUNDING, "{} {:?}: off by {}", parts, from_t0, off);
    }

    #[test]
    fn segments_are_in_their_own_time_and_number_their_requests_on(
        parts in profile(), seed: u64, kind in 0usize..3,
    ) {
        let arrivals = [Arrivals::Grid, Arrivals::Jitter, Arrivals::Poisson][kind];
        let mut next = 0;
        for (number, starts) in segments(arrivals, &parts, seed).iter().enumerate() {
            let begin = parts.start_of(number).as_nanos() as u64;
            let end = parts.start_of(number + 1).as_nanos() as u64;
            prop_assert!(starts.is_sorted());
            prop_assert!(starts.iter().all(|at_ns| (begin..end).contains(at_ns)));
            let schedule = Schedule::of_part(arrivals, &parts, number, seed, 0);
            prop_assert_eq!(schedule.first(), next);
            next += schedule.planned();
        }
    }

    #[test]
    fn shares_of_a_segment_are_its_schedule(parts in profile(), seed: u64) {
        let whole = Schedule::of_part(Arrivals::Jitter, &parts, 0, seed, 3);
        let mut union: Vec<(u64, u64)> = (0..3).flat_map(|part| whole.share(part, 3)).collect();
        union.sort_unstable();
        prop_assert!(union.into_iter().eq((0u64..).zip(whole.iter())));
    }
}

#[test]
fn poisson_arrivals_have_the_integral_on_average() {
    let parts = RateParts::try_from("0..200@2s,50/s@1s,200..20@2s".to_owned()).unwrap();
    let window = [0.7, 3.9];
    let expected = integral(&parts, window);
    let runs = 400u32;
    let counts = (0..runs).map(|seed| {
        let starts = all(&segments(Arrivals::Poisson, &parts, seed.into()));
        within(&starts, window)
    });
    let counts: Vec<f64> = counts.collect();
    let mean = counts.iter().sum::<f64>() / f64::from(runs);
    let variance = counts.iter().map(|n| (n - mean).powi(2)).sum::<f64>() / f64::from(runs);
    // Four standard errors around the true values, both of which are the integral.
    let error = 4.0 * (expected / f64::from(runs)).sqrt();
    assert!(
        (mean - expected).abs() < error,
        "{mean}, integral {expected}"
    );
    assert!(
        (variance / expected - 1.0).abs() < 4.0 * (2.0 / f64::from(runs)).sqrt(),
        "{variance}"
    );
}

#[test]
fn one_step_is_the_schedule_of_its_rate() {
    let parts = RateParts::try_from("50/s@30s".to_owned()).unwrap();
    let rate = crate::units::Rate::per_second(50.0).unwrap();
    let size = crate::run::plan::Size::Duration(Duration::from_secs(30));
    for arrivals in [Arrivals::Grid, Arrivals::Jitter, Arrivals::Poisson] {
        let step = Schedule::of_part(arrivals, &parts, 0, 42, 1);
        let steady = Schedule::new(arrivals, rate, size, 42, 1);
        assert!(step.iter().eq(steady.iter()), "{arrivals:?}");
    }
}

#[test]
fn a_replay_is_due_when_its_file_says() {
    let file = ReplayFile {
        name: "a.log".to_owned(),
        sha256: "ab12".to_owned(),
        speed: 1.0,
    };
    let offsets = vec![0, 5, 5, 9];
    let replay = Arc::new(PlannedReplay::new(file, offsets.clone(), None));
    let schedule = Schedule::of_replay(&replay);
    assert_eq!((schedule.planned(), schedule.first()), (4, 0));
    assert_eq!(schedule.iter().collect::<Vec<_>>(), offsets);
    assert_eq!(schedule.share(1, 2).collect::<Vec<_>>(), [(1, 5), (3, 9)]);
}
