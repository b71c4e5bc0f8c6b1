//! `/metrics`, read by a parser that takes nothing for granted.

use std::collections::{BTreeMap, BTreeSet};

use a7probe::reference::server::{MetricsAccess, ServerConfig, ServerMode};
use a7probe::reference::worker::{BreakerOptions, Retry};

use crate::harness::{eventually, temp_dir};
use crate::serve_client::Client;
use crate::serve_host::{MoodyProvider, Process, Served, Worker, config, simulated};

type Labels = BTreeMap<String, String>;

/// A page of the text format, version 0.0.4.
#[derive(Debug, Default)]
struct Page {
    types: BTreeMap<String, String>,
    samples: Vec<(String, Labels, f64)>,
}

impl Page {
    /// Panics where the page breaks the format.
    fn parse(text: &str) -> Page {
        assert!(text.ends_with('\n'), "the last line ends");
        let mut page = Page::default();
        let (mut family, mut helped) = (String::new(), BTreeSet::new());
        for line in text.lines() {
            if let Some(rest) = line.strip_prefix("# HELP ") {
                let (name, help) = rest.split_once(' ').expect("a help text");
                assert!(!help.is_empty() && helped.insert(name.to_owned()), "{line}");
            } else if let Some(rest) = line.strip_prefix("# TYPE ") {
                let (name, kind) = rest.split_once(' ').expect("a type");
                assert!(is_name(name) && helped.contains(name), "{line}");
                assert!(["counter", "gauge", "histogram"].contains(&kind), "{line}");
                assert!(kind != "counter" || name.ends_with("_total"), "{line}");
                assert!(kind != "gauge" || !name.ends_with("_total"), "{line}");
                let known = page.types.insert(name.to_owned(), kind.to_owned());
                assert!(known.is_none(), "a family is in one piece: {line}");
                family = name.to_owned();
            } else {
                let (name, labels, value) = sample(line);
                let suffix = name
                    .strip_prefix(&family)
                    .unwrap_or_else(|| panic!("{line} in {family}"));
                let suffixes: &[&str] = match page.types[&family].as_str() {
                    "histogram" => &["_bucket", "_sum", "_count"],
                    _ => &[""],
                };
                assert!(suffixes.contains(&suffix), "{line}");
                let twice = page
                    .samples
                    .iter()
                    .any(|(n, l, _)| (n, l) == (&name, &labels));
                assert!(!twice, "{line} is there twice");
                page.samples.push((name, labels, value));
            }
        }
        page.check_histograms();
        page
    }

    fn check_histograms(&self) {
        let histograms = self.types.iter().filter(|(_, kind)| *kind == "histogram");
        for (name, _) in histograms {
            let counts = self.named(&format!("{name}_count"));
            for (labels, count) in &counts {
                let buckets: Vec<(f64, f64)> = self
                    .named(&format!("{name}_bucket"))
                    .into_iter()
                    .filter_map(|(mut own, value)| {
                        let le = own.remove("le").expect("a bound");
                        (own == *labels).then(|| (number(&le), value))
                    })
                    .collect();
                let rising = buckets.is_sorted_by(|a, b| a.0 < b.0 && a.1 <= b.1);
                assert!(rising, "{name}{labels:?}: {buckets:?}");
                assert_eq!(buckets.last(), Some(&(f64::INFINITY, *count)), "{name}");
                let sum = self.value(&format!("{name}_sum"), labels);
                assert!(sum.is_some_and(|sum| sum >= 0.0), "{name}");
            }
        }
    }

    fn named(&self, name: &str) -> Vec<(Labels, f64)> {
        let own = self.samples.iter().filter(|(own, ..)| own == name);
        own.map(|(_, labels, value)| (labels.clone(), *value))
            .collect()
    }

    fn value(&self, name: &str, labels: &Labels) -> Option<f64> {
        let found = self.named(name).into_iter().find(|(own, _)| own == labels);
        found.map(|(_, value)| value)
    }

    /// The value of a sample with exactly these labels.
    fn of(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let labels: Labels = (labels.iter())
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        self.value(name, &labels)
            .unwrap_or_else(|| panic!("no {name}{labels:?} in {self:#?}"))
    }
}

/// `name{label="value",…} number`, without a timestamp.
fn sample(line: &str) -> (String, Labels, f64) {
    let end = line.find(['{', ' ']).expect("a sample");
    let (name, mut rest) = line.split_at(end);
    assert!(is_name(name), "{line}");
    let mut labels = Labels::new();
    if let Some(inside) = rest.strip_prefix('{') {
        rest = inside;
        while let Some((label, value)) = rest.split_once("=\"") {
            assert!(is_name(label) && !label.contains(':'), "{line}");
            let (text, after) = quoted(value);
            assert!(labels.insert(label.to_owned(), text).is_none(), "{line}");
            rest = after.strip_prefix(',').unwrap_or(after);
            if after.starts_with('}') {
                break;
            }
        }
        rest = rest.strip_prefix('}').unwrap_or_else(|| panic!("{line}"));
    }
    let value = rest.strip_prefix(' ').unwrap_or_else(|| panic!("{line}"));
    (name.to_owned(), labels, number(value))
}

/// A label's value up to its closing quote, and what follows.
fn quoted(text: &str) -> (String, &str) {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, char)) = chars.next() {
        match char {
            '"' => return (value, &text[at + 1..]),
            '\\' => match chars.next().expect("an escaped character").1 {
                'n' => value.push('\n'),
                escaped @ ('\\' | '"') => value.push(escaped),
                other => panic!("\\{other}"),
            },
            _ => value.push(char),
        }
    }
    panic!("no closing quote in {text}")
}

fn number(text: &str) -> f64 {
    match text {
        "+Inf" => f64::INFINITY,
        _ => {
            let plain = text.bytes().all(|byte| b"0123456789.-".contains(&byte));
            assert!(plain, "{text} is no number");
            text.parse().expect("a number")
        }
    }
}

fn is_name(name: &str) -> bool {
    let letters = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b':';
    name.bytes().all(letters)
        && name
            .bytes()
            .next()
            .is_some_and(|byte| !byte.is_ascii_digit())
}

fn scrape(client: &mut Client) -> Page {
    let answer = client.get("/metrics");
    assert_eq!(
        answer.header("content-type"),
        Some("text/plain; version=0.0.4; charset=utf-8")
    );
    Page::parse(std::str::from_utf8(&answer.body).expect("UTF-8"))
}

#[test]
fn what_was_done_is_what_is_counted() {
    let folder = temp_dir();
    let served = Served::start(config(ServerMode::Background, &folder));
    let mut client = served.client();
    for key in ["a", "b", "c", "a"] {
        let accepted = client.ingest(&[("idempotency-key", key)], "{}");
        client.get(&format!("/events/{}?wait=30s", accepted.event_id()));
    }
    client.ingest(&[], "not json");
    client.ingest(&[("idempotency-key", "a")], r#"{"other":1}"#);
    client.get("/nothing");
    client.request("DELETE", "/ingest", &[], b"");
    let page = scrape(&mut client);

    let requests = |route, method, status| {
        let labels = [("route", route), ("method", method), ("status", status)];
        page.of("a7probe_http_requests_total", &labels)
    };
    assert_eq!(requests("/ingest", "POST", "202"), 4.0);
    assert_eq!(requests("/ingest", "POST", "400"), 1.0);
    assert_eq!(requests("/ingest", "POST", "422"), 1.0);
    assert_eq!(requests("/ingest", "DELETE", "405"), 1.0);
    assert_eq!(requests("/events/{id}", "GET", "200"), 4.0);
    assert_eq!(requests("other", "GET", "404"), 1.0);
    let timed = |class| {
        let labels = [("route", "/ingest"), ("class", class)];
        page.of("a7probe_http_request_duration_seconds_count", &labels)
    };
    assert_eq!((timed("2xx"), timed("4xx")), (4.0, 3.0));

    assert_eq!(page.of("a7probe_ingest_accepted_total", &[]), 3.0);
    assert_eq!(page.of("a7probe_ingest_replayed_total", &[]), 1.0);
    let rejected = |reason| page.of("a7probe_ingest_rejected_total", &[("reason", reason)]);
    assert_eq!(
        (rejected("malformed"), rejected("body-differs")),
        (1.0, 1.0)
    );
    assert_eq!(
        rejected("overloaded"),
        0.0,
        "what can happen is there before it does"
    );
    assert_eq!(
        page.of("a7probe_attempts_total", &[("outcome", "sent")]),
        3.0
    );
    assert_eq!(page.of("a7probe_processed_total", &[]), 3.0);
    assert_eq!(page.of("a7probe_events", &[("state", "processed")]), 3.0);
    assert_eq!(page.of("a7probe_queue_depth", &[]), 0.0);
    assert_eq!(page.of("a7probe_queue_oldest_age_seconds", &[]), 0.0);
    assert_eq!(page.of("a7probe_simulator_sent_total", &[]), 3.0);
    assert_eq!(page.of("a7probe_simulator_duplicates_total", &[]), 0.0);
    assert!(
        page.of("a7probe_commit_batch_size_sum", &[]) >= 9.0,
        "three accepts, claims and outcomes, at least"
    );
    assert!(page.of("a7probe_commit_duration_seconds_count", &[]) >= 3.0);
    assert_eq!(page.of("a7probe_store_writable", &[]), 1.0);
    let build = [
        ("version", env!("CARGO_PKG_VERSION")),
        ("mode", "background"),
    ];
    assert_eq!(page.of("a7probe_build_info", &build), 1.0);
    assert!(page.of("process_start_time_seconds", &[]) > 1.7e9);
}

#[test]
fn failures_retries_and_the_dead_are_counted() {
    let folder = temp_dir();
    let retry = Retry {
        base: std::time::Duration::from_millis(1),
        attempts: 3,
        ..Retry::default()
    };
    let served = Served::start(ServerConfig {
        provider: simulated(1.0),
        retry,
        ..config(ServerMode::Background, &folder)
    });
    let mut client = served.client();
    let id = client.ingest(&[], "{}").event_id();
    client.get(&format!("/events/{id}?wait=30s"));
    // The worker counts once the outcome is on disk, which is when the waiting client is told too.
    eventually("it is counted", || {
        scrape(&mut client).of("a7probe_dead_total", &[]) == 1.0
    });
    let page = scrape(&mut client);
    assert_eq!(
        page.of("a7probe_attempts_total", &[("outcome", "refused")]),
        3.0
    );
    assert_eq!(page.of("a7probe_retries_total", &[]), 2.0);
    assert_eq!(page.of("a7probe_events", &[("state", "dead")]), 1.0);
}

#[test]
fn a_breaker_that_opens_is_seen() {
    let folder = temp_dir();
    let base = config(ServerMode::Background, &folder);
    let served = Served::start(ServerConfig {
        provider: simulated(1.0),
        breaker: BreakerOptions {
            failures: 1,
            open_for: std::time::Duration::from_secs(3600),
            open_cap: std::time::Duration::from_secs(3600),
        },
        ..base
    });
    let mut client = served.client();
    let breaker = |page: &Page, state: &str| page.of("a7probe_breaker", &[("state", state)]);
    let before = scrape(&mut client);
    assert_eq!(
        (breaker(&before, "closed"), breaker(&before, "open")),
        (1.0, 0.0)
    );
    client.ingest(&[], "{}");
    eventually("the breaker is open", || {
        let page = scrape(&mut client);
        (breaker(&page, "closed"), breaker(&page, "open")) == (0.0, 1.0)
    });
}

/// Worker processes have no port: what they did is read from the store that they share with a server.
pub(crate) fn workers_are_seen_through_the_server(store: &str, folder: &std::path::Path) {
    let provider = MoodyProvider::start(400);
    let server = Process::on(store, folder, &["--mode", "queue"]);
    let worker = Worker::start(store, folder, &["--provider", &provider.url]);
    let mut client = server.client();
    let id = client.ingest(&[], "{}").event_id();
    client.get(&format!("/events/{id}?wait=30s"));
    let seen = |page: &Page, name: &str| {
        let samples = page.named(name);
        let own = samples
            .iter()
            .filter(|(labels, _)| labels["role"] == "worker");
        own.map(|(_, value)| *value).sum::<f64>()
    };
    eventually("the worker has reported its attempt", || {
        let page = scrape(&mut client);
        seen(&page, "a7probe_process_attempts_total") == 1.0
            && seen(&page, "a7probe_process_dead_total") == 1.0
            && page.of("a7probe_events", &[("state", "dead")]) == 1.0
    });
    let page = scrape(&mut client);
    assert_eq!(seen(&page, "a7probe_process_retries_total"), 0.0);
    assert_eq!(
        page.of("a7probe_attempts_total", &[("outcome", "refused")]),
        0.0
    );
    assert!(page.of("a7probe_commit_batch_size_count", &[]) >= 1.0);
    assert!(page.of("a7probe_commit_duration_seconds_sum", &[]) > 0.0);
    drop(worker);
}

#[test]
fn attempts_and_the_dead_of_a_worker_process_are_seen_through_the_server() {
    let folder = temp_dir();
    let store = crate::serve_host::store(folder.path());
    workers_are_seen_through_the_server(store.to_str().expect("UTF-8"), folder.path());
}

#[test]
fn what_a_worker_elsewhere_reports_is_counted_here() {
    let folder = temp_dir();
    let served = Served::start(config(ServerMode::Queue, &folder));
    let mut client = served.client();
    let id = client.ingest(&[], "{}").event_id();
    let leased = client.request("POST", &format!("/events/{id}/lease"), &[], b"");
    let report = format!(
        "{{\"token\":{},\"notify\":\"sent\"}}",
        leased.json()["token"]
    );
    let json = [("content-type", "application/json")];
    let path = format!("/events/{id}/effects");
    assert_eq!(
        client
            .request("POST", &path, &json, report.as_bytes())
            .status,
        200
    );
    let page = scrape(&mut client);
    assert_eq!(
        page.of("a7probe_attempts_total", &[("outcome", "sent")]),
        1.0
    );
    assert_eq!(page.of("a7probe_processed_total", &[]), 1.0);
}

#[test]
fn metrics_are_behind_the_token_unless_they_are_open() {
    for (metrics, status) in [(MetricsAccess::Token, 401), (MetricsAccess::Open, 200)] {
        let folder = temp_dir();
        let served = Served::start(ServerConfig {
            tokens: vec!["s3cret".to_owned()],
            metrics,
            ..config(ServerMode::Background, &folder)
        });
        assert_eq!(served.client().get("/metrics").status, status);
        assert_eq!(served.client().get("/queue").status, 401);
    }
}

#[test]
fn looking_for_work_and_finding_none_is_no_commit() {
    let folder = temp_dir();
    let served = Served::start(config(ServerMode::Background, &folder));
    let mut client = served.client();
    let id = client.ingest(&[], "{}").event_id();
    client.get(&format!("/events/{id}?wait=30s"));
    // The worker looks for more once it is done; then nothing of that changes any more.
    eventually("it has nothing to do", || {
        scrape(&mut client).of("a7probe_processed_total", &[]) == 1.0
    });
    let page = scrape(&mut client);
    let sql =
        rusqlite::Connection::open(crate::serve_host::store(folder.path())).expect("it opens");
    let sum = "SELECT sum(n) FROM counts WHERE state = -1";
    let written: i64 = sql.query_row(sum, [], |row| row.get(0)).expect("commits");
    let observed = page.of("a7probe_commit_duration_seconds_count", &[]);
    assert!(observed <= written as f64, "{observed} of {written}");
    // What waits together is written together: it may be accepted and claimed in one.
    assert!(observed >= 2.0, "accepted, claimed, finished: {observed}");
}
