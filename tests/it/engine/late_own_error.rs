//! A run that learns its instrument's own error only after its first requests have ended.

use std::time::Duration;

use a7probe::probe::engine::{self, OwnError, RunIds, RunSpec};
use a7probe::run::plan::Size;

use super::{check, open};
use crate::scripted::{OK, Server};

#[test]
fn requests_that_end_before_the_own_error_is_known_are_judged_with_it_all_the_same() {
    let server = Server::answering(OK);
    let mut plan = open(server.port(), 200.0, Size::Requests(60));
    // Every answer is later than this, and none by an hour.
    plan.endpoints[0].targets = vec![Duration::from_nanos(1)];
    let (told, hour) = (OwnError::pending(), Duration::from_secs(3_600));
    let (_stopper, stop) = engine::stop_switch();
    let mut spec = RunSpec::new(&plan, RunIds::fresh(), &stop);
    spec.own_error = told.clone();
    let measured = std::thread::scope(|scope| {
        let run = scope.spawn(|| engine::run(&spec));
        crate::harness::eventually("requests are answered", || server.received().len() > 20);
        told.tell(hour);
        run.join().expect("no panic").expect("a run")
    });
    check(&plan, &measured);
    let recording = &measured.endpoints[0].recording;
    assert_eq!(recording.own_error, hour);
    assert_eq!(recording.counts.ok, 60);
    let rows = recording.rows_of(plan.endpoints[0].targets[0]);
    let rows = rows.expect("the target was counted");
    assert_eq!(
        (rows.at_most.count_ones(), rows.certain.count_ones()),
        (60, 0)
    );
}

#[test]
fn a_run_waits_at_its_end_for_an_own_error_that_is_late() {
    let server = Server::answering(OK);
    let plan = open(server.port(), 200.0, Size::Requests(4));
    let (told, own_error) = (OwnError::pending(), Duration::from_millis(2));
    let (_stopper, stop) = engine::stop_switch();
    let mut spec = RunSpec::new(&plan, RunIds::fresh(), &stop);
    spec.own_error = told.clone();
    let measured = std::thread::scope(|scope| {
        let run = scope.spawn(|| engine::run(&spec));
        crate::harness::eventually("all are answered", || server.received().len() == 4);
        told.tell(own_error);
        run.join().expect("no panic").expect("a run")
    });
    check(&plan, &measured);
    assert_eq!(measured.endpoints[0].recording.own_error, own_error);
    assert_eq!(measured.endpoints[0].recording.counts.ok, 4);
}
