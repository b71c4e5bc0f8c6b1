//! A target that the run did not count is judged from the sequence as if it had been counted: the same number of slow
//! requests, the same spells, the same verdict.

use std::time::Duration;

use crate::needs::{LONG_TESTS, need_right};
use a7probe::judge::gate::{self, ExceedanceRange, Finding, Gate, InstrumentLoad, Subject};
use a7probe::report::text::{next_step, reason};
use a7probe::run::plan::{Design, Guard};
use a7probe::run::recording::{LatencyCode, MOST_IN_SEQUENCE, Recording, TimeBase};
use a7probe::run::sample::{FailureKind, Outcome, Phases, Sample};
use a7probe::run::schedule::mix;
use a7probe::verdict::Verdict;

const MS: u64 = 1_000_000;

const OWN_ERROR: Duration = Duration::from_micros(400);

fn sample(index: u64, latency_ns: u64, lag_ns: u64, outcome: Outcome) -> Sample {
    let start_ns = index * 5 * MS;
    Sample {
        index,
        intended_start_ns: Some(start_ns),
        dispatched_ns: start_ns + lag_ns,
        sent_ns: Some(start_ns + lag_ns),
        finished_ns: start_ns + latency_ns,
        outcome,
        status: None,
        connection: None,
        phases: Phases::default(),
        body_bytes: 0,
        server_timing: Vec::new(),
    }
}

/// Requests of 2 to 30 ms with spells of up to 20 slow ones, some sent late, some that failed here or there.
fn bursty(seed: u64, requests: u64) -> Vec<Sample> {
    let draw = |index: u64, question: u64| mix(mix(seed) ^ mix(index) ^ mix(question));
    let mut spell = 0;
    let slow_of_1000 = seed % 4 * 8;
    let request = |index: u64| {
        if spell == 0 && draw(index, 1) % 1_000 < slow_of_1000 {
            spell = 1 + draw(index, 2) % 20;
        }
        let extra = if spell > 0 {
            draw(index, 3) % (40 * MS)
        } else {
            0
        };
        spell = u64::saturating_sub(spell, 1);
        let lag_ns = match draw(index, 4) % 50 {
            0 => draw(index, 5) % (3 * MS),
            _ => draw(index, 5) % 60_000,
        };
        let outcome = match draw(index, 6) % 2_000 {
            0 => Outcome::Failed(FailureKind::Reset),
            1 => Outcome::Failed(FailureKind::Client),
            2 => Outcome::Timeout,
            _ => Outcome::Ok,
        };
        let latency_ns = 4 * MS + draw(index, 7) % (26 * MS) + extra;
        sample(index, latency_ns, lag_ns, outcome)
    };
    (0..requests).map(request).collect()
}

fn recorded(samples: &[Sample], targets: &[Duration]) -> Recording {
    let mut recording = Recording::new(TimeBase::IntendedStart, targets).with_own_error(OWN_ERROR);
    samples.iter().for_each(|sample| recording.add(sample));
    recording
}

fn subject(recording: &Recording, guard: Guard, design: Design) -> Subject<'_> {
    Subject {
        endpoint: "health",
        recording,
        timeout: Some(Duration::from_secs(10)),
        rate_per_s: Some(200.0),
        shape: a7probe::run::plan::LoadShape::Steady,
        in_flight: None,
        guard,
        design,
        audit: None,
        planned: None,
        load: InstrumentLoad::default(),
    }
}

fn judged(gate: &str, subject: Subject<'_>) -> Finding {
    let gate = Gate::parse(gate).expect(gate);
    gate::judge(&[gate], &[subject]).remove(0)
}

/// Whether the code of a target holds the time of a request: with or without its lag, or after our own error.
fn is_open(samples: &[Sample], target: Duration) -> bool {
    let target_ns = target.as_nanos() as u64;
    let guarded_ns = target_ns + OWN_ERROR.as_nanos() as u64;
    let limits = [
        target_ns,
        guarded_ns,
        guarded_ns + target_ns / 10,
        guarded_ns + target_ns / 3,
    ]
    .map(LatencyCode::of);
    samples.iter().any(|sample| {
        let latency_ns = sample.response_ns();
        let without_ns = latency_ns - sample.send_lag_ns().unwrap_or(0);
        [latency_ns, without_ns]
            .map(LatencyCode::of)
            .iter()
            .any(|code| limits.contains(code))
    })
}

#[test]
fn what_was_counted_and_what_the_sequence_says_are_one() {
    let guards = [Guard::default(), Guard::Iid];
    let designs = [Design::Fixed, Design::Adaptive];
    let (mut verdicts, mut exact) = (Vec::new(), 0);
    for seed in 0..12 {
        let samples = bursty(seed, 6_000);
        for tenths in [262, 297, 303, 340, 501] {
            let target = Duration::from_micros(100 * tenths);
            let (counted, kept) = (recorded(&samples, &[target]), recorded(&samples, &[]));
            let is_open = is_open(&samples, target);
            exact += u32::from(!is_open);
            for (guard, design) in guards.iter().flat_map(|g| designs.map(|d| (*g, d))) {
                let gate = format!("p95 <= {}us", 100 * tenths);
                let [from_bits, from_codes] = [&counted, &kept]
                    .map(|recording| judged(&gate, subject(recording, guard, design)));
                let what = format!("seed {seed}, {gate}, {guard:?}, {design:?}");
                let told = |f: &Finding| (f.verdict, f.exceedances, f.p_pass, f.p_fail);
                if is_open {
                    let (bits, codes) = (from_bits.exceedances, from_codes.exceedances);
                    let holds = codes.at_least <= bits.at_least && bits.at_most <= codes.at_most;
                    assert!(holds, "{what}: {codes:?} for {bits:?}");
                    assert!(
                        [from_bits.verdict, Verdict::Inconclusive].contains(&from_codes.verdict),
                        "{what}"
                    );
                } else {
                    assert_eq!(told(&from_codes), told(&from_bits), "{what}");
                    assert_eq!(from_codes.episodes, from_bits.episodes, "{what}");
                }
                verdicts.push(from_codes.verdict);
            }
        }
    }
    for verdict in [Verdict::Pass, Verdict::Fail, Verdict::Inconclusive] {
        let count = verdicts.iter().filter(|&&found| found == verdict).count();
        assert!(count >= 20, "{count} times {verdict}");
    }
    assert!(exact >= 10, "{exact} targets without a request on them");
}

#[test]
fn bursts_decide_at_a_target_that_was_not_counted() {
    // 7 % slow: alone or in tens they fail, in one spell of 70 they do not.
    let run = |is_slow: fn(u64) -> bool| {
        let latency_ns = |index| if is_slow(index) { 14 * MS } else { 2 * MS };
        let samples: Vec<Sample> = (0..1_000)
            .map(|index| sample(index, latency_ns(index), 0, Outcome::Ok))
            .collect();
        let recording = recorded(&samples, &[Duration::from_millis(150)]);
        judged(
            "p95 <= 10ms",
            subject(&recording, Guard::default(), Design::Fixed),
        )
    };
    let alone = run(|index| index % 14 == 3);
    assert_eq!(alone.verdict, Verdict::Fail, "{}", reason(&alone));
    let one_spell = run(|index| (200..271).contains(&index));
    assert_eq!(one_spell.verdict, Verdict::Inconclusive);
    let seen = one_spell.episodes.and_then(|episodes| episodes.seen);
    let seen = seen.expect("the order is known");
    assert_eq!((seen.count, seen.longest), (1, 71));
    assert_eq!(seen.design_effect.round(), 71.0);
}

#[test]
fn a_verdict_that_hangs_on_the_requests_that_share_a_code_with_the_target_is_withheld() {
    let target_ns = 10 * MS;
    let code = LatencyCode::of(target_ns);
    let run = |slow_ns: u64| {
        let latency_ns = |index| if index % 10 == 0 { slow_ns } else { 2 * MS };
        let samples: Vec<Sample> = (0..1_000)
            .map(|index| sample(index, latency_ns(index), 0, Outcome::Ok))
            .collect();
        let mut recording = recorded(&samples, &[]);
        recording.own_error = Duration::ZERO;
        judged(
            "p95 <= 10ms",
            subject(&recording, Guard::Iid, Design::Fixed),
        )
    };
    // In the histogram's bucket of 512 ns too.
    let open = run(target_ns + 100);
    assert_eq!(open.verdict, Verdict::Inconclusive);
    let range = ExceedanceRange {
        at_least: 0,
        at_most: 100,
    };
    assert_eq!(open.exceedances, range);
    assert!(reason(&open).contains("bucket"), "{}", reason(&open));
    let step = next_step(&open).expect("a step");
    assert!(step.contains("measure again with this gate"), "{step}");
    // Elsewhere in the code the histogram knows.
    for beyond_ns in [code.high_ns(), code.high_ns() + 1] {
        assert_eq!(run(beyond_ns).verdict, Verdict::Fail);
    }
    for within_ns in [code.low_ns(), code.low_ns() - 1] {
        assert_eq!(run(within_ns).verdict, Verdict::Pass);
    }
}

#[test]
fn a_failure_must_hold_beyond_our_own_error_and_without_our_own_lag() {
    let run = |latency_ns: u64, lag_ns: u64| {
        let samples: Vec<Sample> = (0..1_000)
            .map(|index| {
                let is_slow = index % 5 == 0;
                let (latency_ns, lag_ns) = if is_slow {
                    (latency_ns, lag_ns)
                } else {
                    (2 * MS, 0)
                };
                sample(index, latency_ns, lag_ns, Outcome::Ok)
            })
            .collect();
        let recording = recorded(&samples, &[]);
        let mut subject = subject(&recording, Guard::Iid, Design::Fixed);
        subject.rate_per_s = None;
        judged("p95 <= 10ms", subject)
    };
    let certain = run(11 * MS, 0);
    assert_eq!(certain.verdict, Verdict::Fail, "{}", reason(&certain));
    let within_error = run(10 * MS + 200_000, 0);
    assert_eq!(within_error.verdict, Verdict::Inconclusive);
    let text = reason(&within_error);
    assert!(
        text.starts_with("the measurement overhead is up to "),
        "{text}"
    );
    let by_our_lag = run(11 * MS, 2 * MS);
    assert_eq!(by_our_lag.verdict, Verdict::Inconclusive);
    assert_eq!(by_our_lag.exceedances.at_least, 0);
}

/// A run that is longer than its sequence by these requests, which follow 2 % of slow ones, each alone.
fn long(slow_of_100: u64, further: impl Iterator<Item = u64>) -> Recording {
    let mut recording = Recording::new(TimeBase::Send, &[]);
    let first = (0..MOST_IN_SEQUENCE).map(|index| {
        if index % 100 < slow_of_100 {
            20 * MS
        } else {
            2 * MS
        }
    });
    for (index, latency_ns) in (0u64..).zip(first.chain(further)) {
        let mut request = sample(index, latency_ns, 0, Outcome::Ok);
        request.intended_start_ns = None;
        recording.add(&request);
    }
    recording
}

/// More than a million requests take some seconds to record without optimization.
#[test]
fn a_run_that_is_longer_than_its_sequence_fails_by_it_and_passes_only_as_a_whole() {
    if need_right(&LONG_TESTS, "gate::sequence::longer_than_its_sequence").is_none() {
        return;
    }
    let judged = |recording: &Recording, design| {
        judged("p95 <= 10ms", subject(recording, Guard::default(), design))
    };
    for design in [Design::Fixed, Design::Adaptive] {
        // Nothing slow behind the sequence, and 30,000 slow ones of 40,000.
        let fine = long(2, std::iter::repeat_n(2 * MS, 40_000));
        assert_eq!(judged(&fine, design).verdict, Verdict::Pass);
        let slow_end = (0..40_000).map(|i| if i % 4 == 0 { 2 * MS } else { 20 * MS });
        let worse = judged(&long(2, slow_end), design);
        assert_eq!(worse.verdict, Verdict::Inconclusive, "{}", reason(&worse));
        let both = ExceedanceRange {
            at_least: 50_000,
            at_most: 50_000,
        };
        assert_eq!(worse.exceedances, both);
        let seen = worse.episodes.and_then(|e| e.seen).expect("an order");
        assert_eq!((seen.count, seen.longest), (10_001, 30_000));
        // What fails in the sequence fails, however the rest was.
        let failing = judged(&long(8, std::iter::repeat_n(2 * MS, 10)), design);
        assert_eq!(failing.verdict, Verdict::Fail, "{}", reason(&failing));
    }
}
