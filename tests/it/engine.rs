//! The engine end to end, through its library API, against scripted servers.

mod accounting;
mod connecting;
mod failures;
mod late_own_error;
mod preparing;
mod profiles;
mod truth;

use std::time::Duration;

use a7probe::probe::engine::{self, RunIds, RunSpec};
use a7probe::run::plan::{
    Arrivals, ConnectionPolicy, Endpoint, HttpVersion, Keepalive, Model, Plan, RedirectPolicy,
    Scheme, Size, StatusSet, Target, Template, Tracing, Trust,
};
use a7probe::run::recording::{Exemplar, Recording};
use a7probe::run::run_file::{EndpointRun, FinishedRun};
use a7probe::run::sample::Outcome;
use a7probe::run::schedule::Schedule;
use a7probe::stats::rank::Quantile;
use a7probe::units::Rate;

/// One target of every endpoint here; enough for the answers of a busy machine to be within it.
const TARGET: Duration = Duration::from_millis(150);

/// `GET path`, any 2xx is ok.
fn get(name: &str, path: &str) -> Endpoint {
    Endpoint {
        elsewhere: None,
        name: name.to_owned(),
        method: "GET".to_owned(),
        path: Template::parse(path.as_bytes()).expect("a template"),
        headers: Vec::new(),
        body: None,
        expect: StatusSet::success(),
        expect_body: None,
        rate: None,
        segment: None,
        targets: vec![TARGET],
    }
}

/// `POST path` with a body that may hold templates.
fn post(name: &str, path: &str, body: &str) -> Endpoint {
    Endpoint {
        method: "POST".to_owned(),
        body: Some(Template::parse(body.as_bytes()).expect("a template")),
        ..get(name, path)
    }
}

fn rate(per_second: f64) -> Option<Rate> {
    Some(Rate::per_second(per_second).expect("a rate"))
}

/// `GET /` in the open model, no warm-up, a generous timeout.
fn open(port: u16, per_second: f64, size: Size) -> Plan {
    let endpoint = Endpoint {
        rate: rate(per_second),
        ..get("health", "/health")
    };
    Plan {
        model: Model::Open {
            arrivals: Arrivals::Jitter,
        },
        endpoints: vec![endpoint],
        ..closed(port, 1, size)
    }
}

/// `GET /` in the closed model, no warm-up, a generous timeout.
fn closed(port: u16, concurrency: usize, size: Size) -> Plan {
    Plan {
        target: Target {
            scheme: Scheme::Http,
            host: "127.0.0.1".to_owned(),
            port,
            prefix: String::new(),
        },
        endpoints: vec![get("health", "/health")],
        model: Model::Closed { concurrency },
        size,
        warmup: Duration::ZERO,
        timeout: Duration::from_secs(20),
        seed: 7,
        connections: ConnectionPolicy {
            max_in_flight: 1000,
            keepalive: Keepalive::Reuse,
            trust: Trust::System,
            identity: None,
            connect_to: Vec::new(),
            unix_socket: None,
            proxy: None,
            redirects: RedirectPolicy::Answer,
            tracing: Tracing::Off,
            version: HttpVersion::Http1,
        },
        rows: None,
    }
}

/// Runs a plan to its end and checks what holds of every run.
fn measure(plan: &Plan) -> FinishedRun {
    let (_stopper, stop) = engine::stop_switch();
    let measured = engine::run(&RunSpec::new(plan, RunIds::fresh(), &stop)).expect("a run");
    check(plan, &measured);
    measured
}

/// The same of a plan with one endpoint.
fn measure_one(plan: &Plan) -> EndpointRun {
    let mut measured = measure(plan);
    assert_eq!(measured.endpoints.len(), 1);
    measured.endpoints.remove(0)
}

/// What holds of every run: records = planned, every request in one bin, every time accounted for.
#[track_caller]
fn check(plan: &Plan, measured_run: &FinishedRun) {
    for (stream, measured) in measured_run.endpoints.iter().enumerate() {
        let recording = &measured.recording;
        // Requests due only after a stop are not part of the run.
        let whole = planned(plan, stream).filter(|_| !measured_run.stopped);
        if let Some(planned) = whole {
            assert_eq!(recording.planned(), planned, "{:?}", recording.counts);
        }
        let ended = recording.planned() - recording.counts.unsent;
        assert_eq!(recording.ok.len(), recording.planned());
        assert_eq!(recording.ok.count_ones(), recording.counts.ok);
        assert_eq!(
            recording.latency.ranked_values().count(),
            recording.counts.ok
        );
        for exceedances in &recording.exceedances {
            assert_eq!(exceedances.bits.len(), recording.planned());
            let late = exceedances.bits.count_ones();
            assert!(late >= recording.counts.not_ok());
        }
        let by_second = |n: fn(&a7probe::run::recording::RunInterval) -> u64| -> u64 {
            recording.intervals.values().map(n).sum()
        };
        assert_eq!(by_second(|i| i.ok), recording.counts.ok);
        assert_eq!(by_second(|i| i.ok + i.not_ok), ended);
        let open = matches!(plan.model, Model::Open { .. });
        assert_eq!(recording.send_lag.count(), if open { ended } else { 0 });
        assert!(recording.counts.failed.keys().eq(measured.errors.keys()));
        for exemplar in &recording.slowest {
            assert_eq!(accounted(exemplar), exemplar.latency, "{exemplar:?}");
        }
    }
}

/// What the plan says an endpoint gets; unknown of a closed run for a duration.
fn planned(plan: &Plan, stream: usize) -> Option<u64> {
    match (plan.model, plan.size) {
        (Model::Open { .. }, _) => Schedule::of_plan(plan, stream).map(|s| s.planned()),
        (Model::Closed { .. }, Size::Requests(n)) => Some(n),
        (Model::Closed { .. }, Size::Duration(_)) => None,
    }
}

/// Send lag and phases of a request, summed: its response time (its service time in the closed model).
fn accounted(exemplar: &Exemplar) -> Duration {
    let phases = &exemplar.phases;
    let before_send = [
        exemplar.send_lag.map(|lag| lag.as_nanos() as u64),
        phases.wait_ns,
        phases.dns_ns,
        phases.connect_ns,
        phases.tls_ns,
        phases.slot_ns,
    ];
    let after_send = [phases.redirect_ns, phases.first_byte_ns, phases.body_ns];
    let sent = after_send.iter().flatten().count() > 0;
    let before_send = match exemplar.send_lag {
        // In the closed model latency counts from the send, if there was one.
        None if sent => 0,
        _ => before_send.iter().flatten().sum(),
    };
    Duration::from_nanos(before_send + after_send.iter().flatten().sum::<u64>())
}

/// A percentile of what ended ok, as outputs give it.
fn percentile(recording: &Recording, name: &str) -> Duration {
    let quantile: Quantile = name.parse().expect("a percentile");
    let levels = recording.latency.ranked_values();
    let value_ns = levels.at_rank(quantile.rank(levels.count()));
    Duration::from_nanos(value_ns.expect("a value"))
}

#[track_caller]
fn all_ok(measured: &EndpointRun) {
    let counts = &measured.recording.counts;
    assert_eq!(counts.not_ok(), 0, "{counts:?} {:?}", measured.errors);
    assert!(counts.ok > 0);
}

fn outcomes(recording: &Recording) -> Vec<Outcome> {
    recording.slowest.iter().map(|e| e.outcome).collect()
}
