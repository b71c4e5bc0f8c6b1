//! What a broker has confirmed comes out again, whoever dies in between; a broker that is gone costs a deadline.

use std::collections::BTreeSet;
use std::io::Read as _;
use std::net::{SocketAddr, TcpListener};
use std::time::{Duration, Instant};

use a7probe::reference::queue::{
    Advice, Consumer, Dispatch, DispatchJob, Publisher, QueueError, QueueOptions, Settlement,
    advice,
};
use uuid::Uuid;

use crate::broker_host::{Broker, RABBITMQ_ADDRESS, RabbitQueue, options};
use crate::harness::{PATIENCE, eventually};
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
    eventually("two dead letters", || queue.depth_of(&dead) == 2);
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

#[test]
fn a_broker_that_accepts_and_says_nothing_costs_no_connection_in_the_end() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let dispatch = parse(&format!("amqp://{}", listener.local_addr().unwrap()));
    let brief = QueueOptions {
        deadline: Duration::from_millis(200),
        ..options()
    };
    run(async {
        let mut publisher = Publisher::new(dispatch.clone(), brief);
        for _ in 0..3 {
            let failed = publisher.publish(&jobs(1)).await.unwrap_err();
            assert!(matches!(failed, QueueError::TimedOut { .. }), "{failed}");
        }
        advice(&dispatch, brief.deadline).await.unwrap_err();
        for _ in 0..4 {
            let mut stream = listener.accept().unwrap().0;
            stream.set_read_timeout(Some(PATIENCE)).unwrap();
            // Ends when the client does.
            stream.read_to_end(&mut Vec::new()).unwrap();
        }
    });
}

#[test]
fn a_broker_that_is_short_of_memory_is_asked_over_one_connection() {
    let Some(broker) = Broker::rabbitmq("a_broker_that_is_short_of_memory") else {
        return;
    };
    let proxy = Proxy::to(broker.address);
    let url = |at: SocketAddr| format!("amqp://guest:guest@{at}/%2f?queue=short");
    let (before, during) = (jobs(3), jobs(3));
    run(async {
        let mut publisher = Publisher::new(parse(&url(proxy.address)), options());
        while publisher.publish(&before).await.is_err() {}
        let connections = proxy.attempts();
        broker.control(&["set_vm_memory_high_watermark", "0"]);
        while publisher.publish(&before).await.is_ok() {}
        for _ in 0..4 {
            let refused = publisher.publish(&during).await;
            assert_eq!(refused, Err(QueueError::Blocked));
        }
        assert_eq!(proxy.attempts(), connections);
        broker.control(&["set_vm_memory_high_watermark", "0.4"]);
        while publisher.publish(&during).await.is_err() {}
        assert_eq!(proxy.attempts(), connections);
        let mut consumer = Consumer::new(parse(&url(broker.address)), options());
        let all = ids(&before).into_iter().chain(ids(&during)).collect();
        drain(&mut consumer, all).await;
    });
}

#[test]
fn a_broker_gets_the_password_that_it_asks_for() {
    let test = "a_broker_gets_the_password_that_it_asks_for";
    let (plain, written) = ("p@ss:w/rd%", "p%40ss%3Aw%2Frd%25");
    let asks = [
        (
            Broker::redis(test, &["--requirepass", plain]),
            format!("redis://:{written}@"),
        ),
        (
            Broker::redis(test, &["--requirepass", plain]),
            format!("rq+redis://:{written}@"),
        ),
        (
            Broker::nats_with(test, &["--user", "me", "--pass", plain]),
            format!("nats://me:{written}@"),
        ),
        (
            Broker::nats_with(test, &["--auth", plain]),
            format!("nats://{written}@"),
        ),
    ];
    for (broker, place) in asks {
        let Some(broker) = broker else { continue };
        let carries_payload = place.starts_with("rq");
        let dispatch = parse(&format!("{place}{}", broker.address));
        run(everything_arrives(&dispatch, carries_payload));
        let wrong = place.replace(written, "s3cret");
        let wrong = parse(&format!("{wrong}{}", broker.address));
        let refused = run(Publisher::new(wrong, options()).publish(&jobs(1)));
        let said = refused.unwrap_err().to_string();
        assert!(!said.contains("s3cret"), "{said}");
    }
}

/// A call of another task with our arguments is not handed out; what comes after it is.
async fn another_task_is_not_ours(url: &str) {
    let joined = if url.contains('?') { '&' } else { '?' };
    let (foreign, ours) = (jobs(1), jobs(1));
    let other = parse(&format!("{url}{joined}task=shop.delete_user"));
    publish(&other, &foreign).await;
    publish(&parse(url), &ours).await;
    let mut consumer = Consumer::new(parse(url), options());
    let delivery = consumer.next().await;
    assert_eq!(delivery.event_id, ours[0].event_id);
    delivery.settle(Settlement::Done).await.unwrap();
    consumer.close().await;
}

#[test]
fn a_call_of_another_task_is_a_dead_letter() {
    let test = "a_call_of_another_task_is_a_dead_letter";
    if let Some(broker) = Broker::redis(test, &[]) {
        let address = broker.address;
        run(another_task_is_not_ours(&format!(
            "celery+redis://{address}"
        )));
        assert_eq!(redis(address, &["LLEN", "celery.dead"]), 1);
        run(another_task_is_not_ours(&format!("rq+redis://{address}")));
        assert_eq!(redis(address, &["ZCARD", "rq:failed:default"]), 1);
    }
    if let Some(queue) = RabbitQueue::fresh(test) {
        let url = queue.url("celery+amqp", RABBITMQ_ADDRESS.parse().unwrap());
        run(another_task_is_not_ours(&url));
        assert_eq!(queue.depth_of(&format!("{}.dead", queue.name)), 1);
    }
}

#[test]
fn a_dead_letter_of_celery_is_kept_as_it_was() {
    let Some(queue) = RabbitQueue::fresh("a_dead_letter_of_celery_is_kept_as_it_was") else {
        return;
    };
    let dispatch = parse(&queue.url("celery+amqp", RABBITMQ_ADDRESS.parse().unwrap()));
    let ours = jobs(1);
    run(publish(&dispatch, &ours));
    let sent = lapin::BasicProperties::default()
        .with_message_id("seven".into())
        .with_content_type("application/x-python".into())
        .with_user_id("guest".into())
        .with_expiration("3600000".into());
    queue.with_channel(async |channel| {
        let name = queue.name.as_str().into();
        let options = lapin::options::BasicPublishOptions::default();
        let sent = channel.basic_publish("".into(), name, options, b"(not JSON)", sent.clone());
        sent.await.unwrap();
    });
    run(async {
        let mut consumer = Consumer::new(dispatch, options());
        let delivery = consumer.next().await;
        assert_eq!(delivery.event_id, ours[0].event_id);
        let reason = "nobody knows it".to_owned();
        delivery.settle(Settlement::Dead { reason }).await.unwrap();
        let more = tokio::time::timeout(Duration::from_millis(300), consumer.next()).await;
        assert!(more.is_err());
        consumer.close().await;
    });
    let dead = format!("{}.dead", queue.name);
    assert_eq!((queue.depth_of(&queue.name), queue.depth_of(&dead)), (0, 2));
    let kept = queue.with_channel(async |channel| {
        let mut kept = Vec::new();
        for _ in 0..2 {
            let options = lapin::options::BasicGetOptions { no_ack: true };
            let letter = channel.basic_get(dead.as_str().into(), options).await;
            kept.push(letter.unwrap().unwrap().delivery);
        }
        kept
    });
    let unreadable = kept.iter().find(|letter| letter.data == b"(not JSON)");
    let properties = &unreadable.expect("as it was").properties;
    assert_eq!(properties.message_id(), sent.message_id());
    assert_eq!(properties.content_type(), sent.content_type());
    // It stays until somebody looks at it, whatever becomes of RabbitMQ.
    assert_eq!(
        (properties.expiration(), *properties.delivery_mode()),
        (&None, Some(2))
    );
    let task = kept.iter().find(|letter| letter.data != b"(not JSON)");
    let headers = task.expect("the task").properties.headers().as_ref();
    let id = headers.and_then(|headers| headers.inner().get("id").cloned());
    let id = id.and_then(|id| id.as_long_string().map(ToString::to_string));
    assert_eq!(id, Some(ours[0].event_id.to_string()));
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

#[test]
fn a_queue_that_somebody_else_made_keeps_its_dead_letters_too() {
    let test = "a_queue_that_somebody_else_made_keeps_its_dead_letters_too";
    let Some(queue) = RabbitQueue::fresh(test) else {
        return;
    };
    // Classic, and without a dead-letter exchange.
    queue.with_channel(async |channel| {
        let options = lapin::options::QueueDeclareOptions::durable();
        let name = queue.name.as_str().into();
        let made = channel.queue_declare(name, options, Default::default());
        made.await.unwrap();
    });
    let dispatch = parse(&queue.url("amqp", RABBITMQ_ADDRESS.parse().unwrap()));
    run(async {
        publish(&dispatch, &jobs(1)).await;
        let mut consumer = Consumer::new(dispatch, options());
        let delivery = consumer.next().await;
        let reason = "nobody knows it".to_owned();
        delivery.settle(Settlement::Dead { reason }).await.unwrap();
        consumer.close().await;
    });
    let dead = format!("{}.dead", queue.name);
    assert_eq!((queue.depth_of(&queue.name), queue.depth_of(&dead)), (0, 1));
}
