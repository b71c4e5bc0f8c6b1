//! The command over HTTP/2: what it says, what it saves, what it refuses, and that everything above the transport is as
//! over HTTP/1.1.

use std::fs;
use std::process::Output;

use http::Response;
use serde_json::Value;

use super::echo::{EchoServer, ok};
use crate::frames::{FrameServer, MAX_STREAMS};
use crate::harness::{code, json, run, stderr, stdout, temp_dir};
use crate::scripted::{Certificate, OK, Server};

/// Twenty requests, and no more than they need.
const FEW: [&str; 12] = [
    "-n",
    "20",
    "-q",
    "200",
    "--warmup",
    "0s",
    "--no-calibration",
    "--iid",
    "--no-audit",
    "--gate",
    "p50 <= 9s",
    "--http2",
];

fn measure(url: &str, more: &[&str]) -> Output {
    let folder = temp_dir();
    run(folder.path(), &[&["measure", url], &FEW[..], more].concat())
}

#[track_caller]
fn measured(url: &str, more: &[&str]) -> Value {
    let output = measure(url, &[more, &["--output", "json"]].concat());
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    json(&output)
}

#[track_caller]
fn refused(output: &Output, exit: i32, error: &str, hint: &str) {
    let said = stderr(output);
    assert_eq!(code(output), exit, "{said}");
    assert!(said.contains(error), "{said}");
    assert!(said.contains("\nhint: ") && said.contains(hint), "{said}");
}

fn header<'a>(head: &'a http::request::Parts, name: &str) -> Vec<&'a str> {
    let values = head.headers.get_all(name).iter();
    values.map(|value| value.to_str().unwrap()).collect()
}

#[test]
fn every_output_names_the_protocol_and_its_connections() {
    let server = FrameServer::answering(&[(MAX_STREAMS, 3)]);
    let folder = temp_dir();
    let url = format!("{}/a", server.url());
    let more = [
        "--streams",
        "8",
        "--save",
        "run.json",
        "-o",
        "html=run.html",
    ];
    let line = [&["measure", &url][..], &FEW, &more].concat();
    let output = run(folder.path(), &line);
    let text = stdout(&output);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert!(
        text.contains("requests at 200/s in 100 ms · HTTP/2"),
        "{text}"
    );
    let judged = run(folder.path(), &["judge", "run.json", "-v"]);
    let text = stdout(&judged);
    let note = "the server allows 3 streams a connection";
    assert!(text.contains(note), "{text}");
    let judged = run(folder.path(), &["judge", "run.json", "--output", "json"]);
    let report = json(&judged);
    assert_eq!(report["runs"][0]["protocol"], "HTTP/2");
    assert_eq!(report["runs"][0]["streams_per_connection"], 8);
    assert_eq!(report["runs"][0]["streams"][0]["allowed"], 3);
    let saved = fs::read_to_string(folder.path().join("run.json")).unwrap();
    let saved: Value = serde_json::from_str(&saved).unwrap();
    let http = &saved["plan"]["connections"]["http"];
    assert_eq!(
        (&http["version"], &http["streams"]),
        (&"2".into(), &8.into())
    );
    let page = fs::read_to_string(folder.path().join("run.html")).unwrap();
    assert!(page.contains("over HTTP/2 with at most 8 streams a connection"));
    assert!(
        page.contains("--http2 --streams 8"),
        "the command that repeats it"
    );
}

#[test]
fn the_dry_run_names_the_connections_and_sends_nothing() {
    let folder = temp_dir();
    let line = [
        "measure",
        "http://a7.example/x",
        "--http2",
        "--streams",
        "8",
    ];
    let output = run(folder.path(), &[&line[..], &["--dry-run"]].concat());
    let text = stdout(&output);
    let protocol = "protocol   HTTP/2, at most 64 connections with 8 streams each";
    assert!(text.contains(protocol), "{text}");
    let json = run(
        folder.path(),
        &[&line[..], &["--dry-run", "--output", "json"]].concat(),
    );
    assert!(
        stdout(&json).contains("\"streams\": 8"),
        "{}",
        stdout(&json)
    );
}

#[test]
fn requests_have_the_headers_of_http_2_and_no_others() {
    let server = EchoServer::plain(|_| ok());
    let url = format!("{}/a?b=c", server.url());
    let body = r#"{"n":{{n}},"id":"{{uuid}}"}"#;
    let more = [
        "-X",
        "PUT",
        "-d",
        body,
        "-H",
        "Host: a7.example",
        "-H",
        "X-Two: 1",
        "-H",
        "X-TWO: 2",
        "-b",
        "s=1",
        "-a",
        "me:pw",
        "--trace",
        "-H",
        "TE: trailers",
    ];
    let json = measured(&url, &more);
    assert_eq!(json["endpoints"][0]["counts"]["ok"], 20);
    let asked = server.asked();
    let mut bodies: Vec<&[u8]> = asked.iter().map(|(_, body)| body.as_slice()).collect();
    for (head, body) in &asked {
        assert_eq!(head.uri.to_string(), "http://a7.example/a?b=c");
        assert_eq!(head.method, "PUT");
        assert_eq!(header(head, "content-length"), [body.len().to_string()]);
        assert_eq!(header(head, "x-two"), ["1", "2"]);
        assert_eq!(header(head, "cookie"), ["s=1"]);
        assert_eq!(header(head, "authorization"), ["Basic bWU6cHc="]);
        assert_eq!(header(head, "traceparent").len(), 1);
        assert_eq!(header(head, "te"), ["trailers"]);
        for name in ["host", "connection", "transfer-encoding"] {
            assert!(header(head, name).is_empty(), "{name}");
        }
    }
    bodies.sort_unstable();
    bodies.dedup();
    assert!(bodies.len() >= 20, "every request has its own id");
}

#[test]
fn redirects_and_expected_bodies_work_as_over_http_1() {
    let server = EchoServer::plain(|(head, _)| {
        if head.uri.path() == "/a" {
            let hop = Response::builder().status(302).header("location", "/b");
            return hop.body("hop").unwrap();
        }
        ok()
    });
    let url = format!("{}/a", server.url());
    let json = measured(&url, &["-L", "--expect-body", "ok"]);
    let endpoint = &json["endpoints"][0];
    assert_eq!(endpoint["counts"]["ok"], 20, "{endpoint}");
    let asked = server.asked();
    let hops = asked.iter().filter(|(head, _)| head.uri.path() == "/b");
    assert!(hops.count() >= 20);
    let output = measure(&url, &["-L", "--expect-body", "no"]);
    let said = stderr(&output);
    assert!(said.contains("the body does not contain"), "{said}");
}

#[test]
fn a_unix_socket_carries_http_2() {
    let server = EchoServer::plain(|_| ok());
    let folder = temp_dir();
    let socket = folder.path().join("s");
    server.listen_at(&socket);
    let json = measured(
        "http://a7.example/x",
        &["--unix-socket", socket.to_str().unwrap()],
    );
    assert_eq!(json["endpoints"][0]["counts"]["ok"], 20);
    assert_eq!(server.asked()[0].0.uri.to_string(), "http://a7.example/x");
}

/// Every line is refused before anything is sent.
#[test]
fn what_http_2_cannot_carry_is_refused_in_one_line() {
    let url = "http://127.0.0.1:9/x";
    for (more, error, hint) in [
        (
            &["-H", "Connection: close"][..],
            "no header connection",
            "leave it out",
        ),
        (
            &["-H", "Upgrade: websocket"],
            "no header upgrade",
            "leave it out",
        ),
        (
            &["-H", "Keep-Alive: timeout=5"],
            "no header keep-alive",
            "leave it out",
        ),
        (&["-H", "TE: gzip"], "TE", "TE: trailers"),
        (
            &["-x", "http://127.0.0.1:8"],
            "for https:// only",
            "--http2",
        ),
        (&["-X", "CONNECT"], "CONNECT", "GET"),
        (
            &["--streams", "4", "--disable-keepalive"],
            "--streams",
            "leave out",
        ),
    ] {
        refused(&measure(url, more), 2, error, hint);
    }
    let folder = temp_dir();
    let alone = run(folder.path(), &["measure", url, "--streams", "4"]);
    refused(&alone, 2, "--streams is for HTTP/2", "--http2");
    for flag in ["-h2", "--h2c", "--http2-prior-knowledge"] {
        let foreign = run(folder.path(), &["measure", url, flag]);
        refused(&foreign, 2, flag, "use --http2");
    }
}

#[test]
fn a_service_without_http_2_is_named_as_such() {
    let server = Server::answering(OK);
    let output = measure(&format!("{}/x", server.url()), &[]);
    refused(&output, 2, "does not speak HTTP/2", "leave out --http2");
    let certificate = Certificate::new();
    let tls = Server::tls(&certificate, |conversation| {
        while conversation.request().is_some() && conversation.send(OK) {}
    });
    let output = measure(&format!("https://localhost:{}/x", tls.port()), &["-k"]);
    refused(&output, 2, "ALPN", "leave out --http2");
}

#[test]
fn a_service_that_allows_no_stream_is_named_before_the_run() {
    let server = FrameServer::start(&[(MAX_STREAMS, 0)], |conversation| conversation.ignore());
    let folder = temp_dir();
    let line = [
        "measure",
        &server.url(),
        "--http2",
        "-X",
        "GET",
        "-t",
        "300ms",
    ];
    let output = run(folder.path(), &[&line[..], &["--no-gates"]].concat());
    let said = stderr(&output);
    assert!(said.contains("allowed no stream within 300 ms"), "{said}");
}

#[test]
fn a_limit_of_streams_on_which_requests_wait_is_named_with_what_to_do() {
    let server = FrameServer::start(&[(MAX_STREAMS, 1)], |conversation| {
        while let Some(stream) = conversation.request() {
            std::thread::sleep(std::time::Duration::from_millis(20));
            conversation.ok(stream);
        }
    });
    // A connection that is full does not keep another from being opened, so there is one.
    let more = ["-c", "8", "--streams", "8", "--output", "json"];
    let output = measure(&format!("{}/x", server.url()), &more);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let said = stderr(&output);
    assert!(said.contains("waited for a stream, P95 "), "{said}");
    assert!(
        said.contains("to open more connections: --streams 1"),
        "{said}"
    );
    let report = json(&output);
    let mut warnings = report["warnings"].as_array().unwrap().iter();
    let limited = warnings.find(|warning| warning["code"] == "stream_limited");
    let values = &limited.expect("a warning")["values"];
    assert_eq!(
        (&values["allowed"], &values["planned"]),
        (&1.into(), &8.into())
    );
    assert!(values["wait_p95_ms"].as_f64() > Some(20.0), "{values}");
}

#[test]
fn tls_agrees_on_http_2_and_a_service_with_nothing_else_is_measured_over_it_unasked() {
    let server = EchoServer::http2_only(|_| ok());
    let url = format!("{}/x", server.url());
    let report = measured(&url, &["-k"]);
    assert_eq!(report["runs"][0]["protocol"], "HTTP/2");
    let folder = temp_dir();
    let unasked = FEW.iter().copied().filter(|flag| *flag != "--http2");
    let mut line = vec!["measure", url.as_str(), "-k", "--output", "json"];
    line.extend(unasked);
    let output = run(folder.path(), &line);
    let said = stderr(&output);
    assert_eq!(code(&output), 0, "{said}");
    assert!(said.contains("offers HTTP/2 only"), "{said}");
    assert_eq!(json(&output)["runs"][0]["protocol"], "HTTP/2");
}

#[test]
fn the_audit_asks_for_accepted_events_over_http_2() {
    let server = EchoServer::plain(|(head, _)| match head.uri.path() {
        "/x" => ok(),
        _ => Response::new(r#"{"state":"processed"}"#),
    });
    let folder = temp_dir();
    let url = format!("{}/x", server.url());
    let line = [
        "measure",
        &url,
        "--http2",
        "-d",
        r#"{"id":"{{uuid}}"}"#,
        "-n",
        "20",
        "-q",
        "200",
        "--warmup",
        "0s",
        "--no-calibration",
        "--iid",
        "--audit-url",
        "/status/{{uuid}}",
        "--gate",
        "lost <= 0",
        "--output",
        "json",
    ];
    let output = run(folder.path(), &line);
    assert_eq!(code(&output), 0, "{}{}", stderr(&output), stdout(&output));
    let asked = server.asked();
    let states = asked
        .iter()
        .filter(|(head, _)| head.uri.path().starts_with("/status/"));
    assert!(states.count() >= 20);
}
