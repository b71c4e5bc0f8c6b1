//! What a broker has confirmed comes out again, whoever dies in between; a broker that is gone costs a deadline.

mod connecting;
mod dead_letters;

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use a7probe::reference::queue::{
    Consumer, Dispatch, DispatchJob, Publisher, QueueError, QueueOptions, Settlement,
};
use uuid::Uuid;

use crate::broker_host::{Broker, RABBITMQ_ADDRESS, RabbitQueue, options};
use crate::harness::PATIENCE;
use crate::proxy::Proxy;
use crate::serve_brokers::redis;

fn jobs(count: usize) -> Vec<DispatchJob> {
    let job = |n| DispatchJob {
        event_id: Uuid::new_v4(),
        payload: format!(r#"{{"n":{n}}}"#).into_bytes(),
        round: 0,
    };
    (0..count).map(job).collect()
}

fn ids(jobs: &[DispatchJob]) -> BTreeSet<Uuid> {
    jobs.iter().map(|job| job.event_id).collect()
}

fn parse(url: &str) -> Dispatch {
    url.parse().unwrap()
}

fn run<T>(act: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let done = runtime.block_on(async { tokio::time::timeout(PATIENCE, act).await });
    runtime.shutdown_background();
    done.expect("in time")
}

async fn publish(dispatch: &Dispatch, jobs: &[DispatchJob]) {
    let mut publisher = Publisher::new(dispatch.clone(), options());
    while let Err(error) = publisher.publish(jobs).await {
        assert!(!matches!(error, QueueError::Unroutable(_)), "{error}");
    }
}

/// Takes and acknowledges deliveries until every one of these has come.
async fn drain(consumer: &mut Consumer, mut missing: BTreeSet<Uuid>) {
    while !missing.is_empty() {
        let delivery = consumer.next().await;
        missing.remove(&delivery.event_id);
        delivery.settle(Settlement::Done).await.unwrap();
    }
}

/// Everything comes out once; what a consumer had when it was dropped, and what it gave back, comes out again.
async fn everything_arrives(dispatch: &Dispatch, carries_payload: bool) {
    let jobs = jobs(20);
    publish(dispatch, &jobs).await;
    let mut first = Consumer::new(dispatch.clone(), options());
    let mut missing = ids(&jobs);
    for _ in 0..5 {
        let delivery = first.next().await;
        let job = jobs
            .iter()
            .find(|job| job.event_id == delivery.event_id)
            .unwrap();
        let payload = carries_payload.then(|| job.payload.clone());
        assert_eq!(delivery.payload, payload);
        assert!(missing.remove(&delivery.event_id), "came twice");
        delivery.settle(Settlement::Done).await.unwrap();
    }
    first.next().await.settle(Settlement::Retry).await.unwrap();
    // Gone with what it has taken and not settled.
    let _unsettled = first.next().await;
    drop(first);
    let mut second = Consumer::new(dispatch.clone(), options());
    drain(&mut second, missing).await;
}

/// While the broker is silent or gone a publication fails within its deadline; afterwards it succeeds, and arrives.
async fn failures_cost_a_deadline(dispatch: &Dispatch, proxy: &Proxy) {
    let (before, during) = (jobs(3), jobs(3));
    let mut publisher = Publisher::new(dispatch.clone(), options());
    publisher.publish(&before).await.unwrap();
    for fail in [Proxy::black_hole, Proxy::cut] {
        fail(proxy);
        let begun = Instant::now();
        assert!(publisher.publish(&during).await.is_err());
        let limit = options().deadline + Duration::from_secs(5);
        assert!(begun.elapsed() < limit, "{:?}", begun.elapsed());
        proxy.mend();
        while publisher.publish(&during).await.is_err() {}
    }
    let mut consumer = Consumer::new(dispatch.clone(), options());
    let all = ids(&before).into_iter().chain(ids(&during)).collect();
    drain(&mut consumer, all).await;
}

/// A consumer whose broker goes away takes up again when it is back.
async fn a_consumer_comes_back(dispatch: &Dispatch, proxy: &Proxy) {
    let mut consumer = Consumer::new(dispatch.clone(), options());
    let first = jobs(1);
    publish(dispatch, &first).await;
    drain(&mut consumer, ids(&first)).await;
    proxy.cut();
    // It notices, and finds nobody.
    let lost = tokio::time::timeout(Duration::from_secs(1), consumer.next()).await;
    assert!(lost.is_err());
    proxy.mend();
    let second = jobs(1);
    publish(dispatch, &second).await;
    drain(&mut consumer, ids(&second)).await;
    // A consumer that the broker still knows could get the next messages.
    consumer.close().await;
}

/// What a consumer had when it was closed comes again at once, and not when it is missed.
async fn a_closed_consumer_gives_everything_back(dispatch: &Dispatch) {
    let patient = QueueOptions {
        redelivery: Duration::from_secs(3600),
        ..options()
    };
    let jobs = jobs(20);
    publish(dispatch, &jobs).await;
    let mut first = Consumer::new(dispatch.clone(), patient);
    let mut missing = ids(&jobs);
    let done = first.next().await;
    missing.remove(&done.event_id);
    done.settle(Settlement::Done).await.unwrap();
    // Begun and cut off.
    drop(first.next().await);
    first.close().await;
    let mut second = Consumer::new(dispatch.clone(), patient);
    drain(&mut second, missing).await;
    second.close().await;
}

/// A consumer whose connection swallows everything notices by itself.
async fn a_stranded_consumer_comes_back(dispatch: &Dispatch, proxy: &Proxy) {
    let mut consumer = Consumer::new(dispatch.clone(), options());
    let first = jobs(1);
    publish(dispatch, &first).await;
    drain(&mut consumer, ids(&first)).await;
    proxy.strand();
    let second = jobs(1);
    publish(dispatch, &second).await;
    drain(&mut consumer, ids(&second)).await;
}

fn every_promise(url: impl Fn(SocketAddr) -> String, broker: SocketAddr, carries_payload: bool) {
    let proxy = Proxy::to(broker);
    let dispatch = parse(&url(proxy.address));
    run(everything_arrives(&dispatch, carries_payload));
    run(failures_cost_a_deadline(&dispatch, &proxy));
    run(a_consumer_comes_back(&dispatch, &proxy));
    run(a_closed_consumer_gives_everything_back(&dispatch));
    run(a_stranded_consumer_comes_back(&dispatch, &proxy));
}

#[test]
fn rabbitmq_keeps_its_promises() {
    let Some(queue) = RabbitQueue::fresh("rabbitmq_keeps_its_promises") else {
        return;
    };
    let broker = RABBITMQ_ADDRESS.parse().unwrap();
    every_promise(|address| queue.url("amqp", address), broker, false);
}

#[test]
fn celery_over_rabbitmq_keeps_its_promises() {
    let Some(queue) = RabbitQueue::fresh("celery_over_rabbitmq_keeps_its_promises") else {
        return;
    };
    let broker = RABBITMQ_ADDRESS.parse().unwrap();
    every_promise(|address| queue.url("celery+amqp", address), broker, true);
}

#[test]
fn redis_keeps_its_promises() {
    let Some(broker) = Broker::redis("redis_keeps_its_promises", &[]) else {
        return;
    };
    for (scheme, carries_payload) in [("redis", false), ("celery+redis", true), ("rq+redis", true)]
    {
        every_promise(
            |address| format!("{scheme}://{address}"),
            broker.address,
            carries_payload,
        );
    }
}

#[test]
fn nats_keeps_its_promises() {
    let Some(broker) = Broker::nats("nats_keeps_its_promises") else {
        return;
    };
    every_promise(
        |address| format!("nats://{address}?queue=jobs.new"),
        broker.address,
        false,
    );
}

#[test]
fn what_redis_confirmed_survives_its_kill() {
    let flags = ["--appendfsync", "always"];
    let Some(mut broker) = Broker::redis("what_redis_confirmed_survives_its_kill", &flags) else {
        return;
    };
    let dispatch = parse(&format!("redis://{}", broker.address));
    let jobs = jobs(50);
    run(publish(&dispatch, &jobs));
    broker.kill();
    broker.run();
    run(drain(
        &mut Consumer::new(dispatch.clone(), options()),
        ids(&jobs),
    ));
}

#[test]
fn a_flushed_redis_is_used_again_by_the_same_consumer() {
    let Some(broker) = Broker::redis("a_flushed_redis_is_used_again_by_the_same_consumer", &[])
    else {
        return;
    };
    let dispatch = parse(&format!("redis://{}", broker.address));
    run(async {
        let mut consumer = Consumer::new(dispatch.clone(), options());
        let first = jobs(1);
        publish(&dispatch, &first).await;
        drain(&mut consumer, ids(&first)).await;
        let client = redis::Client::open(format!("redis://{}", broker.address)).unwrap();
        let mut connection = client.get_multiplexed_async_connection().await.unwrap();
        redis::cmd("FLUSHALL")
            .query_async::<()>(&mut connection)
            .await
            .unwrap();
        let second = jobs(1);
        publish(&dispatch, &second).await;
        drain(&mut consumer, ids(&second)).await;
        // What is done is not kept.
        let left: u64 = redis::cmd("XLEN")
            .arg("a7probe")
            .query_async(&mut connection)
            .await
            .unwrap();
        assert_eq!(left, 0);
    });
}

#[test]
fn what_came_to_a_read_that_nobody_waits_for_is_given_back_too() {
    let Some(broker) = Broker::redis("what_came_to_a_read_that_nobody_waits_for", &[]) else {
        return;
    };
    for scheme in ["redis", "celery+redis", "rq+redis"] {
        let dispatch = parse(&format!("{scheme}://{}", broker.address));
        let patient = QueueOptions {
            redelivery: Duration::from_secs(3600),
            ..options()
        };
        run(async {
            let mut first = Consumer::new(dispatch.clone(), patient);
            let begun = tokio::time::timeout(Duration::from_millis(300), first.next()).await;
            assert!(begun.is_err());
            let jobs = jobs(3);
            publish(&dispatch, &jobs).await;
            first.close().await;
            drain(&mut Consumer::new(dispatch.clone(), patient), ids(&jobs)).await;
        });
    }
}

#[test]
fn every_priority_of_a_celery_queue_is_read_and_given_back_where_it_was() {
    let test = "every_priority_of_a_celery_queue_is_read";
    let Some(broker) = Broker::redis(test, &[]) else {
        return;
    };
    let dispatch = parse(&format!("celery+redis://{}", broker.address));
    for list in [
        "celery:7",
        "celery:0",
        "celery\u{6}\u{16}4",
        "celery\u{6}\u{16}9",
    ] {
        run(async {
            let jobs = jobs(3);
            publish(&dispatch, &jobs).await;
            redis(broker.address, &["RENAME", "celery", list]);
            let mut first = Consumer::new(dispatch.clone(), options());
            drop(first.next().await);
            first.close().await;
            assert_eq!(redis(broker.address, &["LLEN", list]), 3, "{list:?}");
            drain(&mut Consumer::new(dispatch.clone(), options()), ids(&jobs)).await;
        });
    }
}

/// Publisher and consumer go on with what is made anew.
async fn a_deletion_is_made_up_for(dispatch: &Dispatch, delete: impl AsyncFnOnce()) {
    let mut publisher = Publisher::new(dispatch.clone(), options());
    let mut consumer = Consumer::new(dispatch.clone(), options());
    let (first, second) = (jobs(1), jobs(1));
    while publisher.publish(&first).await.is_err() {}
    drain(&mut consumer, ids(&first)).await;
    delete().await;
    while publisher.publish(&second).await.is_err() {}
    drain(&mut consumer, ids(&second)).await;
}

#[test]
fn what_is_deleted_while_it_is_used_is_made_anew() {
    let test = "what_is_deleted_while_it_is_used_is_made_anew";
    for scheme in ["amqp", "celery+amqp"] {
        let Some(queue) = RabbitQueue::fresh(test) else {
            break;
        };
        let dispatch = parse(&queue.url(scheme, RABBITMQ_ADDRESS.parse().unwrap()));
        let delete = async || {
            let connection =
                lapin::Connection::connect(crate::needs::RABBITMQ_URL, Default::default());
            let channel = connection.await.unwrap().create_channel().await.unwrap();
            let name = queue.name.as_str().into();
            channel
                .queue_delete(name, Default::default())
                .await
                .unwrap();
        };
        run(a_deletion_is_made_up_for(&dispatch, delete));
    }
    let Some(broker) = Broker::nats(test) else {
        return;
    };
    let dispatch = parse(&format!("nats://{}", broker.address));
    let context = async || {
        let client = async_nats::connect(broker.address.to_string())
            .await
            .unwrap();
        async_nats::jetstream::new(client)
    };
    run(a_deletion_is_made_up_for(&dispatch, async || {
        context().await.delete_stream("a7probe").await.unwrap();
    }));
    run(a_deletion_is_made_up_for(&dispatch, async || {
        let stream = context().await.get_stream("a7probe").await.unwrap();
        stream.delete_consumer("a7probe").await.unwrap();
    }));
}
