//! Requests as users of curl, hey and oha type them: the bytes on the wire, and how the answers are counted.

mod addresses;
mod bodies;
mod credentials;
mod data;
mod proxy;
mod redirects;
mod traces;

use std::process::Output;

use serde_json::Value;

use crate::harness::{code, json, run, stderr, temp_dir};
use crate::scripted::{Received, Server};

/// Twenty requests without warm-up, calibration and gates that they could not pass.
const FEW: [&str; 13] = [
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
    "--output",
    "json",
];

/// `measure` of this URL with these flags.
fn measure(url: &str, more: &[&str]) -> Output {
    let folder = temp_dir();
    run(folder.path(), &[&["measure", url], &FEW[..], more].concat())
}

/// What `measure` wrote as JSON; it must end with this code.
#[track_caller]
fn measured(url: &str, more: &[&str], exit: i32) -> Value {
    let output = measure(url, more);
    assert_eq!(code(&output), exit, "{}", stderr(&output));
    json(&output)
}

/// Why `measure` sent nothing.
#[track_caller]
fn refusal(url: &str, more: &[&str]) -> String {
    let output = measure(url, more);
    let said = stderr(&output);
    assert_eq!(code(&output), 2, "{said}");
    assert!(said.contains("\nhint: "), "{said}");
    said
}

/// The only value of a header; `None` if there is none.
#[track_caller]
fn header<'a>(request: &'a Received, name: &str) -> Option<&'a str> {
    let fields = request
        .head
        .lines()
        .filter_map(|line| line.split_once(": "));
    let mut values = fields.filter(|(own, _)| own.eq_ignore_ascii_case(name));
    let value = values.next().map(|(_, value)| value);
    assert!(values.next().is_none(), "twice {name}: {}", request.head);
    value
}

/// The request line of every request.
fn lines(server: &Server) -> Vec<String> {
    let received = server.received();
    let lines = received.iter().filter_map(|r| r.head.lines().next());
    lines.map(str::to_owned).collect()
}
