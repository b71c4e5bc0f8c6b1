//! Which event a request is: what the answer says, and what that is worth where the listing says something else.

use serde_json::{Value, json};

use crate::audit::service::{
    LISTED, POLLED, accepted, all_done, done, finding, gates, listing, named, run_exactly, service,
    state,
};
use crate::audit::{completion, verdict};
use crate::harness::temp_dir;
use crate::scripted::Received;

/// A key that is no name of an event, in each of the ways that look as if it were.
const KEYS: [&[&str]; 4] = [
    &["--body", "ingest={}", "-H", "X-Request-Id: {{uuid}}"],
    &["--body", r#"ingest={"user":"{{uuid}}"}"#],
    &["--body", r#"ingest={"id":"order-{{uuid}}"}"#],
    &["--body", "ingest={}", "-H", "Idempotency-Key: run-{{uuid}}"],
];

fn nameless(_: usize, _: &Received) -> String {
    accepted(&json!({"accepted": true}))
}

#[test]
fn a_key_that_does_not_name_the_event_gives_way_to_the_answers_id() {
    for key in KEYS {
        let server = service(named, |asked| listing(&all_done(asked.taken)));
        let folder = temp_dir();
        let more = [&LISTED[..], key, &gates(&["lost <= 0", "unexpected <= 0"])].concat();
        let (code, report) = run_exactly(folder.path(), &server, &more);
        assert_eq!(code, 0, "{key:?}: {report:#}");
        assert_eq!(completion(&report)["exactly_once"], true, "{key:?}");
    }
}

#[test]
fn a_listing_under_other_names_is_no_loss_where_the_answers_name_nothing() {
    for key in KEYS {
        let server = service(nameless, |asked| listing(&all_done(asked.taken)));
        let folder = temp_dir();
        let more = [&LISTED[..], key, &gates(&["lost <= 0"])].concat();
        let (code, report) = run_exactly(folder.path(), &server, &more);
        assert_eq!(
            (code, verdict(&report, "lost")),
            (3, "INCONCLUSIVE"),
            "{report:#}"
        );
        let reason = finding(&report, "lost")["reason"].as_str().unwrap();
        assert!(
            reason.contains("none of the 100 listed events was sent by this run"),
            "{reason}"
        );
    }
}

#[test]
fn a_listing_that_calls_events_otherwise_than_the_answers_is_no_loss() {
    let server = service(
        |number, _| accepted(&json!({"event_id": format!("receipt-{number}")})),
        |asked| listing(&all_done(asked.taken)),
    );
    let folder = temp_dir();
    let more = [&LISTED[..], &gates(&["lost <= 0"])].concat();
    let (code, report) = run_exactly(folder.path(), &server, &more);
    assert_eq!(
        (code, verdict(&report, "lost")),
        (3, "INCONCLUSIVE"),
        "{report:#}"
    );
}

#[test]
fn what_the_answers_named_and_nobody_lists_is_lost() {
    let server = service(named, |_| listing(&[]));
    let folder = temp_dir();
    let more = [&LISTED[..], &gates(&["lost <= 0"])].concat();
    let (code, report) = run_exactly(folder.path(), &server, &more);
    assert_eq!((code, verdict(&report, "lost")), (1, "FAIL"), "{report:#}");
    assert_eq!(completion(&report)["lost"], 100);
    // Without names, nobody can tell.
    let server = service(nameless, |_| listing(&[]));
    let (code, report) = run_exactly(folder.path(), &server, &more);
    assert_eq!(
        (code, verdict(&report, "lost")),
        (3, "INCONCLUSIVE"),
        "{report:#}"
    );
}

#[test]
fn a_run_is_listed_under_the_name_that_its_requests_give_it() {
    let server = service(named, |asked| match asked.path {
        "/runs/nightly%207/events" => {
            // Yesterday's run had the same name.
            let mut events = all_done(asked.taken);
            events.push(json!({"event_id": "yesterday", "state": "processed", "inserts": 1, "notifications": 1,
                "accepted_at": "2026-01-01T00:00:00Z", "processed_at": "2026-01-01T00:00:01Z"}));
            listing(&events)
        }
        _ => listing(&[]),
    });
    let folder = temp_dir();
    let named = ["-H", "X-A7-Run: nightly 7"];
    let more = [&LISTED[..], &named, &gates(&["lost <= 0"])].concat();
    let (code, report) = run_exactly(folder.path(), &server, &more);
    assert_eq!((code, verdict(&report, "lost")), (0, "PASS"), "{report:#}");
    assert_eq!(completion(&report)["unexpected"], Value::Null);
}

#[test]
fn one_event_for_many_requests_decides_nothing() {
    let same = |_: usize, _: &Received| accepted(&json!({"event_id": "the-one"}));
    let polled = service(same, |_| state(&done()));
    let listed = service(same, |_| {
        let mut event = done();
        event["event_id"] = json!("the-one");
        listing(&[event])
    });
    for (server, how) in [(polled, &POLLED[..]), (listed, &LISTED[..])] {
        let folder = temp_dir();
        let more = [how, &gates(&["lost <= 0", "duplicated <= 0"])].concat();
        let (code, report) = run_exactly(folder.path(), &server, &more);
        let verdicts = ["lost", "duplicated"].map(|metric| verdict(&report, metric));
        assert_eq!((code, verdicts), (3, ["INCONCLUSIVE"; 2]), "{report:#}");
        let audit = completion(&report);
        assert_eq!(
            (&audit["shared"], &audit["exactly_once"]),
            (&json!(99), &json!(false))
        );
        let reason = finding(&report, "lost")["reason"].as_str().unwrap();
        assert!(
            reason.starts_with("99 requests were answered with another request's event"),
            "{reason}"
        );
    }
}
