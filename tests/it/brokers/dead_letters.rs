//! Dead letters are kept apart and as they were.

use std::time::Duration;

use a7probe::reference::queue::{Consumer, Settlement};

use super::{jobs, parse, publish, run};

use crate::broker_host::{Broker, RABBITMQ_ADDRESS, RabbitQueue, options};
use crate::harness::eventually;
use crate::serve_brokers::redis;

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
