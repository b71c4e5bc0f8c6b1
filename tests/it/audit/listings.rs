//! Scripted servers that list, or name on request, other events than they accepted.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use super::{
    AUDIT_GATES, QUICK, answer, completion, listing_server, plain_server, result, run, verdict,
};

use crate::harness::{a7probe, temp_dir};
use crate::scripted::Server;

#[test]
fn planted_losses_duplicates_and_strangers_are_found() {
    let stranger = "00000000-0000-4000-8000-000000000099";
    let server = listing_server(
        // Taken in, and the connection closed without an answer.
        |number| number == 50,
        move |number, event| match number {
            3 | 4 => event.clear(),
            5 => event[0]["inserts"] = json!(2),
            6 => event[0]["notifications"] = json!(3),
            7 => event[0]["state"] = json!("dead"),
            8 => event[0]["event_id"] = json!(stranger),
            _ => {}
        },
    );
    let folder = temp_dir();
    let more = [&AUDIT_GATES[..], &["--audit-timeout", "2s"]].concat();
    let (code, report) = run(folder.path(), &server.url(), &more);
    assert_eq!(code, 1, "{report:#}");
    let audit = completion(&report);
    let expected = json!({
        "accepted": 99, "processed": 95, "pending": 0, "dead": 1, "lost": 3, "duplicated": 2, "inserted_twice": 1,
        "notified_twice": 1, "recovered": 1, "unexpected": 1, "exactly_once": false,
        "journal": {"ok": 99, "failed": 0, "unknown": 1},
    });
    for (name, value) in expected.as_object().unwrap() {
        assert_eq!(&audit[name], value, "{name}: {audit:#}");
    }
    assert!(
        (audit["done_p50_ms"].as_f64().unwrap() - 250.0).abs() < 0.1,
        "{audit:#}"
    );
    assert_eq!(
        (verdict(&report, "lost"), verdict(&report, "duplicated")),
        ("FAIL", "FAIL")
    );
}

#[test]
fn what_is_still_pending_at_the_deadline_is_neither_a_pass_nor_lost() {
    let server = listing_server(
        |_| false,
        |number, event| {
            if number == 9 {
                event[0]["state"] = json!("working");
            }
        },
    );
    let folder = temp_dir();
    let more = [&AUDIT_GATES[..2], &["--audit-timeout", "500ms"]].concat();
    let (code, report) = run(folder.path(), &server.url(), &more);
    assert_eq!(
        (code, verdict(&report, "lost")),
        (3, "INCONCLUSIVE"),
        "{report:#}"
    );
    assert_eq!(completion(&report)["pending"], 1);
}

#[test]
fn an_audit_that_was_asked_for_and_cannot_be_read_is_inconclusive() {
    let (server, folder) = (plain_server(), temp_dir());
    let wait = ["--audit-timeout", "300ms"];
    let (code, report) = run(
        folder.path(),
        &server.url(),
        &[&AUDIT_GATES[..2], &wait].concat(),
    );
    assert_eq!(
        (code, verdict(&report, "lost")),
        (3, "INCONCLUSIVE"),
        "{report:#}"
    );
    let unread = report["endpoints"][0]["audit"]["unread"].as_str().unwrap();
    assert!(unread.contains("is not a listing"), "{unread}");
    // Asked for without a gate on it: said, and nothing hangs on it.
    let asked = [&["--audit", "--gate", "ingest p95 <= 10s"][..], &wait].concat();
    let (code, report) = run(folder.path(), &server.url(), &asked);
    assert_eq!(code, 0, "{report:#}");
    assert!(
        report["warnings"].to_string().contains("could not be read"),
        "{report:#}"
    );
    // Not asked for, not offered: not mentioned.
    let (code, report) = run(
        folder.path(),
        &server.url(),
        &["--gate", "ingest p95 <= 10s"],
    );
    assert_eq!(code, 0);
    assert!(!report.to_string().contains("audit"), "{report:#}");
}

/// A server that names its events itself and tells their state one by one: number n is `order-n`.
fn polled_server() -> Server {
    let taken = Arc::new(Mutex::new(0usize));
    Server::tcp(move |conversation| {
        while let Some(request) = conversation.request() {
            let path = request.head.split(' ').nth(1).unwrap_or_default();
            let answer = match path.strip_prefix("/orders/order-") {
                Some("3") => answer("404 Not Found", "application/json", "{}"),
                Some("4") => answer(
                    "200 OK",
                    "application/json",
                    r#"{"data":{"status":"rejected"}}"#,
                ),
                Some(_) => answer(
                    "200 OK",
                    "application/json",
                    r#"{"data":{"status":"shipped"}}"#,
                ),
                None => {
                    let mut taken = taken.lock().unwrap();
                    *taken += 1;
                    let id = format!("order-{}", *taken);
                    let body = json!({"order": {"number": id}}).to_string();
                    let answer = answer("202 Accepted", "application/json", &body);
                    answer.replacen("\r\n", &format!("\r\nlocation: /orders/{id}?x=1\r\n"), 1)
                }
            };
            conversation.send(answer);
        }
    })
}

#[test]
fn a_server_that_names_its_events_itself_is_asked_for_each() {
    for id in ["order.number", "/order/number", "location"] {
        // The first event is the preflight's, some the warm-up's.
        let (server, folder) = (polled_server(), temp_dir());
        let more = [
            "--audit-url",
            "/orders/{id}",
            "--audit-id",
            id,
            "--audit-done",
            "data.status=shipped,delivered",
            "--audit-dead",
            "data.status=rejected",
            "--gate",
            "ingest lost <= 0",
            "--gate",
            "ingest duplicated <= 0",
            "--audit-timeout",
            "2s",
            "--warmup",
            "0s",
            "--no-preflight",
        ];
        let more = more
            .iter()
            .copied()
            .filter(|word| *word != "--warmup" && *word != "0s");
        let mut all: Vec<&str> = QUICK
            .iter()
            .copied()
            .filter(|word| *word != "--warmup" && *word != "100ms")
            .collect();
        all.extend(more);
        all.extend(["--warmup", "0s"]);
        let url = server.url();
        let output = a7probe(folder.path(), &[&["measure", &url], &all[..]].concat())
            .output()
            .unwrap();
        let (code, report) = result(&output);
        let audit = completion(&report);
        assert_eq!(
            (
                &audit["accepted"],
                &audit["processed"],
                &audit["dead"],
                &audit["lost"]
            ),
            (&json!(100), &json!(98), &json!(1), &json!(1)),
            "{id}: {report:#}"
        );
        assert_eq!((code, verdict(&report, "lost")), (1, "FAIL"));
        // The listing has no counts of inserts and notifications, so duplicates are unknown.
        assert_eq!(
            (&audit["duplicated"], &audit["clock"]),
            (&Value::Null, &json!("poll"))
        );
        assert_eq!(verdict(&report, "duplicated"), "INCONCLUSIVE");
    }
}
