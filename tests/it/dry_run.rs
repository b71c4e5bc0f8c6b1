//! `--dry-run`: the whole plan, without its secrets, and before any error.

use serde_json::Value;

use crate::harness::{code, json, run, stderr, stdout, temp_dir};
use crate::screens::{looks_as_its_snapshot, on_a_terminal};
use crate::scripted::{OK, Server};

const BODY: &str = r#"orders={"id":"{{uuid}}","n":{{n}},"card":"4111"}"#;

/// Two endpoints of a shop, one of them with secrets.
const SHOP: [&str; 16] = [
    "https://me:s3cret@shop.example/v2",
    "--get",
    "search=/search?q=lamp&token=s3cret",
    "--post",
    "orders=/orders",
    "-d",
    BODY,
    "-H",
    "Authorization: Bearer s3cret",
    "-H",
    "Accept-Language: de",
    "--rate",
    "20,orders=5",
    "--seed",
    "7",
    "--trace",
];

#[test]
fn the_whole_plan_fits_a_terminal_of_80_columns() {
    let gates = [
        "--gate",
        "search p95 <= 150ms",
        "--gate",
        "orders error_rate <= 1%",
    ];
    let line = [&["measure", "--dry-run", "-n", "600"], &SHOP[..], &gates].concat();
    let text = on_a_terminal(&line, &[]);
    looks_as_its_snapshot("dry-run", &text);
    assert!(
        text.lines().all(|line| line.chars().count() <= 80),
        "{text}"
    );
    assert!(!text.contains("s3cret") && !text.contains("4111"), "{text}");
}

#[test]
fn json_has_the_url_the_requests_and_the_size_of_every_body() {
    let folder = temp_dir();
    let line = [
        &["measure", "--dry-run", "-n", "600", "--output", "json"],
        &SHOP[..],
    ]
    .concat();
    let output = run(folder.path(), &line);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let json = json(&output);
    let orders = &json["endpoints"][1];
    assert_eq!(orders["name"], "orders");
    assert_eq!(orders["requests"], 600);
    let url = orders["url"].as_str().unwrap();
    assert!(url.ends_with("shop.example/v2/orders"), "{url}");
    let body = &json["plan"]["endpoints"][1]["body"];
    assert_eq!(body["bytes"], BODY.len() as u64 - "orders=".len() as u64);
    assert_eq!(body["type"], "application/json");
    assert_eq!(
        body["placeholders"],
        serde_json::json!(["{{uuid}}", "{{n}}"])
    );
    assert!(!stdout(&output).contains("s3cret"));
}

#[test]
fn a_shard_says_which_part_it_sends_and_when() {
    let folder = temp_dir();
    let line = [
        &["measure", "--dry-run", "-n", "600"],
        &SHOP[..],
        &["--shard", "2/8", "--save", "out/"],
    ]
    .concat();
    for (begin, words) in [
        (
            ["--start-at", "2026-12-01T12:00:00Z"],
            "begins at 2026-12-01T12:00:00Z",
        ),
        (
            ["--start-at", "next:60s"],
            "begins at the next multiple of 60 s",
        ),
        (
            ["--rendezvous", "both"],
            "begins when all are ready in both, within 60 s",
        ),
    ] {
        let text = run(folder.path(), &[&line[..], &begin].concat());
        let text = stdout(&text);
        let shard = text
            .split_once("  shard      ")
            .expect(&text)
            .1
            .split("\n  seed")
            .next();
        let shard = shard.map(|lines| lines.split_whitespace().collect::<Vec<_>>().join(" "));
        let expected = format!("2 of 8: requests 2, 10, 18, … of each endpoint; {words}");
        assert_eq!(shard, Some(expected), "{text}");
    }
    let more = ["--start-at", "next:60s", "--output", "json"];
    let output = run(folder.path(), &[&line[..], &more].concat());
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let shard = &json(&output)["shard"];
    assert_eq!((&shard["index"], &shard["count"]), (&2.into(), &8.into()));
    assert_eq!(shard["start_every_s"], 60.0);
}

/// What a dry run of this line prints and answers; it sends nothing.
#[track_caller]
fn refused(line: &[&str], exit: i32) -> (String, String) {
    let server = Server::answering(OK);
    let url = server.url();
    let folder = temp_dir();
    let output = run(folder.path(), &[line, &[&url, "--dry-run"]].concat());
    assert_eq!(code(&output), exit, "{}", stderr(&output));
    assert_eq!(server.connections(), 0);
    (stdout(&output), stderr(&output))
}

#[test]
fn a_plan_that_cannot_be_carried_out_is_shown_before_the_error() {
    let get = ["measure", "--get", "health=/health"];
    for (more, said) in [
        (
            &["-n", "20", "--gate", "p99 <= 150ms"][..],
            "error: gate 'p99 <= 150ms' cannot pass",
        ),
        (&["--gate", "nope p95 <= 1s"], "unknown endpoint 'nope'"),
        (
            &["-q", "0.001", "-z", "10s"],
            "the plan sends nothing to health",
        ),
        (
            &["--abort-on", "nope p95 > 1s for 5s"],
            "unknown endpoint 'nope'",
        ),
        (
            &["-n", "600", "--fail-fast"],
            "error: --fail-fast does not fit a run of fixed size",
        ),
        (
            &["--baseline", "gone.json", "--gate", "p95 <= baseline + 10%"],
            "gone.json",
        ),
        (
            &["--resend", "5%", "--no-audit"],
            "--resend needs the audit",
        ),
    ] {
        let (plan, error) = refused(&[&get[..], more].concat(), 2);
        assert!(
            plan.starts_with("plan for http://127.0.0.1:"),
            "{more:?}: {plan}"
        );
        assert!(
            plan.contains("  health: GET http://127.0.0.1:"),
            "{more:?}: {plan}"
        );
        assert!(
            error.starts_with("error: ") && error.contains(said),
            "{more:?}: {error}"
        );
    }
    let ab = [
        "ab",
        "--get",
        "health=/health",
        "--pairs",
        "2",
        "--block",
        "1s",
    ];
    let (plan, error) = refused(&[&ab[..], &["--gate", "p99 reduction >= 10%"]].concat(), 2);
    assert!(plan.contains("  health: GET http://127.0.0.1:"), "{plan}");
    assert!(
        error.contains("error: gate 'health p99 reduction >= 10%' cannot be decided"),
        "{error}"
    );
    let line = [
        &get[..],
        &["-n", "20", "--gate", "p99 <= 150ms", "--output", "json"],
    ]
    .concat();
    let (plan, _) = refused(&line, 2);
    let plan: Value = serde_json::from_str(&plan).expect("a whole plan");
    assert_eq!(plan["gates"][0]["gate"], "health p99 <= 150ms");
}
