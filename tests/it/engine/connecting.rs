//! Ways to reach a server, and what the preflight says when there is none.

use std::io::Write;
use std::time::{Duration, Instant};

use a7probe::probe::engine::{self, PreflightError, RunSpec};
use a7probe::run::plan::{ConnectTo, Plan, Scheme, Size, Trust};
use a7probe::run::preflight_failure::PreflightFailure;
use a7probe::run::sample::FailureKind;

use super::{all_ok, closed, get, measure_one};
use crate::harness::temp_dir;
use crate::scripted::{self, Certificate, Conversation, OK, Server};

/// The preflight, which nobody stops.
fn preflight(plan: &Plan) -> Result<Vec<u16>, PreflightError> {
    let answers = engine::preflight(plan, &engine::stop_switch().1)?;
    Ok(answers.iter().map(|answer| answer.status).collect())
}

fn answer_all(conversation: &mut Conversation) {
    while conversation.request().is_some() && conversation.send(OK) {}
}

fn https(port: u16, trust: Trust) -> Plan {
    let mut plan = closed(port, 1, Size::Requests(5));
    plan.target.scheme = Scheme::Https;
    plan.target.host = "localhost".to_owned();
    plan.connections.trust = trust;
    plan
}

/// How the only endpoint failed, in both the preflight and the run, which must agree.
#[track_caller]
fn failure(plan: &Plan) -> (FailureKind, String) {
    let Err(PreflightError::Endpoint { endpoint, failure }) = preflight(plan) else {
        panic!("the preflight passed");
    };
    assert_eq!(endpoint, "health");
    let PreflightFailure::Failed(kind, message, _) = failure else {
        panic!("{failure}");
    };
    let measured = measure_one(plan);
    assert_eq!(measured.recording.counts.failed, [(kind, 5)].into());
    assert_eq!(measured.errors[&kind], message);
    (kind, message)
}

#[test]
fn tls_works_with_the_certificate_given_and_reuses_its_connection() {
    let certificate = Certificate::new();
    let server = Server::tls(&certificate, answer_all);
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(certificate.pem.as_bytes()).unwrap();
    let plan = https(server.port(), Trust::File(file.path().to_owned()));
    assert_eq!(preflight(&plan).unwrap(), [200]);
    let endpoint = measure_one(&plan);
    all_ok(&endpoint);
    // Two carry requests. Where the name has several addresses, each is tried before the preflight and the run.
    assert!((2..=4).contains(&server.connections()));
    assert_eq!(endpoint.recording.phases.tls.count(), 1);
    assert_eq!(endpoint.recording.phases.dns.count(), 1);
}

#[test]
fn tls_works_with_any_certificate_when_told_so() {
    let server = Server::tls(&Certificate::new(), answer_all);
    let plan = https(server.port(), Trust::Anything);
    assert_eq!(preflight(&plan).unwrap(), [200]);
    all_ok(&measure_one(&plan));
}

#[test]
fn an_untrusted_certificate_is_a_tls_failure() {
    let server = Server::tls(&Certificate::new(), answer_all);
    let (kind, message) = failure(&https(server.port(), Trust::System));
    assert_eq!(kind, FailureKind::Tls);
    assert!(message.contains("certificate"), "{message}");
}

#[test]
fn a_certificate_of_another_name_is_a_tls_failure() {
    let server = Server::tls(&Certificate::new(), answer_all);
    let mut plan = https(server.port(), Trust::System);
    plan.connections.connect_to = vec![ConnectTo::of_plan("127.0.0.1", server.port())];
    plan.target.host = "a7.example".to_owned();
    assert_eq!(failure(&plan).0, FailureKind::Tls);
}

#[test]
fn https_to_a_plain_port_says_that_it_is_plain() {
    let server = Server::tcp(|conversation| {
        conversation.answer_early("HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n");
    });
    let (kind, message) = failure(&https(server.port(), Trust::Anything));
    assert_eq!(kind, FailureKind::Tls);
    assert!(message.contains("does not speak TLS"), "{message}");
}

#[test]
fn http_to_a_tls_port_says_that_it_is_tls() {
    let server = Server::tls(&Certificate::new(), answer_all);
    let (kind, message) = failure(&closed(server.port(), 1, Size::Requests(5)));
    assert_eq!(kind, FailureKind::Protocol);
    assert!(
        message.contains("TLS") && message.contains("https://"),
        "{message}"
    );
}

#[test]
fn a_dead_port_is_a_connect_failure() {
    let (kind, message) = failure(&closed(scripted::refusing_port(), 1, Size::Requests(5)));
    assert_eq!(kind, FailureKind::Connect);
    assert!(message.contains("refused"), "{message}");
}

#[test]
fn a_name_that_does_not_resolve_is_named() {
    let mut plan = closed(80, 1, Size::Requests(5));
    // Longer than a label may be, so no resolver is asked.
    plan.target.host = "x".repeat(64);
    let (_, message) = failure(&plan);
    assert!(message.contains("does not resolve"), "{message}");
}

#[test]
fn a_unix_socket_is_reached() {
    let directory = temp_dir();
    let path = directory.path().join("a7.sock");
    let server = Server::unix(&path, answer_all);
    let mut plan = closed(server.port(), 2, Size::Requests(50));
    plan.target.host = "a7.example".to_owned();
    plan.connections.unix_socket = Some(path);
    assert_eq!(preflight(&plan).unwrap(), [200]);
    all_ok(&measure_one(&plan));
    assert!(
        server
            .received()
            .iter()
            .all(|r| r.head.contains("host: a7.example\r\n"))
    );
}

#[test]
fn a_missing_unix_socket_is_a_connect_failure() {
    let directory = temp_dir();
    let mut plan = closed(80, 1, Size::Requests(5));
    plan.connections.unix_socket = Some(directory.path().join("none.sock"));
    assert_eq!(failure(&plan).0, FailureKind::Connect);
}

#[test]
fn another_address_is_connected_to_and_the_host_header_stays() {
    let server = Server::answering(OK);
    let mut plan = closed(80, 1, Size::Requests(5));
    plan.target.host = "a7.example".to_owned();
    plan.connections.connect_to = vec![ConnectTo::of_plan("127.0.0.1", server.port())];
    all_ok(&measure_one(&plan));
    assert!(
        server
            .received()
            .iter()
            .all(|r| r.head.contains("host: a7.example\r\n"))
    );
}

#[test]
fn the_preflight_asks_every_endpoint_and_returns_its_status() {
    let server = Server::tcp(|conversation| {
        while let Some(request) = conversation.request() {
            conversation.send(match request.head.starts_with("GET /health ") {
                true => OK,
                false => "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n",
            });
        }
    });
    let mut plan = closed(server.port(), 1, Size::Requests(5));
    plan.endpoints.push(get("ingest", "/ingest"));
    assert_eq!(preflight(&plan).unwrap(), [200, 404]);
    assert_eq!(server.received().len(), 2);
}

#[test]
fn the_preflight_of_a_server_that_never_answers_ends_with_the_timeout() {
    let server = Server::tcp(Conversation::ignore);
    for scheme in [Scheme::Http, Scheme::Https] {
        let mut plan = https(server.port(), Trust::Anything);
        plan.target.scheme = scheme;
        plan.timeout = Duration::from_millis(200);
        let began = Instant::now();
        let error = preflight(&plan).unwrap_err();
        assert!(began.elapsed() < Duration::from_secs(5));
        assert_eq!(error.to_string(), "health: no answer within 200 ms");
    }
}

#[test]
fn a_certificate_file_that_is_none_is_refused_before_the_run() {
    let plan = https(1, Trust::File("/no/such/file.pem".into()));
    let error = preflight(&plan).unwrap_err().to_string();
    assert!(error.contains("/no/such/file.pem"), "{error}");
    let (_stopper, stop) = a7probe::probe::engine::stop_switch();
    let run = engine::run(&RunSpec::new(&plan, engine::RunIds::fresh(), &stop));
    assert!(run.is_err());
}
