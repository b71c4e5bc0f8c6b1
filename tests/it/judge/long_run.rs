//! A run of a million requests is judged at a target that it did not count, in bounded memory.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use a7probe::run::recording::{Recording, TimeBase};
use a7probe::run::run_file::{AdaptiveRecord, Run, SizeRecord, StopReason};
use a7probe::run::sample::{Outcome, Phases, Sample};
use a7probe::run::schedule::mix;
use a7probe::units::Rate;

use crate::harness::{PROGRAM, temp_dir};
use crate::needs::{LONG_TESTS, need_right};
use crate::runs;

const REQUESTS: u64 = 1_000_000;

/// 5,000 a second, 5 to 15 ms, and 2 % in bursts of ten that take 20 ms more.
fn recording() -> Recording {
    let mut recording =
        Recording::new(TimeBase::IntendedStart, &[runs::TARGET]).with_own_error(runs::OWN_ERROR);
    for index in 0..REQUESTS {
        let start_ns = index * 200_000;
        let extra_ns = if mix(index / 10).is_multiple_of(50) {
            20_000_000
        } else {
            0
        };
        let lag_ns = 20_000 + mix(!index) % 40_000;
        recording.add(&Sample {
            index,
            intended_start_ns: Some(start_ns),
            dispatched_ns: start_ns + lag_ns,
            sent_ns: Some(start_ns + lag_ns),
            finished_ns: start_ns + 5_000_000 + mix(index) % 10_000_000 + extra_ns,
            outcome: Outcome::Ok,
            status: Some(200),
            connection: None,
            phases: Phases::default(),
            body_bytes: 0,
            server_timing: Vec::new(),
        });
    }
    recording
}

fn million() -> Run {
    let mut run = runs::run(recording(), runs::all_ok([]));
    run.plan.endpoints.truncate(1);
    run.plan.endpoints[0].rate_per_s = Rate::per_second(5_000.0);
    run.endpoints.truncate(1);
    run.instrument.wall = Duration::from_secs(201);
    run.gates = vec!["p95 <= 150ms".to_owned()];
    run
}

/// The exit code of judging `run.json` in little memory, and how long that took.
fn judged(folder: &Path, gate: &str) -> (Option<i32>, Duration) {
    // The program itself takes some address space before it reads anything.
    let script = "ulimit -v 320000; exec \"$0\" judge run.json --gate \"$1\"";
    let began = Instant::now();
    let status = Command::new("sh")
        .args(["-c", script, PROGRAM, gate])
        .current_dir(folder)
        .stdout(Stdio::null())
        .status()
        .expect("the program starts");
    (status.code(), began.elapsed())
}

#[test]
fn a_million_requests_are_judged_at_another_target_in_little_time_and_memory() {
    if need_right(&LONG_TESTS, "judge::long_run::million").is_none() {
        return;
    }
    // Without optimization only the verdicts are of interest.
    let patience = Duration::from_secs(if cfg!(debug_assertions) { 600 } else { 1 });
    let folder = temp_dir();
    let mut run = million();
    for _design in ["fixed", "adaptive"] {
        run.save(&folder.path().join("run.json")).expect("a file");
        for (gate, exit) in [("p95 <= 18ms", 0), ("p99 <= 18ms", 1)] {
            let (found, took) = judged(folder.path(), gate);
            assert_eq!(found, Some(exit), "{gate}");
            assert!(took < patience, "{gate}: {took:?}");
        }
        let budget = Duration::from_secs(300);
        run.plan.size = SizeRecord::Duration { duration: budget };
        run.judging.adaptive = Some(AdaptiveRecord {
            budget,
            stopped: StopReason::Decided,
        });
    }
}
