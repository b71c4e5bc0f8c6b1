//! The completion audit end to end: against the reference server, killed and not, and against scripted servers that lose,
//! repeat and invent on purpose.

mod clocks;
mod connecting;
mod doubt;
mod forgetting;
mod listings;
mod names;
mod service;
mod twice;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex};

use a7probe::run::run_file::Run;
use serde_json::{Value, json};

use crate::harness::{a7probe, eventually, signal, temp_dir};
use crate::scripted::{Server, refusing_port};
use crate::serve_client::Client;
use crate::serve_host::{Process, Witness, store};

/// 100 requests in a second, ingest alone.
const QUICK: [&str; 11] = [
    "--post",
    "ingest=/ingest",
    "-q",
    "100",
    "-n",
    "100",
    "--episode",
    "10ms",
    "--warmup",
    "100ms",
    "--output=json",
];

pub(crate) fn measure(folder: &Path, url: &str, more: &[&str]) -> Command {
    a7probe(folder, &[&["measure", url], &QUICK[..], more].concat())
}

pub(crate) fn run(folder: &Path, url: &str, more: &[&str]) -> (i32, Value) {
    result(&measure(folder, url, more).output().unwrap())
}

/// The exit code and the report.
pub(crate) fn result(output: &Output) -> (i32, Value) {
    let said = String::from_utf8_lossy(&output.stderr);
    let json = serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{e}: {said}"));
    (output.status.code().expect("no signal ended it"), json)
}

pub(crate) fn completion(report: &Value) -> &Value {
    let ingest = &report["endpoints"][0];
    assert_eq!(ingest["name"], "ingest", "{report:#}");
    &ingest["audit"]["completion"]
}

pub(crate) fn verdict<'a>(report: &'a Value, metric: &str) -> &'a str {
    let findings = report["findings"].as_array().unwrap();
    let finding = findings.iter().find(|finding| finding["metric"] == metric);
    finding.unwrap_or_else(|| panic!("no {metric}: {report:#}"))["verdict"]
        .as_str()
        .unwrap()
}

const AUDIT_GATES: [&str; 6] = [
    "--gate",
    "ingest lost <= 0",
    "--gate",
    "ingest duplicated <= 0",
    "--gate",
    "ingest done.p95 <= 1s",
];

#[test]
fn a_server_that_lists_its_runs_is_audited_without_being_asked() {
    let folder = temp_dir();
    let server = Process::start(folder.path(), &["--sim-latency", "1ms"]);
    let url = format!("http://{}", server.address);
    let (code, report) = run(folder.path(), &url, &["--gate", "ingest p95 <= 10s"]);
    assert_eq!(code, 0, "{report:#}");
    let audit = completion(&report);
    assert_eq!(
        (&audit["accepted"], &audit["exactly_once"], &audit["clock"]),
        (&json!(100), &json!(true), &json!("server")),
        "{report:#}"
    );
    let (_, report) = run(
        folder.path(),
        &url,
        &["--no-audit", "--gate", "ingest p95 <= 10s"],
    );
    assert!(report["endpoints"][0].get("audit").is_none(), "{report:#}");
}

/// The provider takes mail whose answer comes too late to be heard, and the server sends it again.
#[test]
fn mail_that_may_have_gone_out_twice_is_no_pass_and_is_told() {
    let (folder, witness) = (temp_dir(), Witness::as_slow_as_the_evidence());
    let flags = ["--provider", &witness.url, "--provider-timeout", "250ms"];
    let never = ["--breaker-failures", "0", "--retry-base", "20ms"];
    let flags = [&flags[..], &never, &["--attempts", "1000"]].concat();
    let server = Process::start(folder.path(), &flags);
    let url = format!("http://{}", server.address);
    let (code, report) = run(folder.path(), &url, &AUDIT_GATES[..4]);
    assert_eq!(code, 3, "{report:#}");
    assert_eq!(verdict(&report, "duplicated"), "INCONCLUSIVE");
    let entries = witness.simulator.journal_entries();
    assert!(
        entries.iter().any(|entry| entry.sent > 1),
        "nothing came too late"
    );
    // Of what is settled, every mail that the provider took is one that was sent or may have been.
    let mut client = server.client();
    for entry in entries {
        let event = client.get(&format!("/events/{}", entry.event_id)).json();
        let count = |name: &str| event[name].as_u64().unwrap();
        let told = count("notifications") + count("notify_unknown");
        assert!(
            event["state"] != "processed" || told >= u64::from(entry.sent),
            "{event}: the provider took {}",
            entry.sent
        );
    }
    let audit = completion(&report);
    assert!(audit["perhaps_twice"].as_u64() > Some(0), "{report:#}");
    assert_eq!(audit["exactly_once"], json!(false));
}

/// It is not sent again, and nobody is made to believe that it was sent.
#[test]
fn mail_that_may_never_have_gone_out_is_told() {
    let (folder, witness) = (temp_dir(), Witness::as_slow_as_the_evidence());
    let flags = ["--provider", &witness.url, "--provider-timeout", "50ms"];
    let flags = [&flags[..], &["--notify", "at-most-once"]].concat();
    let flags = [&flags[..], &["--breaker-failures", "0"]].concat();
    let server = Process::start(folder.path(), &flags);
    let url = format!("http://{}", server.address);
    let output = measure(folder.path(), &url, &AUDIT_GATES[..4])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        said.contains("0 events of ingest may have been notified twice, "),
        "{said}"
    );
    let (_, report) = result(&output);
    let audit = completion(&report);
    assert_eq!(audit["processed"], 100, "{report:#}");
    assert!(audit["perhaps_never"].as_u64() > Some(0), "{report:#}");
    assert_eq!(audit["exactly_once"], json!(false));
}

#[test]
fn gates_on_the_audit_are_judged_and_judged_again_from_the_file() {
    let folder = temp_dir();
    let server = Process::start(folder.path(), &["--sim-latency", "1ms"]);
    let url = format!("http://{}", server.address);
    let more = [
        &AUDIT_GATES[..],
        &[
            "--save",
            "run.json",
            "--report",
            "csv=run.csv",
            "--report",
            "markdown=run.md",
        ],
    ]
    .concat();
    let (code, report) = run(folder.path(), &url, &more);
    assert_eq!(code, 0, "{report:#}");
    for metric in ["lost", "duplicated", "done.p95"] {
        assert_eq!(verdict(&report, metric), "PASS");
    }
    drop(server);
    let judged = a7probe(folder.path(), &["judge", "run.json", "--output", "json"]);
    let (code, again) = result(&{ judged }.output().unwrap());
    assert_eq!(code, 0, "{again:#}");
    assert_eq!(again["findings"], report["findings"]);
    // A target that was not counted is judged from the histogram, in whatever order the events were slow.
    let other = [
        "judge",
        "run.json",
        "--gate",
        "ingest done.p50 <= 10s",
        "--output",
        "json",
    ];
    let (code, _) = result(&a7probe(folder.path(), &other).output().unwrap());
    assert_eq!(code, 0);
    let text = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
    assert!(
        text("run.csv").contains("ingest,lost,"),
        "{}",
        text("run.csv")
    );
    assert!(
        text("run.md").contains("| done P95 |"),
        "{}",
        text("run.md")
    );
    let run = Run::load(&folder.path().join("run.json")).unwrap();
    let audit = run.endpoint("ingest").unwrap().audit.as_ref().unwrap();
    assert_eq!(audit.completion().unwrap().processed, 100);
}

/// Kills the server with SIGKILL when it has this many events queued, and starts it again on the same port and store.
fn killed_under_way(folder: &Path, durability: &str) -> (i32, Value) {
    let port = refusing_port();
    let bind = format!("127.0.0.1:{port}");
    let serve = |latency: &str| -> Child {
        let mut command = a7probe(
            folder,
            &["serve", "--bind", &bind, "--durability", durability],
        );
        command.args(["--sim-latency", latency, "--workers", "2", "--store"]);
        command
            .arg(store(folder))
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command.spawn().unwrap()
    };
    let address = bind.parse().unwrap();
    let ready = || std::net::TcpStream::connect(address).is_ok();
    let mut server = serve("5s");
    eventually("the server listens", ready);
    let more = ["--gate", "ingest lost <= 0", "--audit-timeout", "12s"];
    let measuring = measure(folder, &format!("http://{bind}"), &more)
        .spawn()
        .unwrap();
    let mut client = Client::connect(address);
    eventually("events are queued", || {
        client.get("/queue").json()["depth"].as_u64() >= Some(40)
    });
    server.kill().unwrap();
    server.wait().unwrap();
    let mut server = serve("1ms");
    let result = result(&measuring.wait_with_output().unwrap());
    server.kill().unwrap();
    server.wait().unwrap();
    result
}

#[test]
fn what_was_acknowledged_from_memory_is_reported_as_lost_after_kill_9() {
    let folder = temp_dir();
    let (code, report) = killed_under_way(folder.path(), "none");
    assert_eq!((code, verdict(&report, "lost")), (1, "FAIL"), "{report:#}");
    let lost = completion(&report)["lost"].as_u64().unwrap();
    assert!(lost >= 20, "{report:#}");
}

#[test]
fn what_was_acknowledged_from_disk_survives_kill_9() {
    let folder = temp_dir();
    let (code, report) = killed_under_way(folder.path(), "full");
    assert_eq!((code, verdict(&report, "lost")), (0, "PASS"), "{report:#}");
    let audit = completion(&report);
    assert!(audit["accepted"].as_u64() >= Some(40), "{report:#}");
    assert_eq!(audit["processed"], audit["accepted"], "{report:#}");
}

/// The events of each run in order of arrival, by the run's name.
type Runs = Arc<Mutex<BTreeMap<String, Vec<String>>>>;

/// A server that lists its runs after `plant` has changed what it says of the event with this number.
fn listing_server(
    cut: impl Fn(usize) -> bool + Send + Sync + 'static,
    plant: impl Fn(usize, &mut Vec<Value>) + Send + Sync + 'static,
) -> Server {
    let runs = Runs::default();
    Server::tcp(move |conversation| {
        while let Some(request) = conversation.request() {
            let path = request.head.split(' ').nth(1).unwrap_or_default();
            let answer = match path.strip_prefix("/runs/") {
                Some(rest) => {
                    let run = rest.trim_end_matches("/events");
                    let events = runs.lock().unwrap().get(run).cloned().unwrap_or_default();
                    listing(&events, &plant)
                }
                None => {
                    let run = header(&request.head, "x-a7-run");
                    let body: Value = serde_json::from_slice(&request.body).unwrap();
                    let id = body["id"].as_str().unwrap().to_owned();
                    let mut runs = runs.lock().unwrap();
                    let events = runs.entry(run).or_default();
                    events.push(id.clone());
                    if cut(events.len() - 1) {
                        return;
                    }
                    answer(
                        "202 Accepted",
                        "application/json",
                        &json!({"event_id": id}).to_string(),
                    )
                }
            };
            conversation.send(answer);
        }
    })
}

fn listing(events: &[String], plant: &impl Fn(usize, &mut Vec<Value>)) -> String {
    let mut lines = String::new();
    for (number, id) in events.iter().enumerate() {
        let mut event = vec![json!({
            "event_id": id, "state": "processed", "attempts": 1, "inserts": 1, "notifications": 1,
            "accepted_at": "2026-01-01T00:00:00.000Z", "processed_at": "2026-01-01T00:00:00.250Z",
        })];
        plant(number, &mut event);
        event
            .iter()
            .for_each(|event| lines.push_str(&format!("{event}\n")));
    }
    answer("200 OK", "application/x-ndjson", &lines)
}

pub(crate) fn answer(status: &str, kind: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\n\r\n{body}")
}

pub(crate) fn header(head: &str, name: &str) -> String {
    let mut fields = head.lines().filter_map(|line| line.split_once(": "));
    let found = fields.find(|(own, _)| own.eq_ignore_ascii_case(name));
    found.map_or_else(String::new, |(_, value)| value.to_owned())
}

/// Answers everything with 200, and has no idea of runs.
fn plain_server() -> Server {
    Server::answering("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
}

#[test]
fn a_file_without_an_audit_decides_no_gate_on_it() {
    let (server, folder) = (plain_server(), temp_dir());
    let more = ["--gate", "ingest p95 <= 10s", "--save", "run.json"];
    assert_eq!(run(folder.path(), &server.url(), &more).0, 0);
    let judge = [
        "judge",
        "run.json",
        "--gate",
        "ingest lost <= 0",
        "--output",
        "json",
    ];
    let (code, report) = result(&a7probe(folder.path(), &judge).output().unwrap());
    assert_eq!(
        (code, verdict(&report, "lost")),
        (3, "INCONCLUSIVE"),
        "{report:#}"
    );
}

#[test]
fn the_reference_server_makes_one_event_of_a_key_however_often_it_is_sent() {
    let folder = temp_dir();
    let server = Process::start(folder.path(), &["--sim-latency", "1ms"]);
    let url = format!("http://{}", server.address);
    let more = [&AUDIT_GATES[..], &["--resend", "20%"]].concat();
    let (code, report) = run(folder.path(), &url, &more);
    assert_eq!(code, 0, "{report:#}");
    let audit = completion(&report);
    let resends = &audit["resends"];
    assert!(resends["concurrent"].as_u64() > Some(0), "{resends}");
    assert_eq!(
        (&resends["several_events"], &resends["unanswered"]),
        (&json!(0), &json!(0))
    );
    assert_eq!(
        (&audit["exactly_once"], &audit["unexpected"]),
        (&json!(true), &json!(0))
    );
}

#[test]
fn a_signal_ends_the_wait_and_marks_what_is_known() {
    let server = listing_server(
        |_| false,
        |number, event| {
            if number == 9 {
                event[0]["state"] = json!("working");
            }
        },
    );
    let folder = temp_dir();
    let measuring = measure(folder.path(), &server.url(), &AUDIT_GATES[..2])
        .spawn()
        .unwrap();
    // The first question is whether runs are listed; from the second on it waits.
    eventually("the audit has begun", || {
        let asked = server.received();
        asked
            .iter()
            .filter(|r| r.head.starts_with("GET /runs/"))
            .count()
            >= 3
    });
    signal(measuring.id(), "INT");
    let (code, report) = result(&measuring.wait_with_output().unwrap());
    assert_eq!(
        (code, verdict(&report, "lost")),
        (130, "INCONCLUSIVE"),
        "{report:#}"
    );
    assert_eq!(completion(&report)["settled"], "interrupted");
    assert_eq!(completion(&report)["processed"], 99);
}

#[test]
fn what_contradicts_itself_is_refused_before_anything_is_sent() {
    for (line, message) in [
        (
            &["--no-audit", "--gate", "lost <= 0"][..],
            "needs an audit, and --no-audit turns it off",
        ),
        (
            &["--get", "health=/health", "--gate", "health lost <= 0"],
            "creates no event to audit",
        ),
        (
            &["--gate", "done.p95 <= 60s"],
            "the audit waits 30 s, less than the limit",
        ),
        (&["--audit-id", "x"], "--audit-id needs --audit-url"),
        (&["--audit-url", "/status"], "has no {id}"),
        (
            &["--audit-url", "/status/{{uuid}}", "--audit-id", "x"],
            "give one of them",
        ),
        (&["--resend", "0%"], "not a valid share"),
        (&["--resend", "5"], "5"),
        (&["--resend", "5%", "--no-audit"], "leave --no-audit out"),
        (
            &["--resend", "5%", "--body", "ingest={}"],
            "and ingest sends none",
        ),
        (&["--gate", "ingest lots <= 0"], "did you mean 'lost'?"),
    ] {
        let folder = temp_dir();
        let base = ["measure", "http://127.0.0.1:1", "-z", "30s"];
        let output = a7probe(folder.path(), &[&base, line].concat())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{line:?}: {said}");
        assert!(said.contains(message), "{line:?}: {said}");
    }
}

#[test]
fn two_audits_are_compared() {
    let folder = temp_dir();
    let server = Process::start(folder.path(), &["--sim-latency", "1ms"]);
    let url = format!("http://{}", server.address);
    for file in ["before.json", "after.json"] {
        let more = ["--gate", "ingest p95 <= 10s", "--save", file];
        assert_eq!(run(folder.path(), &url, &more).0, 0);
    }
    let compare = [
        "compare",
        "before.json",
        "after.json",
        "--gate",
        "ingest lost <= 0",
        "-v",
    ];
    let output = a7probe(folder.path(), &compare).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(
        text.starts_with("PASS  ingest  lost 0, limit 0\n"),
        "{text}"
    );
    for row in ["\n  lost ", "\n  done P95 "] {
        assert!(text.contains(row), "{text}");
    }
}
