//! A saved run of 20 minutes at 2,000 a second: the size of every report, and the time that `judge` needs for it.

use std::io::Write as _;
use std::time::{Duration, Instant};

use a7probe::run::recording::Recording;
use a7probe::run::run_file::Run;
use a7probe::run::schedule::mix;
use a7probe::units::Rate;

use crate::harness::{code, run, stderr, temp_dir};
use crate::needs::{LONG_TESTS, need_right};
use crate::screens::{recording_at, run_of};

const REQUESTS: u64 = 2_400_000;

/// From 2 to about 30 ms, slower in the middle of the run, and a stall of 150 ms every 97,000 requests.
fn recording() -> Recording {
    recording_at(REQUESTS, 500_000, |index| {
        let spread = 1u64 << (mix(index) % 16).min(mix(index / 7) % 16).min(4);
        let load = index.min(REQUESTS - index) * 3_000 / REQUESTS;
        let stall = 150_000u64.saturating_sub(index % 97_000 * 500);
        2_000 + load + spread * (1_000 + mix(!index) % 800) + stall
    })
}

fn twenty_minutes() -> Run {
    let mut run = run_of(recording());
    run.plan.endpoints[0].rate_per_s = Rate::per_second(2_000.0);
    run.instrument.wall = Duration::from_secs(1_201);
    run
}

#[test]
fn every_report_of_a_long_run_is_small_and_quick() {
    if need_right(&LONG_TESTS, "page::long_run").is_none() {
        return;
    }
    let folder = temp_dir();
    let file = folder.path().join("run.json");
    twenty_minutes().save(&file).expect("saved");
    // Without optimization only the sizes are of interest.
    let patience = Duration::from_secs(if cfg!(debug_assertions) { 120 } else { 2 });
    let read = Instant::now();
    let judged = run(folder.path(), &["judge", "run.json", "--quiet"]);
    assert!(matches!(code(&judged), 0 | 1 | 3), "{}", stderr(&judged));
    let alone = read.elapsed();
    let mut lines = vec![format!("judge alone: {alone:.2?}")];
    for (format, most) in [
        ("html", 300_000),
        ("svg", 300_000),
        ("json", 300_000),
        ("markdown", 61_440),
        ("csv", 300_000),
        ("junit", 300_000),
        ("github", 61_440),
        ("comment", 61_500),
        ("openmetrics", 300_000),
        ("bmf", 300_000),
        ("gab", 300_000),
        ("hlog", 5_000_000),
        ("hgrm", 300_000),
    ] {
        let report = format!("{format}={format}");
        let began = Instant::now();
        let judge = ["judge", "run.json", "--gate", "p99 <= 50ms", "--quiet"];
        let output = run(
            folder.path(),
            &[&judge[..], &["--report", &report]].concat(),
        );
        let took = began.elapsed();
        assert!(matches!(code(&output), 0 | 1 | 3), "{}", stderr(&output));
        let size = std::fs::metadata(folder.path().join(format))
            .expect("written")
            .len();
        lines.push(format!(
            "{format}: {size} bytes, {took:.2?} with reading and judging"
        ));
        assert!(size <= most, "{format}: {size} bytes");
        assert!(took <= patience, "{format}: {took:?}");
    }
    writeln!(std::io::stdout(), "{}", lines.join("\n")).expect("stdout");
}
