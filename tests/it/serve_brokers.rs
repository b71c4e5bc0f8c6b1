//! What was answered 202 gets to worker processes over a broker, and a broker that fails delays it and loses nothing.

use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::broker_host::{Broker, Proxy, RABBITMQ_ADDRESS, RabbitQueue};
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

/// The server's way to the broker swallows everything, then is cut off, then is mended.
fn survives_a_broken_way(url: impl Fn(SocketAddr) -> String, broker: SocketAddr) {
    let (folder, proxy) = (folder(), Proxy::to(broker));
    let process = serve(folder.path(), &url(proxy.address), &[]);
    let _worker = work(folder.path(), &url(broker));
    ingest(&process, 10);
    proxy.black_hole();
    ingest(&process, 20);
    proxy.cut();
    ingest(&process, 20);
    proxy.mend();
    ingest(&process, 10);
    processed(&process, 60);
}

/// The broker forgets everything that it was told and that nobody took yet.
fn survives_a_flush(url: &str, waiting: impl Fn() -> bool, flush: impl FnOnce()) {
    let folder = folder();
    let process = serve(folder.path(), url, &[]);
    ingest(&process, 30);
    eventually("the broker has them", waiting);
    flush();
    let _worker = work(folder.path(), url);
    processed(&process, 30);
}

/// The broker is stopped with what it has, and comes back.
fn survives_a_stop(broker: &mut Broker, url: &str) {
    let folder = folder();
    let process = serve(folder.path(), url, &[]);
    let _worker = work(folder.path(), url);
    ingest(&process, 10);
    broker.kill();
    ingest(&process, 30);
    broker.run();
    processed(&process, 40);
}

#[test]
fn redis_carries_and_may_fail() {
    let Some(mut broker) = Broker::redis("redis_carries_and_may_fail", &[]) else {
        return;
    };
    let url = |queue: &str, address: SocketAddr| format!("redis://{address}?queue={queue}");
    let address = broker.address;
    flows_exactly_once(&url("flow", address));
    survives_a_broken_way(|at| url("way", at), address);
    survives_a_flush(
        &url("flush", address),
        || redis(address, &["XLEN", "flush"]) >= 30,
        || {
            redis(address, &["FLUSHALL"]);
        },
    );
    survives_a_stop(&mut broker, &url("stop", address));
}

/// A command; its integer answer, or 0.
fn redis(address: SocketAddr, words: &[&str]) -> i64 {
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
fn nats_carries_and_may_fail() {
    let Some(mut broker) = Broker::nats("nats_carries_and_may_fail") else {
        return;
    };
    let url = |queue: &str, address: SocketAddr| format!("nats://{address}?queue={queue}");
    let address = broker.address;
    flows_exactly_once(&url("flow", address));
    survives_a_broken_way(|at| url("way", at), address);
    survives_a_stop(&mut broker, &url("stop", address));
}

#[test]
fn rabbitmq_carries_and_may_fail() {
    let test = "rabbitmq_carries_and_may_fail";
    let address: SocketAddr = RABBITMQ_ADDRESS.parse().unwrap();
    let queues = [(); 3].map(|()| RabbitQueue::fresh(test));
    let [Some(flow), Some(way), Some(flush)] = queues else {
        return;
    };
    flows_exactly_once(&flow.url("amqp", address));
    survives_a_broken_way(|at| way.url("amqp", at), address);
    survives_a_flush(
        &flush.url("amqp", address),
        || flush.depth_of(&flush.name) >= 30,
        || {
            flush.with_channel(async |channel| {
                let name = flush.name.as_str().into();
                channel.queue_purge(name, Default::default()).await.unwrap();
            });
        },
    );
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
