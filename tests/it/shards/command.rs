//! Several processes send one run, and `merge` judges it.

use std::path::Path;
use std::process::{Child, Output};
use std::time::Duration;

use serde_json::{Value, json};
use uuid::Uuid;

use crate::harness::{
    a7probe, code, eventually, json as parsed, run, signal, stderr, stdout, temp_dir,
};
use crate::scripted::{Conversation, OK, Server};

/// Starts a shard of a run of 3 s and 80 requests a second, without what takes time before it.
fn start(folder: &Path, url: &str, which: &str, more: &[&str]) -> Child {
    let mut arguments = vec![
        "measure",
        url,
        "-n",
        "240",
        "-q",
        "80",
        "--warmup",
        "0s",
        "--no-calibration",
        "--iid",
        "--shard",
        which,
        "--rendezvous",
        "shards",
    ];
    arguments.extend(more);
    a7probe(folder, &arguments).spawn().unwrap()
}

#[track_caller]
fn ended(child: Child, expected: i32) -> Output {
    let output = child.wait_with_output().unwrap();
    assert_eq!(
        code(&output),
        expected,
        "{}{}",
        stdout(&output),
        stderr(&output)
    );
    output
}

fn saved(folder: &Path, index: u32) -> Value {
    let text = std::fs::read(folder.join(format!("shards/shard-{index}.json"))).unwrap();
    serde_json::from_slice(&text).unwrap()
}

fn warning_codes(report: &Value) -> Vec<&str> {
    let warnings = report["warnings"].as_array().unwrap();
    warnings
        .iter()
        .filter_map(|warning| warning["code"].as_str())
        .collect()
}

#[test]
fn eight_processes_make_one_verdict() {
    // Far beyond the limit below, because eight processes may be late.
    let server = Server::exactly(Duration::from_millis(400));
    let url = format!("{}/health", server.url());
    let folder = temp_dir();
    let gate = ["--gate", "p95 <= 2s", "--seed", "7"];
    let children: Vec<Child> = (0..8)
        .map(|index| start(folder.path(), &url, &format!("{index}/8"), &gate))
        .collect();
    for (index, child) in children.into_iter().enumerate() {
        let told = stdout(&ended(child, 0));
        assert!(
            told.contains(&format!("shard {index}/8: 30 of 240 requests")),
            "{told}"
        );
        assert!(told.contains("a7probe merge"), "{told}");
    }
    let first = saved(folder.path(), 0);
    for index in 0..8 {
        let shard = saved(folder.path(), index);
        assert_eq!(shard["shard"], json!({"index": index, "of": 8}));
        assert_eq!(shard["plan"]["seed"], 7);
        for common in ["id", "started_at", "plan_hash", "gates"] {
            assert_eq!(shard[common], first[common], "{common}");
        }
        assert!(shard["instrument"]["wall_clock"]["state"].is_string());
    }
    // One question before the run each, and the planned requests.
    assert_eq!(server.received().len(), 240 + 8);

    let merge = [
        "merge",
        "shards",
        "--save",
        "run.json",
        "-o",
        "report.html",
        "--output",
        "json",
    ];
    let output = run(folder.path(), &merge);
    let report = parsed(&output);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert_eq!(report["verdict"], "PASS");
    assert_eq!(report["endpoints"][0]["planned"], 240);
    let shards = &report["runs"][0]["shards"];
    assert_eq!(
        (&shards["of"], &shards["missing"]),
        (&json!(8), &Value::Null)
    );
    assert_eq!(shards["merged"].as_array().unwrap().len(), 8);
    let page = std::fs::read_to_string(folder.path().join("report.html")).unwrap();
    assert!(page.contains("Shards"), "a table of the shards");

    // The saved run is judged as any other.
    let judged = run(folder.path(), &["judge", "run.json", "--output", "json"]);
    assert_eq!(code(&judged), 0, "{}", stderr(&judged));
    assert_eq!(parsed(&judged)["findings"], report["findings"]);
    let tight = run(
        folder.path(),
        &["judge", "run.json", "--gate", "p50 <= 250ms"],
    );
    assert_eq!(code(&tight), 1, "{}", stderr(&tight));

    one_is_missing(folder.path());
    files_of_other_runs(folder.path());
}

/// A PASS becomes INCONCLUSIVE, a FAIL stands, and every output names the missing share.
fn one_is_missing(folder: &Path) {
    let kept = folder.join("kept.json");
    std::fs::rename(folder.join("shards/shard-5.json"), &kept).unwrap();
    let words = "shard 5 of 8 is missing: 30 of 240 requests (12.5%) are not there";
    let output = run(
        folder,
        &["merge", "shards", "--save", "part.json", "-o", "part.html"],
    );
    assert_eq!(code(&output), 3, "{}", stderr(&output));
    assert!(
        stdout(&output).contains("INCONCLUSIVE"),
        "{}",
        stdout(&output)
    );
    assert!(
        stdout(&output).contains("7 of 8 shards"),
        "{}",
        stdout(&output)
    );
    assert!(stderr(&output).contains(words), "{}", stderr(&output));
    let next = "next  run all shards to their end, and merge them";
    assert!(stdout(&output).contains(next), "{}", stdout(&output));
    let page = std::fs::read_to_string(folder.join("part.html")).unwrap();
    assert!(page.contains(words));
    for format in ["json", "markdown"] {
        let output = run(folder, &["merge", "shards", "--output", format]);
        assert_eq!(code(&output), 3);
        let shown = stdout(&output);
        let is_named =
            shown.contains("is missing: 30 of 240") || shown.contains("\"missing_shards\"");
        assert!(is_named, "{format}: {shown}");
    }
    let failed = run(
        folder,
        &[
            "merge",
            "shards",
            "--gate",
            "p50 <= 250ms",
            "--output",
            "json",
        ],
    );
    assert_eq!(code(&failed), 1, "{}", stderr(&failed));
    assert!(warning_codes(&parsed(&failed)).contains(&"shards_missing"));
    // The saved run knows it, too.
    let judged = run(folder, &["judge", "part.json"]);
    assert_eq!(code(&judged), 3, "{}", stderr(&judged));
    std::fs::rename(&kept, folder.join("shards/shard-5.json")).unwrap();
}

fn files_of_other_runs(folder: &Path) {
    let refused = |arguments: &[&str]| {
        let output = run(folder, arguments);
        assert_eq!(code(&output), 2, "{}", stdout(&output));
        stderr(&output)
    };
    let twice = refused(&["merge", "shards", "shards/shard-2.json"]);
    assert!(twice.contains("shard 2 is there twice"), "{twice}");
    let text = std::fs::read_to_string(folder.join("shards/shard-3.json")).unwrap();
    std::fs::write(
        folder.join("other.json"),
        text.replace("\"seed\": 7", "\"seed\": 8"),
    )
    .unwrap();
    let seed = refused(&["merge", "shards/shard-0.json", "other.json"]);
    assert!(
        seed.contains("the seed is 7 in the first and 8 in the second"),
        "{seed}"
    );
    let whole = refused(&["merge", "run.json"]);
    assert!(whole.contains("run.json is not a shard"), "{whole}");
    let part = refused(&["judge", "shards/shard-1.json"]);
    assert!(part.contains("it is shard 1 of 8"), "{part}");
    std::fs::create_dir(folder.join("empty")).unwrap();
    let none = refused(&["merge", "empty"]);
    assert!(none.contains("no shard in empty"), "{none}");
}

/// Of four, one is killed, one is stopped for a while, one is interrupted.
#[test]
fn a_killed_a_stopped_and_an_interrupted_shard_never_make_a_pass_nor_a_false_fail() {
    let server = Server::answering(OK);
    let url = format!("{}/health", server.url());
    let folder = temp_dir();
    let gate = ["--gate", "p95 <= 300ms"];
    let mut children: Vec<Child> = (0..4)
        .map(|index| start(folder.path(), &url, &format!("{index}/4"), &gate))
        .collect();
    // Four questions before the run, then requests.
    eventually("requests of the run", || server.received().len() > 20);
    children[1].kill().unwrap();
    signal(children[2].id(), "STOP");
    signal(children[3].id(), "TERM");
    std::thread::sleep(Duration::from_millis(600));
    signal(children[2].id(), "CONT");
    let mut children = children.into_iter();
    ended(children.next().unwrap(), 0);
    assert!(children.next().unwrap().wait().unwrap().code().is_none());
    ended(children.next().unwrap(), 0);
    ended(children.next().unwrap(), 143);
    let output = run(folder.path(), &["merge", "shards", "--output", "json"]);
    let report = parsed(&output);
    assert_eq!(code(&output), 3, "{}", stderr(&output));
    let missing = &report["runs"][0]["shards"]["missing"];
    assert_eq!(missing["missing_shards"], json!([1]));
    assert_eq!(missing["cut_shards"], json!([3]));
}

/// One shard goes through a proxy that holds its requests.
#[test]
fn a_shard_behind_a_slow_way_is_found() {
    let server = Server::answering(OK);
    let slow = Server::tcp(|conversation: &mut Conversation| {
        while conversation.request().is_some() {
            std::thread::sleep(Duration::from_millis(40));
            if !conversation.send(OK) {
                return;
            }
        }
    });
    let url = format!("{}/health", server.url());
    let way = format!("127.0.0.1:{}", slow.port());
    let folder = temp_dir();
    let children: Vec<Child> = (0..3)
        .map(|index| {
            let own = ["--connect-to", &way];
            let more: &[&str] = if index == 1 { &own } else { &[] };
            start(folder.path(), &url, &format!("{index}/3"), more)
        })
        .collect();
    for child in children {
        ended(child, 0);
    }
    let output = run(folder.path(), &["merge", "shards", "--output", "json"]);
    let report = parsed(&output);
    let warnings = report["warnings"].as_array().unwrap();
    // On a busy machine the others may differ a little from each other, too.
    let slow = { warnings.iter() }
        .filter(|warning| warning["code"] == "shard_differs")
        .find(|warning| warning["values"]["shard"] == 1)
        .unwrap_or_else(|| panic!("{warnings:?}"));
    assert!(slow["values"]["own_ms"].as_f64().unwrap() > 39.0);
}

/// Names that the service gave are asked for once, by `merge`.
#[test]
fn merge_audits_what_all_shards_were_answered() {
    let folder = temp_dir();
    // Answers each event with a name of its own, and says of each but one that it is done.
    let server = Server::tcp(|conversation: &mut Conversation| {
        while let Some(request) = conversation.request() {
            let path = request.head.split(' ').nth(1).unwrap_or_default();
            let body = match path.strip_prefix("/status/") {
                Some(_) => r#"{"state":"processed"}"#.to_owned(),
                None => format!(r#"{{"event_id":"{}"}}"#, Uuid::new_v4()),
            };
            let length = body.len();
            let answer = format!("HTTP/1.1 202 Accepted\r\ncontent-length: {length}\r\n\r\n{body}");
            if !conversation.send(answer) {
                return;
            }
        }
    });
    let url = format!("{}/ingest", server.url());
    let status = ["--audit-url", "/status/{id}"];
    let post = [
        "-X",
        "POST",
        "-d",
        r#"{"id":"{{uuid}}"}"#,
        "--gate",
        "lost <= 0",
    ];
    let more: Vec<&str> = post.iter().chain(&status).copied().collect();
    let children: Vec<Child> = (0..2)
        .map(|index| start(folder.path(), &url, &format!("{index}/2"), &more))
        .collect();
    for child in children {
        ended(child, 0);
    }
    let asked = || {
        let received = server.received();
        received
            .iter()
            .filter(|one| one.head.contains("/status/"))
            .count()
    };
    assert_eq!(asked(), 0, "a shard asks nothing");
    let refused = run(folder.path(), &["merge", "shards"]);
    assert_eq!(code(&refused), 2);
    assert!(
        stderr(&refused).contains("--audit-url"),
        "{}",
        stderr(&refused)
    );
    let mut merge = vec!["merge", "shards", "--output", "json", "--audit-quiet", "0s"];
    merge.extend(status);
    let output = run(folder.path(), &merge);
    let report = parsed(&output);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert_eq!(report["verdict"], "PASS");
    assert!(asked() >= 240, "{}", asked());
    let unaudited = run(folder.path(), &["merge", "shards", "--no-audit"]);
    assert_eq!(code(&unaudited), 3, "{}", stderr(&unaudited));
}
