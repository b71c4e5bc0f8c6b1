//! Workers die and sleep: their events are delayed by a lease at most, and done once.

use crate::harness::{eventually, temp_dir};
use crate::serve_host::{HeldProvider, Process, Worker};
use crate::serve_queue::{accept, late_finish_is_refused, path};

#[test]
fn a_worker_stopped_past_its_lease_decides_nothing_any_more() {
    let folder = temp_dir();
    late_finish_is_refused(&path(folder.path()), folder.path());
}

#[test]
fn a_killed_worker_delays_its_events_by_a_lease_and_loses_none() {
    let folder = temp_dir();
    let (store, provider) = (path(folder.path()), HeldProvider::start());
    let server = Process::on(&store, folder.path(), &["--mode", "queue"]);
    let mut client = server.client();
    let flags = [
        "--provider",
        &provider.url,
        "--lease",
        "1s",
        "--provider-timeout",
        "900ms",
    ];
    let doomed = Worker::start(&store, folder.path(), &flags);
    let id = accept(&mut client, "killed", 1).remove(0);
    let cut_off = provider.next_call();
    doomed.kill();
    drop(cut_off);
    eventually("its lease is seen", || {
        let queue = client.get("/queue").json();
        (&queue["depth"], &queue["working"]) == (&1.into(), &1.into())
    });
    let _heir = Worker::start(&store, folder.path(), &flags);
    provider.next_call().answer(202);
    let event = client.get(&format!("/events/{id}?wait=30s")).json();
    assert_eq!(event["state"], "processed", "{event}");
}
