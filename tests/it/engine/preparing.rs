//! Connections that are opened before t0, as many as the rate and the time of an answer call for.

use std::time::Duration;

use a7probe::probe::engine::{self, RunIds, RunSpec};
use a7probe::run::plan::{Keepalive, Plan, Scheme, Size, Trust};
use a7probe::run::run_file::EndpointRun;
use a7probe::run::sample::FailureKind;

use super::{all_ok, check, closed, open};
use crate::harness::eventually;
use crate::scripted::{self, OK, Server};

/// Runs a plan after answers that took 10 ms.
fn prepared(plan: &Plan) -> EndpointRun {
    let (_stopper, stop) = engine::stop_switch();
    let mut measured = engine::run(&RunSpec {
        answer_time: Some(Duration::from_millis(10)),
        ..RunSpec::new(plan, RunIds::fresh(), &stop)
    })
    .unwrap();
    check(plan, &measured);
    measured.endpoints.remove(0)
}

#[test]
fn rate_times_answer_time_is_open_before_t0_and_the_first_request_connects_no_more() {
    let server = Server::answering(OK);
    let endpoint = prepared(&open(server.port(), 1000.0, Size::Requests(1)));
    all_ok(&endpoint);
    // 10 under way, 3 × √10 and 1 more.
    eventually("21 connections", || server.connections() == 21);
    assert_eq!(endpoint.recording.new_connections, 0);
    assert_eq!(endpoint.recording.phases.connect.count(), 0);
}

#[test]
fn a_start_opens_a_connection_only_where_the_prepared_ones_are_in_use() {
    let server = Server::answering(OK);
    let endpoint = prepared(&open(server.port(), 1000.0, Size::Requests(1000)));
    all_ok(&endpoint);
    let new = endpoint.recording.new_connections;
    eventually("21 connections and the new ones", || {
        server.connections() as u64 == 21 + new
    });
    assert_eq!(endpoint.recording.phases.connect.count(), new);
}

#[test]
fn the_cap_of_requests_in_flight_bounds_the_prepared_connections() {
    let server = Server::answering(OK);
    let mut plan = open(server.port(), 1000.0, Size::Requests(20));
    plan.connections.max_in_flight = 3;
    all_ok(&prepared(&plan));
    eventually("3 connections", || server.connections() == 3);
}

#[test]
fn nothing_is_prepared_where_every_request_has_its_connection_or_callers_have_theirs() {
    let server = Server::answering(OK);
    let mut plan = open(server.port(), 1000.0, Size::Requests(5));
    plan.connections.keepalive = Keepalive::PerRequest;
    all_ok(&prepared(&plan));
    assert_eq!(server.connections(), 5);
    let server = Server::answering(OK);
    all_ok(&prepared(&closed(server.port(), 2, Size::Requests(50))));
    assert_eq!(server.connections(), 2);
}

#[test]
fn a_port_that_refuses_fails_the_requests_of_the_run_and_not_the_run() {
    let plan = open(scripted::refusing_port(), 1000.0, Size::Requests(20));
    let endpoint = prepared(&plan);
    let failed = [(FailureKind::Connect, 20)].into();
    assert_eq!(endpoint.recording.counts.failed, failed);
}

#[test]
fn a_handshake_that_never_ends_does_not_keep_the_run_from_beginning() {
    let server = Server::tcp(|conversation| conversation.ignore());
    let mut plan = open(server.port(), 1000.0, Size::Requests(20));
    plan.target.scheme = Scheme::Https;
    plan.connections.trust = Trust::Anything;
    plan.timeout = Duration::from_millis(200);
    assert_eq!(prepared(&plan).recording.counts.timeout, 20);
}
