//! The services of the original proposal, as a FastAPI user writes them, measured and audited: the synchronous endpoint,
//! the background task and the Celery task; and what a kill -9 costs each.

use std::fs::File;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::{PROGRAM, eventually, temp_dir};
use crate::needs::{PYTHON_FASTAPI, PYTHON_QUEUES, REDIS, need};
use crate::scripted::{Server, refusing_port};

/// A process that ends with its test.
struct Process(Child);

impl Process {
    /// Starts a program with the environment of the fixtures; what it says goes to a file of this name.
    fn start(command: &mut Command, log: &Path) -> Process {
        let file = File::create(log).unwrap();
        command
            .stdin(Stdio::null())
            .stdout(file.try_clone().unwrap())
            .stderr(file);
        Process(command.spawn().unwrap())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// One service on its own database and provider.
struct Stage {
    folder: tempfile::TempDir,
    python: PathBuf,
    provider: Server,
    port: u16,
    broker: Option<u16>,
    /// What makes an id unique in the table of the background tasks.
    unique: &'static str,
}

impl Stage {
    /// The provider takes so long for every mail.
    fn new(python: PathBuf, provider_takes: Duration) -> Stage {
        let provider = Server::tcp(move |conversation| {
            while conversation.request().is_some() {
                std::thread::sleep(provider_takes);
                conversation.send("HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n");
            }
        });
        Stage {
            folder: temp_dir(),
            python,
            provider,
            port: refusing_port(),
            broker: None,
            unique: "PRIMARY KEY",
        }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/python");
        let mut command = Command::new(&self.python);
        command
            .args(arguments)
            .current_dir(fixtures)
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env("PYTHONUNBUFFERED", "1")
            .env("A7_DATABASE", self.path("events.db"))
            .env("A7_UNIQUE", self.unique)
            .env(
                "A7_PROVIDER",
                format!("http://127.0.0.1:{}", self.provider.port()),
            );
        if let Some(port) = self.broker {
            command.env("A7_BROKER", format!("redis://127.0.0.1:{port}/0"));
        }
        command
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// uvicorn with this app; ready when it listens.
    fn serve(&self, app: &str) -> Process {
        let port = self.port.to_string();
        let mut command = self.command(&["-m", "uvicorn", &format!("{app}:app"), "--port", &port]);
        let process = Process::start(&mut command, &self.path("uvicorn.log"));
        eventually("uvicorn listens", || {
            TcpStream::connect(("127.0.0.1", self.port)).is_ok()
        });
        process
    }

    /// 100 requests a second for a second, asked after by the client's own key.
    fn measure(&self, more: &[&str]) -> Command {
        let mut command = Command::new(PROGRAM);
        command
            .args(["measure", &format!("http://127.0.0.1:{}", self.port)])
            .args([
                "--post",
                "ingest=/ingest",
                "-q",
                "100",
                "-n",
                "100",
                "--warmup",
                "0s",
                "--iid",
            ])
            .args([
                "--audit-url",
                "/status/{{uuid}}",
                "--output",
                "json",
                "--timeout",
                "30s",
            ])
            .args([
                "--gate",
                "ingest lost <= 0",
                "--gate",
                "ingest duplicated <= 0",
            ])
            .args(more)
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("A7PROBE_")) {
            command.env_remove(name);
        }
        command
    }

    /// Kills uvicorn when the audit asks for the first event, and starts it again on the same database.
    fn killed_after_the_run(&self, app: &str, more: &[&str]) -> (i32, Value) {
        let mut service = self.serve(app);
        let measuring = self.measure(more).spawn().unwrap();
        eventually("the audit has begun", || {
            let log = std::fs::read_to_string(self.path("uvicorn.log")).unwrap();
            log.contains("GET /status/")
        });
        service.0.kill().unwrap();
        service.0.wait().unwrap();
        let _service = self.serve(app);
        result(&measuring.wait_with_output().unwrap())
    }
}

fn result(output: &Output) -> (i32, Value) {
    let said = String::from_utf8_lossy(&output.stderr);
    let json = serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{e}: {said}"));
    (output.status.code().expect("no signal ended it"), json)
}

fn completion(report: &Value) -> &Value {
    &report["endpoints"][0]["audit"]["completion"]
}

#[test]
fn the_synchronous_service_has_done_what_it_answered_and_keeps_it() {
    let test = "the_synchronous_service_has_done_what_it_answered_and_keeps_it";
    let Some(python) = need(&PYTHON_FASTAPI, test) else {
        return;
    };
    let stage = Stage::new(python, Duration::from_millis(50));
    let (code, report) = stage.killed_after_the_run("sync_app", &["--audit-timeout", "40s"]);
    assert_eq!(code, 0, "{report:#}");
    let audit = completion(&report);
    assert_eq!(
        (&audit["exactly_once"], &audit["accepted"]),
        (&json!(true), &json!(100)),
        "{report:#}"
    );
    // The wait for the provider is in every answer.
    let p50 = &report["endpoints"][0]["percentiles"][0]["observed_ms"];
    assert!(p50.as_f64().unwrap() >= 50.0, "{report:#}");
}

#[test]
fn the_background_tasks_of_a_service_that_is_left_alone_are_done() {
    let test = "the_background_tasks_of_a_service_that_is_left_alone_are_done";
    let Some(python) = need(&PYTHON_FASTAPI, test) else {
        return;
    };
    let stage = Stage::new(python, Duration::from_millis(50));
    let _service = stage.serve("background_app");
    let more = ["--gate", "ingest done.p95 <= 30s", "--resend", "10%"];
    let (code, report) = result(&stage.measure(&more).output().unwrap());
    assert_eq!(code, 0, "{report:#}");
    let audit = completion(&report);
    assert_eq!(audit["exactly_once"], true, "{report:#}");
    assert_eq!(audit["resends"]["several_events"], 0, "{report:#}");
    assert!(audit["done_p50_ms"].as_f64().unwrap() >= 50.0, "{report:#}");
}

#[test]
fn background_tasks_without_a_unique_key_are_caught_doing_things_twice() {
    let test = "background_tasks_without_a_unique_key_are_caught_doing_things_twice";
    let Some(python) = need(&PYTHON_FASTAPI, test) else {
        return;
    };
    let mut stage = Stage::new(python, Duration::from_millis(50));
    stage.unique = "";
    let _service = stage.serve("background_app");
    let (code, report) = result(&stage.measure(&["--resend", "10%"]).output().unwrap());
    assert_eq!(code, 1, "{report:#}");
    let audit = completion(&report);
    // Its answers name one event all the same: only the rows and the mails show it.
    let resends = &audit["resends"];
    assert_eq!(resends["several_events"], 0, "{report:#}");
    let twice = resends["same_event"].as_u64().unwrap();
    assert!(twice > 0, "{resends}");
    for effect in ["inserted_twice", "notified_twice"] {
        assert_eq!(audit[effect], twice, "{effect}: {report:#}");
    }
}

#[test]
fn the_background_tasks_of_a_service_that_is_killed_are_reported_as_lost() {
    let test = "the_background_tasks_of_a_service_that_is_killed_are_reported_as_lost";
    let Some(python) = need(&PYTHON_FASTAPI, test) else {
        return;
    };
    // Slow enough that most of them still wait in memory when the run has ended.
    let stage = Stage::new(python, Duration::from_secs(2));
    let (code, report) = stage.killed_after_the_run("background_app", &["--audit-timeout", "20s"]);
    let audit = completion(&report);
    assert_eq!(code, 1, "{report:#}");
    assert_eq!(audit["accepted"], 100, "{report:#}");
    // Forty threads had begun at most.
    assert!(audit["lost"].as_u64().unwrap() >= 20, "{report:#}");
    assert_eq!(report["findings"][0]["verdict"], "FAIL", "{report:#}");
}

#[test]
fn the_celery_tasks_of_a_service_that_is_killed_are_done_by_the_worker() {
    let test = "the_celery_tasks_of_a_service_that_is_killed_are_done_by_the_worker";
    let (Some(python), Some(redis), Some(_)) = (
        need(&PYTHON_QUEUES, test),
        need(&REDIS, test),
        need(&PYTHON_FASTAPI, test),
    ) else {
        return;
    };
    let mut stage = Stage::new(python, Duration::from_millis(100));
    let broker = refusing_port();
    stage.broker = Some(broker);
    let port = broker.to_string();
    let mut command = Command::new(redis);
    command
        .args([
            "--port",
            &port,
            "--bind",
            "127.0.0.1",
            "--save",
            "",
            "--appendonly",
            "yes",
        ])
        .args(["--appendfsync", "always", "--dir"])
        .arg(stage.folder.path());
    let _redis = Process::start(&mut command, &stage.path("redis.log"));
    eventually("redis listens", || {
        TcpStream::connect(("127.0.0.1", broker)).is_ok()
    });
    let worker = [
        "-m", "celery", "-A", "tasks", "worker", "--pool", "threads", "-c", "8", "-l", "warning",
    ];
    let _worker = Process::start(&mut stage.command(&worker), &stage.path("worker.log"));
    let (code, report) = stage.killed_after_the_run("celery_app", &["--audit-timeout", "50s"]);
    let log = || std::fs::read_to_string(stage.path("worker.log")).unwrap_or_default();
    assert_eq!(code, 0, "{report:#}\n{}", log());
    let audit = completion(&report);
    assert_eq!(audit["exactly_once"], true, "{report:#}\n{}", log());
    assert!(
        audit["done_p50_ms"].as_f64().unwrap() >= 100.0,
        "{report:#}"
    );
}
