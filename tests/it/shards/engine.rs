//! The engine sends a shard's requests with the ids, numbers, rows and starts that they have in the whole run.

use std::collections::BTreeSet;
use std::time::Duration;

use a7probe::probe::engine::{self, RunIds, RunSpec, StartTime};
use a7probe::run::plan::{Arrivals, Endpoint, Plan, Size, StatusSet, Template};
use a7probe::run::recording::Recording;
use a7probe::run::schedule::{Schedule, event_id};
use a7probe::units::Rate;
use jiff::Timestamp;
use uuid::Uuid;

use super::{plan, shard};
use crate::scripted::{OK, Server};

const RUN: Uuid = Uuid::from_u128(4_711);

fn posting(port: u16, requests: u64) -> Plan {
    let mut plan = plan(Arrivals::Jitter, requests);
    plan.target.port = port;
    plan.connections.connect_to.clear();
    plan.connections.identity = None;
    plan.size = Size::Requests(requests);
    let text = |source: &str| Template::parse(source.as_bytes()).unwrap();
    plan.endpoints = vec![Endpoint {
        elsewhere: None,
        name: "ingest".to_owned(),
        method: "POST".to_owned(),
        path: text("/ingest/{{n}}"),
        headers: Vec::new(),
        body: Some(text("{{uuid}}")),
        expect: StatusSet::success(),
        expect_body: None,
        rate: Rate::per_second(400.0),
        segment: None,
        targets: vec![Duration::from_millis(150)],
    }];
    plan
}

/// Three machines, one after the other: what they send does not depend on when.
#[test]
fn the_requests_of_all_shards_are_those_of_one_run() {
    const REQUESTS: u64 = 200;
    let server = Server::answering(OK);
    let plan = posting(server.port(), REQUESTS);
    let starts: Vec<u64> = Schedule::of_plan(&plan, 0).unwrap().iter().collect();
    let mut merged = Recording::new(
        a7probe::run::recording::TimeBase::IntendedStart,
        &plan.endpoints[0].targets,
    );
    for index in 0..3 {
        let (_stopper, stop) = engine::stop_switch();
        let mut spec = RunSpec::new(&plan, RunIds::fresh(), &stop);
        spec.ids.run = RUN;
        spec.shard = shard(index, 3);
        let finished = engine::run(&spec).unwrap();
        let recording = &finished.endpoints[0].recording;
        assert_eq!(recording.planned(), shard(index, 3).own_below(REQUESTS));
        for kept in &recording.slowest {
            // Numbered within the shard, due when the whole schedule says.
            let global = shard(index, 3).global(kept.index);
            assert_eq!(kept.at.as_nanos() as u64, starts[global as usize]);
        }
        merged.merge_shard(recording, shard(index, 3));
    }
    assert_eq!(merged.planned(), REQUESTS);
    assert_eq!(merged.ok.len(), REQUESTS);
    let received = server.received();
    let sent: BTreeSet<(String, String)> = received
        .iter()
        .map(|received| {
            let path = received.head.split(' ').nth(1).unwrap();
            let body = String::from_utf8(received.body.clone()).unwrap();
            (path.to_owned(), body)
        })
        .collect();
    let expected: BTreeSet<(String, String)> = (0..REQUESTS)
        .map(|index| {
            (
                format!("/ingest/{index}"),
                event_id(RUN, 0, index).to_string(),
            )
        })
        .collect();
    assert_eq!(sent, expected);
}

#[test]
fn a_start_is_kept_to_the_wall_clock_and_a_late_one_sends_nothing() {
    let server = Server::answering(OK);
    let plan = posting(server.port(), 20);
    let (_stopper, stop) = engine::stop_switch();
    let mut spec = RunSpec::new(&plan, RunIds::fresh(), &stop);
    let passed = Timestamp::now() - Duration::from_secs(1);
    spec.start = StartTime::At(passed);
    let error = engine::run(&spec).unwrap_err();
    let late = error.downcast_ref::<engine::LateStart>().unwrap();
    assert!(late.late >= Duration::from_secs(1), "{late:?}");
    assert_eq!(server.received().len(), 0);

    let start = Timestamp::now() + Duration::from_secs(1);
    spec.start = StartTime::At(start);
    let finished = engine::run(&spec).unwrap();
    assert_eq!(finished.started_at, start);
    assert_eq!(server.received().len(), 20);
    assert!(Timestamp::now() > start);
}
