//! A name with several addresses: every output of a run names those that were used and those that were not.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;
use std::process::{Command, Output};

use serde_json::{Value, json};
use tokio::net::TcpSocket;

use super::FEW;
use crate::harness::{PROGRAM, code, json as json_of, run, stderr, stdout, temp_dir};
use crate::needs::{OWN_HOSTS, need_right};
use crate::scripted::{Conversation, OK, Server};

const V4: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const V6: IpAddr = IpAddr::V6(Ipv6Addr::LOCALHOST);

fn answer(conversation: &mut Conversation) {
    while conversation.request().is_some() && conversation.send(OK) {}
}

/// A server at one address, and a socket that keeps its port free at the other: bound, it refuses as long as it does not
/// listen.
fn alone_on_its_port(listens: IpAddr, refuses: IpAddr) -> (Server, TcpSocket) {
    loop {
        let server = Server::at((listens, 0), answer);
        let socket = match refuses {
            IpAddr::V4(_) => TcpSocket::new_v4(),
            IpAddr::V6(_) => TcpSocket::new_v6(),
        }
        .expect("a socket");
        if socket.bind((refuses, server.port()).into()).is_ok() {
            return (server, socket);
        }
    }
}

/// `measure` of localhost, which is 127.0.0.1 and ::1 there, on a connection a request.
fn measured_on_both(folder: &Path, port: u16) -> Output {
    let hosts = folder.join("hosts");
    fs::write(&hosts, "127.0.0.1 localhost\n::1 localhost\n").unwrap();
    let url = format!("http://localhost:{port}/a");
    let line = ["measure", &url, "--disable-keepalive", "--save", "run.json"];
    let inside = "mount --bind \"$1\" /etc/hosts && shift && exec \"$@\"";
    let mut command = Command::new("unshare");
    command
        .current_dir(folder)
        .args(["--mount", "sh", "-c", inside, "sh"])
        .arg(&hosts)
        .arg(PROGRAM)
        .args(line)
        .args(FEW);
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("A7PROBE_")) {
        command.env_remove(name);
    }
    command.output().expect("unshare starts")
}

/// The addresses of the run, as JSON has them.
#[track_caller]
fn addresses(output: &Output) -> Value {
    assert_eq!(code(output), 0, "{}", stderr(output));
    let json = json_of(output);
    assert_eq!(json["endpoints"][0]["counts"]["ok"], 20);
    json["runs"][0]["addresses"].clone()
}

#[test]
fn both_addresses_of_localhost_are_used_in_turn() {
    let name = "both_addresses_of_localhost_are_used_in_turn";
    if need_right(&OWN_HOSTS, name).is_none() {
        return;
    }
    let folder = temp_dir();
    let first = Server::at((V4, 0), answer);
    let second = Server::at((V6, first.port()), answer);
    let output = measured_on_both(folder.path(), first.port());
    let addresses = addresses(&output);
    let used = addresses[0]["used"].as_array().unwrap();
    let connections: Vec<_> = used.iter().map(|one| &one["connections"]).collect();
    assert_eq!(connections, [&json!(10), &json!(10)], "{addresses}");
    let mut names: Vec<_> = used.iter().map(|one| one["address"].as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, [Some("127.0.0.1"), Some("::1")]);
    // One of them also had the preflight.
    let mut received = [first.received().len(), second.received().len()];
    received.sort_unstable();
    assert_eq!(received, [10, 11]);
}

#[test]
fn of_localhost_the_address_that_listens_is_used_and_the_other_is_named() {
    let name = "of_localhost_the_address_that_listens_is_used_and_the_other_is_named";
    if need_right(&OWN_HOSTS, name).is_none() {
        return;
    }
    for (listens, refuses) in [(V4, V6), (V6, V4)] {
        let folder = temp_dir();
        let (server, _reserved) = alone_on_its_port(listens, refuses);
        let output = measured_on_both(folder.path(), server.port());
        let expected = json!([{
            "name": "localhost",
            "used": [{"address": listens.to_string(), "connections": 20}],
            "unused": [{"address": refuses.to_string(), "reason": "connection refused"}],
        }]);
        assert_eq!(addresses(&output), expected);
        let line = ["judge", "run.json", "--gate", "p50 <= 9s", "--iid"];
        let judged = stdout(&run(folder.path(), &line));
        let note = format!("localhost: {listens}, not {refuses}");
        assert!(judged.contains(&note), "{judged}");
    }
}

#[test]
fn the_addresses_of_a_saved_run_are_in_its_notes_and_in_json() {
    let server = Server::answering(OK);
    let folder = temp_dir();
    let url = format!("{}/a", server.url());
    let line = [&["measure", &url, "--save", "run.json"], &FEW[..]].concat();
    let measured = run(folder.path(), &line);
    assert_eq!(code(&measured), 0, "{}", stderr(&measured));
    // An address that needs no name has no others.
    let path = folder.path().join("run.json");
    let text = std::fs::read_to_string(&path).unwrap();
    let mut saved: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(saved["instrument"]["addresses"], Value::Null);
    let addresses = json!([{
        "name": "localhost",
        "used": [{"address": "127.0.0.1", "connections": 3}],
        "unused": [{"address": "::1", "reason": "connection refused"}],
    }]);
    saved["instrument"]["addresses"] = addresses.clone();
    std::fs::write(&path, saved.to_string()).unwrap();
    let judge = |more: &[&str]| {
        let line = [&["judge", "run.json", "--gate", "p50 <= 9s", "--iid"], more].concat();
        stdout(&run(folder.path(), &line))
    };
    let long = "localhost has 2 addresses: 3 connections to 127.0.0.1; ::1 was not used (connection refused)";
    assert!(judge(&["-v"]).contains(long), "{}", judge(&["-v"]));
    assert!(judge(&["--output", "markdown"]).contains(long));
    assert!(
        judge(&[]).contains("localhost: 127.0.0.1, not ::1"),
        "{}",
        judge(&[])
    );
    let json: Value = serde_json::from_str(&judge(&["--output", "json"])).unwrap();
    assert_eq!(json["runs"][0]["addresses"], addresses);
}
