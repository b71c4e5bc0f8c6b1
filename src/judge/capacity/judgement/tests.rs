//! Verdicts on trials and pairs of which the truth is known.

use std::time::Duration;

use super::CapacityJudge;
use crate::judge::capacity::{
    BoundSide, CapacityGoal, GateRows, PairTest, RateOffer, ShareSide, TrialDurations, TrialSample,
    TrialVerdict,
};

const LIMIT: Duration = Duration::from_millis(150);
const RATE: f64 = 20.0;

fn judge() -> CapacityJudge {
    let goal = CapacityGoal {
        theta0: 0.05,
        limit: LIMIT,
        spell: Some(Duration::from_millis(100)),
    };
    CapacityJudge::new(
        goal,
        TrialDurations::of(&goal, 0.1, Duration::from_secs(30)),
    )
}

/// A trial of this number of requests, some of them slow.
fn trial(requests: u64, is_slow: impl Fn(u64) -> bool) -> TrialSample {
    let latency = |slow| Some(Duration::from_millis(if slow { 400 } else { 50 }));
    let latencies: Vec<_> = (0..requests).map(|index| latency(is_slow(index))).collect();
    TrialSample::of_latencies(RATE, &latencies, LIMIT, 0.05)
}

fn test_excluding(spell: Duration) -> PairTest {
    PairTest {
        number: 1,
        level: 0.025,
        side: BoundSide::Lower,
        rate: RATE,
        spell: Some(spell),
    }
}

fn first_test() -> PairTest {
    test_excluding(Duration::from_millis(100))
}

fn of_pair(first: &TrialSample, second: &TrialSample) -> TrialVerdict {
    judge().pair(&first_test(), first, second)
}

const OPEN: TrialVerdict = TrialVerdict::Undecided(ShareSide::Within);
const OPEN_BEYOND: TrialVerdict = TrialVerdict::Undecided(ShareSide::Beyond);

#[test]
fn a_service_that_stops_answering_fails_within_seconds() {
    let dead = TrialSample::of_latencies(RATE, &[None; 100], LIMIT, 0.05);
    assert_eq!(judge().screen(&dead), TrialVerdict::Fail);
    assert_eq!(judge().screen(&trial(100, |_| false)), TrialVerdict::Pass);
}

#[test]
fn a_screen_takes_requests_as_independent_and_the_reference_does_not() {
    // P(Bin(100, 0.05) ≥ 10) = 0.028: one burst of ten shows a FAIL only if its requests are independent.
    let burst = trial(100, |index| (40..50).contains(&index));
    assert_eq!(judge().screen(&burst), TrialVerdict::Fail);
    assert_eq!(judge().reference(&burst), OPEN_BEYOND);
}

#[test]
fn a_narrowing_trial_passes_from_half_of_its_length_on() {
    // Half of 20 s at 20/s are 200 requests; the evidence and the condition on spells are there at 120 (60·τ0 = 6 s).
    assert_eq!(judge().narrow(&trial(150, |_| false)), OPEN);
    assert_eq!(judge().narrow(&trial(200, |_| false)), TrialVerdict::Pass);
}

#[test]
fn a_pair_without_exceedances_excludes_the_longest_spell_that_other_trials_saw() {
    // ln(1/0.025)·1 s/0.05 = 73.78 s: two blocks of 36.9 s are enough, two of 36.8 s are not.
    let pair = |seconds: f64| {
        let block = trial((seconds * RATE) as u64, |_| false);
        judge().pair(&test_excluding(Duration::from_secs(1)), &block, &block)
    };
    assert_eq!(pair(36.9), TrialVerdict::Pass);
    assert_eq!(pair(36.8), OPEN);
}

#[test]
fn spells_of_other_trials_do_not_count_where_the_pair_has_its_own() {
    let block = trial(600, |index| index % 200 == 100);
    let long = test_excluding(Duration::from_secs(10));
    assert_eq!(judge().pair(&long, &block, &block), TrialVerdict::Pass);
}

#[test]
fn a_block_with_a_growing_queue_keeps_its_pair_from_passing() {
    let filling: Vec<_> = (0..600)
        .map(|index| Some(Duration::from_micros(50_000 + 100 * index)))
        .collect();
    let filling = TrialSample::of_latencies(RATE, &filling, LIMIT, 0.05);
    assert_eq!(judge().block(&filling), TrialVerdict::Growing);
    assert_eq!(of_pair(&trial(600, |_| false), &filling), OPEN);
}

#[test]
fn blocks_that_contradict_each_other_withhold_the_verdict_of_their_pair() {
    let clean = trial(600, |_| false);
    let slow = trial(600, |index| index % 3 == 0);
    assert_eq!(of_pair(&slow, &slow), TrialVerdict::Fail);
    assert_eq!(of_pair(&clean, &slow), OPEN_BEYOND);
}

#[test]
fn several_gates_pass_together_and_fail_by_holm() {
    let with_errors = |is_error: fn(u64) -> bool| {
        let mut sample = trial(600, |_| false);
        let mut rows = GateRows::empty(0.01);
        (0..600).for_each(|index| rows.push(is_error(index)));
        sample.gates.push(rows);
        sample
    };
    let sound = with_errors(|_| false);
    assert_eq!(of_pair(&sound, &sound), TrialVerdict::Pass);
    let broken = with_errors(|index| index % 10 == 0);
    assert_eq!(of_pair(&broken, &broken), TrialVerdict::Fail);
}

#[test]
fn a_rate_that_this_machine_did_not_offer_is_limited_unless_the_service_fails_for_certain() {
    let not_kept = |sample: TrialSample| TrialSample {
        offer: RateOffer::NotKept,
        ..sample
    };
    let open = not_kept(trial(600, |index| index % 20 == 0));
    assert_eq!(judge().narrow(&open), TrialVerdict::ClientLimited);
    assert_eq!(of_pair(&open, &open), TrialVerdict::ClientLimited);
    let failing = not_kept(trial(600, |index| index % 3 == 0));
    assert_eq!(judge().narrow(&failing), TrialVerdict::Fail);
    assert_eq!(of_pair(&failing, &failing), TrialVerdict::Fail);
}
