//! `a7probe ab`: the real program against scripted servers in turns, and the statistics against a fake client.

mod self_check;

use std::path::Path;
use std::process::{Output, Stdio};
use std::time::{Duration, Instant};

use a7probe::run::run_file::{Run, RunEnd, Signal};
use serde_json::Value;

use crate::harness::{self, a7probe, code, eventually, json, signal, stderr, temp_dir};
use crate::scripted::{Conversation, OK, Server, refusing_port};

/// Six pairs of blocks of 0.3 s with 30 requests each: 180 on each side, enough for a P95.
const QUICK: [&str; 12] = [
    "--get",
    "health=/health",
    "-q",
    "100",
    "--block",
    "300ms",
    "--settle",
    "100ms",
    "--pairs",
    "6",
    "--output",
    "json",
];

fn run_in(folder: &Path, arguments: &[&str]) -> Output {
    harness::run(folder, arguments)
}

fn ab(arguments: &[&str]) -> Output {
    let folder = temp_dir();
    run_in(folder.path(), &[&["ab"], &QUICK[..], arguments].concat())
}

/// Answers each request after a time that may depend on it.
fn delaying(delay: impl Fn(&str) -> Duration + Send + Sync + 'static) -> Server {
    Server::tcp(move |conversation: &mut Conversation| {
        while let Some(request) = conversation.request() {
            std::thread::sleep(delay(&request.head));
            if !conversation.send(OK) {
                return;
            }
        }
    })
}

fn slow(ms: u64) -> Server {
    delaying(move |_| Duration::from_millis(ms))
}

fn change<'a>(json: &'a Value, metric: &str) -> &'a Value {
    let changes = json["changes"].as_array().unwrap();
    changes.iter().find(|c| c["metric"] == metric).unwrap()
}

fn says(json: &Value, words: &str) -> bool {
    let notes = json["notes"].as_array().unwrap();
    notes
        .iter()
        .any(|note| note.as_str().unwrap().contains(words))
}

#[test]
fn a_known_change_between_two_servers_is_found_and_both_intervals_are_told() {
    let (before, after) = (slow(200), slow(10));
    let output = ab(&[
        "--before",
        &before.url(),
        "--after",
        &after.url(),
        "--gate",
        "p50 reduction >= 50%",
        "--gate",
        "p50 <= 1s",
        "--episode",
        "10ms",
    ]);
    let json = json(&output);
    assert_eq!(code(&output), 0, "{json:#}");
    assert_eq!(
        (json["kind"].as_str(), json["verdict"].as_str()),
        (Some("ab"), Some("PASS"))
    );
    let p50 = change(&json, "p50");
    assert_eq!(p50["effect"], "improved");
    let intervals = &p50["intervals"];
    let ends = |interval: &Value| [0, 1].map(|end| interval[end].as_f64().unwrap());
    let (profile, paired) = (ends(&intervals["profile"]), ends(&intervals["paired"]));
    let width = |[low, high]: [f64; 2]| (high / low).ln();
    let chosen = match width(paired) > width(profile) {
        true => ("paired", paired),
        false => ("profile", profile),
    };
    assert_eq!(intervals["chosen"], chosen.0);
    assert_eq!(ends(&p50["ratio_interval"]), chosen.1);
    assert_eq!(json["turns"]["order"], "ABBA");
    assert_eq!(
        (&json["turns"]["pairs"], &json["turns"]["same"]),
        (&6.into(), &false.into())
    );
    assert!(says(&json, "drift controlled: 6 pairs"), "{json:#}");
    assert!(!says(&json, "drift not controlled"));
}

#[test]
fn blocks_come_in_abba_order_and_what_settles_is_recorded_apart() {
    let (before, after) = (slow(1), slow(1));
    let output = ab(&[
        "--before",
        &before.url(),
        "--after",
        &after.url(),
        "--no-preflight",
    ]);
    let json = json(&output);
    let rates = &json["rates"][0];
    assert_eq!(rates["error_rate_before"]["planned"], 180);
    assert_eq!(rates["error_rate_after"]["planned"], 180);
    // Ten more before each of six blocks.
    assert_eq!(
        (before.received().len(), after.received().len()),
        (240, 240)
    );
    let arrivals = |server: &Server, side: char| -> Vec<(Instant, char)> {
        server
            .received()
            .iter()
            .map(|request| (request.at, side))
            .collect()
    };
    let mut all = [arrivals(&before, 'A'), arrivals(&after, 'B')].concat();
    all.sort_unstable();
    let mut order: Vec<char> = all.into_iter().map(|(_, side)| side).collect();
    order.dedup();
    // A BB AA BB AA BB A
    assert_eq!(order.iter().collect::<String>(), "ABABABA");
}

#[test]
fn every_event_of_every_block_is_new() {
    let server = slow(0);
    let folder = temp_dir();
    let output = run_in(
        folder.path(),
        &[
            "ab",
            &server.url(),
            "--post",
            "ingest=/ingest",
            "-q",
            "100",
            "--block",
            "200ms",
            "--settle",
            "50ms",
            "--pairs",
            "2",
            "--output",
            "json",
        ],
    );
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let mut ids: Vec<String> = server
        .received()
        .iter()
        .map(|r| {
            serde_json::from_slice::<Value>(&r.body).unwrap()["id"]
                .as_str()
                .unwrap()
                .to_owned()
        })
        .collect();
    let sent = ids.len();
    // Two preflights, four blocks of 20 and 5 to settle.
    assert_eq!(sent, 2 + 4 * 25);
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), sent);
}

#[test]
fn header_sets_tell_the_sides_of_one_url_apart() {
    let server = delaying(|head| {
        match head.contains("x-variant: canary") || head.contains("X-Variant: canary") {
            true => Duration::from_millis(50),
            false => Duration::from_millis(5),
        }
    });
    let output = ab(&[
        &server.url(),
        "-H",
        "X-Variant: stable",
        "--after-header",
        "X-Variant: canary",
        "--gate",
        "p50 <= baseline + 20%",
    ]);
    let json = json(&output);
    assert_eq!(code(&output), 1, "{json:#}");
    assert_eq!(change(&json, "p50")["effect"], "regressed");
    assert!(!says(&json, "A/A"));
    for request in server.received() {
        let head = request.head.to_ascii_lowercase();
        assert_eq!(head.matches("x-variant:").count(), 1, "{head}");
    }
}

#[test]
fn a_service_that_drifts_is_no_change() {
    let began = Instant::now();
    let server = delaying(move |_| {
        Duration::from_millis(20) + began.elapsed().min(Duration::from_secs(10)).mul_f64(0.004)
    });
    // 16 ms more over some 4 s; measured one after the other it would be a growth of a third. The band is as wide as
    // a noisy machine needs.
    let output = ab(&[&server.url(), "--noise", "15%,4ms"]);
    let json = json(&output);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let effect = change(&json, "p50")["effect"].as_str().unwrap();
    assert!(
        matches!(effect, "within_noise" | "inconclusive"),
        "{json:#}"
    );
    assert!(says(&json, "A/A: both sides are the same URL"), "{json:#}");
    assert_eq!(json["turns"]["same"], true);
}

#[test]
fn a_dead_side_is_unreachable_before_the_first_block() {
    let server = slow(1);
    let dead = format!("http://127.0.0.1:{}", refusing_port());
    for (sides, role) in [
        ([server.url(), dead.clone()], "the side after"),
        ([dead.clone(), server.url()], "the side before"),
    ] {
        let output = ab(&["--before", &sides[0], "--after", &sides[1]]);
        assert_eq!(code(&output), 4, "{}", stderr(&output));
        let text = stderr(&output);
        assert!(
            text.contains(role)
                && text.contains("refused the connection")
                && text.contains("hint:"),
            "{text}"
        );
        assert!(output.stdout.is_empty());
    }
}

#[test]
fn a_side_that_fails_all_the_time_now_fails() {
    let server = slow(1);
    let dead = format!("http://127.0.0.1:{}", refusing_port());
    let output = ab(&[
        "--before",
        &server.url(),
        "--after",
        &dead,
        "--no-preflight",
        "--gate",
        "p95 <= baseline + 10%",
    ]);
    let json = json(&output);
    assert_eq!(code(&output), 1, "{json:#}");
    let p95 = change(&json, "p95");
    assert_eq!(
        (&p95["effect"], &p95["after"]),
        (&"regressed".into(), &"failed".into())
    );
    assert_eq!(json["rates"][0]["error_rate_after"]["not_ok"], 180);
}

#[test]
fn both_sides_are_saved_as_runs_that_judge_and_compare_read() {
    let server = slow(2);
    let folder = temp_dir();
    let output = run_in(
        folder.path(),
        &[
            &[
                "ab",
                &server.url(),
                "--after-header",
                "X-New: 1",
                "--gate",
                "p95 <= 5s",
                "--episode",
                "10ms",
                "--save-before",
                "a.json",
                "--save-after",
                "b.json",
            ],
            &QUICK[..],
        ]
        .concat(),
    );
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let [before, after] =
        ["a.json", "b.json"].map(|file| Run::load(&folder.path().join(file)).unwrap());
    assert!(before.turns.unwrap().is_partner_of(&after.turns.unwrap()));
    let recording = &after.endpoints[0].recording;
    assert_eq!(recording.seams, [30, 60, 90, 120, 150]);
    assert_eq!((recording.planned(), recording.ok.len()), (180, 180));
    assert_eq!(after.endpoints[0].warmup.total(), 60);
    let judged = run_in(folder.path(), &["judge", "b.json", "--output", "json"]);
    assert_eq!(code(&judged), 0, "{}", stderr(&judged));
    let finding = |output: &Output| json(output)["findings"][0].clone();
    assert_eq!(finding(&judged)["p_pass"], finding(&output)["p_pass"]);
    let compared = run_in(
        folder.path(),
        // Bursts are in the differences between blocks; without blocks the profile interval reckons with them itself.
        &["compare", "a.json", "b.json", "--iid", "--output", "json"],
    );
    assert_eq!(code(&compared), 0, "{}", stderr(&compared));
    assert!(says(
        &json(&compared),
        "drift controlled: ab measured both sides interleaved"
    ));
    assert_eq!(
        change(&json(&compared), "p50")["ratio_interval"],
        change(&json(&output), "p50")["intervals"]["profile"]
    );
}

#[test]
fn fewer_than_six_pairs_use_the_profile_interval_alone_and_say_so() {
    let server = slow(2);
    let output = ab(&[&server.url(), "--pairs", "4"]);
    // The later flag of two is refused by clap, so the pairs come alone.
    assert_eq!(code(&output), 2);
    let folder = temp_dir();
    let output = run_in(
        folder.path(),
        &[
            "ab",
            &server.url(),
            "--get",
            "health=/health",
            "-q",
            "100",
            "--block",
            "300ms",
            "--settle",
            "0s",
            "--pairs",
            "4",
            "--output",
            "json",
        ],
    );
    let json = json(&output);
    assert!(
        says(
            &json,
            "only the profile interval is used: 4 pairs of blocks"
        ),
        "{json:#}"
    );
    let intervals = &change(&json, "p50")["intervals"];
    assert_eq!(
        (&intervals["chosen"], &intervals["paired"]),
        (&"profile".into(), &Value::Null)
    );
}

#[test]
fn ctrl_c_leaves_the_complete_pairs_marked_as_a_part() {
    let server = slow(1);
    let folder = temp_dir();
    let url = server.url();
    let child = a7probe(folder.path(), &[])
        .args([
            "ab",
            &url,
            "--get",
            "health=/health",
            "-q",
            "100",
            "--block",
            "200ms",
            "--settle",
            "50ms",
        ])
        .args([
            "--pairs",
            "500",
            "--save-after",
            "b.json",
            "--output",
            "json",
        ])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Two blocks are 50 requests; the first pair is complete for certain.
    eventually("requests are sent", || server.received().len() >= 120);
    signal(child.id(), "INT");
    let output = child.wait_with_output().unwrap();
    assert_eq!(code(&output), 130, "{}", stderr(&output));
    let json = json(&output);
    let pairs = json["turns"]["pairs"].as_u64().unwrap();
    assert!(
        (1..500).contains(&pairs) && json["turns"]["pairs_planned"] == 500,
        "{json:#}"
    );
    assert_eq!(json["rates"][0]["error_rate_after"]["planned"], 20 * pairs);
    assert_eq!(json["rates"][0]["error_rate_after"]["not_ok"], 0);
    assert!(says(&json, &format!("{pairs} of 500 pairs")), "{json:#}");
    assert_eq!(json["runs"][1]["interrupted"], true);
    let saved = Run::load(&folder.path().join("b.json")).unwrap();
    let cut = RunEnd::Interrupted {
        signal: Signal::Sigint,
    };
    assert_eq!((saved.ended, saved.turns.unwrap().pairs), (cut, pairs));
}

#[test]
fn a_baseline_is_refused_before_anything_is_sent_or_read() {
    let server = slow(0);
    let output = ab(&[&server.url(), "--baseline", "missing.json"]);
    assert_eq!(code(&output), 2);
    assert_eq!(
        stderr(&output),
        "error: --baseline has no use in ab\nhint: the side before is the baseline\n"
    );
    assert!(server.received().is_empty());
}
