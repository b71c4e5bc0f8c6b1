//! Services whose change is known: what warns, what is withheld, and how often it is by accident.

use std::time::Duration;

use a7probe::judge::gate::{Gate, InstrumentLoad, Subject, judge};
use a7probe::judge::summary::{Drift, GrowthKind, Parts, RequestsInFlight, RunPosition};
use a7probe::report::text::reason;
use a7probe::run::plan::{Design, Guard};
use a7probe::run::recording::Recording;
use a7probe::run::run_file::Run;
use a7probe::verdict::Verdict;
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};

use crate::harness::{self, temp_dir};
use crate::runs;

/// The rate of [`runs`].
const RATE: f64 = 20.0;

fn ms(value: f64) -> Duration {
    Duration::from_secs_f64(value / 1e3)
}

/// Lognormal around 100 ms, as a call inside of every request has it.
fn usual(random: &mut SmallRng) -> f64 {
    let normal: f64 = (0..12).map(|_| random.random::<f64>()).sum::<f64>() - 6.0;
    100.0 * (0.2 * normal).exp()
}

/// So many latencies, each made of the second it begins at.
fn series(requests: u64, seed: u64, shape: impl Fn(f64, f64) -> f64) -> Recording {
    let mut random = SmallRng::seed_from_u64(seed);
    runs::all_ok((0..requests).map(|index| {
        let usual = usual(&mut random);
        ms(shape(index as f64 / RATE, usual))
    }))
}

fn drift(recording: &Recording) -> Drift {
    Drift::of(recording, Some(RATE))
}

#[test]
fn a_slow_start_of_five_seconds_is_told_with_the_warm_up_that_it_takes() {
    let mut found = 0;
    for seed in 0..20 {
        let recording = series(600, seed, |second, usual| match second < 5.0 {
            true => usual * 2.0,
            false => usual,
        });
        let Some(start) = drift(&recording).slow_start else {
            continue;
        };
        found += 1;
        // The statistic may cut a little more where the next seconds happen to lie off the mean.
        assert!(
            matches!(start.until, RunPosition::Second(5..=12)),
            "seed {seed}: {start:?}"
        );
        let (slow, rest) = (start.median.unwrap(), start.rest.unwrap());
        assert!(slow > rest * 6 / 5, "{slow:?} {rest:?}");
    }
    // It is silent where the best cut is at its limit, half of the run.
    assert!(found >= 14, "{found} of 20");
}

#[test]
fn latency_that_a_queue_adds_is_named_queueing_and_a_leak_is_not() {
    // Offered 20/s, served 16/s: every second adds 200 ms, and 4 requests wait more.
    let queue = series(600, 1, |second, usual| usual + second * 200.0);
    let growth = drift(&queue).growth.expect("it grows");
    assert_eq!(growth.kind, GrowthKind::Queueing);
    assert!((growth.slope.unwrap() - 0.2).abs() < 0.01, "{growth:?}");
    let RequestsInFlight { first, last } = growth.in_flight.unwrap();
    assert!(first < 20.0 && last > 100.0, "{growth:?}");
    // 1 ms more every second: from 2 to 2.6 in flight is no queue.
    let leak = series(600, 2, |second, usual| usual + second);
    let growth = drift(&leak).growth.expect("it grows");
    assert_eq!(growth.kind, GrowthKind::Unknown);
}

/// Slow episodes of 8 requests, on average one of 40.
fn bursty(requests: u64, seed: u64) -> Recording {
    let mut random = SmallRng::seed_from_u64(seed);
    let mut slow = 0;
    runs::all_ok((0..requests).map(|_| {
        if slow == 0 && random.random_bool(1.0 / 320.0) {
            slow = 8;
        }
        let usual = usual(&mut random);
        slow = u64::saturating_sub(slow, 1);
        ms(if slow > 0 { usual + 300.0 } else { usual })
    }))
}

#[test]
fn a_service_that_does_not_change_is_hardly_ever_said_to() {
    let runs = 400;
    let (mut starts, mut grows) = (0, 0);
    for seed in 0..runs {
        let recording = match seed % 2 {
            0 => series(600, seed, |_, usual| usual),
            _ => bursty(600, seed),
        };
        let drift = drift(&recording);
        starts += u64::from(drift.slow_start.is_some());
        grows += u64::from(drift.growth.is_some());
    }
    assert!(starts * 100 <= runs * 2, "{starts} slow starts of {runs}");
    assert!(grows * 100 <= runs, "{grows} times growth of {runs}");
}

/// A level for each place of a run, from 0 to 1.
type Shape = fn(f64) -> f64;

/// The same latencies as another tool's list.
fn as_list(requests: u64, seed: u64, shape: impl Fn(f64) -> f64) -> Recording {
    let mut random = SmallRng::seed_from_u64(seed);
    let latencies: Vec<Option<Duration>> = (0..requests)
        .map(|index| {
            Some(ms(shape(index as f64 / requests as f64)
                * usual(&mut random)
                / 100.0))
        })
        .collect();
    Recording::from_latencies(&latencies, &[])
}

#[test]
fn a_service_that_becomes_slower_or_quicker_or_is_slow_for_a_while_is_told_in_19_of_20_runs() {
    let up = |part: f64| if part < 0.467 { 10.0 } else { 100.0 };
    let down = |part: f64| if part < 0.467 { 100.0 } else { 10.0 };
    let slow_middle = |part: f64| {
        if (1.0 / 3.0..2.0 / 3.0).contains(&part) {
            100.0
        } else {
            10.0
        }
    };
    let shapes: [(&str, Shape, Parts); 3] = [
        ("up", up, Parts::Halves),
        ("down", down, Parts::Halves),
        ("slow middle", slow_middle, Parts::Tenths),
    ];
    for (name, shape, parts) in shapes {
        let (mut lists, mut runs) = (0, 0);
        for seed in 0..20 {
            let list = as_list(600, seed, shape);
            let run = series(600, seed, |second, usual| {
                shape(second / 30.0) * usual / 100.0
            });
            let found = |recording: &Recording, offered| {
                let change = Drift::of(recording, offered).change;
                change.is_some_and(|change| change.parts == parts)
            };
            lists += u64::from(found(&list, None));
            runs += u64::from(found(&run, Some(RATE)));
        }
        assert!(lists >= 19, "{name}: {lists} of 20 lists");
        assert!(runs >= 19, "{name}: {runs} of 20 runs");
    }
}

#[test]
fn the_halves_and_the_place_of_a_step_are_its_known_ones() {
    let change = Drift::of(
        &as_list(600, 1, |part| if part < 0.6 { 10.0 } else { 400.0 }),
        None,
    );
    let change = change.change.expect("it changed");
    assert_eq!(change.at, RunPosition::Value(360));
    let (earlier, later) = (change.earlier.median.unwrap(), change.later.median.unwrap());
    assert!((ms(9.0)..ms(11.0)).contains(&earlier), "{earlier:?}");
    assert!(later > ms(200.0), "{later:?}");
    assert_eq!((change.earlier.requests, change.later.requests), (300, 300));
}

/// A stationary service whose latencies come in bursts of this many slow ones, or each depend on the one before.
fn unchanging(kind: u64, seed: u64) -> Recording {
    let mut random = SmallRng::seed_from_u64(seed);
    let (mut left, mut level) = (0, 0.0f64);
    runs::all_ok((0..600).map(|_| {
        let usual = usual(&mut random);
        let burst = [0, 5, 20, 20, 0][kind as usize];
        let share: f64 = [0.0, 0.05, 0.05, 0.2, 0.0][kind as usize];
        if burst > 0 && left == 0 && random.random_bool(share / (1.0 - share) / burst as f64) {
            left = burst;
        }
        let slow = left > 0;
        left = u64::saturating_sub(left, 1);
        // First-order autoregressive with 0.9, of variance 1.
        level = 0.9 * level + 0.19f64.sqrt() * (usual / 100.0).ln() / 0.2;
        match kind {
            4 => ms(100.0 * (0.5 * level).exp()),
            _ => ms(if slow { usual + 300.0 } else { usual }),
        }
    }))
}

#[test]
fn a_service_that_does_not_change_is_said_to_in_2_of_100_runs_at_most() {
    let runs = 300;
    for kind in 0..5 {
        let changed = (0..runs).filter(|&seed| drift(&unchanging(kind, seed)).change.is_some());
        let changed = changed.count() as u64;
        assert!(
            changed * 100 <= runs * 2,
            "kind {kind}: {changed} of {runs}"
        );
    }
}

fn verdict(recording: &Recording, gate: &str, design: Design) -> (Verdict, String) {
    let subject = Subject {
        planned: None,
        endpoint: "health",
        recording,
        timeout: Some(Duration::from_secs(10)),
        rate_per_s: Some(RATE),
        shape: a7probe::run::plan::LoadShape::Steady,
        in_flight: None,
        guard: Guard::default(),
        design,
        load: InstrumentLoad::default(),
        audit: None,
    };
    let finding = judge(&[Gate::parse(gate).unwrap()], &[subject]).remove(0);
    (finding.verdict, reason(&finding))
}

#[test]
fn a_verdict_that_one_half_contradicts_is_withheld() {
    // Decided within seconds; the run went on for its other gates, and the service became quick.
    let recording = series(600, 3, |second, _| if second < 15.0 { 400.0 } else { 20.0 });
    let (withheld, reason) = verdict(&recording, "health p50 <= 150ms", Design::Adaptive);
    assert_eq!(withheld, Verdict::Inconclusive, "{reason}");
    assert_eq!(
        reason,
        "300 of 300 requests were slower than 150 ms in the first half of the run and 0 of 300 requests in the second: the first half alone fails and the second passes, so the service changed"
    );
    // The same without the change.
    let recording = series(600, 3, |_, _| 400.0);
    let (kept, reason) = verdict(&recording, "health p50 <= 150ms", Design::Adaptive);
    assert_eq!(kept, Verdict::Fail, "{reason}");
}

/// The share of runs of a service that does not change whose verdict the halves withhold.
fn withheld(gate: &str, design: Design, slow: f64, burst: u64) -> (u64, u64) {
    let (mut withheld, runs) = (0, 120);
    for seed in 0..runs {
        let mut random = SmallRng::seed_from_u64(seed);
        let mut left = 0;
        let recording = runs::all_ok((0..600).map(|_| {
            if left == 0 && random.random_bool(slow / burst as f64) {
                left = burst;
            }
            let is_slow = left > 0;
            left = u64::saturating_sub(left, 1);
            ms(if is_slow { 400.0 } else { 20.0 })
        }));
        let (_, reason) = verdict(&recording, gate, design);
        withheld += u64::from(reason.contains("so the service changed"));
    }
    (withheld, runs)
}

#[test]
fn of_a_service_that_does_not_change_fewer_than_one_verdict_in_a_hundred_is_withheld() {
    let mut all = (0, 0);
    for design in [Design::Fixed, Design::Adaptive] {
        for (gate, limit) in [("health p95 <= 150ms", 0.05), ("health p50 <= 150ms", 0.5)] {
            for (times, burst) in [(0.5, 1), (1.0, 1), (1.5, 1), (1.0, 5), (1.5, 5), (1.0, 20)] {
                let (count, runs) = withheld(gate, design, limit * times, burst);
                (all.0, all.1) = (all.0 + count, all.1 + runs);
            }
        }
    }
    assert!(all.0 * 100 <= all.1, "{all:?}");
}

#[test]
fn a_saved_run_tells_its_change_and_the_halves_as_the_run_in_memory_does() {
    let folder = temp_dir();
    let path = folder.path().join("run.json");
    let changed = || {
        series(600, 5, |second, usual| match second < 15.0 {
            true => usual + 200.0,
            false => usual / 10.0,
        })
    };
    let run = runs::run(series(600, 6, |_, usual| usual / 4.0), changed());
    run.save(&path).unwrap();
    let loaded = Run::load(&path).unwrap();
    for (live, saved) in run.endpoints.iter().zip(&loaded.endpoints) {
        assert_eq!(drift(&live.recording), drift(&saved.recording));
        for gate in ["health p50 <= 150ms", "health p95 <= 150ms"] {
            let of = |recording| verdict(recording, gate, Design::Fixed);
            assert_eq!(of(&live.recording), of(&saved.recording));
        }
    }
    let output = harness::run(
        folder.path(),
        &["judge", "run.json", "--gate", "ingest p50 <= 150ms"],
    );
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{said}");
    let differ = "ingest: the service changed during the run: P50 was ";
    assert!(said.contains(differ), "{said}");
    let parts = "in the second (300 and 300 requests); the largest change is near second 15\n";
    assert!(said.contains(parts), "{said}");
    assert!(!said.contains("health:"), "{said}");
    let output = harness::run(folder.path(), &["judge", "run.json", "--output", "json"]);
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let of = |endpoint: usize| &json["endpoints"][endpoint]["drift"];
    assert_eq!(
        (&of(0)["changed"], &of(1)["changed"]),
        (&serde_json::Value::Null, &"halves".into())
    );
    let halves = of(1)["halves"].as_array().unwrap();
    assert_eq!(
        (&halves[1]["from_s"], &halves[1]["requests"]),
        (&15.into(), &300.into())
    );
    assert!(halves[0]["p50_ms"].as_f64().unwrap() > 250.0, "{halves:?}");
    assert!(halves[1]["p95_ms"].as_f64().unwrap() < 20.0, "{halves:?}");
    assert_eq!(of(1)["deciles"].as_array().unwrap().len(), 10);
}

#[test]
fn a_list_of_latencies_is_read_in_the_order_of_its_file() {
    let folder = temp_dir();
    let mut random = SmallRng::seed_from_u64(7);
    let lines: Vec<String> = (0..200)
        .map(|index| usual(&mut random) * if index < 40 { 3.0 } else { 1.0 })
        .map(|value| format!("{value:.3}"))
        .collect();
    std::fs::write(folder.path().join("list.txt"), lines.join("\n")).unwrap();
    let output = harness::run(
        folder.path(),
        &["judge", "list.txt", "--unit", "ms", "--gate", "p50 <= 1s"],
    );
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        said.contains("list: the first 40 samples look like warm-up"),
        "{said}"
    );
    assert!(said.contains("leave them out of the file"), "{said}");
}
