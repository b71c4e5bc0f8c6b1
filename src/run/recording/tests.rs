//! Every request ends in one bin, exceedances are counted from raw nanoseconds, and merging loses nothing.

use std::time::Duration;

use super::{EXEMPLARS, Recording, TimeBase};
use crate::run::sample::{ConnectionUse, FailureKind, Outcome, Phases, Sample};

const TARGET: Duration = Duration::from_millis(150);

fn sample(index: u64, latency_ns: u64, outcome: Outcome) -> Sample {
    let start_ns = index * 10_000_000;
    Sample {
        index,
        intended_start_ns: Some(start_ns),
        dispatched_ns: start_ns + 40_000,
        sent_ns: Some(start_ns + 40_000),
        finished_ns: start_ns + latency_ns,
        outcome,
        status: Some(200),
        connection: Some(ConnectionUse::Reused),
        phases: Phases {
            first_byte_ns: Some(latency_ns - 40_000),
            body_ns: Some(0),
            ..Phases::default()
        },
        body_bytes: 10,
        server_timing: Vec::new(),
    }
}

#[test]
fn equal_to_the_target_is_within_it_and_one_ns_more_is_not() {
    let mut recording = Recording::new(TimeBase::IntendedStart, &[TARGET]);
    recording.add(&sample(0, 150_000_000, Outcome::Ok));
    recording.add(&sample(1, 150_000_001, Outcome::Ok));
    let bits = &recording.exceedances_of(TARGET).unwrap().bits;
    assert_eq!(bits.iter().collect::<Vec<_>>(), [false, true]);
}

#[test]
fn failures_timeouts_and_unsent_requests_exceed_every_target_and_add_up() {
    // METHOD: 930 within, 10 above, 60 failed: 70 exceedances of 1000, not 10 of 940.
    let mut recording = Recording::new(TimeBase::IntendedStart, &[TARGET]);
    (0..930).for_each(|i| recording.add(&sample(i, 5_000_000, Outcome::Ok)));
    (930..940).for_each(|i| recording.add(&sample(i, 200_000_000, Outcome::Ok)));
    (940..970)
        .for_each(|i| recording.add(&sample(i, 1_000_000, Outcome::Failed(FailureKind::Reset))));
    (970..990).for_each(|i| recording.add(&sample(i, 1_000_000, Outcome::Timeout)));
    (990..1000).for_each(|i| recording.add_unsent(i));
    assert_eq!(recording.planned(), 1000);
    assert_eq!(
        recording.exceedances_of(TARGET).unwrap().bits.count_ones(),
        70
    );
    assert_eq!(recording.latency.ranked_values().count(), 940);
    assert_eq!(recording.counts.not_ok(), 60);
    assert_eq!(recording.ok.count_ones(), 940);
}

#[test]
fn merging_the_shares_of_two_threads_gives_the_recording_of_one() {
    let samples: Vec<Sample> = (0..500)
        .map(|i| sample(i, 1_000_000 + (i * 7919) % 300_000_000, Outcome::Ok))
        .collect();
    let mut whole = Recording::new(TimeBase::IntendedStart, &[TARGET]);
    samples.iter().for_each(|s| whole.add(s));
    let mut parts = [0, 1].map(|_| Recording::new(TimeBase::IntendedStart, &[TARGET]));
    samples
        .iter()
        .for_each(|s| parts[(s.index % 2) as usize].add(s));
    let [mut merged, other] = parts;
    merged.merge(&other);
    assert_eq!(merged.counts, whole.counts);
    assert_eq!(merged.exceedances, whole.exceedances);
    assert_eq!(merged.sequence().map(|s| s.len()), Some(500));
    assert_eq!(merged.sequence(), whole.sequence());
    assert_eq!(merged.slowest, whole.slowest);
    assert_eq!(
        merged.latency.ranked_values(),
        whole.latency.ranked_values()
    );
    assert_eq!(merged.intervals, whole.intervals);
    assert_eq!(merged.slowest.len(), EXEMPLARS);
}

#[test]
fn the_slowest_are_kept_slowest_first() {
    let mut recording = Recording::new(TimeBase::IntendedStart, &[]);
    (0..100).for_each(|i| recording.add(&sample(i, 1_000_000 * (1 + (i * 37) % 100), Outcome::Ok)));
    let slowest: Vec<u128> = recording
        .slowest
        .iter()
        .map(|e| e.latency.as_millis())
        .collect();
    assert_eq!(slowest, [100, 99, 98, 97, 96, 95, 94, 93, 92, 91]);
}

#[test]
fn the_closed_model_judges_service_time() {
    let mut recording = Recording::new(TimeBase::Send, &[TARGET]);
    let mut late = sample(0, 400_000_000, Outcome::Ok);
    late.intended_start_ns = None;
    late.sent_ns = Some(300_000_000);
    recording.add(&late);
    assert_eq!(
        recording.latency.ranked_values().at_rank(1),
        Some(100_000_000)
    );
    assert_eq!(
        recording.exceedances_of(TARGET).unwrap().bits.count_ones(),
        0
    );
}
