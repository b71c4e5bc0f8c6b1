//! A broker is stopped, cut off, silent or flushed: `POST /ingest` answers as before, and nothing is lost.

use std::net::SocketAddr;

use crate::broker_host::{Broker, RABBITMQ_ADDRESS, RabbitQueue};
use crate::harness::{eventually, temp_dir};
use crate::proxy::Proxy;
use crate::serve_brokers::{ingest, processed, redis, serve, work};

/// The server's way to the broker swallows everything, then is cut off, then is mended.
fn survives_a_broken_way(url: impl Fn(SocketAddr) -> String, broker: SocketAddr) {
    let (folder, proxy) = (temp_dir(), Proxy::to(broker));
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
    let folder = temp_dir();
    let process = serve(folder.path(), url, &[]);
    ingest(&process, 30);
    eventually("the broker has them", waiting);
    flush();
    let _worker = work(folder.path(), url);
    processed(&process, 30);
}

/// The broker is stopped with what it has, and comes back.
fn survives_a_stop(broker: &mut Broker, url: &str) {
    survives_a_stop_when(broker, url, |_| true);
}

fn survives_a_stop_when(broker: &mut Broker, url: &str, may_be_killed: impl Fn(&Broker) -> bool) {
    let folder = temp_dir();
    let process = serve(folder.path(), url, &[]);
    let _worker = work(folder.path(), url);
    ingest(&process, 10);
    eventually("it can be killed", || may_be_killed(broker));
    broker.kill();
    ingest(&process, 30);
    broker.run();
    processed(&process, 40);
}

/// The broker is stopped, and comes back without anything that it had.
fn survives_a_stop_that_wipes(broker: &mut Broker, url: &str) {
    let folder = temp_dir();
    let process = serve(folder.path(), url, &[]);
    ingest(&process, 10);
    broker.kill();
    ingest(&process, 20);
    broker.wipe();
    broker.run();
    let _worker = work(folder.path(), url);
    processed(&process, 30);
    // The worker's own connection has seen the wiped one too.
    broker.kill();
    ingest(&process, 10);
    broker.wipe();
    broker.run();
    processed(&process, 40);
}

#[test]
fn redis_may_fail() {
    let Some(mut broker) = Broker::redis("faults::brokers::redis_may_fail", &[]) else {
        return;
    };
    let url = |queue: &str, address: SocketAddr| format!("redis://{address}?queue={queue}");
    let address = broker.address;
    survives_a_broken_way(|at| url("way", at), address);
    survives_a_flush(
        &url("flush", address),
        || redis(address, &["XLEN", "flush"]) >= 30,
        || {
            redis(address, &["FLUSHALL"]);
        },
    );
    survives_a_stop(&mut broker, &url("stop", address));
    survives_a_stop_that_wipes(&mut broker, &url("wipe", address));
}

#[test]
fn nats_may_fail() {
    let Some(mut broker) = Broker::nats("faults::brokers::nats_may_fail") else {
        return;
    };
    let url = |queue: &str, address: SocketAddr| format!("nats://{address}?queue={queue}");
    let address = broker.address;
    survives_a_broken_way(|at| url("way", at), address);
    survives_a_stop(&mut broker, &url("stop", address));
    survives_a_stop_that_wipes(&mut broker, &url("wipe", address));
}

#[test]
fn rabbitmq_may_be_cut_off_and_flushed() {
    let test = "faults::brokers::rabbitmq_may_be_cut_off_and_flushed";
    let address: SocketAddr = RABBITMQ_ADDRESS.parse().unwrap();
    let queues = [(); 2].map(|()| RabbitQueue::fresh(test));
    let [Some(way), Some(flush)] = queues else {
        return;
    };
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
fn rabbitmq_may_be_stopped_and_wiped() {
    let test = "faults::brokers::rabbitmq_may_be_stopped_and_wiped";
    let Some(mut broker) = Broker::rabbitmq(test) else {
        return;
    };
    let url = |queue: &str| format!("amqp://guest:guest@{}/%2f?queue={queue}", broker.address);
    let (stop, wipe) = (url("stop"), url("wipe"));
    survives_a_stop_when(&mut broker, &stop, |broker| broker.has_registered("stop"));
    survives_a_stop_that_wipes(&mut broker, &wipe);
}

#[test]
fn brokers_of_python_workers_may_fail() {
    let test = "faults::brokers::brokers_of_python_workers_may_fail";
    let Some(mut broker) = Broker::redis(test, &[]) else {
        return;
    };
    let address = broker.address;
    for scheme in ["celery+redis", "rq+redis"] {
        let queue = scheme.replace('+', "-");
        let url = |at: SocketAddr| format!("{scheme}://{at}?queue={queue}");
        survives_a_broken_way(url, address);
        survives_a_stop(&mut broker, &url(address));
        survives_a_stop_that_wipes(&mut broker, &url(address));
    }
    let Some(queue) = RabbitQueue::fresh(test) else {
        return;
    };
    survives_a_broken_way(
        |at| queue.url("celery+amqp", at),
        RABBITMQ_ADDRESS.parse().unwrap(),
    );
}

#[cfg(feature = "postgres")]
mod on_postgresql {
    use std::net::SocketAddr;

    use crate::broker_host::{RABBITMQ_ADDRESS, RabbitQueue};
    use crate::harness::{eventually, temp_dir};
    use crate::postgres_host::Schema;
    use crate::proxy::Proxy;
    use crate::serve_brokers::{ingest, processed};
    use crate::serve_host::{Process, Worker};

    #[test]
    fn a_store_that_is_away_makes_no_dead_letters() {
        let test = "faults::brokers::on_postgresql::a_store_that_is_away_makes_no_dead_letters";
        let (Some(schema), Some(queue)) = (Schema::create(test), RabbitQueue::fresh(test)) else {
            return;
        };
        let broker: SocketAddr = RABBITMQ_ADDRESS.parse().unwrap();
        let (folder, url) = (temp_dir(), queue.url("amqp", broker));
        let way = Proxy::to("127.0.0.1:5432".parse().unwrap());
        patience(&queue, 2);
        let flags = ["--mode", "queue", "--dispatch", &url];
        let server = Process::on(&schema.url, folder.path(), &flags);
        let store = (schema.url).replace("127.0.0.1:5432", &way.address.to_string());
        let flags = ["--from", &url, "--sim-latency", "5ms"];
        let _worker = Worker::start(&store, folder.path(), &flags);
        ingest(&server, 1);
        processed(&server, 1);
        way.cut();
        let before = way.attempts();
        ingest(&server, 5);
        eventually("the worker has tried often enough", || {
            way.attempts() >= before + 40
        });
        way.mend();
        processed(&server, 6);
        assert_eq!(queue.depth_of(&format!("{}.dead", queue.name)), 0);
    }

    /// Makes a queue with dead letters as the server does, only that a message is dead after this many deliveries.
    fn patience(queue: &RabbitQueue, deliveries: i32) {
        let mut arguments = lapin::types::FieldTable::default();
        let text = |text: &str| lapin::types::AMQPValue::LongString(text.into());
        let dead = format!("{}.dead", queue.name);
        arguments.insert("x-queue-type".into(), text("quorum"));
        arguments.insert("x-dead-letter-exchange".into(), text(&dead));
        arguments.insert("x-delivery-limit".into(), deliveries.into());
        queue.with_channel(async |channel| {
            let options = lapin::options::QueueDeclareOptions::durable();
            let name = queue.name.as_str().into();
            let made = channel.queue_declare(name, options, arguments.clone());
            made.await.unwrap();
        });
    }
}
