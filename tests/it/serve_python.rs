//! Real Celery and RQ workers do what this server accepted, and this program's worker does what Python published.

use std::io::Read as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use uuid::Uuid;

use crate::broker_host::{Broker, RABBITMQ_ADDRESS, RabbitQueue};
use crate::harness::{eventually, temp_dir};
use crate::needs::{PYTHON_QUEUES, need};
use crate::serve_brokers::{ingest, processed, serve, work};
use crate::serve_host::{HeldProvider, Process};

/// A Python worker and its child processes, in a process group of their own.
struct PythonWorker {
    child: Child,
}

/// What a worker is told.
struct Setting<'a> {
    python: &'a Path,
    /// `celery` or `rq`.
    kind: &'a str,
    /// As Python names it.
    broker: String,
    queue: &'a str,
    server: &'a Process,
    provider: Option<&'a str>,
}

impl PythonWorker {
    fn start(setting: &Setting<'_>) -> PythonWorker {
        let mut command = python(setting.python, &setting.broker, setting.queue);
        match setting.kind {
            "celery" => command
                .args(["-m", "celery", "-A", "a7probe_tasks", "worker", "-c", "2"])
                .args(["-Q", setting.queue]),
            _ => command.args([
                "-m",
                "rq.cli",
                "worker",
                "--url",
                &setting.broker,
                setting.queue,
            ]),
        };
        command
            .env("A7PROBE_URL", format!("http://{}", setting.server.address))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0);
        if let Some(provider) = setting.provider {
            command.env("A7PROBE_PROVIDER", provider);
        }
        PythonWorker {
            child: command.spawn().expect("Python starts"),
        }
    }

    /// SIGKILL to the worker and all its children.
    fn kill(&mut self) {
        let group = format!("-{}", self.child.id());
        let _ = Command::new("kill")
            .args(["-KILL", "--", &group])
            .stderr(Stdio::null())
            .status();
        let _ = self.child.wait();
    }

    /// SIGKILL to the children, among them the one that works; the worker itself lives.
    fn kill_children(&self) {
        let parent = self.child.id().to_string();
        let killed = Command::new("sh")
            .args(["-c", "kill -KILL $(ps -o pid= --ppid \"$0\")", &parent])
            .status();
        assert!(killed.expect("sh runs").success());
    }
}

impl Drop for PythonWorker {
    fn drop(&mut self) {
        self.kill();
    }
}

fn python(python: &Path, broker: &str, queue: &str) -> Command {
    let mut command = Command::new(python);
    command
        .current_dir(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/python"))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("A7PROBE_BROKER", broker)
        .env("A7PROBE_QUEUE", queue);
    command
}

/// A worker flows, and one that is killed while it works is made up for.
fn workers_may_be_killed(python: &Path, kind: &str, dispatch: &str, broker: &str, queue: &str) {
    let (folder, provider) = (temp_dir(), HeldProvider::start());
    let server = serve(folder.path(), dispatch, &[]);
    let setting = |provider| Setting {
        python,
        kind,
        broker: broker.to_owned(),
        queue,
        server: &server,
        provider,
    };
    ingest(&server, 10);
    let mut worker = PythonWorker::start(&setting(None));
    processed(&server, 10);
    worker.kill();

    let mut worker = PythonWorker::start(&setting(Some(&provider.url)));
    ingest(&server, 1);
    let cut_off = provider.next_call();
    if kind == "celery" {
        worker.kill_children();
        drop(cut_off);
        provider.next_call().answer(202);
        processed(&server, 11);
        ingest(&server, 1);
        provider.next_call();
    }
    worker.kill();
    let _worker = PythonWorker::start(&setting(Some(&provider.url)));
    provider.next_call().answer(202);
    processed(&server, if kind == "celery" { 12 } else { 11 });
}

#[test]
fn celery_over_redis_does_what_was_accepted() {
    let test = "celery_over_redis_does_what_was_accepted";
    let (Some(python), Some(broker)) = (need(&PYTHON_QUEUES, test), Broker::redis(test, &[]))
    else {
        return;
    };
    let url = format!("redis://{}", broker.address);
    workers_may_be_killed(&python, "celery", &format!("celery+{url}"), &url, "celery");
}

#[test]
fn celery_over_rabbitmq_does_what_was_accepted() {
    let test = "celery_over_rabbitmq_does_what_was_accepted";
    let (Some(python), Some(queue)) = (need(&PYTHON_QUEUES, test), RabbitQueue::fresh(test)) else {
        return;
    };
    let dispatch = queue.url("celery+amqp", RABBITMQ_ADDRESS.parse().unwrap());
    let broker = crate::needs::RABBITMQ_URL;
    workers_may_be_killed(&python, "celery", &dispatch, broker, &queue.name);
}

#[test]
fn rq_does_what_was_accepted() {
    let test = "rq_does_what_was_accepted";
    let (Some(python), Some(broker)) = (need(&PYTHON_QUEUES, test), Broker::redis(test, &[]))
    else {
        return;
    };
    let url = format!("redis://{}", broker.address);
    workers_may_be_killed(&python, "rq", &format!("rq+{url}"), &url, "default");
}

/// Bodies at the bounds of acceptance, and odd ones within them.
fn odd_payloads() -> Vec<String> {
    let deep = format!(r#"{{"a":{}{}}}"#, "[".repeat(127), "]".repeat(127));
    let long = format!(r#"{{"n":-{}}}"#, "7".repeat(4_300));
    let odd = [
        r#"{"n":[1e999999,-1e999999,1e-999999,-0,-0.0,123456789012345678901234567890]}"#,
        r#"{"t":"\u0000\ud83d\ude00","t":"twice","":null}"#,
    ];
    let wide = format!(
        "{{{}}}",
        (0..9_000)
            .map(|n| format!(r#""k{n}":{n}"#))
            .collect::<Vec<_>>()
            .join(",")
    );
    [deep, long, wide]
        .into_iter()
        .chain(odd.map(str::to_owned))
        .collect()
}

#[test]
fn stock_workers_do_everything_that_is_accepted() {
    let test = "stock_workers_do_everything_that_is_accepted";
    let (Some(python), Some(broker)) = (need(&PYTHON_QUEUES, test), Broker::redis(test, &[]))
    else {
        return;
    };
    let url = format!("redis://{}", broker.address);
    for (kind, queue) in [("celery", "celery"), ("rq", "default")] {
        let folder = temp_dir();
        let server = serve(folder.path(), &format!("{kind}+{url}"), &[]);
        let mut client = server.client();
        let payloads = odd_payloads();
        for payload in &payloads {
            let answer = client.ingest(&[("x-a7-run", "brokers")], payload);
            assert_eq!(answer.status, 202, "{answer:?}");
        }
        let _worker = PythonWorker::start(&Setting {
            python: &python,
            kind,
            broker: url.clone(),
            queue,
            server: &server,
            provider: None,
        });
        processed(&server, payloads.len());
    }
}

const PUBLISH_CELERY: &str = "
import sys, a7probe_tasks
for n, event_id in enumerate(sys.argv[1:]):
    a7probe_tasks.celery_task.delay(event_id, {'n': n})
";

const PUBLISH_RQ: &str = "
import os, sys, redis, rq
queue = rq.Queue(os.environ['A7PROBE_QUEUE'], connection=redis.Redis.from_url(os.environ['A7PROBE_BROKER']))
for n, event_id in enumerate(sys.argv[1:]):
    queue.enqueue('a7probe_tasks.process_event', event_id, payload={'n': n, 'to': ['a', 'a']})
";

/// Our own worker does what a Python program published; the server on the same store tells of it.
fn python_publishes(interpreter: &Path, script: &str, from: &str, broker: &str, queue: &str) {
    let folder = temp_dir();
    let server = serve(folder.path(), from, &[]);
    let _worker = work(folder.path(), from);
    let ids: Vec<String> = (0..5).map(|_| Uuid::new_v4().to_string()).collect();
    // Twice: an event is done once.
    for _ in 0..2 {
        let mut published = python(interpreter, broker, queue)
            .args(["-c", script])
            .args(&ids)
            .stderr(Stdio::piped())
            .spawn()
            .expect("Python starts");
        let mut said = String::new();
        published
            .stderr
            .take()
            .unwrap()
            .read_to_string(&mut said)
            .unwrap();
        assert!(published.wait().unwrap().success(), "{said}");
    }
    let mut client = server.client();
    for id in ids {
        let mut event = serde_json::Value::Null;
        eventually("it is processed", || {
            let answer = client.get(&format!("/events/{id}?wait=5s"));
            event = if answer.status == 200 {
                answer.json()
            } else {
                event.clone()
            };
            event["state"] == "processed"
        });
        assert_eq!(
            (&event["inserts"], &event["notifications"]),
            (&1.into(), &1.into()),
            "{event}"
        );
    }
}

#[test]
fn our_worker_does_what_python_published_to_redis() {
    let test = "our_worker_does_what_python_published_to_redis";
    let (Some(python), Some(broker)) = (need(&PYTHON_QUEUES, test), Broker::redis(test, &[]))
    else {
        return;
    };
    let url = format!("redis://{}", broker.address);
    python_publishes(
        &python,
        PUBLISH_CELERY,
        &format!("celery+{url}"),
        &url,
        "celery",
    );
    python_publishes(&python, PUBLISH_RQ, &format!("rq+{url}"), &url, "default");
}

#[test]
fn our_worker_does_what_python_published_to_rabbitmq() {
    let test = "our_worker_does_what_python_published_to_rabbitmq";
    let (Some(python), Some(queue)) = (need(&PYTHON_QUEUES, test), RabbitQueue::fresh(test)) else {
        return;
    };
    let from = queue.url("celery+amqp", RABBITMQ_ADDRESS.parse().unwrap());
    python_publishes(
        &python,
        PUBLISH_CELERY,
        &from,
        crate::needs::RABBITMQ_URL,
        &queue.name,
    );
}
