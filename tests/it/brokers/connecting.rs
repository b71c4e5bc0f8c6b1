//! A broker that is absent, silent, short of memory or unsafely set up.

use std::io::Read as _;
use std::net::{SocketAddr, TcpListener};
use std::time::{Duration, Instant};

use a7probe::reference::queue::{Advice, Consumer, Publisher, QueueError, QueueOptions, advice};

use super::{drain, everything_arrives, ids, jobs, parse, run};

use crate::broker_host::{Broker, RABBITMQ_ADDRESS, RabbitQueue, options};
use crate::harness::PATIENCE;
use crate::proxy::Proxy;

fn advised(url: &str) -> Vec<Advice> {
    run(advice(&parse(url), Duration::from_secs(5))).unwrap()
}

#[test]
fn unsafe_settings_are_named_by_the_broker_itself() {
    let test = "unsafe_settings_are_named_by_the_broker_itself";
    if let Some(broker) = Broker::redis(test, &["--appendonly", "no"]) {
        let found = advised(&format!("rq+redis://{}", broker.address));
        assert!(
            found.len() == 1 && found[0].what.contains("without an append-only"),
            "{found:?}"
        );
    }
    if let Some(broker) = Broker::redis(test, &["--appendfsync", "always"]) {
        assert_eq!(advised(&format!("redis://{}", broker.address)), []);
    }
    if let Some(broker) = Broker::nats(test) {
        let found = advised(&format!("nats://{}", broker.address));
        assert!(
            found.len() == 1 && found[0].what.contains("hides from ordinary users"),
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
        found.len() == 1 && found[0].what.contains("not a durable quorum queue"),
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
