//! A broker delivers one id many times, to several workers at once: the event is done once.

use a7probe::reference::queue::{DispatchJob, Publisher};

use crate::broker_host::{Broker, RABBITMQ_ADDRESS, RabbitQueue, options};
use crate::harness::temp_dir;
use crate::serve_host::{Process, Witness, Worker};
use crate::serve_queue::{accept, path, until_empty};

const EVENTS: usize = 20;
const DELIVERIES: u32 = 10;

fn done_once(url: &str) {
    let (folder, witness) = (temp_dir(), Witness::start());
    let store = path(folder.path());
    // Accepted without a broker, so that only this test dispatches.
    let server = Process::on(&store, folder.path(), &["--mode", "queue"]);
    let mut client = server.client();
    let ids = accept(&mut client, "duplicates", EVENTS);
    publish(url, &ids);
    let flags = ["--from", url, "--provider", &witness.url, "--workers", "4"];
    let workers = [(); 3].map(|()| Worker::start(&store, folder.path(), &flags));
    until_empty(&mut client);
    // Again, of what is done.
    publish(url, &ids);
    let fresh = accept(&mut client, "duplicates", 1);
    publish(url, &fresh);
    until_empty(&mut client);
    for event in client.get("/runs/duplicates/events").lines() {
        assert_eq!(
            (&event["state"], &event["inserts"], &event["notifications"]),
            (&"processed".into(), &1.into(), &1.into()),
            "{event}"
        );
    }
    let journal = witness.journal();
    assert_eq!((journal.events, journal.duplicates), (EVENTS as u64 + 1, 0));
    drop(workers);
}

/// Every id, each round as a message that no broker takes for the same.
fn publish(url: &str, ids: &[String]) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let mut publisher = Publisher::new(url.parse().unwrap(), options());
        for round in 0..DELIVERIES {
            let job = |id: &String| DispatchJob {
                event_id: id.parse().unwrap(),
                payload: b"{}".to_vec(),
                round,
            };
            let jobs: Vec<DispatchJob> = ids.iter().map(job).collect();
            publisher.publish(&jobs).await.unwrap();
        }
    });
}

#[test]
fn redis_delivers_many_times() {
    let Some(broker) = Broker::redis("faults::duplicates::redis_delivers_many_times", &[]) else {
        return;
    };
    for scheme in ["redis", "celery+redis", "rq+redis"] {
        let queue = scheme.replace('+', "-");
        done_once(&format!("{scheme}://{}?queue={queue}", broker.address));
    }
}

#[test]
fn nats_delivers_many_times() {
    if let Some(broker) = Broker::nats("faults::duplicates::nats_delivers_many_times") {
        done_once(&format!("nats://{}", broker.address));
    }
}

#[test]
fn rabbitmq_delivers_many_times() {
    let test = "faults::duplicates::rabbitmq_delivers_many_times";
    let broker = RABBITMQ_ADDRESS.parse().unwrap();
    for scheme in ["amqp", "celery+amqp"] {
        if let Some(queue) = RabbitQueue::fresh(test) {
            done_once(&queue.url(scheme, broker));
        }
    }
}
