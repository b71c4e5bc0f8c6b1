//! What was acknowledged survives kill -9, and the negative control shows that the check would notice if it did not.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use super::clients::amount;
use crate::harness::{eventually, temp_dir};
use crate::load::{Load, assert_done, events_of_the_load};
use crate::serve_host::{HeldProvider, Process, command, store};

/// Starts a server, kills it under load, starts it again and waits until nothing is queued. What was acknowledged, and
/// what the server knows of the run.
fn kill_under_load(
    folder: &Path,
    flags: &[&str],
    kill_after: usize,
) -> (Vec<String>, BTreeMap<String, Value>) {
    let process = Process::start(folder, flags);
    let load = Load::start(process.address);
    load.wait_for(kill_after);
    process.kill();
    let acknowledged = load.acknowledged_ids();

    let process = Process::start(folder, flags);
    (acknowledged, events_of_the_load(&mut process.client()))
}

#[test]
fn nothing_acknowledged_is_lost_and_nothing_is_inserted_twice() {
    for round in 0..amount(3, 20) {
        let folder = temp_dir();
        // Different moments: in the middle of claims, of commits, of checkpoints.
        let kill_after = 200 + 137 * round;
        let (acknowledged, events) =
            kill_under_load(folder.path(), &["--sim-latency", "5ms"], kill_after);
        assert!(acknowledged.len() >= kill_after);
        assert_done(&acknowledged, &events);
    }
}

#[test]
fn acknowledging_from_memory_is_caught_losing() {
    let folder = temp_dir();
    let flags = [
        "--durability",
        "none",
        "--sim-latency",
        "200ms",
        "--workers",
        "2",
    ];
    let (acknowledged, events) = kill_under_load(folder.path(), &flags, 200);
    let lost = acknowledged
        .iter()
        .filter(|id| !events.contains_key(*id))
        .count();
    assert!(
        lost > 0,
        "of {} acknowledged events none is lost",
        acknowledged.len()
    );
}

#[test]
fn a_notification_cut_off_is_sent_again_at_least_once_and_never_at_most_once() {
    for (notify, calls, notifications) in [("at-least-once", 2, 1), ("at-most-once", 1, 0)] {
        let (folder, provider) = (temp_dir(), HeldProvider::start());
        let flags = ["--provider", &provider.url, "--notify", notify];
        let process = Process::start(folder.path(), &flags);
        let id = process.client().ingest(&[], "{}").event_id();
        let cut_off = provider.next_call();
        process.kill();
        drop(cut_off);

        let process = Process::start(folder.path(), &flags);
        if calls == 2 {
            provider.next_call().answer(202);
        }
        let event = process
            .client()
            .get(&format!("/events/{id}?wait=30s"))
            .json();
        assert_eq!(
            (&event["state"], &event["attempts"]),
            (&"processed".into(), &2.into()),
            "{notify}: {event}"
        );
        assert_eq!(
            (&event["inserts"], &event["notifications"]),
            (&1.into(), &notifications.into()),
            "{notify}: {event}"
        );
        // Of the attempt that was cut off nobody knows.
        assert_eq!(event["notify_unknown"], 1, "{notify}: {event}");
        assert!(provider.is_idle(), "{notify}");
    }
}

#[test]
fn sigterm_drains_what_it_can_and_says_what_it_keeps() {
    let folder = temp_dir();
    let flags = [
        "--sim-latency",
        "1s",
        "--workers",
        "1",
        "--drain-timeout",
        "0s",
    ];
    let process = Process::start(folder.path(), &flags);
    let mut client = process.client();
    let ids: Vec<String> = (0..5)
        .map(|_| client.ingest(&[], "{}").event_id())
        .collect();
    process.terminate();
    let (status, said) = process.wait();
    assert_eq!(status.code(), Some(0), "{said}");
    let store = store(folder.path());
    assert!(
        said.contains(&format!("store {}", store.display())),
        "{said}"
    );
    let kept = said
        .lines()
        .find_map(|line| line.split_once(" accepted events kept in "))
        .expect("what is kept");
    assert!(
        kept.1.starts_with(&format!(
            "{}; they are processed at the next start",
            store.display()
        )),
        "{said}"
    );
    let kept: usize = kept.0.parse().expect("a number");
    assert!(
        (4..=5).contains(&kept),
        "one may have been under way: {said}"
    );

    let process = Process::start(
        folder.path(),
        &["--sim-latency", "1ms", "--drain-timeout", "60s"],
    );
    process.terminate();
    let (_, said) = process.wait();
    assert!(
        said.contains("stopped: 5 events processed, 0 dead") && !said.contains("kept"),
        "{said}"
    );
    assert_eq!(ids.len(), 5);
}

#[test]
fn sigterm_ends_a_synchronous_call_with_its_answer() {
    let (folder, provider) = (temp_dir(), HeldProvider::start());
    let process = Process::start(
        folder.path(),
        &["--mode", "sync", "--provider", &provider.url],
    );
    let (mut client, mut probing) = (process.client(), process.client());
    client.send(
        "POST",
        "/ingest",
        &[("content-type", "application/json")],
        b"{}",
    );
    let call = provider.next_call();
    process.terminate();
    eventually("the drain is seen", || probing.get("/readyz").status == 503);
    call.answer(202);
    assert_eq!(client.receive().expect("an answer").status, 200);
    let (status, said) = process.wait();
    assert!(
        status.success() && said.contains("stopped: 1 events processed"),
        "{said}"
    );
}

#[test]
fn what_is_no_store_is_left_alone() {
    let folder = temp_dir();
    let file = store(folder.path());
    let text = "latency,ms\n".repeat(1000);
    std::fs::write(&file, &text).expect("a file");
    let refused = command(folder.path(), &[])
        .output()
        .expect("it ends by itself");
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(
        said.contains("it is not a SQLite database") && said.contains("hint: "),
        "{said}"
    );
    assert_eq!(std::fs::read_to_string(&file).expect("still there"), text);
}
