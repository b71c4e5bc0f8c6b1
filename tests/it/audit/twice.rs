//! What is done twice: requests that are sent twice on purpose, lines that are listed twice, effects that come late.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::audit::service::{
    Asked, LISTED, POLLED, accepted, all_done, done, finding, gates, listing, measure_exactly,
    named, run_exactly, service, state, status,
};
use crate::audit::{answer, completion, result, verdict};
use crate::harness::{a7probe, signal, temp_dir};
use crate::scripted::{Certificate, Received, Server};

/// What a service makes of a key that comes again.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Again {
    /// A replay of its one event.
    Replay,
    /// The same event, without a word about it.
    Same,
    /// The same event, done once more.
    DoneTwice,
    /// Another event.
    Another,
}

/// How often something came.
type Counts = Arc<Mutex<BTreeMap<String, u64>>>;

fn keyed_server(again: Again) -> Server {
    let (keys, events) = (Counts::default(), Counts::default());
    let told = Arc::clone(&events);
    let take = move |_: usize, request: &Received| {
        let body: Value = serde_json::from_slice(&request.body).unwrap();
        let key = body["id"].as_str().unwrap().to_owned();
        let times = {
            let mut keys = keys.lock().unwrap();
            let times = keys.entry(key.clone()).or_default();
            *times += 1;
            *times
        };
        let (id, does, mark) = match again {
            _ if times == 1 => (key, 1, ""),
            Again::Replay => (key, 0, "\r\nidempotent-replayed: true"),
            Again::Same => (key, 0, ""),
            Again::DoneTwice => (key, 1, ""),
            Again::Another => (format!("{key}-{times}"), 1, ""),
        };
        *events.lock().unwrap().entry(id.clone()).or_default() += does;
        accepted(&json!({"event_id": id})).replacen("\r\n", &format!("{mark}\r\n"), 1)
    };
    let tell = move |asked: &Asked<'_>| {
        let id = asked.path.trim_start_matches("/status/");
        match told.lock().unwrap().get(id) {
            Some(times) => {
                state(&json!({"state": "processed", "inserts": times, "notifications": times}))
            }
            None => status("404 Not Found"),
        }
    };
    service(take, tell)
}

/// A run of which half is sent twice.
fn resent(folder: &Path, server: &Server) -> (i32, Value) {
    let more = [
        &POLLED[..],
        &["--resend", "50%", "--seed", "7"],
        &gates(&["duplicated <= 0"]),
    ];
    run_exactly(folder, server, &more.concat())
}

#[test]
fn a_repeated_key_is_caught_if_it_makes_a_second_event_or_does_the_first_one_twice() {
    for (again, bin, code) in [
        (Again::Replay, "replayed", 0),
        (Again::Same, "same_event", 0),
        (Again::DoneTwice, "same_event", 1),
        (Again::Another, "several_events", 1),
    ] {
        let (server, folder) = (keyed_server(again), temp_dir());
        let (exit, report) = resent(folder.path(), &server);
        assert_eq!(exit, code, "{bin}: {report:#}");
        let audit = completion(&report);
        let resends = &audit["resends"];
        let count = |name: &str| resends[name].as_u64().unwrap();
        let sent = count("concurrent") + count("after");
        assert!((25..=75).contains(&sent), "{resends}");
        assert!(count("concurrent") > 0 && count("after") > 0, "{resends}");
        // Of two that are under way at once the repetition may be read first, and then it is no replay.
        let first = match bin {
            "replayed" => count("same_event"),
            _ => 0,
        };
        assert_eq!(count(bin) + first, sent, "{resends}");
        assert!(first <= count("concurrent"), "{resends}");
        let duplicated = match code {
            0 => 0,
            _ => sent,
        };
        assert_eq!(audit["duplicated"], duplicated, "{report:#}");
        // What was repeated is in no count of requests.
        assert_eq!(report["endpoints"][0]["planned"], 100);
        assert_eq!(report["endpoints"][0]["counts"]["ok"], 100);
    }
}

#[test]
fn two_events_for_one_key_fail_without_anything_that_the_service_tells() {
    // One event a request, and nobody to ask.
    let server = service(named, |_| status("404 Not Found"));
    let folder = temp_dir();
    let more = ["--resend", "50%", "--seed", "7"];
    let began = Instant::now();
    let (code, report) = run_exactly(
        folder.path(),
        &server,
        &[&more[..], &gates(&["duplicated <= 0"])].concat(),
    );
    assert_eq!(
        (code, verdict(&report, "duplicated")),
        (1, "FAIL"),
        "{report:#}"
    );
    // Who lists no runs before the run is not waited for after it.
    assert!(began.elapsed() < Duration::from_secs(20));
    let audit = &report["endpoints"][0]["audit"];
    assert!(audit["unread"].is_string(), "{audit:#}");
    assert!(
        audit["resends"]["several_events"].as_u64() >= Some(25),
        "{audit:#}"
    );
    // Without a gate it is a warning.
    let (_, report) = run_exactly(
        folder.path(),
        &server,
        &[&more[..], &gates(&["p95 <= 10s"])].concat(),
    );
    let warnings = report["warnings"].to_string();
    assert!(
        warnings.contains("were processed more than once"),
        "{warnings}"
    );
}

#[test]
fn answers_that_name_no_event_are_not_compared() {
    let server = service(
        |_, _| accepted(&json!({"accepted": true})),
        |_| status("404 Not Found"),
    );
    let folder = temp_dir();
    let more = ["--resend", "50%", "--seed", "7"];
    let gate = gates(&["p95 <= 10s"]);
    let (_, report) = run_exactly(folder.path(), &server, &[&more[..], &gate].concat());
    let resends = &report["endpoints"][0]["audit"]["resends"];
    assert_eq!(resends["same_event"], 0, "{resends}");
    assert!(resends["not_compared"].as_u64() >= Some(25), "{resends}");
}

#[test]
fn what_was_accepted_only_the_second_time_is_owed() {
    // Every key fails at first.
    let seen = Counts::default();
    let take = move |_: usize, request: &Received| {
        let body: Value = serde_json::from_slice(&request.body).unwrap();
        let key = body["id"].as_str().unwrap().to_owned();
        let mut seen = seen.lock().unwrap();
        let times = seen.entry(key.clone()).or_default();
        *times += 1;
        match times {
            1 => status("500 Internal Server Error"),
            _ => accepted(&json!({"event_id": key})),
        }
    };
    // And what is accepted is forgotten, but for one event.
    let kept = Mutex::new(None::<String>);
    let server = service(take, move |asked| {
        let mut kept = kept.lock().unwrap();
        match kept.get_or_insert_with(|| asked.path.to_owned()) == asked.path {
            true => state(&done()),
            false => status("404 Not Found"),
        }
    });
    let folder = temp_dir();
    let resend = ["--resend", "50%", "--seed", "7"];
    let more = [&POLLED[..], &resend, &gates(&["lost <= 0"])].concat();
    let (code, report) = run_exactly(folder.path(), &server, &more);
    assert_eq!((code, verdict(&report, "lost")), (1, "FAIL"), "{report:#}");
    let audit = completion(&report);
    let owed = audit["accepted"].as_u64().unwrap();
    assert!(owed >= 25, "{audit:#}");
    // Of two that are under way at once the repetition may be read first, and then it is the original that is accepted.
    let ok = report["endpoints"][0]["counts"]["ok"].as_u64().unwrap();
    let by_repeat = audit["journal"]["by_repeat"].as_u64().unwrap();
    assert_eq!(ok + by_repeat, owed, "{audit:#}");
    assert!(by_repeat >= 10, "{audit:#}");
    assert_eq!(
        (&audit["processed"], &audit["lost"]),
        (&json!(1), &json!(owed - 1))
    );
}

#[test]
fn a_repetition_waits_until_the_original_is_on_its_way() {
    // The original opens its connection first, and its handshake is slow: a repetition that did not wait would come
    // first, and the original would find the key in use. The repetition is taken up late, so that there is no tie.
    let (certificate, connections) = (Certificate::new(), AtomicUsize::new(0));
    let in_use = Mutex::new(BTreeSet::<String>::new());
    let server = Server::tls(&certificate, move |conversation| {
        let is_original = connections.fetch_add(1, Ordering::SeqCst) % 2 == 0;
        let (handshake_ms, taking_up_ms) = match is_original {
            true => (150, 0),
            false => (0, 50),
        };
        std::thread::sleep(Duration::from_millis(handshake_ms));
        let request = conversation.request();
        let Some(request) = request.filter(|request| !request.head.starts_with("GET ")) else {
            return;
        };
        std::thread::sleep(Duration::from_millis(taking_up_ms));
        let body: Value = serde_json::from_slice(&request.body).unwrap();
        let key = body["id"].as_str().unwrap().to_owned();
        if !in_use.lock().unwrap().insert(key.clone()) {
            conversation.send(status("409 Conflict"));
            return;
        }
        std::thread::sleep(Duration::from_millis(150));
        in_use.lock().unwrap().remove(&key);
        conversation.send(accepted(&json!({"event_id": key})));
    });
    let folder = temp_dir();
    let url = format!("https://127.0.0.1:{}", server.port());
    let more = "--post ingest=/ingest -q 1.5 -n 6 --arrivals grid --warmup 0s --no-preflight --no-calibration --iid --insecure \
                --disable-keepalive --output=json --resend 100% --seed 8 --gate lost<=0 --audit-url /{id} \
                --audit-timeout 200ms";
    let line: Vec<&str> = ["measure", &url]
        .into_iter()
        .chain(more.split_whitespace())
        .collect();
    let (_, report) = result(&a7probe(folder.path(), &line).output().unwrap());
    // No original was refused.
    assert_eq!(report["endpoints"][0]["counts"]["ok"], 6, "{report:#}");
    let resends = &report["endpoints"][0]["audit"]["resends"];
    assert!(resends["concurrent"].as_u64() > Some(0), "{resends}");
    assert_eq!(resends["conflict"], resends["concurrent"], "{resends}");
}

#[test]
fn a_line_that_is_listed_twice_is_a_duplicate_and_no_stranger() {
    let server = service(named, |asked| {
        let mut events = all_done(asked.taken);
        if let Some(event) = events.get(3).cloned() {
            events.push(event);
        }
        listing(&events)
    });
    let folder = temp_dir();
    let more = [&LISTED[..], &gates(&["duplicated <= 0", "unexpected <= 0"])].concat();
    let (code, report) = run_exactly(folder.path(), &server, &more);
    let verdicts = ["duplicated", "unexpected"].map(|metric| verdict(&report, metric));
    assert_eq!((code, verdicts), (1, ["FAIL", "PASS"]), "{report:#}");
    assert_eq!(completion(&report)["duplicated"], 1);
}

#[test]
fn what_is_given_up_and_what_was_never_sent_can_be_gated_and_is_warned_of() {
    let folder = temp_dir();
    for (limit, code, verdicts) in [(0, 1, ["FAIL"; 2]), (1, 0, ["PASS"; 2])] {
        let server = service(named, |asked| {
            let mut events = all_done(asked.taken);
            if let Some(event) = events.get_mut(3) {
                event["state"] = json!("dead");
                let mut stranger = done();
                stranger["event_id"] = json!("stranger");
                events.push(stranger);
            }
            listing(&events)
        });
        let (dead, strange) = (format!("dead <= {limit}"), format!("unexpected <= {limit}"));
        let more = [&LISTED[..], &gates(&[&dead, &strange])].concat();
        let (exit, report) = run_exactly(folder.path(), &server, &more);
        let found = ["dead", "unexpected"].map(|metric| verdict(&report, metric));
        assert_eq!((exit, found), (code, verdicts), "{report:#}");
        let warnings = report["warnings"].to_string();
        for words in [
            "are dead (failed permanently)",
            "that this run did not send",
        ] {
            assert!(warnings.contains(words), "{warnings}");
        }
    }
}

#[test]
fn an_effect_that_is_had_again_when_all_seemed_done_is_seen() {
    // The first look after the run finds everything done once; a moment later, one event has been done once more.
    let late = |before: usize| match before {
        0 => 1,
        _ => 2,
    };
    let polled = service(named, move |asked| {
        let mut event = done();
        if asked.path == "/status/event-3" {
            event["notifications"] = json!(late(asked.before));
        }
        state(&event)
    });
    let listed = service(named, move |asked| {
        let mut events = all_done(asked.taken);
        if let Some(event) = events.get_mut(3) {
            // The first of all is asked before the run.
            event["notifications"] = json!(late(asked.before.saturating_sub(1)));
        }
        listing(&events)
    });
    let folder = temp_dir();
    for (server, how) in [(polled, &POLLED[..]), (listed, &LISTED[..])] {
        let more = [
            how,
            &["--audit-quiet", "50ms"],
            &gates(&["duplicated <= 0"]),
        ]
        .concat();
        let (code, report) = run_exactly(folder.path(), &server, &more);
        assert_eq!(
            (code, verdict(&report, "duplicated")),
            (1, "FAIL"),
            "{report:#}"
        );
        assert_eq!(completion(&report)["notified_twice"], 1);
    }
}

#[test]
fn how_long_duplicates_were_looked_for_is_said() {
    let server = service(named, |asked| listing(&all_done(asked.taken)));
    let folder = temp_dir();
    let more = [
        &LISTED[..],
        &["--audit-quiet", "50ms"],
        &gates(&["duplicated <= 0"]),
    ]
    .concat();
    let (code, report) = run_exactly(folder.path(), &server, &more);
    assert_eq!(code, 0, "{report:#}");
    assert_eq!(
        finding(&report, "duplicated")["reason"],
        "none of 100 accepted events was processed twice, read again 50 ms after all were processed"
    );
    assert_eq!(completion(&report)["read_again_after_ms"], 50.0);
}

#[test]
fn a_second_look_that_is_refused_is_said() {
    let server = service(named, |asked| match asked.before {
        0 | 1 => listing(&all_done(asked.taken)),
        _ => answer("503 Service Unavailable", "text/plain", ""),
    });
    let folder = temp_dir();
    let more = [
        &LISTED[..],
        &["--audit-quiet", "50ms"],
        &gates(&["lost <= 0", "duplicated <= 0"]),
    ]
    .concat();
    let output = measure_exactly(folder.path(), &server.url(), &more)
        .output()
        .unwrap();
    let (code, report) = result(&output);
    assert_eq!(code, 3, "{report:#}");
    assert_eq!(verdict(&report, "lost"), "PASS");
    assert_eq!(verdict(&report, "duplicated"), "INCONCLUSIVE");
    let warnings = report["warnings"].to_string();
    assert!(warnings.contains("the second reading failed"), "{warnings}");
}

/// Everything was done once when the signal came, and a second effect could still follow.
#[test]
fn a_second_look_that_a_signal_cuts_rules_out_no_duplicate_here_or_offline() {
    for how in [&POLLED[..], &LISTED[..]] {
        let server = match how == &POLLED[..] {
            true => service(named, |_| state(&done())),
            false => service(named, |asked| listing(&all_done(asked.taken))),
        };
        let folder = temp_dir();
        let more = [
            how,
            &["--audit-quiet", "600s", "--save", "run.json"],
            &gates(&["lost <= 0", "duplicated <= 0"]),
        ]
        .concat();
        let measuring = measure_exactly(folder.path(), &server.url(), &more)
            .spawn()
            .unwrap();
        let asked = || {
            let received = server.received();
            let about_events = received.iter().filter(|r| r.head.starts_with("GET /"));
            about_events.count()
        };
        // Nothing is asked any more once everything is known to be done.
        let deadline = Instant::now() + Duration::from_secs(60);
        let (mut last, mut since) = (0, Instant::now());
        while last < 2 || since.elapsed() < Duration::from_secs(4) {
            assert!(Instant::now() < deadline, "the audit never settled");
            if asked() != last {
                (last, since) = (asked(), Instant::now());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        signal(measuring.id(), "INT");
        let (code, report) = result(&measuring.wait_with_output().unwrap());
        assert_eq!(code, 130, "{report:#}");
        let judged = a7probe(folder.path(), &["judge", "run.json", "--output", "json"]);
        let (code, offline) = result(&{ judged }.output().unwrap());
        assert_eq!(code, 3, "{offline:#}");
        for report in [&report, &offline] {
            assert_eq!(verdict(report, "lost"), "PASS", "{report:#}");
            assert_eq!(verdict(report, "duplicated"), "INCONCLUSIVE", "{report:#}");
            assert_eq!(
                finding(report, "duplicated")["reason"],
                "none of 100 accepted events was processed twice, but the audit was interrupted before its second reading"
            );
            assert_eq!(completion(report)["settled"], "interrupted");
        }
    }
}
