//! A run that was measured and saved is judged at targets that it did not count, bursts included.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use a7probe::judge::gate::{self, Gate, Subject};
use a7probe::run::run_file::Run;

use crate::harness::{code, json, run, stderr, temp_dir};
use crate::scripted::{OK, Server};

/// Of every twenty requests three in a row wait 60 ms.
fn bursty() -> Server {
    let seen = AtomicUsize::new(0);
    Server::tcp(move |conversation| {
        while conversation.request().is_some() {
            if seen.fetch_add(1, Ordering::Relaxed) % 20 < 3 {
                std::thread::sleep(Duration::from_millis(60));
            }
            if !conversation.send(OK) {
                return;
            }
        }
    })
}

const COMMON: [&str; 14] = [
    "--get",
    "health=/",
    "--warmup",
    "0s",
    "--no-calibration",
    "--episode",
    "10ms",
    "--gate",
    "health p95 <= 30ms",
    "--gate",
    "health p50 <= 5s",
    "--save",
    "run.json",
    "-v",
];

#[test]
fn a_measured_run_is_judged_alike_by_what_it_counted_and_by_its_sequence() {
    for load in [&["-q", "100", "-n", "400"][..], &["-c", "6", "-n", "400"]] {
        let (server, folder) = (bursty(), temp_dir());
        let url = server.url();
        let output = run(
            folder.path(),
            &[&["measure", &url], &COMMON[..], load].concat(),
        );
        // A machine that is busy may leave it open.
        let exit = code(&output);
        assert!([1, 3].contains(&exit), "{load:?}: {}", stderr(&output));
        let saved = Run::load(&folder.path().join("run.json")).expect("a run");
        let sequence = saved.endpoints[0].recording.sequence();
        assert_eq!(sequence.map(|kept| kept.len()), Some(400), "{load:?}");
        let mut uncounted = saved.clone();
        uncounted.endpoints[0].recording.exceedances.clear();
        for text in ["p95 <= 30ms", "p50 <= 5s"] {
            let gates = [Gate::parse(text).expect(text)];
            let [counted, kept] = [&saved, &uncounted]
                .map(|run| gate::judge(&gates, &Subject::of_run(run)).remove(0));
            let (exact, range) = (counted.exceedances, kept.exceedances);
            // A latency may happen to have the code of the target.
            let holds = range.at_least <= exact.at_least && exact.at_most <= range.at_most;
            assert!(holds, "{load:?} {text}: {range:?} for {exact:?}");
            if range == exact {
                assert_eq!(kept.verdict, counted.verdict, "{load:?} {text}");
                assert_eq!(kept.episodes, counted.episodes, "{load:?} {text}");
            }
        }
    }
}

#[test]
fn a_saved_run_has_a_verdict_and_its_spells_at_any_target() {
    let (server, folder) = (bursty(), temp_dir());
    let load = ["-q", "100", "-n", "400"];
    let url = server.url();
    let output = run(
        folder.path(),
        &[&["measure", &url], &COMMON[..], &load].concat(),
    );
    assert!([1, 3].contains(&code(&output)), "{}", stderr(&output));
    let judged = |gate: &str| {
        let arguments = ["judge", "run.json", "--gate", gate, "--output", "json"];
        let output = run(folder.path(), &arguments);
        (code(&output), json(&output)["findings"][0].clone())
    };
    // 15 % wait 60 ms: too many for P95 at 45 ms, in about twenty spells, and fine for P50.
    let (exit, finding) = judged("health p95 <= 45ms");
    assert!([1, 3].contains(&exit), "{finding}");
    let slow = finding["exceedances"].as_u64().expect("a count");
    assert!(slow >= 60, "{finding}");
    let episodes = finding["guard"]["episodes"].as_u64().expect("spells");
    assert!((5..=60).contains(&episodes), "{finding}");
    let (exit, finding) = judged("health p50 <= 45ms");
    assert_eq!(exit, 0, "{finding}");
    assert!(!finding["guard"]["episodes"].is_null(), "{finding}");
}
