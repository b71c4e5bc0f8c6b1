//! Messages that no worker can read: each becomes a dead letter or is refused before acceptance, and the others are
//! processed.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

use base64::Engine as _;
use serde_json::Value;

use crate::broker_host::{Broker, RABBITMQ_ADDRESS, RabbitQueue};
use crate::harness::{eventually, temp_dir};
use crate::serve_brokers::{publish, redis, serve, work};
use crate::serve_client::Client;
use crate::serve_host::{Served, config};

use a7probe::reference::server::ServerMode;

/// Lists inside each other, pickled and compressed as RQ does it.
fn deep_job(levels: usize) -> Vec<u8> {
    let pickle = [
        &b"\x80\x02"[..],
        &b"(".repeat(levels),
        &b"t".repeat(levels),
        b".",
    ]
    .concat();
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(&pickle).unwrap();
    encoder.finish().unwrap()
}

/// A megabyte of spaces for each kilobyte.
fn inflating_job() -> Vec<u8> {
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    for _ in 0..64 {
        encoder.write_all(&vec![b' '; 1 << 20]).unwrap();
    }
    encoder.finish().unwrap()
}

/// Puts a job where `rq worker` looks for it.
fn enqueue(address: SocketAddr, id: &str, data: &[u8]) {
    let client = redis::Client::open(format!("redis://{address}")).unwrap();
    let mut connection = client.get_connection().unwrap();
    let mut batch = redis::pipe();
    let key = format!("rq:job:{id}");
    batch
        .cmd("HSET")
        .arg(&key)
        .arg("data")
        .arg(data)
        .arg("status")
        .arg("queued");
    batch.cmd("RPUSH").arg("rq:queue:default").arg(id);
    batch.query::<()>(&mut connection).unwrap();
}

#[test]
fn an_rq_job_that_is_nested_too_deep_is_a_dead_letter_and_the_next_is_done() {
    let Some(broker) = Broker::redis("poison::an_rq_job_that_is_nested_too_deep", &[]) else {
        return;
    };
    let (folder, address) = (temp_dir(), broker.address);
    let url = format!("rq+redis://{address}");
    let deep = deep_job(30_000);
    assert!(deep.len() < 200, "{}", deep.len());
    enqueue(address, "deep", &deep);
    enqueue(address, "inflates", &inflating_job());
    publish(&url, 1);
    let worker = work(folder.path(), &url);
    eventually("both are dead", || {
        redis(address, &["ZCARD", "rq:failed:default"]) == 2
    });
    eventually("the next is done", || {
        redis(address, &["LLEN", "rq:queue:default"]) == 0
    });
    eventually("nothing is under way", || {
        redis(address, &["HLEN", "default:a7probe:taken"]) == 0
    });
    let (status, said) = worker.stop();
    assert!(status.success(), "{said}");
    assert!(
        said.contains("levels") && said.contains("inflates to more"),
        "{said}"
    );
    assert!(said.contains("stopped: 0 accepted events wait"), "{said}");
}

/// A job and a list that are not what their keys say.
#[test]
fn an_rq_job_of_another_type_is_a_dead_letter_and_those_taken_with_it_are_done() {
    let Some(broker) = Broker::redis("poison::an_rq_job_of_another_type", &[]) else {
        return;
    };
    let (folder, address) = (temp_dir(), broker.address);
    let url = format!("rq+redis://{address}");
    let ids: [&[u8]; 5] = [b"text", b"list", b"empty", b"\xff\xfe", b"expired"];
    redis(address, &["SET", "rq:job:text", "x"]);
    redis(address, &["RPUSH", "rq:job:list", "x"]);
    redis(address, &["HSET", "rq:job:empty", "status", "queued"]);
    let client = redis::Client::open(format!("redis://{address}")).unwrap();
    let mut connection = client.get_connection().unwrap();
    for id in ids {
        let mut push = redis::cmd("RPUSH");
        push.arg("rq:queue:default").arg(id);
        push.query::<()>(&mut connection).unwrap();
    }
    publish(&url, 3);
    let worker = work(folder.path(), &url);
    eventually("four are dead", || {
        redis(address, &["ZCARD", "rq:failed:default"]) == 4
    });
    eventually("nothing waits", || {
        redis(address, &["LLEN", "rq:queue:default"])
            + redis(address, &["HLEN", "default:a7probe:taken"])
            == 0
    });
    let mut ask = redis::cmd("LRANGE");
    ask.arg("default.dead.reasons").arg(0).arg(-1);
    let reasons: Vec<String> = ask.query(&mut connection).unwrap();
    assert_eq!(
        reasons,
        [
            "\\xff\\xfe: the job's id is not UTF-8",
            "list: the job's key rq:job:list is not a hash",
            "text: the job's key rq:job:text is not a hash",
        ]
    );
    // A job that is gone is not made again.
    assert_eq!(redis(address, &["EXISTS", "rq:job:expired"]), 0);
    let (status, said) = worker.stop();
    assert!(status.success(), "{said}");
    assert!(said.contains("the job has no data"), "{said}");
    assert!(said.contains("stopped: 0 accepted events wait"), "{said}");
    assert!(!said.contains("ERROR"), "{said}");
}

#[test]
fn a_celery_list_of_another_type_does_not_stop_the_queue() {
    let Some(broker) = Broker::redis("poison::a_celery_list_of_another_type", &[]) else {
        return;
    };
    let (folder, address) = (temp_dir(), broker.address);
    let url = format!("celery+redis://{address}");
    redis(address, &["SET", "celery:3", "x"]);
    for item in ["x", "{}", "[1]"] {
        redis(address, &["LPUSH", "celery", item]);
    }
    publish(&url, 3);
    let worker = work(folder.path(), &url);
    eventually("three are dead", || {
        redis(address, &["LLEN", "celery.dead"]) == 3
    });
    eventually("nothing waits", || {
        redis(address, &["LLEN", "celery"]) + redis(address, &["HLEN", "celery:a7probe:taken"]) == 0
    });
    let (status, said) = worker.stop();
    assert!(status.success(), "{said}");
    assert!(said.contains("stopped: 0 accepted events wait"), "{said}");
}

fn short(text: &[u8]) -> Vec<u8> {
    [&[text.len() as u8], text].concat()
}

fn long(bytes: &[u8]) -> Vec<u8> {
    [&(bytes.len() as u32).to_be_bytes()[..], bytes].concat()
}

/// AMQP written byte by byte, because clients are recursive when they write such headers: a task whose headers hold a
/// table in a table, `levels` times.
fn publish_with_deep_headers(queue: &str, levels: usize) {
    let mut table = Vec::new();
    for _ in 0..levels {
        table = [b"\x01aF", &long(&table)[..]].concat();
    }
    let stream = TcpStream::connect(RABBITMQ_ADDRESS).unwrap();
    let send = |kind: u8, channel: u8, payload: &[u8]| {
        let size = (payload.len() as u32).to_be_bytes();
        let frame = [&[kind, 0, channel][..], &size, payload, &[0xce]].concat();
        (&stream).write_all(&frame).unwrap();
    };
    let receive = || {
        let mut front = [0; 7];
        (&stream).read_exact(&mut front).unwrap();
        let size = u32::from_be_bytes(front[3..].try_into().unwrap());
        let mut payload = vec![0; size as usize + 1];
        (&stream).read_exact(&mut payload).unwrap();
        payload
    };
    let method = |class: u8, method: u8, rest: &[u8]| [&[0, class, 0, method][..], rest].concat();
    (&stream).write_all(b"AMQP\0\0\x09\x01").unwrap();
    receive();
    let login = [
        long(b""),
        short(b"PLAIN"),
        long(b"\0guest\0guest"),
        short(b"en_US"),
    ]
    .concat();
    send(1, 0, &method(10, 11, &login));
    let tune = receive();
    let limits = [&tune[4..10], &[0, 0]].concat();
    send(1, 0, &method(10, 31, &limits));
    send(1, 0, &method(10, 40, b"\x01/\0\0"));
    receive();
    send(1, 1, &method(20, 10, b"\0"));
    receive();
    let to = [&[0, 0][..], &short(b""), &short(queue.as_bytes()), &[0]].concat();
    send(1, 1, &method(60, 40, &to));
    let body = b"[[],{},{}]";
    let front = [0, 60, 0, 0, 0, 0, 0, 0, 0, 0, 0, body.len() as u8, 0x20, 0];
    send(2, 1, &[&front[..], &long(&table)].concat());
    send(3, 1, body);
    // Answered once all earlier frames are processed.
    send(1, 1, &method(20, 40, b"\0\xc8\0\0\0\0\0"));
    receive();
}

#[test]
fn a_celery_message_with_deep_headers_is_a_dead_letter() {
    let Some(queue) = RabbitQueue::fresh("poison::a_celery_message_with_deep_headers") else {
        return;
    };
    let folder = temp_dir();
    let url = queue.url("celery+amqp", RABBITMQ_ADDRESS.parse().unwrap());
    let worker = work(folder.path(), &url);
    let dead = format!("{}.dead", queue.name);
    let depth = |queue_name: &str| {
        queue.with_channel(async |channel| {
            let options = lapin::options::QueueDeclareOptions {
                passive: true,
                durable: true,
                ..Default::default()
            };
            let found = channel.queue_declare(queue_name.into(), options, Default::default());
            found.await.ok().map(|found| found.message_count())
        })
    };
    eventually("the queue is made", || depth(&queue.name).is_some());
    publish_with_deep_headers(&queue.name, 1_500);
    eventually("it is dead", || depth(&dead) == Some(1));
    let (status, said) = worker.stop();
    assert!(status.success(), "{said}");
}

#[test]
fn an_unreadable_body_is_refused_with_400_and_a_reason() {
    let folder = temp_dir();
    let served = Served::start(config(ServerMode::Queue, &folder));
    let mut client = served.client();
    let deep = |levels: usize| {
        format!(
            r#"{{"a":{}{}}}"#,
            "[".repeat(levels - 1),
            "]".repeat(levels - 1)
        )
    };
    let long = |digits: usize| format!(r#"{{"n":{}}}"#, "7".repeat(digits));
    for (body, words) in [
        (deep(129), "128 levels"),
        (deep(2_000), "128 levels"),
        (long(4_301), "a number of 4301 digits"),
        (long(5_000), "a number of 5000 digits"),
        (
            format!(r#"{{"n":0.{}}}"#, "1".repeat(5_000)),
            "a number of 5001 digits",
        ),
        (r#"{"t":"\ud800"}"#.to_owned(), "half of a surrogate pair"),
        (r#"{"\udfff":1}"#.to_owned(), "half of a surrogate pair"),
        ("\u{feff}{}".to_owned(), "not a JSON object"),
        (r#"{"n":1e}"#.to_owned(), "not JSON"),
    ] {
        let answer = client.ingest(&[], &body);
        assert_eq!(answer.status, 400, "{words}");
        let problem = answer.json();
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains(words), "{detail}");
        assert_eq!(
            answer.header("content-type"),
            Some("application/problem+json")
        );
    }
    for body in [
        deep(128),
        long(4_300),
        r#"{"n":[1e999999,-0,123456789012345678901234567890]}"#.to_owned(),
        r#"{"t":"\u0000\ud83d\ude00","t":"twice"}"#.to_owned(),
    ] {
        let answer = client.ingest(&[], &body);
        assert_eq!(answer.status, 202, "{}", &body[..body.len().min(80)]);
    }
}

/// Takes the messages of a Celery worker, and processes all of them except one event, which it throws away.
fn work_but_for(client: &mut Client, address: SocketAddr, poison: &str) {
    let connection = redis::Client::open(format!("redis://{address}")).unwrap();
    let mut connection = connection.get_connection().unwrap();
    let item: Option<String> = redis::cmd("RPOP")
        .arg("celery")
        .query(&mut connection)
        .unwrap();
    let Some(item) = item else { return };
    let envelope: Value = serde_json::from_str(&item).unwrap();
    let id = envelope["headers"]["id"].as_str().unwrap();
    let body = envelope["body"].as_str().unwrap();
    base64::engine::general_purpose::STANDARD
        .decode(body)
        .unwrap();
    if id == poison {
        return;
    }
    let lease = client.request("POST", &format!("/events/{id}/lease"), &[], b"");
    if lease.status == 200 {
        let report = format!(r#"{{"token":{},"notify":"sent"}}"#, lease.json()["token"]);
        let headers = [("content-type", "application/json")];
        let path = format!("/events/{id}/effects");
        let recorded = client.request("POST", &path, &headers, report.as_bytes());
        assert_eq!(recorded.status, 200, "{recorded:?}");
    }
}

#[test]
fn an_event_that_workers_throw_away_is_shown_as_stuck() {
    let Some(broker) = Broker::redis("poison::an_event_that_workers_throw_away", &[]) else {
        return;
    };
    let (folder, address) = (temp_dir(), broker.address);
    let server = serve(folder.path(), &format!("celery+redis://{address}"), &[]);
    let mut client = server.client();
    assert_eq!(client.get("/queue").json()["stuck"]["events"], 0);
    let poison = client.ingest(&[], r#"{"n":0}"#).event_id();
    for n in 1..5 {
        assert_eq!(client.ingest(&[], &format!(r#"{{"n":{n}}}"#)).status, 202);
    }
    eventually("it is stuck", || {
        work_but_for(&mut client, address, &poison);
        let queue = client.get("/queue").json();
        queue["stuck"]["events"] == 1 && queue["stuck"]["ids"][0] == poison.as_str()
    });
    let metrics = String::from_utf8(client.get("/metrics").body).unwrap();
    assert!(metrics.contains("\na7probe_events_stuck 1\n"), "{metrics}");
    // A worker processes it after all.
    eventually("it is no longer stuck", || {
        work_but_for(&mut client, address, "");
        client.get("/queue").json()["stuck"]["events"] == 0
    });
    server.terminate();
    let (status, said) = server.wait();
    assert!(status.success(), "{said}");
    assert_eq!(
        said.matches("stuck: dispatched repeatedly").count(),
        1,
        "{said}"
    );
    assert!(said.contains(&poison) && said.contains("hint: "), "{said}");
}
