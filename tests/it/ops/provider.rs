//! `a7probe provider`: a SendGrid of its own, whose journal needs no server's word.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;
use uuid::Uuid;

use a7probe::reference::provider::Mail;

use crate::harness::{a7probe, eventually, temp_dir};
use crate::serve_client::{Client, Response};
use crate::serve_host::{Process, piped};

/// `a7probe provider` on a free port.
fn provider(folder: &Path, flags: &[&str]) -> Process {
    let mut command = a7probe(folder, &["provider", "--bind", "127.0.0.1:0"]);
    command.args(flags).env("A7PROBE_TEST_KEY", "SG.key");
    Process::spawn(piped(command), &folder.join("provider-ready"))
}

fn post(client: &mut Client, headers: &[(&str, &str)], body: &[u8]) -> Response {
    client.request("POST", "/v3/mail/send", headers, body)
}

fn mail(event: u128, attempt: u32) -> Vec<u8> {
    let event_id = Uuid::from_u128(event);
    Mail { event_id, attempt }.to_json().into_bytes()
}

/// A mail as SendGrid's own documentation has it: nothing in it is of this program.
#[test]
fn a_mail_of_any_program_is_taken_and_its_repetition_is_a_duplicate() {
    let folder = temp_dir();
    let provider = provider(folder.path(), &["--latency", "1ms"]);
    let mut client = provider.client();
    let mail = |value: &str| {
        format!(
            r#"{{"personalizations":[{{"to":[{{"email":"someone@example.com"}}]}}],"from":{{"email":"a7@example.com"}},
            "subject":"event","content":[{{"type":"text/plain","value":"{value}"}}]}}"#
        )
    };
    for value in ["one", "two", "one"] {
        let answer = post(&mut client, &[], mail(value).as_bytes());
        assert_eq!(answer.status, 202, "{answer:?}");
    }
    let duplicates = client.get("/journal/duplicates").lines();
    assert_eq!(duplicates.len(), 1);
    let calls = duplicates[0]["calls"].as_array().expect("a list");
    let attempts: Vec<&Value> = calls.iter().map(|call| &call["attempt"]).collect();
    assert_eq!(attempts, [1, 2]);
}

#[test]
fn the_journal_lists_every_call_and_finds_the_duplicates() {
    let folder = temp_dir();
    let flags = ["--latency", "1ms", "--log", "info"];
    let provider = provider(folder.path(), &flags);
    let mut client = provider.client();
    for (event, attempt) in [(1, 1), (2, 1), (1, 2)] {
        let answer = post(&mut client, &[], &mail(event, attempt));
        assert_eq!((answer.status, answer.body.len()), (202, 0));
        assert!(answer.header("x-message-id").is_some());
    }
    let journal = client.get("/journal");
    assert_eq!(journal.header("content-type"), Some("application/x-ndjson"));
    let lines = journal.lines();
    let sent: Vec<(&Value, usize)> = lines
        .iter()
        .map(|line| (&line["sent"], line["calls"].as_array().map_or(0, Vec::len)))
        .collect();
    assert_eq!(sent, [(&2.into(), 2), (&1.into(), 1)]);
    assert_eq!(lines[0]["event_id"], Uuid::from_u128(1).to_string());
    let call = &lines[0]["calls"][1];
    assert_eq!(
        (&call["attempt"], &call["status"]),
        (&2.into(), &202.into())
    );
    assert!(
        call["at"].as_str().is_some_and(|at| at.ends_with('Z')),
        "{call}"
    );
    assert_eq!(client.get("/journal/duplicates").lines(), lines[..1]);
    assert_eq!(
        client.get("/journal/counts").json(),
        serde_json::json!({"calls": 3, "sent": 3, "events": 2, "duplicates": 1})
    );
    provider.terminate();
    let (status, said) = provider.wait();
    assert_eq!(status.code(), Some(0));
    assert!(
        said.ends_with("stopped: 3 calls, 3 mails accepted for 2 events, 1 duplicates\n"),
        "{said}"
    );
    let logged = said
        .lines()
        .filter(|line| line.contains("a7probe::provider: event_id="));
    assert_eq!(logged.count(), 3, "{said}");
    assert!(!folder.path().join("provider-ready").exists());
}

#[test]
fn its_refusals_have_the_shape_of_the_original() {
    let folder = temp_dir();
    let flags = [
        "--latency",
        "0ms",
        "--token-env",
        "A7PROBE_TEST_KEY",
        "--rate-limit",
        "1",
    ];
    let provider = provider(folder.path(), &flags);
    let key = ("authorization", "Bearer SG.key");
    let mut client = provider.client();
    assert_eq!(client.get("/health").status, 200);
    let refused: BTreeMap<u16, Response> = [
        post(&mut client, &[], &mail(1, 1)),
        post(
            &mut provider.client(),
            &[key],
            &vec![b' '; 30 * 1024 * 1024 + 1],
        ),
        post(&mut client, &[key], b"{}"),
        client.request("GET", "/v3/nothing", &[key], b""),
        client.request("PUT", "/v3/mail/send", &[key], b""),
        (0..50)
            .map(|event| post(&mut client, &[key], &mail(event, 1)))
            .find(|answer| answer.status == 429)
            .expect("a refusal"),
    ]
    .into_iter()
    .map(|answer| (answer.status, answer))
    .collect();
    let statuses: Vec<u16> = refused.keys().copied().collect();
    assert_eq!(statuses, [400, 401, 404, 405, 413, 429]);
    for answer in refused.values() {
        let error = &answer.json()["errors"][0];
        assert!(error["message"].is_string(), "{error}");
        assert!(
            error.get("field").is_some() && error.get("help").is_some(),
            "{error}"
        );
    }
    for name in [
        "x-ratelimit-limit",
        "x-ratelimit-remaining",
        "x-ratelimit-reset",
    ] {
        assert!(refused[&429].header(name).is_some(), "{name}");
    }
}

#[test]
fn an_outage_is_begun_and_ended_while_it_runs_and_a_planned_one_begins_by_itself() {
    let folder = temp_dir();
    let running = provider(folder.path(), &["--latency", "0ms"]);
    let mut client = running.client();
    let status = || post(&mut running.client(), &[], &mail(1, 1)).status;
    assert_eq!(status(), 202);
    let begun = client.request("POST", "/outage", &[], b"");
    assert_eq!(begun.json()["outage"], "begun");
    assert_eq!(status(), 503);
    assert_eq!(
        client.request("DELETE", "/outage", &[], b"").json()["outage"],
        "none"
    );
    assert_eq!(status(), 202);
    assert_eq!(
        client.request("POST", "/outage?for=soon", &[], b"").status,
        400
    );
    client.request("POST", "/outage?for=50ms", &[], b"");
    eventually("it is over", || {
        client.get("/outage").json()["outage"] == "none"
    });

    let planned = provider(folder.path(), &["--outage", "0ms..1h"]);
    let mut client = planned.client();
    assert_eq!(client.get("/outage").json()["outage"], "planned");
    assert_eq!(post(&mut client, &[], &mail(1, 1)).status, 503);
}

#[test]
fn a_server_uses_it_with_its_key_and_both_count_the_same() {
    let folder = temp_dir();
    let flags = [
        "--latency",
        "1ms",
        "--error",
        "30%",
        "--token-env",
        "A7PROBE_TEST_KEY",
    ];
    let provider = provider(folder.path(), &flags);
    let url = format!("http://{}", provider.address);
    let server = crate::serve_host::command(
        folder.path(),
        &[
            "--provider",
            &url,
            "--provider-key-env",
            "A7PROBE_TEST_KEY",
            "--retry-base",
            "1ms",
        ],
    );
    let mut server_command = server;
    server_command.env("A7PROBE_TEST_KEY", "SG.key");
    let server = Process::spawn(server_command, &folder.path().join("ready"));
    let mut client = server.client();
    // Keys decide the ids, and ids decide which calls fail.
    let ids: Vec<String> = (0..50)
        .map(|n| {
            let key = format!("key-{n}");
            let headers = [("x-a7-run", "r"), ("idempotency-key", key.as_str())];
            client.ingest(&headers, "{}").event_id()
        })
        .collect();
    for id in &ids {
        let event = client.get(&format!("/events/{id}?wait=60s")).json();
        assert_eq!(event["state"], "processed", "{event}");
    }
    let key = [("authorization", "Bearer SG.key")];
    let journal = provider.client().request("GET", "/journal", &key, b"");
    let calls: BTreeMap<String, (Value, usize)> = journal
        .lines()
        .into_iter()
        .map(|line| {
            let calls = line["calls"].as_array().map_or(0, Vec::len);
            (
                line["event_id"].as_str().expect("an id").to_owned(),
                (line["sent"].clone(), calls),
            )
        })
        .collect();
    for event in client.get("/runs/r/events").lines() {
        let (sent, calls) = &calls[event["event_id"].as_str().expect("an id")];
        assert_eq!(&event["notifications"], sent);
        assert_eq!(event["attempts"], *calls);
    }
    assert!(calls.values().any(|(_, calls)| *calls > 1), "some failed");
}
