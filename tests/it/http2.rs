//! HTTP/2: the wait for a stream, every end of a stream, the command, and other programs as witnesses.

mod both_protocols;
mod command;
mod diagnose;
mod echo;
mod failures;
mod law;
mod witnesses;

use std::time::Duration;

use a7probe::probe::engine::{self, RunIds, RunSpec};
use a7probe::run::plan::{
    Arrivals, ConnectionPolicy, Endpoint, HttpVersion, Keepalive, Model, Plan, RedirectPolicy,
    Scheme, Size, StatusSet, Target, Template, Tracing, Trust,
};
use a7probe::run::run_file::{EndpointRun, FinishedRun};
use a7probe::units::Rate;

/// Requests that are all due at once, more or less: a burst of this many over connections of this depth.
fn burst(port: u16, requests: u64, in_flight: usize, streams: usize) -> Plan {
    Plan {
        target: Target {
            scheme: Scheme::Http,
            host: "127.0.0.1".into(),
            port,
            prefix: String::new(),
        },
        endpoints: vec![Endpoint {
            elsewhere: None,
            name: "x".to_owned(),
            method: "GET".to_owned(),
            path: Template::literal("/"),
            headers: Vec::new(),
            body: None,
            expect: StatusSet::success(),
            expect_body: None,
            rate: Rate::per_second(5_000.0),
            segment: None,
            targets: Vec::new(),
        }],
        model: Model::Open {
            arrivals: Arrivals::Grid,
        },
        size: Size::Requests(requests),
        warmup: Duration::ZERO,
        timeout: Duration::from_secs(20),
        seed: 7,
        connections: ConnectionPolicy {
            max_in_flight: in_flight,
            keepalive: Keepalive::Reuse,
            trust: Trust::System,
            identity: None,
            connect_to: Vec::new(),
            unix_socket: None,
            proxy: None,
            redirects: RedirectPolicy::Answer,
            tracing: Tracing::Off,
            version: HttpVersion::Http2 { streams },
        },
        rows: None,
    }
}

/// Runs a plan to its end, with its connections opened before.
fn measured(plan: &Plan) -> (FinishedRun, EndpointRun) {
    let (_stopper, stop) = engine::stop_switch();
    let mut spec = RunSpec::new(plan, RunIds::fresh(), &stop);
    spec.answer_time = Some(Duration::from_millis(1));
    let mut run = engine::run(&spec).expect("a run");
    let endpoint = run.endpoints.remove(0);
    let Size::Requests(planned) = plan.size else {
        panic!("a burst has a number of requests");
    };
    let counts = &endpoint.recording.counts;
    assert_eq!(endpoint.recording.planned(), planned, "{counts:?}");
    (run, endpoint)
}
