//! The provider fails: with errors, with its rate limit, with silence.

use crate::harness::{eventually, temp_dir};
use crate::load::{Load, assert_done_exactly_once, events_of_the_load};
use crate::serve_host::{HeldProvider, Process, Witness};

/// What the load's events became with these flags.
fn exactly_once_with(flags: &[&str], count: usize) {
    let folder = temp_dir();
    let common = [
        "--sim-latency",
        "1ms",
        "--retry-base",
        "5ms",
        "--attempts",
        "50",
    ];
    let process = Process::start(folder.path(), &[&common, flags].concat());
    let load = Load::start(process.address);
    load.wait_for(count);
    let acknowledged = load.finish();
    let events = events_of_the_load(&mut process.client());
    assert_done_exactly_once(&acknowledged, &events);
    let attempts: u64 = events
        .values()
        .filter_map(|event| event["attempts"].as_u64())
        .sum();
    assert!(
        attempts > acknowledged.len() as u64,
        "the fault did not happen: {attempts} attempts at {} events",
        acknowledged.len()
    );
}

#[test]
fn a_third_of_errors_delays_and_loses_nothing() {
    exactly_once_with(&["--sim-error", "33%"], 200);
}

#[test]
fn a_rate_limit_delays_and_loses_nothing() {
    exactly_once_with(&["--sim-rate-limit", "100"], 120);
}

#[test]
fn an_outage_delays_and_loses_nothing() {
    let (folder, witness) = (temp_dir(), Witness::start());
    witness.simulator.begin_outage(None);
    let flags = ["--provider", &witness.url, "--retry-base", "5ms"];
    let flags = [
        &flags[..],
        &["--attempts", "10000", "--breaker-open", "20ms"],
    ]
    .concat();
    let process = Process::start(folder.path(), &flags);
    let load = Load::start(process.address);
    load.wait_for(100);
    eventually("it is called in vain", || witness.journal().calls > 0);
    assert_eq!(witness.journal().sent, 0);
    witness.simulator.end_outage();
    let acknowledged = load.finish();
    let events = events_of_the_load(&mut process.client());
    assert_done_exactly_once(&acknowledged, &events);
    assert_eq!(witness.journal().sent, acknowledged.len() as u64);
}

#[test]
fn a_provider_that_does_not_answer_in_time_is_asked_again() {
    let (folder, provider) = (temp_dir(), HeldProvider::start());
    let flags = [
        "--provider",
        &provider.url,
        "--provider-timeout",
        "100ms",
        "--retry-base",
        "1ms",
    ];
    let process = Process::start(folder.path(), &flags);
    let id = process.client().ingest(&[], "{}").event_id();
    let unanswered = provider.next_call();
    provider.next_call().answer(202);
    let event = process
        .client()
        .get(&format!("/events/{id}?wait=30s"))
        .json();
    assert_eq!(event["state"], "processed", "{event}");
    assert_eq!(event["inserts"], 1, "{event}");
    // The first mail may have gone out.
    assert_eq!(
        (&event["notifications"], &event["notify_unknown"]),
        (&1.into(), &1.into()),
        "{event}"
    );
    drop(unanswered);
}
