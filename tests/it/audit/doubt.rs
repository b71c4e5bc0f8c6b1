//! What could not be read, or not be seen, is no verdict: neither for the service nor against it.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::audit::service::{
    Asked, LISTED, POLLED, all_done, done, finding, gates, listing, measure_exactly, named,
    run_exactly, service, state, status,
};
use crate::audit::{completion, result, verdict};
use crate::harness::{eventually, signal, temp_dir};

const DOWN: &str = "503 Service Unavailable";

fn counts(report: &Value) -> [u64; 4] {
    let audit = completion(report);
    ["processed", "pending", "unread", "lost"].map(|name| audit[name].as_u64().unwrap())
}

#[test]
fn an_event_whose_state_cannot_be_read_is_not_lost() {
    for answer in [
        "500 Internal Server Error",
        "429 Too Many Requests",
        "200 OK",
    ] {
        // Of the last, the body is no JSON.
        let server = service(named, move |asked| match asked.path {
            "/status/event-3" => status(answer),
            _ => state(&done()),
        });
        let folder = temp_dir();
        let more = [&POLLED[..], &gates(&["lost <= 0", "done.p95 <= 500ms"])].concat();
        let (code, report) = run_exactly(folder.path(), &server, &more);
        assert_eq!(counts(&report), [99, 1, 1, 0], "{answer}: {report:#}");
        assert_eq!((code, verdict(&report, "lost")), (3, "INCONCLUSIVE"));
        let reason = finding(&report, "lost")["reason"].as_str().unwrap();
        assert!(
            reason.contains("the state of 1 could not be read"),
            "{reason}"
        );
        assert!(reason.contains("/status/event-3"), "{reason}");
        // One of a hundred may be as late as it likes.
        assert_eq!(verdict(&report, "done.p95"), "PASS");
    }
}

#[test]
fn a_look_that_was_long_ago_shows_neither_a_loss_nor_a_delay() {
    // A replica that lags knows nothing of one event and says of three quarters that they are pending; then the
    // service is down until the deadline.
    let early = |asked: &Asked<'_>| {
        let number: usize = asked.path.rsplit('-').next().unwrap().parse().unwrap();
        match number {
            7 => status("404 Not Found"),
            n if n % 4 != 1 => state(&json!({"state": "accepted"})),
            _ => state(&done()),
        }
    };
    let server = service(named, move |asked| match asked.before {
        0 => early(asked),
        _ => status(DOWN),
    });
    let folder = temp_dir();
    let more = [&POLLED[..], &gates(&["lost <= 0", "done.p50 <= 400ms"])].concat();
    let (code, report) = run_exactly(folder.path(), &server, &more);
    assert_eq!(counts(&report), [25, 75, 75, 0], "{report:#}");
    assert_eq!(verdict(&report, "lost"), "INCONCLUSIVE");
    // 75 of 100 would fail a median if it were certain that they took so long.
    assert_eq!(verdict(&report, "done.p50"), "INCONCLUSIVE", "{report:#}");
    let reason = finding(&report, "done.p50")["reason"].as_str().unwrap();
    assert!(reason.contains("answered 503"), "{reason}");
    assert_eq!(code, 3);
}

#[test]
fn a_listing_that_was_read_long_ago_shows_neither_a_loss_nor_a_delay() {
    let server = service(named, |asked| match asked.before {
        // The first is asked before the run.
        0 | 1 => {
            let mut events = all_done(asked.taken);
            events.truncate(30);
            listing(&events)
        }
        _ => status(DOWN),
    });
    let folder = temp_dir();
    let more = [&LISTED[..], &gates(&["lost <= 0", "done.p50 <= 400ms"])].concat();
    let (code, report) = run_exactly(folder.path(), &server, &more);
    assert_eq!(counts(&report), [30, 70, 70, 0], "{report:#}");
    let verdicts = ["lost", "done.p50"].map(|metric| verdict(&report, metric));
    assert_eq!((code, verdicts), (3, ["INCONCLUSIVE"; 2]));
    let warnings = report["warnings"].to_string();
    assert!(warnings.contains("answered 503"), "{warnings}");
}

#[test]
fn a_saved_audit_keeps_what_could_not_be_read() {
    let server = service(named, |asked| match asked.path {
        "/status/event-3" => status(DOWN),
        _ => state(&done()),
    });
    let folder = temp_dir();
    let save = ["--save", "run.json"];
    let more = [
        &POLLED[..],
        &save,
        &gates(&["lost <= 0", "done.p50 <= 400ms"]),
    ]
    .concat();
    let (_, report) = run_exactly(folder.path(), &server, &more);
    let judge = ["judge", "run.json", "--output", "json"];
    let again = crate::audit::a7probe(folder.path(), &judge)
        .output()
        .unwrap();
    let (_, again) = result(&again);
    assert_eq!(again["findings"], report["findings"]);
    assert_eq!(completion(&again)["unread"], 1);
}

#[test]
fn an_audit_url_that_knows_nothing_is_doubted_before_the_service_is() {
    let server = service(named, |_| status("404 Not Found"));
    let folder = temp_dir();
    let more = [&POLLED[..], &gates(&["lost <= 0"])].concat();
    let (code, report) = run_exactly(folder.path(), &server, &more);
    assert_eq!(
        (code, verdict(&report, "lost")),
        (3, "INCONCLUSIVE"),
        "{report:#}"
    );
    let reason = finding(&report, "lost")["reason"].as_str().unwrap();
    assert!(
        reason.starts_with("all 100 state URLs at http://127.0.0.1:")
            && reason.contains("answered 404"),
        "{reason}"
    );
}

#[test]
fn a_field_that_no_answer_has_is_doubted_before_the_service_is() {
    let server = service(named, |_| state(&json!({"status": "shipped"})));
    let folder = temp_dir();
    let more = [&POLLED[..], &gates(&["done.p50 <= 400ms"])].concat();
    let (code, report) = run_exactly(folder.path(), &server, &more);
    assert_eq!(code, 3, "{report:#}");
    let reason = finding(&report, "done.p50")["reason"].as_str().unwrap();
    assert!(
        reason.contains("no answer had the field 'state'"),
        "{reason}"
    );
}

/// The field of those that are dead is there in every answer, and says nothing of who is done.
#[test]
fn a_field_that_no_answer_has_is_doubted_although_another_one_is_there() {
    let server = service(named, |_| state(&json!({"state": "processed"})));
    let folder = temp_dir();
    let typing_error = ["--audit-done", "stat=processed"];
    let more = [&POLLED[..], &typing_error, &gates(&["lost <= 0"])].concat();
    let (code, report) = run_exactly(folder.path(), &server, &more);
    assert_eq!(code, 3, "{report:#}");
    let reason = finding(&report, "lost")["reason"].as_str().unwrap();
    assert!(
        reason.contains("no answer had the field 'stat'"),
        "{reason}"
    );
}

#[test]
fn an_effect_that_is_never_told_of_is_no_zero() {
    let server = service(named, |_| {
        let mut half = done();
        half.as_object_mut().unwrap().remove("notifications");
        state(&half)
    });
    let folder = temp_dir();
    let metrics = ["lost <= 0", "duplicated <= 0", "unexpected <= 0"];
    let more = [&POLLED[..], &gates(&metrics)].concat();
    let (code, report) = run_exactly(folder.path(), &server, &more);
    let verdicts = ["lost", "duplicated", "unexpected"].map(|metric| verdict(&report, metric));
    assert_eq!(
        (code, verdicts),
        (3, ["PASS", "INCONCLUSIVE", "INCONCLUSIVE"]),
        "{report:#}"
    );
    let audit = completion(&report);
    assert_eq!(audit["inserted_twice"], 0);
    for unknowable in ["notified_twice", "duplicated", "unexpected"] {
        assert_eq!(audit[unknowable], Value::Null, "{unknowable}");
    }
    assert_eq!(audit["recovered"], 0, "every answer was seen");
}

#[test]
fn what_was_taken_in_without_an_answer_is_unknowable_where_answers_name_events() {
    let server = service(
        |number, request| match number {
            50 => String::new(),
            _ => named(number, request),
        },
        |asked| listing(&all_done(asked.taken)),
    );
    let folder = temp_dir();
    // Without a key of its own, the request whose answer is missing has no name.
    let body = ["--body", "ingest={}"];
    let more = [
        &LISTED[..],
        &body,
        &gates(&["lost <= 0", "unexpected <= 0"]),
    ]
    .concat();
    let (code, report) = run_exactly(folder.path(), &server, &more);
    let audit = completion(&report);
    assert_eq!(audit["journal"]["unknown"], 1, "{report:#}");
    assert_eq!(
        (&audit["recovered"], &audit["unexpected"]),
        (&Value::Null, &Value::Null)
    );
    assert_eq!(verdict(&report, "lost"), "PASS");
    assert_eq!((code, verdict(&report, "unexpected")), (3, "INCONCLUSIVE"));
}

#[test]
fn nothing_owed_is_nothing_to_wait_for() {
    let server = service(
        |_, _| status("500 Internal Server Error"),
        |_| state(&done()),
    );
    let folder = temp_dir();
    let long = ["--audit-url", "/status/{id}", "--audit-timeout", "60s"];
    let began = Instant::now();
    let more = [&long[..], &gates(&["lost <= 0"])].concat();
    let (code, report) = run_exactly(folder.path(), &server, &more);
    assert_eq!(
        (code, verdict(&report, "lost")),
        (3, "INCONCLUSIVE"),
        "{report:#}"
    );
    assert!(began.elapsed() < Duration::from_secs(30));
    assert_eq!(completion(&report)["accepted"], 0);
}

#[test]
fn a_round_that_takes_too_long_ends_at_the_deadline() {
    let server = service(named, |asked| {
        if asked.path == "/status/event-5" {
            std::thread::sleep(Duration::from_secs(8));
        }
        state(&done())
    });
    let folder = temp_dir();
    let began = Instant::now();
    let more = [&POLLED[..], &gates(&["lost <= 0"])].concat();
    let (_, report) = run_exactly(folder.path(), &server, &more);
    assert!(
        began.elapsed() < Duration::from_secs(6),
        "{:?}",
        began.elapsed()
    );
    assert_eq!(counts(&report), [99, 1, 1, 0], "{report:#}");
}

#[test]
fn a_signal_during_a_round_ends_it_and_the_run_is_saved() {
    let server = service(named, |asked| {
        if asked.path == "/status/event-5" {
            std::thread::sleep(Duration::from_secs(8));
        }
        state(&done())
    });
    let folder = temp_dir();
    let more = ["--audit-url", "/status/{id}", "--save", "run.json"];
    let more = [&more[..], &gates(&["lost <= 0"])].concat();
    let measuring = measure_exactly(folder.path(), &server.url(), &more)
        .spawn()
        .unwrap();
    let began = Instant::now();
    eventually("the slow question is asked", || {
        let asked = server.received();
        asked
            .iter()
            .any(|r| r.head.starts_with("GET /status/event-5 "))
    });
    signal(measuring.id(), "INT");
    let (code, report) = result(&measuring.wait_with_output().unwrap());
    assert!(began.elapsed() < Duration::from_secs(7));
    assert_eq!(
        (code, verdict(&report, "lost")),
        (130, "INCONCLUSIVE"),
        "{report:#}"
    );
    assert!(folder.path().join("run.json").exists());
}

#[test]
fn a_certificate_that_cannot_be_read_after_the_run_costs_only_the_audit() {
    let folder = temp_dir();
    let ca = folder.path().join("ca.pem");
    std::fs::write(&ca, crate::scripted::Certificate::new().pem).unwrap();
    let gone = ca.clone();
    let server = service(
        move |number, request| {
            // The engine has read it by now.
            let _ = std::fs::remove_file(&gone);
            named(number, request)
        },
        |_| state(&done()),
    );
    let cacert = ["--cacert", ca.to_str().unwrap()];
    let more = [&POLLED[..], &cacert, &gates(&["lost <= 0"])].concat();
    let (code, report) = run_exactly(folder.path(), &server, &more);
    assert_eq!(
        (code, verdict(&report, "lost")),
        (3, "INCONCLUSIVE"),
        "{report:#}"
    );
    let unread = report["endpoints"][0]["audit"]["unread"].as_str().unwrap();
    assert!(unread.contains("no such file"), "{unread}");
    assert_eq!(report["endpoints"][0]["counts"]["ok"], 100);
}
