//! The log of a store or a broker that is unavailable: one line when it fails and one when it works again, however many
//! requests fail in between.

use std::net::TcpListener;
use std::time::Duration;

use crate::broker_host::{Broker, RABBITMQ_ADDRESS, RabbitQueue};
use crate::harness::{eventually, temp_dir};
use crate::needs::{POSTGRES_URL, REDIS, need};
use crate::postgres_host::Schema;
use crate::proxy::Proxy;
use crate::serve_brokers::{ingest, processed, redis, serve, work};
use crate::serve_host::{Process, Worker, store};

/// Lines of the log, without the prefix of the process.
fn logged(said: &str) -> Vec<&str> {
    let is_logged = |line: &&str| line.contains(" WARN ") || line.contains(" ERROR ");
    said.lines().filter(is_logged).collect()
}

/// A line that says that it fails, and one that says that it works again.
fn tells_of_one_outage(said: &str, thing: &str) {
    let lines = logged(said);
    let [away, back] = lines[..] else {
        panic!("two lines: {said}");
    };
    assert!(away.contains(thing), "{away}");
    assert!(
        back.contains(thing) && back.contains("works again after"),
        "{back}"
    );
}

#[test]
fn a_store_that_is_away_is_two_lines_in_every_process() {
    let Some(schema) = Schema::create("outage_log::a_store_that_is_away") else {
        return;
    };
    let proxy = Proxy::to("127.0.0.1:5432".parse().unwrap());
    let way = schema
        .url
        .replace("127.0.0.1:5432", &proxy.address.to_string());
    assert!(POSTGRES_URL.contains("127.0.0.1:5432") && way != schema.url);
    let folder = temp_dir();
    let server = Process::on(&way, folder.path(), &["--mode", "queue"]);
    let worker = Worker::start(&way, folder.path(), &["--sim-latency", "4s"]);
    let mut client = server.client();
    for _ in 0..20 {
        assert_eq!(client.ingest(&[], "{}").status, 202);
    }
    eventually("the worker has them", || {
        client.get("/queue").json()["working"] == 20
    });
    proxy.cut();
    for _ in 0..300 {
        assert_eq!(client.ingest(&[], "{}").status, 503);
    }
    // The worker cannot record its sent mails.
    let attempts = proxy.attempts();
    let noticed = std::time::Instant::now();
    eventually("it tries to come back", || {
        proxy.attempts() > attempts + 10 && noticed.elapsed() > Duration::from_secs(5)
    });
    proxy.mend();
    eventually("it is back", || client.ingest(&[], "{}").status == 202);
    eventually("everything is done", || {
        let answer = client.get("/queue");
        answer.status == 200 && answer.json()["depth"] == 0
    });
    // A store is back once it has worked for a second.
    let works = std::time::Instant::now();
    eventually("it has worked for long enough", || {
        works.elapsed() > Duration::from_secs(3)
    });
    server.terminate();
    let (_, said) = server.wait();
    tells_of_one_outage(&said, "the store");
    let (_, said) = worker.stop();
    tells_of_one_outage(&said, "the store");
}

#[test]
fn a_broker_that_is_away_is_two_lines_in_every_process() {
    let Some(broker) = Broker::redis("outage_log::a_broker_that_is_away", &[]) else {
        return;
    };
    let (folder, proxy) = (temp_dir(), Proxy::to(broker.address));
    let url = format!("redis://{}", proxy.address);
    let server = serve(folder.path(), &url, &[]);
    let store = store(folder.path());
    let flags = ["--from", &url, "--sim-latency", "1s"];
    let worker = Worker::start(store.to_str().unwrap(), folder.path(), &flags);
    ingest(&server, 5);
    let mut client = server.client();
    eventually("the worker has them", || {
        client.get("/queue").json()["working"] == 5
    });
    // The worker can neither take jobs nor acknowledge those that it has: one outage.
    proxy.cut();
    ingest(&server, 20);
    let attempts = proxy.attempts();
    eventually("both try to come back", || proxy.attempts() > attempts + 8);
    proxy.mend();
    processed(&server, 25);
    let works = std::time::Instant::now();
    eventually("it has worked for long enough", || {
        works.elapsed() > Duration::from_secs(3)
    });
    server.terminate();
    let (_, said) = server.wait();
    tells_of_one_outage(&said, "the broker redis://");
    let (_, said) = worker.stop();
    tells_of_one_outage(&said, "the broker redis://");
}

#[test]
fn a_silent_broker_holds_nothing_up() {
    // Accepts connections and never answers.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = silent.local_addr().unwrap();
    for scheme in ["redis", "amqp", "nats", "rq+redis", "celery+amqp"] {
        let folder = temp_dir();
        let url = format!("{scheme}://{address}");
        let server = serve(folder.path(), &url, &[]);
        ingest(&server, 5);
        let worker = work(folder.path(), &url);
        server.terminate();
        let (status, said) = server.wait();
        assert!(status.success(), "{said}");
        let serving = said.find("serving http://").expect("it serves");
        let warned = said.find("warning: ");
        assert!(warned.is_none_or(|warned| serving < warned), "{said}");
        let (status, said) = worker.stop();
        assert!(status.success(), "{said}");
    }
}

#[test]
fn an_idle_worker_stops_soon_after_many_cut_connections() {
    let Some(queue) = RabbitQueue::fresh("outage_log::an_idle_worker_stops_soon") else {
        return;
    };
    let (folder, proxy) = (temp_dir(), Proxy::to(RABBITMQ_ADDRESS.parse().unwrap()));
    let way = queue.url("amqp", proxy.address);
    let server = serve(
        folder.path(),
        &queue.url("amqp", RABBITMQ_ADDRESS.parse().unwrap()),
        &[],
    );
    let worker = work(folder.path(), &way);
    for round in 1..=12 {
        ingest(&server, 3);
        proxy.cut();
        let attempts = proxy.attempts();
        proxy.mend();
        eventually("it comes back", || proxy.attempts() > attempts);
        if round % 4 == 0 {
            processed(&server, 3 * round);
        }
    }
    let begun = std::time::Instant::now();
    let (status, said) = worker.stop();
    assert!(status.success(), "{said}");
    // Ten seconds, for a request whose answer never comes.
    assert!(begun.elapsed() < Duration::from_secs(6), "{said}");
}

#[test]
fn an_idle_worker_of_a_broker_that_fell_silent_stops_soon() {
    let test = "outage_log::an_idle_worker_of_a_broker_that_fell_silent";
    let (Some(broker), Some(_)) = (Broker::redis(test, &[]), need(&REDIS, test)) else {
        return;
    };
    for scheme in ["redis", "rq+redis"] {
        let (folder, proxy) = (temp_dir(), Proxy::to(broker.address));
        let worker = work(folder.path(), &format!("{scheme}://{}", proxy.address));
        eventually("it has connected", || proxy.attempts() > 0);
        assert_eq!(redis(broker.address, &["DBSIZE"]).min(0), 0);
        proxy.black_hole();
        let begun = std::time::Instant::now();
        let (status, said) = worker.stop();
        assert!(status.success(), "{said}");
        assert!(begun.elapsed() < Duration::from_secs(4), "{scheme}: {said}");
    }
}
