//! METHOD §7: the instrument's own error is calibrated, and no verdict hangs on it unsaid.

mod calibration;

use std::time::Duration;

use a7probe::judge::gate::{self, Finding, Gate, InstrumentLoad, Subject};
use a7probe::report::text::{next_step, reason};
use a7probe::run::plan::{Design, Guard};
use a7probe::run::recording::{Recording, TimeBase};
use a7probe::run::run_file::{Calibration, Run, Throttled};
use a7probe::run::sample::{FailureKind, Outcome, Phases, Sample};
use a7probe::verdict::Verdict;
use serde_json::Value;

use crate::harness::{self, temp_dir};
use crate::runs::{self, TARGET};

const FAST: Duration = Duration::from_millis(5);

const PUNCTUAL: Duration = Duration::from_micros(40);

/// A recording of this number of requests each, of this latency and send lag, by an instrument with an own error of 2 ms.
fn recorded(parts: &[(u64, Duration, Duration)]) -> Recording {
    let mut recording =
        Recording::new(TimeBase::IntendedStart, &[TARGET]).with_own_error(Duration::from_millis(2));
    for &(count, latency, lag) in parts {
        (0..count).for_each(|_| add(&mut recording, latency, lag, Outcome::Ok));
    }
    recording
}

fn add(recording: &mut Recording, latency: Duration, lag: Duration, outcome: Outcome) {
    let index = recording.planned();
    let start_ns = index * 50_000_000;
    let sent_ns = start_ns + lag.as_nanos() as u64;
    recording.add(&Sample {
        index,
        intended_start_ns: Some(start_ns),
        dispatched_ns: sent_ns,
        sent_ns: Some(sent_ns),
        finished_ns: start_ns + latency.as_nanos() as u64,
        outcome,
        status: None,
        connection: None,
        phases: Phases::default(),
        body_bytes: 0,
        server_timing: Vec::new(),
    });
}

fn judge(recording: &Recording, load: InstrumentLoad, gate: &str) -> Finding {
    let subject = Subject {
        planned: None,
        endpoint: "health",
        recording,
        timeout: Some(Duration::from_secs(10)),
        rate_per_s: Some(20.0),
        shape: a7probe::run::plan::LoadShape::Steady,
        in_flight: None,
        guard: Guard::Iid,
        design: Design::Fixed,
        load,
        audit: None,
    };
    let gates = [Gate::parse(gate).expect(gate)];
    gate::judge(&gates, &[subject]).remove(0)
}

fn p95(recording: &Recording) -> Finding {
    judge(recording, InstrumentLoad::default(), "p95 <= 150ms")
}

const fn us(us: u64) -> Duration {
    Duration::from_micros(us)
}

#[test]
fn a_pass_counts_what_is_above_the_target_and_a_failure_what_is_above_it_by_the_own_error() {
    // e is 2 ms: 152 ms may be 150 ms seen by us, 152.001 ms may not.
    let within = p95(&recorded(&[
        (900, FAST, PUNCTUAL),
        (100, us(152_000), PUNCTUAL),
    ]));
    assert_eq!(within.verdict, Verdict::Inconclusive);
    assert_eq!(
        (within.exceedances.at_least, within.exceedances.at_most),
        (0, 100)
    );
    assert_eq!(
        reason(&within),
        "the measurement overhead is up to 2 ms, so between 0 and 100 of 1,000 requests are slower than 150 ms because of the server, and the verdict depends on the exact number"
    );
    assert!(next_step(&within).is_some());
    let beyond = p95(&recorded(&[
        (900, FAST, PUNCTUAL),
        (100, us(152_041), PUNCTUAL),
    ]));
    assert_eq!(beyond.verdict, Verdict::Fail);
    // What is within the guard band is no pass either, and what hardly anything exceeds is one all the same.
    let passing = p95(&recorded(&[
        (990, FAST, PUNCTUAL),
        (10, us(151_000), PUNCTUAL),
    ]));
    assert_eq!(passing.verdict, Verdict::Pass);
}

#[test]
fn a_target_that_was_not_counted_has_its_guard_band_in_the_histogram() {
    let recording = recorded(&[(900, FAST, PUNCTUAL), (100, us(152_000), PUNCTUAL)]);
    let at = |gate| judge(&recording, InstrumentLoad::default(), gate);
    // 151 ms + 2 ms lies above all, 148 ms + 2 ms does not.
    let within = at("p95 <= 151ms");
    assert_eq!(within.verdict, Verdict::Inconclusive);
    assert!(
        reason(&within).starts_with("the measurement overhead is up to "),
        "{}",
        reason(&within)
    );
    assert_eq!(at("p95 <= 148ms").verdict, Verdict::Fail);
    // And whatever limits the instrument, answers of 152 ms are far beyond 100 ms.
    let busy = InstrumentLoad {
        busy: Some(1.0),
        throttled: None,
    };
    let limited = |gate| judge(&recording, busy, gate).verdict;
    assert_eq!(limited("p95 <= 140ms"), Verdict::Inconclusive);
    assert_eq!(limited("p95 <= 100ms"), Verdict::Fail);
}

#[test]
fn a_failure_that_our_own_lag_makes_is_client_limited_whatever_the_own_error() {
    // 8 ms late each: 160 ms is above T + e, and 152 ms without the lag is above T. 155 ms is not.
    let lag = Duration::from_millis(8);
    let flipped = p95(&recorded(&[(900, FAST, PUNCTUAL), (100, us(157_000), lag)]));
    assert_eq!(flipped.verdict, Verdict::Inconclusive);
    assert!(
        reason(&flipped).starts_with("client-limited: this machine sent late"),
        "{}",
        reason(&flipped)
    );
}

#[test]
fn a_flag_blocks_a_failure_near_the_target_and_none_that_is_far_beyond() {
    // 160 ms is above T + e; far is 150 + 2 + 50 ms.
    let near = recorded(&[(900, FAST, PUNCTUAL), (100, us(160_000), PUNCTUAL)]);
    let far = recorded(&[(900, FAST, PUNCTUAL), (100, us(203_000), PUNCTUAL)]);
    let flags = [
        (
            InstrumentLoad {
                busy: Some(0.9),
                throttled: None,
            },
            "a7probe was busy for 90% of the time",
            "lower the rate, or measure from a larger machine",
        ),
        (
            InstrumentLoad {
                busy: None,
                throttled: Some(Duration::from_millis(120)),
            },
            "CPU limit stopped a7probe for 120 ms",
            "raise the CPU limit of the container that a7probe runs in",
        ),
    ];
    assert_eq!(p95(&near).verdict, Verdict::Fail);
    for (load, words, remedy) in flags {
        let blocked = judge(&near, load, "p95 <= 150ms");
        assert_eq!(blocked.verdict, Verdict::Inconclusive);
        assert!(
            reason(&blocked).starts_with("client-limited: "),
            "{}",
            reason(&blocked)
        );
        assert!(reason(&blocked).contains(words), "{}", reason(&blocked));
        assert_eq!(next_step(&blocked).as_deref(), Some(remedy));
        assert_eq!(judge(&far, load, "p95 <= 150ms").verdict, Verdict::Fail);
    }
}

/// 1,000 requests, of which a tenth take so long in the service, all sent so late.
fn late_by(lag: Duration, service: Duration) -> Recording {
    recorded(&[(900, FAST + lag, lag), (100, service + lag, lag)])
}

#[test]
fn who_is_a_little_late_judges_what_is_beyond_the_target_by_a_tenth_of_it() {
    let verdict = |lag_ms, service_ms| {
        let ms = Duration::from_millis;
        p95(&late_by(ms(lag_ms), ms(service_ms))).verdict
    };
    // T + e is 152 ms, a tenth more 167 ms, a third 202 ms.
    for (lag_ms, service_ms, expected) in [
        (4, 203, Verdict::Fail),
        (4, 170, Verdict::Fail),
        (4, 165, Verdict::Inconclusive),
        (7, 170, Verdict::Fail),
        (8, 170, Verdict::Inconclusive),
        (40, 170, Verdict::Inconclusive),
        (40, 200, Verdict::Inconclusive),
        (40, 205, Verdict::Fail),
        (60, 205, Verdict::Inconclusive),
    ] {
        assert_eq!(
            verdict(lag_ms, service_ms),
            expected,
            "{lag_ms} ms late, {service_ms} ms"
        );
    }
}

#[test]
fn a_file_of_before_there_was_a_near_margin_is_judged_by_the_far_one() {
    let folder = temp_dir();
    let path = folder.path().join("run.json");
    let lag = Duration::from_millis(4);
    let parts: Vec<_> = (0..600)
        .map(|i| (1, if i % 5 == 0 { us(174_000) } else { FAST + lag }, lag))
        .collect();
    let late = recorded(&parts);
    let verdict = |run: &Run| findings(run, "health p95 <= 150ms")[0].verdict;
    let run = runs::run(late.clone(), late);
    run.save(&path).unwrap();
    assert_eq!(verdict(&run), Verdict::Fail);
    assert_eq!(
        findings(&run, "p95 <= 150ms"),
        findings(&Run::load(&path).unwrap(), "p95 <= 150ms")
    );
    let mut old: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    for endpoint in old["endpoints"].as_array_mut().unwrap() {
        for exceedances in endpoint["exceedances"].as_array_mut().unwrap() {
            exceedances.as_object_mut().unwrap().remove("near");
        }
    }
    let old = Run::from_json(old.to_string().as_bytes()).unwrap();
    assert_eq!(verdict(&old), Verdict::Inconclusive);
}

#[test]
fn no_flag_makes_a_pass_or_takes_one_away() {
    let load = InstrumentLoad {
        busy: Some(1.0),
        throttled: Some(Duration::from_secs(1)),
    };
    let fast = recorded(&[(1_000, FAST, us(20_000))]);
    assert_eq!(judge(&fast, load, "p95 <= 150ms").verdict, Verdict::Pass);
    let slow = recorded(&[(900, FAST, PUNCTUAL), (100, us(160_000), PUNCTUAL)]);
    for target in [100, 150, 159, 160] {
        let gate = format!("p99 <= {target}ms");
        let passes = |load| judge(&slow, load, &gate).verdict == Verdict::Pass;
        assert_eq!(passes(load), passes(InstrumentLoad::default()), "{gate}");
        assert_eq!(passes(load), target == 160, "{gate}");
    }
}

#[test]
fn late_sends_and_local_socket_errors_are_flags_too() {
    // 2 % of the sends 3 ms late: more than 1 % of 150 ms for more than 1 % of them. Without the lag all stay above.
    let late = Duration::from_millis(3);
    let near = recorded(&[
        (880, FAST, PUNCTUAL),
        (20, FAST, late),
        (100, us(160_000), PUNCTUAL),
    ]);
    let blocked = p95(&near);
    assert_eq!(blocked.verdict, Verdict::Inconclusive);
    assert!(
        reason(&blocked).contains("98% of the sends within 1.5 ms"),
        "{}",
        reason(&blocked)
    );
    let mut starved = recorded(&[(900, FAST, PUNCTUAL), (99, us(160_000), PUNCTUAL)]);
    add(
        &mut starved,
        FAST,
        PUNCTUAL,
        Outcome::Failed(FailureKind::Client),
    );
    let blocked = p95(&starved);
    assert_eq!(blocked.verdict, Verdict::Inconclusive);
    assert!(
        reason(&blocked).contains("no free socket"),
        "{}",
        reason(&blocked)
    );
}

#[test]
fn a_service_that_fails_outright_fails_however_late_we_were() {
    // A third of the target late: no latency says anything, but 500 refused connections do.
    let mut down = recorded(&[(500, FAST, us(60_000))]);
    (0..500).for_each(|_| {
        add(
            &mut down,
            FAST,
            us(60_000),
            Outcome::Failed(FailureKind::Connect),
        );
    });
    assert_eq!(p95(&down).verdict, Verdict::Fail);
    // And slow answers alone do not.
    let slow = recorded(&[(500, FAST, us(60_000)), (500, us(900_000), us(60_000))]);
    assert_eq!(p95(&slow).verdict, Verdict::Inconclusive);
}

/// A run that fails near its target, as its file gives it back.
fn saved(change: impl FnOnce(&mut Run)) -> (Run, Run) {
    let near = (0..600).map(|i| us(if i % 5 == 0 { 160_000 } else { 5_000 }));
    let mut run = runs::run(runs::all_ok(near.clone()), runs::all_ok(near));
    change(&mut run);
    let folder = temp_dir();
    let path = folder.path().join("run.json");
    run.save(&path).unwrap();
    let loaded = Run::load(&path).unwrap();
    (run, loaded)
}

fn findings(run: &Run, gate: &str) -> Vec<Finding> {
    gate::judge(&[Gate::parse(gate).unwrap()], &Subject::of_run(run))
}

#[test]
fn a_saved_run_is_judged_as_it_was_with_everything_that_limits_it() {
    let throttled = Throttled {
        periods: 2,
        time: Duration::from_millis(7),
    };
    let (sound, of_sound) = saved(|_| {});
    let (limited, of_limited) = saved(|run| run.instrument.throttled = Some(throttled));
    let (busy, of_busy) = saved(|run| run.instrument.cpu = Duration::from_secs(65));
    for (run, loaded, verdict) in [
        (&sound, &of_sound, Verdict::Fail),
        (&limited, &of_limited, Verdict::Inconclusive),
        (&busy, &of_busy, Verdict::Inconclusive),
    ] {
        assert_eq!(run.instrument, loaded.instrument);
        for gate in [
            "p95 <= 150ms",
            "p95 <= 140ms",
            "p99 <= 159.9ms",
            "p50 <= 150ms",
        ] {
            assert_eq!(findings(run, gate), findings(loaded, gate), "{gate}");
        }
        assert_eq!(findings(loaded, "p95 <= 150ms")[0].verdict, verdict);
        assert_eq!(loaded.endpoints[0].recording.own_error, runs::OWN_ERROR);
    }
}

#[test]
fn a_file_of_before_there_was_a_calibration_keeps_its_verdict_and_says_so() {
    let (run, _) = saved(|run| run.instrument.cpu = Duration::from_secs(65));
    let folder = temp_dir();
    let path = folder.path().join("old.json");
    run.save(&path).unwrap();
    let mut old: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    old["instrument"]
        .as_object_mut()
        .unwrap()
        .remove("calibration");
    for endpoint in old["endpoints"].as_array_mut().unwrap() {
        for exceedances in endpoint["exceedances"].as_array_mut().unwrap() {
            let fields = exceedances.as_object_mut().unwrap();
            for newer in ["near", "far", "beyond_error"] {
                assert!(fields.remove(newer).is_some(), "{newer}");
            }
        }
    }
    std::fs::write(&path, old.to_string()).unwrap();
    let loaded = Run::load(&path).unwrap();
    assert_eq!(loaded.instrument.calibration, Calibration::Unknown);
    // A flag cannot be held against bits that were not counted.
    assert_eq!(findings(&loaded, "p95 <= 150ms")[0].verdict, Verdict::Fail);
    let judged = harness::run(folder.path(), &["judge", "old.json", "-v"]);
    assert_eq!(judged.status.code(), Some(1));
    let said = String::from_utf8(judged.stdout).unwrap();
    assert!(
        said.contains("note: measurement overhead unknown: "),
        "{said}"
    );
}

#[test]
fn exceedances_that_contradict_each_other_are_damage() {
    let (run, _) = saved(|_| {});
    let folder = temp_dir();
    let path = folder.path().join("run.json");
    run.save(&path).unwrap();
    let whole: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    let ok = whole["endpoints"][0]["ok"].clone();
    for (field, words) in [
        ("beyond_error", "guarded"),
        ("near", "near"),
        ("far", "far"),
    ] {
        let mut damaged = whole.clone();
        damaged["endpoints"][0]["exceedances"][0][field] = ok.clone();
        let error = Run::from_json(damaged.to_string().as_bytes()).unwrap_err();
        assert!(error.to_string().contains(words), "{error}");
    }
}
