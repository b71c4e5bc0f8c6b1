//! `--expect-body`: an answer whose body differs is a failure of its own kind.

use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::{FEW, lines, measure, measured, refusal};
use crate::harness::{code, run, stderr, stdout, temp_dir};
use crate::scripted::Server;

fn with_body(body: &str) -> Server {
    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
    Server::answering(head + body)
}

/// Requests that ended ok, and those with another body.
fn counts(json: &serde_json::Value) -> (u64, u64) {
    let counts = &json["endpoints"][0]["counts"];
    let content = counts["failed"]["content"].as_u64().unwrap_or(0);
    (counts["ok"].as_u64().unwrap(), content)
}

#[test]
fn a_body_that_holds_what_is_expected_is_ok_in_every_form() {
    let server = with_body(r#"{"status":"ok","n":[1]}"#);
    for check in ["ok", "/\"n\": *\\[[0-9]/", "json.status=ok", "json.n.0=1"] {
        let json = measured(&server.url(), &["-X", "GET", "--expect-body", check], 0);
        assert_eq!(counts(&json), (20, 0), "{check}");
    }
}

#[test]
fn a_chunked_body_is_searched_without_its_frames() {
    let chunks =
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nnee\r\n3\r\ndle\r\n0\r\n\r\n";
    let server = Server::answering(chunks);
    for check in ["needle", "/^needle$/"] {
        let json = measured(&server.url(), &["-X", "GET", "--expect-body", check], 0);
        assert_eq!(counts(&json), (20, 0), "{check}");
    }
}

#[test]
fn every_second_body_that_differs_is_a_failure_with_its_reason() {
    let turn = AtomicUsize::new(0);
    let server = Server::tcp(move |conversation| {
        while conversation.request().is_some() {
            let body = match turn.fetch_add(1, Ordering::SeqCst) {
                0 => "ok",
                odd if odd % 2 == 1 => "ok",
                _ => "no",
            };
            let head = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n";
            conversation.send(format!("{head}{body}"));
        }
    });
    let folder = temp_dir();
    let url = format!("{}/a", server.url());
    let flags = ["--expect-body", "ok", "--save", "run.json"];
    let line = [&["measure", &url][..], &FEW, &flags].concat();
    let output = run(folder.path(), &line);
    let said = stderr(&output);
    let json = crate::harness::json(&output);
    assert_eq!(counts(&json), (10, 10), "{said}");
    let reason = "10 failed (content), the first: the body does not contain the expected text";
    assert!(said.contains(reason), "{said}");
    let judged = run(folder.path(), &["judge", "run.json", "-v"]);
    let text = stdout(&judged);
    assert!(text.contains("10 × unexpected body"), "{text}");
    let saved = fs::read_to_string(folder.path().join("run.json")).unwrap();
    assert!(saved.contains("text (2 bytes, SHA-256 2689…)"), "{saved}");
}

#[test]
fn a_status_is_judged_before_the_body() {
    let server = Server::answering("HTTP/1.1 500 Oops\r\ncontent-length: 2\r\n\r\nno");
    let json = measured(&server.url(), &["-X", "GET", "--expect-body", "ok"], 1);
    let failed = &json["endpoints"][0]["counts"]["failed"];
    assert_eq!(
        (&failed["status"], &failed["content"]),
        (&20.into(), &serde_json::Value::Null)
    );
}

#[test]
fn an_encoded_body_is_refused_before_the_run_and_counted_without_a_preflight() {
    let server = Server::answering(
        "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 2\r\n\r\nok",
    );
    let url = format!("{}/a", server.url());
    let said = refusal(&url, &["--expect-body", "ok"]);
    assert!(
        said.contains("the body is encoded (gzip) and cannot be searched"),
        "{said}"
    );
    assert!(said.contains("Accept-Encoding: identity"), "{said}");
    assert_eq!(lines(&server).len(), 1);
    let asked = ["--expect-body", "ok", "-H", "Accept-Encoding: gzip"];
    assert!(refusal(&url, &asked).contains("leave out the header Accept-Encoding"));
    let json = measured(&url, &["--expect-body", "ok", "--no-preflight"], 1);
    assert_eq!(counts(&json), (0, 20));
}

#[test]
fn a_body_that_differs_before_the_run_is_a_warning_and_it_is_measured() {
    let server = with_body("no");
    let output = measure(&server.url(), &["-X", "GET", "--expect-body", "json.a=1"]);
    assert_eq!(code(&output), 1);
    let said = stderr(&output);
    assert!(
        said.contains("the body is not JSON; measuring it anyway"),
        "{said}"
    );
}

#[test]
fn each_endpoint_has_its_own_check_by_name_or_in_the_settings() {
    let server = Server::tcp(|conversation| {
        while let Some(request) = conversation.request() {
            let body = match request.head.starts_with("GET /a ") {
                true => "one",
                false => "two",
            };
            let head = "HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\n";
            conversation.send(format!("{head}{body}"));
        }
    });
    let failed = |json: &serde_json::Value| {
        [0, 1].map(|i| json["endpoints"][i]["counts"]["failed"]["content"].as_u64())
    };
    let flags = [
        "--get",
        "a=/a",
        "--get",
        "b=/b",
        "--expect-body",
        "a=one",
        "--expect-body",
        "b=one",
    ];
    assert_eq!(
        failed(&measured(&server.url(), &flags, 1)),
        [None, Some(20)]
    );
    let folder = temp_dir();
    let file = format!(
        "url = '{}'\n[endpoints.a]\npath = '/a'\nexpect_body = 'one'\n[endpoints.b]\npath = '/b'\nexpect_body = '/^t/'\n",
        server.url()
    );
    fs::write(folder.path().join("a7probe.toml"), file).unwrap();
    let output = run(folder.path(), &[&["measure"], &FEW[..]].concat());
    assert_eq!(failed(&crate::harness::json(&output)), [None, None]);
}

#[test]
fn a_check_that_can_find_nothing_is_refused() {
    let server = with_body("ok");
    let url = format!("{}/a", server.url());
    for (flags, told) in [
        (&["--expect-body", "/(/"][..], "syntax error"),
        (&["--expect-body", ""], "empty text"),
        (&["--expect-body", "json.a"], "json.status=ok"),
        (
            &["--expect-body", "ok", "-X", "HEAD"],
            "has no body in its answer",
        ),
    ] {
        let said = refusal(&url, flags);
        assert!(said.contains(told), "{said}");
    }
    assert_eq!(server.connections(), 0);
}
