//! Services with sparse answers: a redirect when an event is done, nothing once they have forgotten it, and states in
//! their own words.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use serde_json::json;

use super::service::{
    Asked, POLLED, done, finding, gates, named, run_exactly, script, service, state, status,
};
use super::{answer, completion, result, verdict};
use crate::harness::a7probe;
use crate::scripted::Server;

fn redirect(status: &str, to: &str) -> String {
    format!("HTTP/1.1 {status}\r\nlocation: {to}\r\ncontent-length: 0\r\n\r\n")
}

#[test]
fn a_redirect_to_the_result_is_done_and_202_is_under_way() {
    let server = service(named, |asked: &Asked<'_>| match asked.before {
        0 => answer("202 Accepted", "text/plain", ""),
        _ => redirect("303 See Other", &asked.path.replace("status", "results")),
    });
    let folder = crate::harness::temp_dir();
    let more = [&POLLED[..], &gates(&["lost <= 0", "done.p95 <= 2s"])].concat();
    let (code, report) = run_exactly(folder.path(), &server, &more);
    assert_eq!(code, 0, "{report:#}");
    assert_eq!(completion(&report)["processed"], 100, "{report:#}");
}

#[test]
fn other_redirects_are_done_only_where_that_is_said() {
    for (status_line, to, flag, processed, why) in [
        ("302 Found", "/results/7", ":status=302", 100, ""),
        ("302 Found", "/results/7", "state=done", 0, ":status=302"),
        (
            "308 Permanent Redirect",
            "/v2/status",
            "state=done",
            0,
            "answered 308",
        ),
        (
            "303 See Other",
            "/login?next=/status",
            "state=done",
            0,
            "login page",
        ),
        (
            "303 See Other",
            "/welcome",
            "state=done",
            0,
            "not the result of one event",
        ),
        ("303 See Other", "/", ":status=303", 100, ""),
        ("303 See Other", "", "state=done", 0, "without a Location"),
        (
            "303 See Other",
            "https://idp.example/a",
            "state=done",
            0,
            "another origin",
        ),
    ] {
        let server = service(named, move |_| redirect(status_line, to));
        let folder = crate::harness::temp_dir();
        let done = ["--audit-done", flag];
        let more = [&POLLED[..], &done, &gates(&["lost <= 0"])].concat();
        let (code, report) = run_exactly(folder.path(), &server, &more);
        match processed {
            0 => {
                assert_eq!(
                    (code, verdict(&report, "lost")),
                    (3, "INCONCLUSIVE"),
                    "{report:#}"
                );
                let text = finding(&report, "lost").to_string();
                assert!(text.contains(why), "{text}");
                let status = &status_line[..3];
                let next = finding(&report, "lost")["next_step"].as_str().unwrap();
                assert!(
                    next.contains(&format!("--audit-done :status={status}")),
                    "{next}"
                );
            }
            _ => assert_eq!(completion(&report)["processed"], processed, "{report:#}"),
        }
    }
}

#[test]
fn an_event_that_was_there_and_is_not_is_forgotten_and_not_lost() {
    // Known and under way first; then gone, or never there at all but for the word 410.
    for (first, then) in [
        (state(&json!({"state": "queued"})), "404 Not Found"),
        (state(&json!({"state": "queued"})), "410 Gone"),
        (status("410 Gone"), "410 Gone"),
    ] {
        let server = service(named, move |asked: &Asked<'_>| match asked.path {
            "/status/event-3" if asked.before == 0 => first.clone(),
            "/status/event-3" => status(then),
            _ => state(&done()),
        });
        let folder = crate::harness::temp_dir();
        let more = [&POLLED[..], &gates(&["lost <= 0"])].concat();
        let (code, report) = run_exactly(folder.path(), &server, &more);
        assert_eq!(
            (code, verdict(&report, "lost")),
            (3, "INCONCLUSIVE"),
            "{report:#}"
        );
        let reason = finding(&report, "lost")["reason"].as_str().unwrap();
        assert!(reason.contains("forgotten"), "{reason}");
    }
}

/// `{id}` in the answer stands for the event, `{n}` for the number of the question.
fn see_other(to: &'static str) -> Server {
    service(named, move |asked: &Asked<'_>| {
        let id = asked.path.rsplit('/').next().unwrap_or_default();
        let to = to
            .replace("{id}", id)
            .replace("{n}", &format!("{}", asked.before));
        let hash = format!("{:x}", id.bytes().fold(7u64, |h, b| h * 31 + u64::from(b)));
        redirect("303 See Other", &to.replace("{hash}", &hash))
    })
}

#[test]
fn a_303_is_done_only_if_it_points_to_a_result_of_that_event() {
    let folder = crate::harness::temp_dir();
    let more = [&POLLED[..], &gates(&["lost <= 0"])].concat();
    for (to, is_done) in [
        ("/results/{id}", true),
        ("/results/{hash}", true),
        ("/results", false),
        ("/visit/{hash}/{n}", false),
        ("/begin?next=/status/{id}", false),
        ("/status/{id}", false),
        ("http://127.0.0.1:1/results/{id}", false),
    ] {
        let (code, report) = run_exactly(folder.path(), &see_other(to), &more);
        let expected = match is_done {
            true => (0, "PASS"),
            false => (3, "INCONCLUSIVE"),
        };
        assert_eq!(
            (code, verdict(&report, "lost")),
            expected,
            "{to}: {report:#}"
        );
        if !is_done {
            let next = finding(&report, "lost")["next_step"].as_str().unwrap();
            assert!(next.contains("--audit-done :status=303"), "{to}: {next}");
        }
    }
}

#[test]
fn what_was_never_seen_is_not_lost_where_the_service_forgets_others() {
    // One event is seen and then forgotten; another one may have been forgotten before it was asked for.
    for then in ["404 Not Found", "410 Gone"] {
        let server = service(named, move |asked: &Asked<'_>| match asked.path {
            "/status/event-3" => status("404 Not Found"),
            "/status/event-60" if asked.before == 0 => state(&json!({"state": "queued"})),
            "/status/event-60" => status(then),
            _ => state(&done()),
        });
        let folder = crate::harness::temp_dir();
        let more = [&POLLED[..], &gates(&["lost <= 0"])].concat();
        let (code, report) = run_exactly(folder.path(), &server, &more);
        assert_eq!(
            (code, verdict(&report, "lost")),
            (3, "INCONCLUSIVE"),
            "{report:#}"
        );
        assert_eq!(completion(&report)["lost"], 0, "{report:#}");
        let next = finding(&report, "lost")["next_step"].as_str().unwrap();
        assert!(next.contains("--audit-ttl"), "{next}");
    }
}

#[test]
fn the_next_step_fits_the_cause() {
    let document = |body: serde_json::Value| state(&body);
    for (body, next) in [
        (status("401 Unauthorized"), "credentials with -H"),
        (status("429 Too Many Requests"), "limit"),
        (status("302 Found"), "--audit-done :status=302"),
        (status("404 Not Found"), "--audit-url"),
        (status("410 Gone"), "--audit-ttl"),
        (
            document(json!({"phase": "done"})),
            "--audit-done FIELD=VALUE",
        ),
        (
            document(json!({"state": {"name": "done"}})),
            "--audit-done state.name=done",
        ),
        (
            document(json!({"state": ["done"]})),
            "--audit-done state.0=done",
        ),
        (document(json!({"state": "shipped"})), "--audit-done state="),
    ] {
        let shown = body.clone();
        let server = service(named, move |_| body.clone());
        let folder = crate::harness::temp_dir();
        let more = [&POLLED[..], &gates(&["lost <= 0"])].concat();
        let (code, report) = run_exactly(folder.path(), &server, &more);
        assert_eq!(code, 3, "{shown}: {report:#}");
        let finding = finding(&report, "lost");
        let said = finding["next_step"].as_str().unwrap();
        assert!(said.contains(next), "{shown}: {finding:#}");
        let reason = finding["reason"].as_str().unwrap();
        assert!(!reason.contains('\n') && !reason.contains("?,"), "{reason}");
    }
}

/// An event that never existed is lost.
#[test]
fn an_event_that_was_never_there_is_lost() {
    let folder = crate::harness::temp_dir();
    for more in [&[][..], &["--audit-ttl", "10m"]] {
        let server = service(named, |asked: &Asked<'_>| match asked.path {
            "/status/event-3" => status("404 Not Found"),
            _ => state(&done()),
        });
        let more = [&POLLED[..], more, &gates(&["lost <= 0"])].concat();
        let (code, report) = run_exactly(folder.path(), &server, &more);
        assert_eq!((code, verdict(&report, "lost")), (1, "FAIL"), "{report:#}");
        assert_eq!(completion(&report)["lost"], 1, "{report:#}");
    }
}

/// Done at once, and forgotten after this time.
fn forgetful(ttl: Duration) -> Server {
    let taken: Mutex<BTreeMap<String, Instant>> = Mutex::default();
    let taken = std::sync::Arc::new(taken);
    let told = std::sync::Arc::clone(&taken);
    let take = move |number: usize, request: &crate::scripted::Received| {
        let path = format!("/status/event-{number}");
        taken.lock().unwrap().insert(path, Instant::now());
        named(number, request)
    };
    Server::tcp(script(take, move |asked: &Asked<'_>| {
        match told.lock().unwrap().get(asked.path) {
            Some(at) if at.elapsed() < ttl => state(&done()),
            _ => status("404 Not Found"),
        }
    }))
}

#[test]
fn events_are_asked_for_during_the_run_before_they_are_forgotten() {
    let server = forgetful(Duration::from_secs(2));
    let folder = crate::harness::temp_dir();
    let slowly = [
        "measure",
        &server.url(),
        "--post",
        "ingest=/ingest",
        "-q",
        "20",
        "-n",
        "100",
    ];
    let plain = [
        "--warmup",
        "0s",
        "--no-preflight",
        "--no-calibration",
        "--iid",
        "--output=json",
    ];
    let ttl = ["--audit-ttl", "2s"];
    let more = [&slowly[..], &plain, &POLLED, &ttl, &gates(&["lost <= 0"])].concat();
    let (_, report) = result(&a7probe(folder.path(), &more).output().unwrap());
    let audit = completion(&report);
    // On a busy machine some may be asked for too late; none of them is lost, and most were in time.
    assert_eq!(audit["lost"], 0, "{report:#}");
    assert!(audit["processed"].as_u64().unwrap() > 50, "{report:#}");
    assert_ne!(verdict(&report, "lost"), "FAIL", "{report:#}");
}

#[test]
fn an_event_that_may_be_forgotten_before_the_first_look_is_not_lost() {
    // Remembered for no time at all; the flag says for how long it is at least.
    let server = service(named, |asked: &Asked<'_>| match asked.path {
        "/status/event-99" => state(&done()),
        _ => status("404 Not Found"),
    });
    let folder = crate::harness::temp_dir();
    let more = ["--audit-ttl", "1ms"];
    let more = [&POLLED[..], &more, &gates(&["lost <= 0"])].concat();
    let (code, report) = run_exactly(folder.path(), &server, &more);
    assert_eq!(
        (code, verdict(&report, "lost")),
        (3, "INCONCLUSIVE"),
        "{report:#}"
    );
    let reason = finding(&report, "lost")["reason"].as_str().unwrap();
    assert!(reason.contains("--audit-ttl is 1 ms"), "{reason}");
}

#[test]
fn states_are_read_in_any_case_and_behind_a_byte_order_mark() {
    let json = |body: &str| answer("200 OK", "application/json", body);
    for body in [
        json(r#"{"state":"COMPLETED"}"#),
        json(r#"{"state":" Done "}"#),
        json(r#"{"state":"succeeded"}"#),
        json("\u{feff}{\"state\":\"processed\"}"),
        json("\"finished\""),
        answer("200 OK", "text/plain", "SUCCESS\r\n"),
    ] {
        let shown = body.clone();
        let server = service(named, move |_| body.clone());
        let folder = crate::harness::temp_dir();
        let more = [&POLLED[..], &gates(&["lost <= 0", "done.p95 <= 2s"])].concat();
        let (code, report) = run_exactly(folder.path(), &server, &more);
        assert_eq!(code, 0, "{shown}: {report:#}");
        assert_eq!(completion(&report)["processed"], 100, "{shown}");
    }
}

#[test]
fn a_state_that_is_not_known_is_named_and_decides_nothing() {
    let server = service(named, |asked: &Asked<'_>| match asked.path {
        "/status/event-3" => state(&json!({"state": "shipped"})),
        _ => state(&done()),
    });
    let folder = crate::harness::temp_dir();
    let more = [&POLLED[..], &gates(&["lost <= 0"])].concat();
    let (code, report) = run_exactly(folder.path(), &server, &more);
    assert_eq!(
        (code, verdict(&report, "lost")),
        (3, "INCONCLUSIVE"),
        "{report:#}"
    );
    let reason = finding(&report, "lost")["reason"].as_str().unwrap();
    assert!(reason.contains("state is 'shipped'"), "{reason}");
    // An event named as done is done.
    let named = ["--audit-done", "state=processed,shipped"];
    let more = [&POLLED[..], &named, &gates(&["lost <= 0"])].concat();
    let (code, report) = run_exactly(folder.path(), &server, &more);
    assert_eq!(code, 0, "{report:#}");
}

#[test]
fn a_page_of_html_and_a_refusal_say_what_they_are() {
    for (body, why) in [
        (
            answer("200 OK", "text/html", "<!doctype html><title>App</title>"),
            "a page of HTML",
        ),
        (status("401 Unauthorized"), "send credentials with -H"),
        (status("403 Forbidden"), "send credentials with -H"),
        (status("204 No Content"), "answered 204 without a body"),
    ] {
        let server = service(named, move |_| body.clone());
        let folder = crate::harness::temp_dir();
        let more = [&POLLED[..], &gates(&["lost <= 0"])].concat();
        let (code, report) = run_exactly(folder.path(), &server, &more);
        assert_eq!(
            (code, verdict(&report, "lost")),
            (3, "INCONCLUSIVE"),
            "{report:#}"
        );
        let text = finding(&report, "lost").to_string();
        assert!(text.contains(why), "{text}");
    }
}
