//! `diagnose` against services whose ailment is known.

use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::harness::{a7probe, code, eventually, run, signal, stderr, temp_dir};
use crate::needs::{self, PYTHON_FASTAPI};
use crate::scripted::{OK, Server, refusing_port};
use crate::serve_host::Process;

/// Short, and with a target of which a tenth, 40 ms, is far from what a busy machine adds and from 170 ms.
const QUICK: [&str; 4] = ["--target", "400ms", "-q", "40"];

/// Enough for services whose requests take 170 ms.
const BUDGET: [&str; 2] = ["--budget", "10s"];

fn diagnose_in(folder: &Path, arguments: &[&str]) -> Output {
    run(folder, &[&["diagnose"], arguments].concat())
}

fn diagnose(arguments: &[&str]) -> Output {
    diagnose_in(temp_dir().path(), arguments)
}

/// What is said of each cause of one service.
struct Diagnosis {
    json: Value,
    code: Option<i32>,
}

impl Diagnosis {
    fn of(url: &str, more: &[&str]) -> Diagnosis {
        Diagnosis::within(&BUDGET, url, more)
    }

    fn within(budget: &[&str], url: &str, more: &[&str]) -> Diagnosis {
        let line = [&[url, "--output", "json"], budget, &QUICK[..], more];
        let output = diagnose(&line.concat());
        let json = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|e| panic!("{e}: {}", String::from_utf8_lossy(&output.stderr)));
        Diagnosis {
            json,
            code: output.status.code(),
        }
    }

    fn support(&self, cause: &str) -> &str {
        let causes = self.json["diagnosis"]["causes"].as_array().unwrap();
        let found = causes.iter().find(|found| found["cause"] == cause);
        found.unwrap()["support"].as_str().unwrap()
    }

    /// The first cause is this one, and these are ruled out.
    fn is(&self, cause: &str, not: &[&str]) {
        assert_eq!(self.json["diagnosis"]["cause"], cause, "{:#}", self.json);
        assert_eq!(self.code, Some(1), "{:#}", self.json);
        for other in not {
            assert_eq!(self.support(other), "ruled_out", "{other}: {:#}", self.json);
        }
    }

    fn is_nothing(&self) {
        assert_eq!(
            self.json["diagnosis"]["outcome"], "nothing_wrong",
            "{:#}",
            self.json
        );
        assert_eq!(self.code, Some(0));
        assert_eq!(self.json["verdict"], "PASS");
    }
}

#[test]
fn a_call_inside_every_request_is_found_by_its_time_and_its_server_timing() {
    let folder = temp_dir();
    let server = Process::start(
        folder.path(),
        &[
            "--mode",
            "sync",
            "--block",
            "request",
            "--sim-latency",
            "170ms",
        ],
    );
    let found = Diagnosis::of(&format!("http://{}", server.address), &[]);
    // Queueing is ruled out by a growth that a busy machine can show, so it is not asked for.
    found.is("slow_call", &["connection", "blocked_loop"]);
    let causes = &found.json["diagnosis"]["causes"];
    let timing = causes[0]["evidence"][1]["text"].as_str().unwrap();
    assert!(
        timing.starts_with("Server-Timing: provider takes"),
        "{timing}"
    );
    let next = causes[0]["next"].as_str().unwrap();
    assert!(
        next.contains("202") && next.contains("a7probe serve"),
        "{next}"
    );
}

#[test]
fn a_blocked_loop_is_found_by_what_it_does_to_the_other_endpoint() {
    let folder = temp_dir();
    let server = Process::start(
        folder.path(),
        &[
            "--mode",
            "sync",
            "--block",
            "loop",
            "--sim-latency",
            "170ms",
        ],
    );
    let found = Diagnosis::of(&format!("http://{}", server.address), &[]);
    found.is("blocked_loop", &["connection"]);
    // The call is inside of the request too, and at the rate asked for the loop cannot keep up.
    assert_ne!(found.support("slow_call"), "ruled_out");
    assert_ne!(found.support("queueing"), "ruled_out");
}

/// Answers everything at once, but events one after the other, in the order in which they came.
fn one_at_a_time(held: Duration) -> Server {
    let free = Mutex::new(Instant::now());
    Server::tcp(move |conversation| {
        while let Some(request) = conversation.request() {
            if request.head.starts_with("POST") {
                let turn = {
                    let mut free = free.lock().unwrap();
                    *free = (*free).max(Instant::now()) + held;
                    *free
                };
                std::thread::sleep(turn.saturating_duration_since(Instant::now()));
            }
            if !conversation.send(OK) {
                return;
            }
        }
    })
}

#[test]
fn a_server_that_gets_more_than_it_serves_is_queueing() {
    let server = one_at_a_time(Duration::from_millis(20));
    let url = server.url();
    // It serves 50/s.
    let found = Diagnosis::of(&url, &["-q", "health=40", "-q", "ingest=150"]);
    found.is("queueing", &["connection", "blocked_loop", "slow_call"]);
}

/// Passes bytes on, and holds every new connection for a while first.
fn slow_to_accept(upstream: u16, held: Duration) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for client in listener.incoming().flatten() {
            std::thread::spawn(move || {
                std::thread::sleep(held);
                let server = TcpStream::connect(("127.0.0.1", upstream)).ok()?;
                client.set_nodelay(true).ok()?;
                server.set_nodelay(true).ok()?;
                let (up, down) = (client.try_clone().ok()?, server.try_clone().ok()?);
                std::thread::spawn(move || pass_on(up, server));
                pass_on(down, client);
                Some(())
            });
        }
    });
    port
}

fn pass_on(mut from: TcpStream, mut to: TcpStream) {
    let _ = std::io::copy(&mut from, &mut to);
    let _ = to.shutdown(Shutdown::Write);
}

#[test]
fn connections_that_take_long_to_open_are_found() {
    let server = Server::answering(OK);
    let port = slow_to_accept(server.port(), Duration::from_millis(100));
    let found = Diagnosis::of(&format!("http://127.0.0.1:{port}"), &[]);
    found.is("connection", &["slow_call", "blocked_loop", "queueing"]);
    let evidence = &found.json["diagnosis"]["causes"][0]["evidence"];
    let low = evidence[0]["numbers"]["difference_low_ms"]
        .as_f64()
        .unwrap();
    assert!((80.0..=400.0).contains(&low), "{evidence}");
    assert!(
        evidence[1]["numbers"]["first_byte_ms"].as_f64().unwrap() > 80.0,
        "{evidence}"
    );
    // The table and the evidence tell the same.
    let step = &found.json["diagnosis"]["steps"][1];
    let median = Duration::from_secs_f64(step["p50_ms"].as_f64().unwrap() / 1e3);
    let told = format!("P50 {}", a7probe::units::Pretty(median));
    assert!(
        evidence[0]["text"].as_str().unwrap().contains(&told),
        "{told}: {evidence}"
    );
}

#[test]
fn a_healthy_service_has_nothing_wrong_in_every_form_of_the_output() {
    let folder = temp_dir();
    let server = Process::start(folder.path(), &["--mode", "background"]);
    let url = format!("http://{}", server.address);
    let more = [
        "--report",
        "markdown=it.md",
        "--report",
        "csv=it.csv",
        "--report",
        "json=it.json",
    ];
    let output = diagnose_in(
        folder.path(),
        &[
            &[url.as_str(), "--save", "steps", "--budget", "8s"],
            &QUICK[..],
            &more,
        ]
        .concat(),
    );
    let (text, said) = (
        String::from_utf8_lossy(&output.stdout).into_owned(),
        String::from_utf8_lossy(&output.stderr).into_owned(),
    );
    assert_eq!(output.status.code(), Some(0), "{text}{said}");
    assert!(text.starts_with("PASS  no cause found: "), "{text}");
    assert!(
        text.contains("\nruled out     blocked event loop: health over "),
        "{text}"
    );
    assert!(!text.contains("HTTP/2"), "{text}");
    assert!(
        said.contains("1/4 health alone: health 40/s for "),
        "{said}"
    );
    let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
    assert!(read("it.md").contains("- **nothing wrong**: no cause found"));
    assert!(read("it.csv").contains("client,ruled_out,"));
    assert!(read("it.csv").contains("shared_connection,ruled_out,\"measured over HTTP/1.1"));
    let json: Value = serde_json::from_str(&read("it.json")).unwrap();
    assert_eq!(json["diagnosis"]["outcome"], "nothing_wrong");
    // Each step is a run like any other.
    for step in ["alone", "new-connections", "one-at-a-time", "beside"] {
        let run =
            a7probe::run::run_file::Run::load(&folder.path().join(format!("steps/{step}.json")));
        assert!(run.unwrap().endpoints[0].recording.planned() > 0, "{step}");
    }
}

#[test]
fn a_budget_that_is_too_small_is_not_enough_evidence() {
    let server = Server::answering(OK);
    let url = server.url();
    let seldom = ["-q", "health=20", "-q", "ingest=20"];
    let found = Diagnosis::within(&["--budget", "1s"], &url, &seldom);
    assert_eq!(found.code, Some(3), "{:#}", found.json);
    assert_eq!(found.json["diagnosis"]["outcome"], "not_enough_evidence");
    for cause in [
        "connection",
        "slow_call",
        "blocked_loop",
        "queueing",
        "client",
    ] {
        assert_eq!(found.support(cause), "cannot_tell", "{:#}", found.json);
    }
}

#[test]
fn a_service_that_fails_is_not_taken_for_a_quick_one() {
    let server = Server::answering("HTTP/1.1 500 Oops\r\ncontent-length: 0\r\n\r\n");
    let url = server.url();
    let found = Diagnosis::within(&["--budget", "3s"], &url, &[]);
    assert_eq!(found.code, Some(3), "{:#}", found.json);
    assert_eq!(found.support("slow_call"), "cannot_tell");
}

#[test]
fn what_cannot_be_diagnosed_ends_with_its_own_code() {
    let url = format!("http://127.0.0.1:{}", refusing_port());
    assert_eq!(diagnose(&[&url]).status.code(), Some(4));
    let output = diagnose(&[&url, "--get", "health=/health"]);
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        said.contains("diagnose needs two endpoints; the plan has 1: health\nhint:"),
        "{said}"
    );
    let output = diagnose(&[&url, "--dry-run"]);
    assert_eq!(output.status.code(), Some(0));
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        text.contains("budget     60 s") && text.contains("health alone"),
        "{text}"
    );
}

#[test]
fn an_interrupted_diagnosis_says_so_and_takes_nothing_unsent_for_slow_or_quick() {
    let server = Server::answering(OK);
    let url = server.url();
    let folder = temp_dir();
    let mut command = a7probe(folder.path(), &["diagnose", &url]);
    command.args(["--budget", "40s", "--save", "steps", "--output", "json"]);
    let child = command.args(QUICK).spawn().unwrap();
    // The first step is over, the second is not.
    eventually("the first step is saved", || {
        folder.path().join("steps/alone.json").exists()
    });
    signal(child.id(), "INT");
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(130), "{said}");
    assert!(
        said.contains("warning: the diagnosis was interrupted"),
        "{said}"
    );
    let json: Value = serde_json::from_slice(&output.stdout).unwrap();
    let warning = json["warnings"][0]["text"].as_str().unwrap();
    assert!(
        warning.starts_with("the diagnosis was interrupted"),
        "{warning}"
    );
    let steps = json["diagnosis"]["steps"].as_array().unwrap();
    assert!(steps.iter().all(|step| step["not_ok"] == 0), "{steps:#?}");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        !text.contains("larger_budget") && !text.contains("did not end ok"),
        "{text}"
    );
}

#[test]
fn what_would_only_fail_at_the_end_is_refused_before_the_first_request() {
    // Nobody listens: only what is checked first can be what is said.
    let url = format!("http://127.0.0.1:{}", refusing_port());
    let refused = |arguments: &[&str], because: &str| {
        let output = run(temp_dir().path(), arguments);
        let said = stderr(&output);
        assert_eq!(code(&output), 2, "{said}");
        assert!(said.contains(because) && said.contains("hint:"), "{said}");
    };
    let latencies = "has the latencies of one run";
    for format in ["hlog=f", "hgrm=f"] {
        refused(&["diagnose", &url, "--report", format], latencies);
        refused(
            &["ab", "--before", &url, "--after", &url, "--report", format],
            latencies,
        );
        refused(
            &["compare", "none.json", "none.json", "--report", format],
            latencies,
        );
    }
    let short = "--budget 1ms is too short";
    refused(&["diagnose", &url, "--budget", "1ms"], short);
    let output = diagnose(&[&url, "--dry-run", "-q", "0.001"]);
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        text.contains("health 0.001/s") && !text.contains(" 0/s"),
        "{text}"
    );
}

/// One of the apps of `diagnose_apps.py` under uvicorn.
struct App {
    child: Child,
    url: String,
}

impl App {
    fn start(test: &str, variant: &str) -> Option<App> {
        let python = needs::need(&PYTHON_FASTAPI, test)?;
        let port = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let child = Command::new(python)
            .args([
                "-m",
                "uvicorn",
                "diagnose_apps:app",
                "--log-level",
                "warning",
                "--port",
            ])
            .arg(port.to_string())
            .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/python"))
            .env("DIAGNOSE_APP", variant)
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        let app = App {
            child,
            url: format!("http://127.0.0.1:{port}"),
        };
        eventually("the app listens", || {
            TcpStream::connect(("127.0.0.1", port)).is_ok()
        });
        Some(app)
    }
}

impl Drop for App {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn fastapi_with_a_blocking_call_in_async_def_blocks_its_loop() {
    let test = "fastapi_with_a_blocking_call_in_async_def_blocks_its_loop";
    let Some(app) = App::start(test, "in-request") else {
        return;
    };
    let found = Diagnosis::of(&app.url, &[]);
    found.is("blocked_loop", &["connection"]);
    assert_eq!(found.support("slow_call"), "likely_cause");
}

#[test]
fn fastapi_with_an_async_def_background_task_still_blocks_its_loop() {
    let test = "fastapi_with_an_async_def_background_task_still_blocks_its_loop";
    let Some(app) = App::start(test, "async-background") else {
        return;
    };
    let found = Diagnosis::of(&app.url, &[]);
    // The answer is quick: only what others wait tells.
    found.is("blocked_loop", &["connection", "slow_call"]);
}

#[test]
fn fastapi_with_a_def_background_task_has_nothing_wrong() {
    let test = "fastapi_with_a_def_background_task_has_nothing_wrong";
    let Some(app) = App::start(test, "def-background") else {
        return;
    };
    Diagnosis::of(&app.url, &[]).is_nothing();
}
