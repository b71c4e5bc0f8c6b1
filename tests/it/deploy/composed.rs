//! The services of the compose file, as processes of this machine: same arguments and variables, other hosts and ports.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Child, Command};

use serde_json::Value;

use crate::broker_host::{RABBITMQ_ADDRESS, RabbitQueue};
use crate::harness::{a7probe, code, eventually, free_port, run, stderr, temp_dir};
use crate::pipelines::{root, shell};
use crate::postgres_host::Schema;
use crate::serve_host::{Process, piped};

const TEST: &str = "deploy::composed";

/// A process that is killed when it is dropped.
struct Composed(Child);

impl Drop for Composed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A service of the file, in place of its hosts and ports those of this test.
struct Service<'a> {
    file: &'a Value,
    name: &'a str,
    replaced: &'a BTreeMap<&'a str, String>,
}

impl Service<'_> {
    fn words(&self, key: &Value) -> Vec<String> {
        let words = key.as_array().expect("a list").iter();
        words.map(|word| self.here(word.as_str())).collect()
    }

    fn here(&self, text: Option<&str>) -> String {
        let text = text.expect("a text").to_owned();
        let replaced = self.replaced.iter();
        replaced.fold(text, |text, (what, by)| text.replace(what, by))
    }

    fn command(&self, folder: &Path) -> Command {
        let service = &self.file["services"][self.name];
        let words = self.words(&service["command"]);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let mut command = piped(a7probe(folder, &words));
        for (name, value) in service["environment"].as_object().into_iter().flatten() {
            command.env(name, self.here(value.as_str()));
        }
        command
    }

    /// Runs the health check of the file once.
    fn health(&self, folder: &Path) -> i32 {
        let words = self.words(&self.file["services"][self.name]["healthcheck"]["test"]);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        code(&run(folder, &words[2..]))
    }
}

#[test]
fn an_event_passes_through_all_services_and_the_health_checks_say_who_is_up() {
    let Some(file) = shell::read(&root().join("deploy/compose/compose.yaml"), TEST) else {
        return;
    };
    let (Some(schema), Some(queue)) = (Schema::create(TEST), RabbitQueue::fresh(TEST)) else {
        return;
    };
    let broker = queue.url("amqp", RABBITMQ_ADDRESS.parse().expect("an address"));
    let (serve_at, provider_at) = (free_port(), free_port());
    let replaced = BTreeMap::from([
        (
            "postgres://a7probe:${POSTGRES_PASSWORD}@postgres/a7probe",
            schema.url.clone(),
        ),
        ("amqp://a7probe:${RABBITMQ_PASSWORD}@rabbitmq", broker),
        ("${TOKEN:?set TOKEN in .env}", "s3cret".to_owned()),
        ("provider:8090", format!("127.0.0.1:{provider_at}")),
        ("0.0.0.0:8090", format!("127.0.0.1:{provider_at}")),
        ("127.0.0.1:8090", format!("127.0.0.1:{provider_at}")),
        ("0.0.0.0:8080", format!("127.0.0.1:{serve_at}")),
        ("127.0.0.1:8080", format!("127.0.0.1:{serve_at}")),
    ]);
    let service = |name| Service {
        file: &file,
        name,
        replaced: &replaced,
    };
    let folder = temp_dir();
    assert_eq!(service("serve").health(folder.path()), 4, "not started");
    let start = |name| {
        Process::spawn(
            service(name).command(folder.path()),
            &folder.path().join(name),
        )
    };
    let _provider = start("provider");
    let serve = start("serve");
    assert_eq!(service("provider").health(folder.path()), 0);
    assert_eq!(service("serve").health(folder.path()), 0);
    assert_eq!(file["services"]["worker"]["deploy"]["replicas"], 2);
    let _workers = [(), ()].map(|()| {
        let mut command = service("worker").command(folder.path());
        Composed(command.spawn().expect("a worker starts"))
    });
    let mut client = serve.client();
    let token = ("authorization", "Bearer s3cret");
    let body = r#"{"to":"ann@example.org"}"#;
    assert_eq!(client.ingest(&[], body).status, 401);
    let accepted = client.ingest(&[token], body);
    assert_eq!(accepted.status, 202);
    let path = format!("/events/{}", accepted.event_id());
    eventually("the event is processed", || {
        let event = client.request("GET", &path, &[token], b"");
        event.json()["state"] == "processed"
    });
    let stopped = {
        serve.terminate();
        serve.wait()
    };
    assert!(stopped.0.success(), "{}", stopped.1);
    assert_eq!(service("serve").health(folder.path()), 4, "stopped");
}

#[test]
fn a_health_check_fails_for_an_answer_that_is_not_ok() {
    let Some(file) = shell::read(&root().join("deploy/compose/compose.yaml"), TEST) else {
        return;
    };
    let server = crate::scripted::Server::answering(
        "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n",
    );
    let replaced = BTreeMap::from([("http://127.0.0.1:8080", server.url())]);
    let service = Service {
        file: &file,
        name: "serve",
        replaced: &replaced,
    };
    let folder = temp_dir();
    let words = service.words(&file["services"]["serve"]["healthcheck"]["test"]);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let output = run(folder.path(), &words[2..]);
    assert_eq!(code(&output), 1, "{}", stderr(&output));
}
