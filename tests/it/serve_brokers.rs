//! What was answered 202 gets to worker processes over a broker.

use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::Value;

use a7probe::reference::queue::{DispatchJob, Publisher};

use crate::broker_host::{Broker, RABBITMQ_ADDRESS, RabbitQueue, options};
use crate::certificate::Certificate;
use crate::harness::{eventually, temp_dir};
use crate::serve_host::{HeldProvider, MoodyProvider, Process, Worker, command, store};

const RUN: &str = "brokers";
/// Loose, because other builds run beside the tests; a request that waited for the broker would take seconds.
const PROMPT: Duration = Duration::from_secs(3);

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
    let folder = temp_dir();
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

/// Whoever trusts the broker's certificate gets through, and nobody else.
fn flows_encrypted(url: &str, certificate: &Certificate) {
    let folder = temp_dir();
    let flags = ["--mode", "queue", "--dispatch", url];
    let often = ["--sweep-interval", "200ms", "--redispatch-after", "1s"];
    let flags = [flags.as_slice(), &often].concat();
    let distrusting = Process::start(folder.path(), &flags);
    ingest(&distrusting, 20);
    distrusting.terminate();
    let (_, said) = distrusting.wait();
    assert!(said.contains("certificate"), "{said}");
    let chain = certificate.chain();
    let mut trusting = command(folder.path(), &flags);
    trusting.env("SSL_CERT_FILE", &chain);
    let server = Process::spawn(trusting, &folder.path().join("trusting"));
    let store = store(folder.path());
    let variables = [("SSL_CERT_FILE", chain.as_str())];
    let flags = ["--from", url, "--sim-latency", "5ms"];
    let store = store.to_str().unwrap();
    let _worker = Worker::start_with(store, folder.path(), &flags, &variables);
    ingest(&server, 20);
    processed(&server, 40);
}

#[test]
fn redis_is_reached_encrypted() {
    let certificate = Certificate::fresh();
    let broker = Broker::encrypted_redis("redis_is_reached_encrypted", &certificate);
    if let Some(broker) = broker {
        for scheme in ["rediss", "celery+rediss"] {
            flows_encrypted(&format!("{scheme}://{}", broker.address), &certificate);
        }
    }
}

#[test]
fn nats_is_reached_encrypted() {
    let certificate = Certificate::fresh();
    let (chain, key) = (certificate.chain(), certificate.key());
    let flags = ["--tls", "--tlscert", &chain, "--tlskey", &key];
    if let Some(broker) = Broker::nats_with("nats_is_reached_encrypted", &flags) {
        flows_encrypted(&format!("tls://{}", broker.address), &certificate);
    }
}

#[test]
fn rabbitmq_is_reached_encrypted() {
    let certificate = Certificate::fresh();
    let broker = Broker::encrypted_rabbitmq("rabbitmq_is_reached_encrypted", &certificate);
    if let Some((_broker, address)) = broker {
        for scheme in ["amqps", "celery+amqps"] {
            let url = format!("{scheme}://guest:guest@{address}");
            flows_encrypted(&url, &certificate);
        }
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

/// Thirty jobs, two of them under way: all of them are in their list when the worker has ended.
fn leaves_every_job(address: SocketAddr, scheme: &str, drain: &str, end: impl FnOnce(&Worker)) {
    let list = if scheme.starts_with("rq") {
        "rq:queue:default"
    } else {
        "celery"
    };
    let (folder, provider) = (temp_dir(), HeldProvider::start());
    let url = format!("{scheme}://{address}");
    redis(address, &["FLUSHALL"]);
    publish(&url, 30);
    let flags = ["--workers", "2", "--drain-timeout", drain, "--from", &url];
    let flags = [flags.as_slice(), &["--provider", &provider.url]].concat();
    let store = store(folder.path());
    let worker = Worker::start(store.to_str().unwrap(), folder.path(), &flags);
    let _under_way = [provider.next_call(), provider.next_call()];
    assert!(redis(address, &["LLEN", list]) < 30);
    end(&worker);
    let (status, said) = worker.stop();
    assert!(status.success(), "{said}");
    assert_eq!(redis(address, &["LLEN", list]), 30, "{scheme}");
}

#[test]
fn a_worker_that_stops_leaves_every_job_in_its_list() {
    let Some(broker) = Broker::redis("a_worker_that_stops_leaves_every_job", &[]) else {
        return;
    };
    for scheme in ["celery+redis", "rq+redis"] {
        leaves_every_job(broker.address, scheme, "1s", |_| {});
        // Twice: it does not wait for what is under way, and gives it back all the same.
        leaves_every_job(broker.address, scheme, "1h", |worker| worker.signal("INT"));
    }
}

/// Jobs of a program that is not this one.
pub(crate) fn publish(url: &str, count: usize) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let job = |_| DispatchJob {
            event_id: uuid::Uuid::new_v4(),
            payload: b"{}".to_vec(),
            round: 0,
        };
        let jobs: Vec<DispatchJob> = (0..count).map(job).collect();
        let mut publisher = Publisher::new(url.parse().unwrap(), options());
        publisher.publish(&jobs).await.unwrap();
    });
}

#[test]
fn an_event_that_waits_for_its_retry_keeps_no_other_from_its_first_attempt() {
    let Some(broker) = Broker::redis("an_event_that_waits_for_its_retry", &[]) else {
        return;
    };
    let (folder, provider) = (temp_dir(), MoodyProvider::start(503));
    provider.answer(503, Some(15));
    let url = format!("redis://{}", broker.address);
    let server = serve(folder.path(), &url, &[]);
    let flags = [
        "--from",
        &url,
        "--provider",
        &provider.url,
        "--workers",
        "1",
        "--breaker-failures",
        "0",
    ];
    let _worker = Worker::start(
        store(folder.path()).to_str().unwrap(),
        folder.path(),
        &flags,
    );
    let mut client = server.client();
    let mut accept = || client.ingest(&[], "{}").json()["event_id"].clone();
    let first = accept();
    eventually("the first attempt fails", || provider.calls().len() == 1);
    provider.answer(202, None);
    let second = accept();
    let mut client = server.client();
    let mut state = |id: &Value| {
        let path = format!("/events/{}", id.as_str().unwrap());
        client.get(&path).json()["state"].clone()
    };
    eventually("the second is processed", || state(&second) == "processed");
    assert_eq!(state(&first), "retrying");
}

#[test]
fn a_backlog_is_not_published_again_while_the_broker_has_it() {
    let Some(broker) = Broker::redis("a_backlog_is_not_published_again", &[]) else {
        return;
    };
    let (folder, address) = (temp_dir(), broker.address);
    let url = format!("redis://{address}");
    let flags = ["--mode", "queue", "--dispatch", &url];
    let often = ["--sweep-interval", "50ms", "--redispatch-after", "2s"];
    let server = Process::start(folder.path(), &[flags.as_slice(), &often].concat());
    ingest(&server, 30);
    eventually("the broker has them", || {
        redis(address, &["XLEN", "a7probe"]) == 30
    });
    // A sweep asks how many there are: enough of them for several passes, the last ones long after all are overdue.
    eventually("many sweeps", || calls(address, "xlen") >= 100);
    assert_eq!(redis(address, &["XLEN", "a7probe"]), 30);
    redis(address, &["DEL", "a7probe"]);
    let _worker = work(folder.path(), &url);
    processed(&server, 30);
}

/// How often a command was called.
fn calls(address: SocketAddr, command: &str) -> u64 {
    let client = redis::Client::open(format!("redis://{address}")).unwrap();
    let mut connection = client.get_connection().unwrap();
    let told: String = redis::cmd("INFO")
        .arg("commandstats")
        .query(&mut connection)
        .unwrap();
    let prefix = format!("cmdstat_{command}:calls=");
    let line = told.lines().find_map(|line| line.strip_prefix(&prefix));
    let count = line.and_then(|line| line.split(',').next());
    count.map_or(0, |count| count.parse().unwrap())
}

#[test]
fn a_replay_is_no_duplicate_of_what_died() {
    let Some(broker) = Broker::nats("a_replay_is_no_duplicate_of_what_died") else {
        return;
    };
    let (folder, provider) = (temp_dir(), MoodyProvider::start(400));
    let url = format!("nats://{}", broker.address);
    let flags = ["--mode", "queue", "--dispatch", &url];
    // The sweeper is not to find it first.
    let server = Process::start(
        folder.path(),
        &[flags.as_slice(), &["--redispatch-after", "1h"]].concat(),
    );
    let flags = ["--from", &url, "--provider", &provider.url];
    let _worker = Worker::start(
        store(folder.path()).to_str().unwrap(),
        folder.path(),
        &flags,
    );
    let mut client = server.client();
    let id = client.ingest(&[], "{}").json()["event_id"].clone();
    let id = id.as_str().unwrap().to_owned();
    let mut is = |state: &str| client.get(&format!("/events/{id}")).json()["state"] == state;
    eventually("it is dead", || is("dead"));
    provider.answer(202, None);
    let replayed = server
        .client()
        .request("POST", &format!("/dead/{id}/replay"), &[], b"");
    assert!(replayed.status < 300, "{replayed:?}");
    eventually("it is processed", || is("processed"));
}

#[test]
fn an_id_that_the_store_does_not_know_is_a_dead_letter() {
    let Some(broker) = Broker::redis("an_id_that_the_store_does_not_know", &[]) else {
        return;
    };
    let (folder, address) = (temp_dir(), broker.address);
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
        (unsafe_one, "without an append-only file"),
        (absent, "check that the broker runs"),
    ] {
        let folder = temp_dir();
        let process = serve(folder.path(), &url, &[]);
        ingest(&process, 1);
        process.terminate();
        let (status, said) = process.wait();
        assert!(status.success(), "{said}");
        assert!(said.contains(words) && said.contains("hint: "), "{said}");
    }
}
