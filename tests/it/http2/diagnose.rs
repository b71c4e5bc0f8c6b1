//! `diagnose` over HTTP/2: is it the shared connection on which requests wait for each other?

use std::sync::Mutex;
use std::time::Duration;

use serde_json::Value;

use crate::frames::{FrameConversation, FrameServer};
use crate::harness::{code, json, run, stderr, stdout, temp_dir};

/// Bursts of 4 take 200 ms where they wait for each other, and 50 ms where they do not. A tenth of the limit is 80 ms: far
/// from both, and from what a busy machine adds.
const SERVICE: Duration = Duration::from_millis(50);
const LINE: [&str; 9] = [
    "--http2", "--budget", "20s", "--target", "800ms", "-q", "20", "--output", "json",
];

struct Diagnosed {
    json: Value,
    said: String,
    code: i32,
}

impl Diagnosed {
    fn of(server: &FrameServer) -> Diagnosed {
        let url = server.url();
        let line = [&["diagnose", url.as_str()], &LINE[..]].concat();
        let output = run(temp_dir().path(), &line);
        Diagnosed {
            json: json(&output),
            said: stderr(&output),
            code: code(&output),
        }
    }

    fn cause(&self, cause: &str) -> &Value {
        let causes = self.json["diagnosis"]["causes"].as_array().unwrap();
        causes.iter().find(|found| found["cause"] == cause).unwrap()
    }

    /// P50 of the bursts over one connection and over one each, divided by what they take one request after the other.
    fn bursts(&self) -> (f64, f64) {
        let numbers = &self.cause("shared_connection")["evidence"][0]["numbers"];
        let number = |name: &str| numbers[name].as_f64().unwrap();
        let serial_ms = number("requests_per_burst") * SERVICE.as_secs_f64() * 1e3;
        (
            number("one_connection_ms") / serial_ms,
            number("separate_connections_ms") / serial_ms,
        )
    }
}

fn serial(conversation: &mut FrameConversation) {
    while let Some(stream) = conversation.request() {
        std::thread::sleep(SERVICE);
        conversation.ok(stream);
    }
}

#[test]
fn a_service_that_serves_a_connection_one_at_a_time_has_a_shared_connection_as_its_cause() {
    let server = FrameServer::start(&[], serial);
    let found = Diagnosed::of(&server);
    let json = &found.json;
    assert_eq!(found.code, 1, "{json:#}");
    assert_eq!(json["diagnosis"]["cause"], "shared_connection", "{json:#}");
    let shared = found.cause("shared_connection");
    assert_eq!(shared["next_code"], "more_connections", "{shared:#}");
    let (one, each) = found.bursts();
    assert!(one >= 1.0 && each < one / 2.0, "{one} {each}");
    // What looks like another cause only because of the shared connection is not named as one.
    for other in ["blocked_loop", "queueing"] {
        assert_ne!(found.cause(other)["support"], "likely_cause", "{json:#}");
    }
    assert!(found.said.contains("in bursts of "), "{}", found.said);
}

#[test]
fn a_service_that_serves_one_at_a_time_whatever_the_connection_has_another_cause() {
    let turn = Mutex::new(());
    let server = FrameServer::start(&[], move |conversation| {
        while let Some(stream) = conversation.request() {
            let _one = turn.lock().unwrap();
            std::thread::sleep(SERVICE);
            conversation.ok(stream);
        }
    });
    let found = Diagnosed::of(&server);
    let shared = found.cause("shared_connection");
    assert_eq!(shared["support"], "ruled_out", "{shared:#}");
    let (one, each) = found.bursts();
    assert!(one >= 1.0 && each >= 1.0, "{one} {each}");
}

#[test]
fn a_service_that_serves_streams_side_by_side_has_the_shared_connection_ruled_out() {
    let server = FrameServer::start(&[], |conversation| {
        while let Some(stream) = conversation.request() {
            let mut answering = conversation.twin();
            std::thread::spawn(move || {
                std::thread::sleep(SERVICE);
                answering.ok(stream);
            });
        }
    });
    let found = Diagnosed::of(&server);
    let shared = found.cause("shared_connection");
    assert_eq!(shared["support"], "ruled_out", "{shared:#}");
    let steps = found.json["diagnosis"]["steps"].as_array().unwrap();
    let steps: Vec<&str> = steps.iter().map(|s| s["step"].as_str().unwrap()).collect();
    assert!(
        steps.contains(&"one-connection") && steps.contains(&"separate-connections"),
        "{steps:?}"
    );
}

#[test]
fn where_no_requests_share_a_connection_nothing_is_sent_for_it() {
    let url = "http://127.0.0.1:9";
    let folder = temp_dir();
    let dry_run = |more: &[&str]| {
        let line = [&["diagnose", url, "--dry-run"], more].concat();
        stdout(&run(folder.path(), &line))
    };
    assert!(dry_run(&["--http2"]).contains("in bursts of 8"));
    for more in [&[][..], &["--http2", "--streams", "1"]] {
        let text = dry_run(more);
        assert!(!text.contains("bursts"), "{text}");
    }
    let server = FrameServer::answering(&[]);
    let url = server.url();
    let short = [
        "diagnose",
        &url,
        "--http2",
        "--streams",
        "1",
        "--budget",
        "2s",
    ];
    let line = [&short[..], &["--output", "json"]].concat();
    let report = json(&run(folder.path(), &line));
    let mut causes = report["diagnosis"]["causes"].as_array().unwrap().iter();
    let shared = causes.find(|found| found["cause"] == "shared_connection");
    let shared = shared.expect("every cause is named");
    assert_eq!(shared["support"], "ruled_out");
    assert_eq!(shared["evidence"][0]["reason_code"], "not_shared");
}
