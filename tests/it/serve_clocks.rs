//! Processes on one file with different clocks: no attempt is taken from the process that makes it.

use std::path::Path;

use crate::harness::temp_dir;
use crate::needs::{FAKETIME, need};
use crate::serve_client::Client;
use crate::serve_host::{HeldProvider, Process, Worker};
use crate::serve_queue::{accept, path};

/// A worker whose view of the machine's clock is off by this.
fn worker_at(shift: &str, library: &Path, folder: &Path, flags: &[&str]) -> Worker {
    let library = library.to_str().expect("UTF-8");
    let variables = [
        ("LD_PRELOAD", library),
        ("FAKETIME", shift),
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
    ];
    Worker::start_with(&path(folder), folder, flags, &variables)
}

fn is_done_in_one_attempt(client: &mut Client, id: &str) {
    let event = client.get(&format!("/events/{id}?wait=30s")).json();
    assert_eq!(
        (&event["state"], &event["attempts"], &event["notifications"]),
        (&"processed".into(), &1.into(), &1.into()),
        "{event}"
    );
}

/// Each of two workers makes one attempt at a time. The clock of one is ahead of or behind that of the other.
fn each_keeps_its_attempt(shift: &str, test: &str) {
    let Some(library) = need(&FAKETIME, test) else {
        return;
    };
    let (folder, provider) = (temp_dir(), HeldProvider::start());
    let server = Process::start(folder.path(), &["--mode", "queue"]);
    let mut client = server.client();
    let flags = ["--provider", &provider.url, "--workers", "1"];
    let old = Worker::start(&path(folder.path()), folder.path(), &flags);
    let first = accept(&mut client, "clocks", 1).remove(0);
    let old_call = provider.next_call();
    let new = worker_at(shift, &library, folder.path(), &flags);
    let second = accept(&mut client, "clocks", 1).remove(0);
    let new_call = provider.next_call();
    // The older one is free again, and looks for work: there is only one event.
    old_call.answer(202);
    is_done_in_one_attempt(&mut client, &first);
    let third = accept(&mut client, "clocks", 1).remove(0);
    provider.next_call().answer(202);
    is_done_in_one_attempt(&mut client, &third);
    let fourth = accept(&mut client, "clocks", 1).remove(0);
    let call = provider.next_call();
    // Now the newer one is free.
    new_call.answer(202);
    is_done_in_one_attempt(&mut client, &second);
    let fifth = accept(&mut client, "clocks", 1).remove(0);
    provider.next_call().answer(202);
    is_done_in_one_attempt(&mut client, &fifth);
    call.answer(202);
    is_done_in_one_attempt(&mut client, &fourth);
    assert!(provider.is_idle(), "no mail was sent twice");
    drop((old, new));
}

#[test]
fn a_worker_that_starts_after_the_clock_was_set_back_keeps_its_attempts() {
    each_keeps_its_attempt("-10m", "serve_clocks::a_worker_that_starts_…");
}

#[test]
fn a_worker_that_starts_after_the_clock_was_set_forward_takes_no_attempt_away() {
    each_keeps_its_attempt("+10m", "serve_clocks::a_worker_that_starts_…_forward_…");
}

#[test]
fn a_worker_that_starts_on_another_day_takes_no_attempt_away() {
    each_keeps_its_attempt("+3d", "serve_clocks::a_worker_that_starts_on_another_day_…");
    each_keeps_its_attempt(
        "-400d",
        "serve_clocks::a_worker_that_starts_on_another_day_…",
    );
}
