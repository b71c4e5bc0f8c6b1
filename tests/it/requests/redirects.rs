//! `-L`: hops are part of the request, and another origin gets no secret.

use std::sync::Arc;
use std::time::Duration;

use super::{header, lines, measured, refusal};
use crate::harness::{run, stderr, stdout, temp_dir};
use crate::scripted::{Certificate, OK, Received, Server};

/// Answers by the path of the request.
fn by_path(answer: impl Fn(&str) -> String + Send + Sync + 'static) -> Server {
    Server::tcp(move |conversation| {
        while let Some(request) = conversation.request() {
            let path = request.head.split(' ').nth(1).unwrap_or_default();
            if !conversation.send(answer(path)) {
                return;
            }
        }
    })
}

fn redirect(status: u16, location: &str) -> String {
    format!("HTTP/1.1 {status} Found\r\nlocation: {location}\r\ncontent-length: 3\r\n\r\nhop")
}

/// Answers `/a` with a redirect, and everything else with 200.
fn redirecting(status: u16, location: &str) -> Server {
    let hop = redirect(status, location);
    by_path(move |path| match path {
        "/a" => hop.clone(),
        _ => OK.to_owned(),
    })
}

fn get(server: &Server, more: &[&str]) -> serde_json::Value {
    measured(&format!("{}/a", server.url()), &[&["-L"], more].concat(), 0)
}

/// The requests for a path, of at least 20.
#[track_caller]
fn asked(server: &Server, line: &str) -> Vec<Received> {
    let received = server.received().into_iter();
    let found: Vec<Received> = received.filter(|r| r.head.starts_with(line)).collect();
    assert!(found.len() >= 20, "{line}: {:?}", lines(server));
    found
}

#[test]
fn a_relative_location_is_followed_over_the_same_connection() {
    let server = redirecting(302, "b/c?d=1#e");
    let json = get(&server, &["-c", "1"]);
    assert_eq!(json["endpoints"][0]["counts"]["ok"], 20);
    asked(&server, "GET /b/c?d=1 HTTP/1.1");
    // The preflight has one of its own for each of its two requests.
    assert!(server.connections() <= 4, "{}", server.connections());
}

#[test]
fn without_l_a_redirect_is_an_answer_and_the_hint_names_l() {
    let server = redirecting(302, "/b");
    let url = format!("{}/a", server.url());
    let said = refusal(&url, &[]);
    assert!(
        said.contains("returned 302") && said.contains("-L"),
        "{said}"
    );
    let folder = temp_dir();
    let dry = run(folder.path(), &["measure", &url, "-L", "--dry-run"]);
    let text = stdout(&dry);
    assert!(
        text.contains("  redirects  followed, at most 10\n"),
        "{text}"
    );
    assert_eq!(lines(&server).len(), 1);
}

#[test]
fn the_response_time_covers_every_hop_and_the_phases_add_up() {
    let held = Duration::from_millis(30);
    let server = by_path(move |path| {
        std::thread::sleep(held);
        match path {
            "/a" => redirect(301, "/b"),
            "/b" => redirect(308, "/c"),
            _ => OK.to_owned(),
        }
    });
    let folder = temp_dir();
    let url = format!("{}/a", server.url());
    let line = ["measure", &url, "-L", "--save", "run.json"];
    let output = run(folder.path(), &[&line[..], &super::FEW].concat());
    let json = crate::harness::json(&output);
    let least = json["endpoints"][0]["latency_ms"]["p50"].as_f64();
    assert!(least.is_none_or(|ms| ms >= 90.0), "{json}");
    let text = std::fs::read_to_string(folder.path().join("run.json")).unwrap();
    let saved: serde_json::Value = serde_json::from_str(&text).unwrap();
    let endpoint = &saved["endpoints"][0];
    assert_eq!(
        endpoint["phases"]["redirect"]["count"],
        20,
        "{}",
        stderr(&output)
    );
    let slowest = &endpoint["slowest"][0];
    let ns = |name: &str| slowest["phases"][name].as_u64().unwrap_or(0);
    assert!(ns("redirect_ns") >= 60_000_000, "{slowest}");
    let phases = [
        "wait_ns",
        "dns_ns",
        "connect_ns",
        "tls_ns",
        "redirect_ns",
        "first_byte_ns",
        "body_ns",
    ];
    let sum = phases.into_iter().map(ns).sum::<u64>() + slowest["send_lag_ns"].as_u64().unwrap();
    assert_eq!(Some(sum), slowest["latency_ns"].as_u64());
    assert_eq!(saved["plan"]["connections"]["redirects"], "follow");
}

#[test]
fn a_post_goes_on_as_get_without_its_body_or_stays_what_it_is() {
    for (status, next, has_body) in [
        (303, "GET", false),
        (302, "GET", false),
        (301, "GET", false),
        (307, "POST", true),
        (308, "POST", true),
    ] {
        let server = redirecting(status, "/b");
        get(&server, &["-d", "x={{n}}", "-a", "u:v"]);
        for (n, request) in asked(&server, &format!("{next} /b ")).iter().enumerate() {
            assert_eq!(request.body.is_empty(), !has_body, "{status}");
            assert_eq!(header(request, "content-type").is_some(), has_body);
            assert!(header(request, "authorization").is_some(), "{n}");
        }
    }
}

#[test]
fn another_origin_gets_neither_credentials_nor_cookies_nor_unknown_headers() {
    let other = Arc::new(Server::answering(OK));
    let server = redirecting(302, &format!("{}/x", other.url()));
    let headers = [
        "-H",
        "X-Api-Key: s3cret",
        "-H",
        "Accept: text/x",
        "-H",
        "Host: a.example",
    ];
    let secrets = ["-a", "me:s3cret", "-b", "sid=s3cret"];
    get(&server, &[&headers[..], &secrets].concat());
    for request in asked(&other, "GET /x HTTP/1.1") {
        assert!(!request.head.contains("s3cret"), "{}", request.head);
        assert!(header(&request, "authorization").is_none());
        assert!(header(&request, "cookie").is_none());
        assert_eq!(header(&request, "accept"), Some("text/x"));
        let host = format!("127.0.0.1:{}", other.port());
        assert_eq!(header(&request, "host"), Some(host.as_str()));
    }
    // Connections to it are kept as those to the service are.
    assert!(other.connections() < 15, "{}", other.connections());
    for request in asked(&server, "GET /a ") {
        assert!(header(&request, "authorization").is_some());
    }
}

#[test]
fn a_redirect_from_http_to_https_is_followed() {
    let certificate = Certificate::new();
    let tls = Server::tls(&certificate, |conversation| {
        while conversation.request().is_some() && conversation.send(OK) {}
    });
    let server = redirecting(301, &format!("https://127.0.0.1:{}/s", tls.port()));
    let json = get(&server, &["-k"]);
    assert_eq!(json["endpoints"][0]["counts"]["ok"], 20);
    asked(&tls, "GET /s HTTP/1.1");
}

#[test]
fn a_post_is_not_sent_to_another_origin() {
    let other = Server::answering(OK);
    let location = format!("{}/x", other.url());
    let server = redirecting(307, &location);
    let url = format!("{}/a", server.url());
    let said = refusal(&url, &["-L", "-d", "s3cret"]);
    let told = format!("redirected to {} as POST: only GET and HEAD", other.url());
    assert!(said.contains(&told), "{said}");
    let json = measured(&url, &["-L", "-d", "s3cret", "--no-preflight"], 1);
    assert_eq!(json["endpoints"][0]["counts"]["failed"]["redirect"], 20);
    assert_eq!(other.connections(), 0);
}

#[test]
fn redirects_that_lead_nowhere_are_failures_with_their_reason() {
    let endless = by_path(|path| redirect(302, &format!("{path}a")));
    let in_a_loop = by_path(|path| redirect(302, if path == "/a" { "/b" } else { "/a" }));
    let lost = Server::answering("HTTP/1.1 302 Found\r\ncontent-length: 0\r\n\r\n");
    let odd = Server::answering(redirect(302, "ftp://h/x"));
    for (server, told) in [
        (endless, "more than 10 redirects\n"),
        (in_a_loop, "more than 10 redirects, in a loop through"),
        (lost, "the answer 302 has no Location"),
        (
            odd,
            "the Location of the answer 302 is not a valid http or https URL",
        ),
    ] {
        let said = refusal(&format!("{}/a", server.url()), &["-L"]);
        assert!(said.contains(told), "{said}");
        // Ten hops after the first request, and nothing after the last.
        assert!(lines(&server).len() <= 11);
        let url = format!("{}/a", server.url());
        let json = measured(&url, &["-L", "--no-preflight"], 1);
        assert_eq!(json["endpoints"][0]["counts"]["failed"]["redirect"], 20);
    }
}

#[test]
fn ten_redirects_are_followed() {
    let server = by_path(|path| match path.len() {
        12.. => OK.to_owned(),
        _ => redirect(302, &format!("{path}a")),
    });
    let json = get(&server, &[]);
    assert_eq!(json["endpoints"][0]["counts"]["ok"], 20);
    asked(&server, "GET /aaaaaaaaaaa HTTP/1.1");
}

#[test]
fn the_final_body_is_the_one_that_is_checked() {
    let server = redirecting(302, "/b");
    let json = get(&server, &["--expect-body", "ok"]);
    assert_eq!(json["endpoints"][0]["counts"]["ok"], 20);
}
