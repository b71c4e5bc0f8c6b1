//! Bursts and adaptive runs, end to end: what stops early, what is not passed, and that a saved run is judged alike.

use std::path::Path;
use std::process::{Output, Stdio};
use std::time::{Duration, Instant};

use a7probe::run::run_file::{Run, StopReason};
use serde_json::Value;

use crate::harness::{a7probe, json, signal, temp_dir};
use crate::scripted::{OK, Server};

/// An adaptive run at 100/s that excludes episodes of 10 ms, one request each: long enough to decide, soon over.
fn measure(folder: &Path, server: &Server, more: &[&str]) -> Output {
    let url = server.url();
    let common = [
        "measure",
        &url,
        "--get",
        "health=/health",
        "-q",
        "100",
        "--episode",
        "10ms",
        "--warmup",
        "0s",
        "--save",
        "run.json",
        "--output",
        "json",
    ];
    a7probe(folder, &[&common[..], more].concat())
        .output()
        .unwrap()
}

fn stopped(folder: &Path) -> (StopReason, u64) {
    let run = Run::load(&folder.join("run.json")).unwrap();
    let adaptive = run.judging.adaptive.expect("an adaptive run");
    (adaptive.stopped, run.endpoints[0].recording.planned())
}

/// Answers after so long.
fn answering_after(delay: Duration) -> Server {
    Server::tcp(move |conversation| {
        while conversation.request().is_some() {
            std::thread::sleep(delay);
            conversation.send(OK);
        }
    })
}

fn judged_again(folder: &Path) -> Value {
    json(
        &a7probe(folder, &["judge", "run.json", "--output", "json"])
            .output()
            .unwrap(),
    )
}

#[test]
fn a_clean_service_passes_as_soon_as_it_is_shown_and_the_file_says_so_too() {
    let (server, folder) = (Server::answering(OK), temp_dir());
    let output = measure(folder.path(), &server, &["--target", "5s"]);
    assert_eq!(
        output.status.code(),
        Some(0),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let (why, n) = stopped(folder.path());
    assert_eq!(why, StopReason::Decided);
    // P99: evidence from 445 requests on whose bound on bursts is met; the budget is 12 000.
    assert!((368..2_400).contains(&n), "{n}");
    let measured = json(&output);
    assert_eq!(measured["endpoints"][0]["counts"]["unsent"], 0);
    assert_eq!(measured["runs"][0]["adaptive"]["stopped"], "decided");
    for finding in measured["findings"].as_array().unwrap() {
        assert_eq!(finding["p_kind"], "anytime");
        assert_eq!(finding["guard"]["episodes"], 0);
        assert_eq!(finding["guard"]["episode_ms"], 10.0);
        assert_eq!(finding["guard"]["episode_requests"], 1.0);
    }
    let judged = judged_again(folder.path());
    assert_eq!(
        (&judged["verdict"], &judged["findings"]),
        (&measured["verdict"], &measured["findings"])
    );
}

#[test]
fn a_slow_service_fails_early_and_the_file_says_so_too() {
    let (server, folder) = (answering_after(Duration::from_millis(1_200)), temp_dir());
    let output = measure(folder.path(), &server, &["--gate", "p95 <= 300ms"]);
    assert_eq!(
        output.status.code(),
        Some(1),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let (why, n) = stopped(folder.path());
    assert_eq!(why, StopReason::Decided);
    // The verdict takes 60 requests, the interval of the percentile 72.
    assert!((72..1_000).contains(&n), "{n}");
    let measured = json(&output);
    assert!(measured["findings"][0]["p_fail"].as_f64().unwrap() <= 0.05);
    assert_eq!(
        judged_again(folder.path())["findings"],
        measured["findings"]
    );
}

#[test]
fn a_service_with_a_burst_is_not_passed_where_independent_requests_would_be() {
    // About twenty requests from the 100th on take 300 ms: one episode, 3 % of 700.
    let began = Instant::now();
    let server = Server::tcp(move |conversation| {
        while conversation.request().is_some() {
            let at = began.elapsed();
            if (Duration::from_millis(1_000)..Duration::from_millis(1_200)).contains(&at) {
                std::thread::sleep(Duration::from_millis(300));
            }
            conversation.send(OK);
        }
    });
    let folder = temp_dir();
    // The server counts its time from the start: without a calibration before the run.
    let fixed = ["-n", "700", "--gate", "p95 <= 250ms", "--no-calibration"];
    let output = measure(folder.path(), &server, &fixed);
    let finding = &json(&output)["findings"][0];
    let (episodes, k) = (
        &finding["guard"]["episodes"],
        finding["exceedances"].as_u64().unwrap(),
    );
    assert!(episodes.as_u64().unwrap() >= 1, "{finding}");
    assert_eq!(finding["p_kind"], "fixed_size");
    // Enough of them to be a burst, and few enough that independent ones would pass: 700 samples pass with up to 25.
    assert!((5..=25).contains(&k), "{finding}");
    assert_eq!(output.status.code(), Some(3), "{finding}");
    let judge = ["judge", "run.json", "--iid", "--output", "json"];
    let independent = json(&a7probe(folder.path(), &judge).output().unwrap());
    assert_eq!(independent["verdict"], "PASS");
    assert!(independent["findings"][0]["guard"].is_null());
    let notes = independent["notes"].as_array().unwrap();
    assert!(
        notes
            .iter()
            .any(|note| note.as_str().unwrap().starts_with("--iid:")),
        "{notes:?}"
    );
}

#[test]
fn what_is_at_the_limit_spends_the_budget_and_stays_open() {
    // Every second request is slow: a P50 at its limit.
    let turn = std::sync::atomic::AtomicU64::new(0);
    let server = Server::tcp(move |conversation| {
        while conversation.request().is_some() {
            if turn
                .fetch_add(1, std::sync::atomic::Ordering::Relaxed)
                .is_multiple_of(2)
            {
                std::thread::sleep(Duration::from_millis(300));
            }
            conversation.send(OK);
        }
    });
    let folder = temp_dir();
    let gates = ["--gate", "p50 <= 150ms", "--budget", "2s", "--no-preflight"];
    let output = measure(folder.path(), &server, &gates);
    assert_eq!(
        output.status.code(),
        Some(3),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert_eq!(stopped(folder.path()), (StopReason::Budget, 200));
}

#[test]
fn an_interrupted_adaptive_run_ends_its_schedule_and_is_marked() {
    let (server, folder) = (Server::answering(OK), temp_dir());
    let url = server.url();
    let child = a7probe(
        folder.path(),
        &[
            "measure", &url, "-q", "50", "--warmup", "0s", "--save", "run.json",
        ],
    )
    .stdout(Stdio::piped())
    .stderr(Stdio::piped())
    .spawn()
    .unwrap();
    let deadline = Instant::now() + Duration::from_secs(30);
    while server.received().len() < 40 {
        assert!(Instant::now() < deadline, "nothing was sent");
        std::thread::sleep(Duration::from_millis(10));
    }
    signal(child.id(), "INT");
    let output = child.wait_with_output().unwrap();
    assert_eq!(
        output.status.code(),
        Some(130),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let (why, n) = stopped(folder.path());
    assert_eq!(why, StopReason::Interrupted);
    assert!(n < 6_000, "{n}");
    let run = Run::load(&folder.path().join("run.json")).unwrap();
    assert_eq!(run.endpoints[0].recording.counts.unsent, 0);
}

#[test]
fn a_new_target_is_judged_with_its_bursts_and_without_their_order_only_if_every_order_agrees() {
    let folder = temp_dir();
    let slow_at = |index: u64| match index % 60 {
        0 => Duration::from_millis(140),
        _ => Duration::from_millis(5),
    };
    let recording = || crate::runs::all_ok((0..600).map(slow_at));
    let run = crate::runs::run(recording(), recording());
    run.save(&folder.path().join("run.json")).unwrap();
    let mut before: Value = serde_json::from_str(&run.to_json()).unwrap();
    for endpoint in before["endpoints"].as_array_mut().unwrap() {
        endpoint.as_object_mut().unwrap().remove("sequence");
    }
    std::fs::write(folder.path().join("before.json"), before.to_string()).unwrap();
    let judged = |file: &str, gate: &str| {
        let arguments = ["judge", file, "--gate", gate, "--output", "json"];
        json(&a7probe(folder.path(), &arguments).output().unwrap())["findings"][0].clone()
    };
    for file in ["run.json", "before.json"] {
        // None exceeds 145 ms, so there is no order to know.
        assert_eq!(judged(file, "health p95 <= 145ms")["verdict"], "PASS");
    }
    // Ten exceed 100 ms: independent ones pass a P95, one burst of ten would not.
    let known = judged("run.json", "health p95 <= 100ms");
    assert_eq!(known["verdict"], "PASS");
    assert_eq!(known["guard"]["episodes"], 10);
    let unknown = judged("before.json", "health p95 <= 100ms");
    assert_eq!(unknown["verdict"], "INCONCLUSIVE");
    assert!(unknown["guard"]["episodes"].is_null());
    let reason = unknown["reason"].as_str().unwrap();
    assert!(reason.contains("slow spells cannot be seen"), "{reason}");
    assert!(unknown["next_step"].as_str().unwrap().contains("--iid"));
    // A P50 passes in any order.
    let passed = judged("before.json", "health p50 <= 100ms");
    assert_eq!(passed["verdict"], "PASS");
    let reason = passed["reason"].as_str().unwrap();
    assert!(reason.contains("in any order"), "{reason}");
}

#[test]
fn the_order_of_a_list_is_the_order_of_time() {
    let folder = temp_dir();
    let list = |name: &str, slow: &dyn Fn(u32) -> bool| {
        let lines: Vec<String> = (0..600)
            .map(|i| if slow(i) { "200ms\n" } else { "5ms\n" }.to_owned())
            .collect();
        std::fs::write(folder.path().join(name), lines.concat()).unwrap();
        let arguments = ["judge", name, "--gate", "p95 <= 150ms", "--output", "json"];
        json(&a7probe(folder.path(), &arguments).output().unwrap())["findings"][0].clone()
    };
    // Sixty exceedances each: alone, in bursts of twenty, in one.
    let alone = list("alone.txt", &|i| i % 10 == 0);
    assert_eq!(
        (&alone["verdict"], &alone["guard"]["episodes"]),
        (&"FAIL".into(), &60.into())
    );
    let bursts = list("bursts.txt", &|i| i % 200 < 20);
    assert_eq!(bursts["guard"]["episodes"], 3);
    assert!(bursts["guard"]["design_effect"].as_f64().unwrap() >= 20.0);
    assert_eq!(bursts["verdict"], "INCONCLUSIVE");
    let one = list("one.txt", &|i| (300..360).contains(&i));
    assert_eq!(
        (&one["verdict"], &one["guard"]["episodes"]),
        (&"INCONCLUSIVE".into(), &1.into())
    );
}
