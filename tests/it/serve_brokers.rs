//! What was answered 202 gets to worker processes over a broker.

use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::broker_host::{Broker, RABBITMQ_ADDRESS, RabbitQueue};
use crate::serve_host::{Process, Worker, eventually, folder, store};

const RUN: &str = "brokers";
/// Loose, because other builds run beside the tests; a request that waited for the broker would take seconds.
const PROMPT: Duration = Duration::from_secs(1);

/// `serve --mode queue --dispatch`, with a sweeper that is quick.
pub(crate) fn serve(folder: &Path, url: &str, flags: &[&str]) -> Process {
    let mut all = vec![
        "--mode",
        "queue",
        "--dispatch",
        url,
        "--sweep-interval",
        "200ms",
        "--redispatch-after",
        "1s",
        "--provider-timeout",
        "2s",
        "--lease",
        "3s",
    ];
    all.extend(flags);
    Process::start(folder, &all)
}

/// `worker --from` on the same store.
pub(crate) fn work(folder: &Path, url: &str) -> Worker {
    let flags = [
        "--from",
        url,
        "--sim-latency",
        "5ms",
        "--provider-timeout",
        "2s",
        "--lease",
        "3s",
    ];
    Worker::start(store(folder).to_str().unwrap(), folder, &flags)
}

/// Posts this many events, each answered 202 at once.
pub(crate) fn ingest(process: &Process, count: usize) {
    let mut client = process.client();
    for n in 0..count {
        let begun = Instant::now();
        let answer = client.ingest(&[("x-a7-run", RUN)], &format!(r#"{{"n":{n}}}"#));
        assert_eq!(answer.status, 202, "{answer:?}");
        assert!(begun.elapsed() < PROMPT, "{:?}", begun.elapsed());
    }
}

/// Waits until this many events are processed, each inserted once; the events.
pub(crate) fn processed(process: &Process, count: usize) -> Vec<Value> {
    let mut client = process.client();
    let mut events = Vec::new();
    eventually("everything is processed", || {
        events = client.get(&format!("/runs/{RUN}/events")).lines();
        events.len() == count && events.iter().all(|event| event["state"] == "processed")
    });
    for event in &events {
        assert_eq!(event["inserts"], 1, "{event}");
    }
    events
}

/// Two workers, the broker in good order: every event is notified once too.
fn flows_exactly_once(url: &str) {
    let folder = folder();
    let process = serve(folder.path(), url, &[]);
    let _workers = [work(folder.path(), url), work(folder.path(), url)];
    ingest(&process, 60);
    for event in processed(&process, 60) {
        assert_eq!(event["notifications"], 1, "{event}");
    }
}

#[test]
fn redis_carries_what_was_accepted() {
    if let Some(broker) = Broker::redis("redis_carries_what_was_accepted", &[]) {
        flows_exactly_once(&format!("redis://{}", broker.address));
    }
}

#[test]
fn nats_carries_what_was_accepted() {
    if let Some(broker) = Broker::nats("nats_carries_what_was_accepted") {
        flows_exactly_once(&format!("nats://{}", broker.address));
    }
}

#[test]
fn rabbitmq_carries_what_was_accepted() {
    if let Some(queue) = RabbitQueue::fresh("rabbitmq_carries_what_was_accepted") {
        flows_exactly_once(&queue.url("amqp", RABBITMQ_ADDRESS.parse().unwrap()));
    }
}

/// A command; its integer answer, or 0.
pub(crate) fn redis(address: SocketAddr, words: &[&str]) -> i64 {
    let client = redis::Client::open(format!("redis://{address}")).unwrap();
    let mut connection = client.get_connection().unwrap();
    let mut command = redis::cmd(words[0]);
    words[1..].iter().for_each(|word| {
        command.arg(word);
    });
    match command.query(&mut connection).unwrap() {
        redis::Value::Int(number) => number,
        _ => 0,
    }
}

#[test]
fn an_id_that_the_store_does_not_know_is_a_dead_letter() {
    let Some(broker) = Broker::redis("an_id_that_the_store_does_not_know", &[]) else {
        return;
    };
    let (folder, address) = (folder(), broker.address);
    let url = format!("redis://{address}");
    let _worker = work(folder.path(), &url);
    let id = uuid::Uuid::new_v4().to_string();
    redis(address, &["XADD", "a7probe", "*", "event_id", &id]);
    eventually("it is dead", || {
        redis(address, &["XLEN", "a7probe.dead"]) == 1
    });
    eventually("it is gone", || redis(address, &["XLEN", "a7probe"]) == 0);
}

#[test]
fn an_unsafe_or_absent_broker_is_named_at_the_start() {
    let Some(broker) = Broker::redis("an_unsafe_or_absent_broker", &["--appendonly", "no"]) else {
        return;
    };
    let unsafe_one = format!("redis://{}", broker.address);
    let absent = "redis://127.0.0.1:9".to_owned();
    for (url, words) in [
        (unsafe_one, "without append-only file"),
        (absent, "see whether it runs"),
    ] {
        let folder = folder();
        let process = serve(folder.path(), &url, &[]);
        ingest(&process, 1);
        process.terminate();
        let (status, said) = process.wait();
        assert!(status.success(), "{said}");
        assert!(said.contains(words) && said.contains("hint: "), "{said}");
    }
}
