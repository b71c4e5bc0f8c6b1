//! What a broker has confirmed comes out again, whoever dies in between; a broker that is gone costs a deadline.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use a7probe::queue::{Advice, Consumer, Dispatch, Job, Publisher, QueueError, Settlement, advice};
use uuid::Uuid;

use crate::broker_host::{Broker, RABBITMQ_ADDRESS, RabbitQueue, options};
use crate::proxy::Proxy;
use crate::serve_host::PATIENCE;

fn jobs(count: usize) -> Vec<Job> {
    let job = |n| Job {
        event_id: Uuid::new_v4(),
        payload: format!(r#"{{"n":{n}}}"#).into_bytes(),
        round: 0,
    };
    (0..count).map(job).collect()
}

fn ids(jobs: &[Job]) -> BTreeSet<Uuid> {
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

async fn publish(dispatch: &Dispatch, jobs: &[Job]) {
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
}

fn every_promise(url: impl Fn(SocketAddr) -> String, broker: SocketAddr, carries_payload: bool) {
    let proxy = Proxy::to(broker);
    let dispatch = parse(&url(proxy.address));
    run(everything_arrives(&dispatch, carries_payload));
    run(failures_cost_a_deadline(&dispatch, &proxy));
    run(a_consumer_comes_back(&dispatch, &proxy));
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
fn rabbitmq_keeps_dead_letters_apart_with_what_it_cannot_read() {
    let Some(queue) = RabbitQueue::fresh("rabbitmq_keeps_dead_letters_apart") else {
        return;
    };
    let dispatch = parse(&queue.url("amqp", RABBITMQ_ADDRESS.parse().unwrap()));
    let jobs = jobs(2);
    run(publish(&dispatch, &jobs));
    queue.with_channel(async |channel| {
        let name = queue.name.as_str().into();
        let sent = channel.basic_publish(
            "".into(),
            name,
            Default::default(),
            b"seven",
            Default::default(),
        );
        sent.await.unwrap().await.unwrap();
    });
    run(async {
        let mut consumer = Consumer::new(dispatch, options());
        let reason = "nobody knows it".to_owned();
        consumer
            .next()
            .await
            .settle(Settlement::Dead { reason })
            .await
            .unwrap();
        consumer
            .next()
            .await
            .settle(Settlement::Done)
            .await
            .unwrap();
        let more = tokio::time::timeout(Duration::from_millis(300), consumer.next()).await;
        assert!(more.is_err());
    });
    let dead = format!("{}.dead", queue.name);
    crate::serve_host::eventually("two dead letters", || queue.depth_of(&dead) == 2);
}

fn advised(url: &str) -> Vec<Advice> {
    run(advice(&parse(url), Duration::from_secs(5))).unwrap()
}

#[test]
fn unsafe_settings_are_named_by_the_broker_itself() {
    let test = "unsafe_settings_are_named_by_the_broker_itself";
    if let Some(broker) = Broker::redis(test, &["--appendonly", "no"]) {
        let found = advised(&format!("rq+redis://{}", broker.address));
        assert!(
            found.len() == 1 && found[0].what.contains("without append-only"),
            "{found:?}"
        );
    }
    if let Some(broker) = Broker::redis(test, &["--appendfsync", "always"]) {
        assert_eq!(advised(&format!("redis://{}", broker.address)), []);
    }
    if let Some(broker) = Broker::nats(test) {
        let found = advised(&format!("nats://{}", broker.address));
        assert!(
            found.len() == 1 && found[0].what.contains("does not tell"),
            "{found:?}"
        );
    }
    let Some(queue) = RabbitQueue::fresh(test) else {
        return;
    };
    let url = queue.url("amqp", RABBITMQ_ADDRESS.parse().unwrap());
    assert_eq!(advised(&url), []);
    let Some(classic) = RabbitQueue::fresh(test) else {
        return;
    };
    classic.with_channel(async |channel| {
        let options = lapin::options::QueueDeclareOptions::durable();
        channel
            .queue_declare(classic.name.as_str().into(), options, Default::default())
            .await
            .unwrap();
    });
    let found = advised(&classic.url("amqp", RABBITMQ_ADDRESS.parse().unwrap()));
    assert!(
        found.len() == 1 && found[0].what.contains("no durable quorum queue"),
        "{found:?}"
    );
}

#[test]
fn nobody_at_home_is_an_error_within_the_deadline() {
    for scheme in [
        "redis",
        "nats",
        "amqp",
        "celery+redis",
        "rq+redis",
        "celery+amqp",
    ] {
        // The discard port: nobody listens there.
        let dispatch = parse(&format!("{scheme}://127.0.0.1:9"));
        let begun = Instant::now();
        let published = run(Publisher::new(dispatch, options()).publish(&jobs(1)));
        assert!(published.is_err(), "{scheme}");
        assert!(
            begun.elapsed() < options().deadline + Duration::from_secs(5),
            "{scheme}"
        );
    }
}
