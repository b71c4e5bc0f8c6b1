//! Shards on hosts of their own: network namespaces with an address each, and a service on another one that they reach by
//! routing.

use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use crate::harness::{PROGRAM, code, eventually, json, signal, stderr, stdout, temp_dir};
use crate::needs::{NETWORK_NAMESPACES, need_right};

const SHARDS: u8 = 4;

/// Where the service is, from every host.
const SERVICE: &str = "10.213.0.1";

/// A host with the service, and one for each shard with a line of its own to it.
struct Hosts {
    prefix: String,
}

fn ip(arguments: &str) {
    let output = Command::new("ip").args(arguments.split(' ')).output();
    let output = output.expect("ip starts");
    assert!(
        output.status.success(),
        "ip {arguments}: {}",
        stderr(&output)
    );
}

impl Hosts {
    fn new() -> Hosts {
        let hosts = Hosts {
            prefix: format!("a7probe-{}", std::process::id()),
        };
        let service = hosts.service();
        ip(&format!("netns add {service}"));
        ip(&format!("-n {service} link set lo up"));
        ip(&format!("-n {service} address add {SERVICE}/32 dev lo"));
        for index in 0..SHARDS {
            let shard = hosts.shard(index);
            ip(&format!("netns add {shard}"));
            ip(&format!(
                "-n {service} link add line{index} type veth peer name line netns {shard}"
            ));
            ip(&format!(
                "-n {service} address add 10.213.{}.1/24 dev line{index}",
                index + 1
            ));
            ip(&format!(
                "-n {shard} address add 10.213.{}.2/24 dev line",
                index + 1
            ));
            ip(&format!("-n {shard} link set lo up"));
            ip(&format!("-n {shard} link set line up"));
            ip(&format!("-n {service} link set line{index} up"));
            ip(&format!(
                "-n {shard} route add default via 10.213.{}.1",
                index + 1
            ));
        }
        hosts
    }

    fn service(&self) -> String {
        format!("{}-service", self.prefix)
    }

    fn shard(&self, index: u8) -> String {
        format!("{}-{index}", self.prefix)
    }
}

impl Drop for Hosts {
    fn drop(&mut self) {
        let shards = (0..SHARDS).map(|index| self.shard(index));
        for name in shards.chain([self.service()]) {
            let ended = Command::new("ip").args(["netns", "delete", &name]).output();
            ended.expect("ip starts");
        }
    }
}

/// The program on one of the hosts. `ip` becomes it, so signals reach it.
fn on(host: &str, folder: &Path, arguments: &[&str]) -> Child {
    let mut command = Command::new("ip");
    command
        .current_dir(folder)
        .args(["netns", "exec", host, PROGRAM])
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("A7PROBE_")) {
        command.env_remove(name);
    }
    command.spawn().expect("ip starts")
}

fn merged(hosts: &Hosts, folder: &Path, shards: &str) -> Output {
    let line = [
        "merge",
        shards,
        "--output",
        "json",
        "--iid",
        "--gate",
        "p50 <= 4s",
        "--gate",
        "error_rate <= 1%",
        "--gate",
        "lost <= 0",
    ];
    let merge = on(&hosts.service(), folder, &line);
    merge.wait_with_output().expect("it ends")
}

#[test]
fn shards_on_hosts_of_their_own_are_one_run_and_a_line_that_breaks_is_in_the_verdict() {
    let name = "shards_on_hosts_of_their_own_are_one_run_and_a_line_that_breaks_is_in_the_verdict";
    if need_right(&NETWORK_NAMESPACES, name).is_none() {
        return;
    }
    let folder = temp_dir();
    let hosts = Hosts::new();
    let listen = format!("{SERVICE}:8080");
    let serve = [
        "serve",
        "--mode",
        "background",
        "--listen",
        &listen,
        "--provider-latency",
        "1ms",
        "--db",
        "store.db",
    ];
    let server = on(&hosts.service(), folder.path(), &serve);
    let url = format!("http://{listen}");
    let start = |index: u8, shards: &str| {
        let which = format!("{index}/{SHARDS}");
        let line = [
            "measure",
            &url,
            "--post",
            "ingest=/ingest",
            "-n",
            "400",
            "-q",
            "80",
            "--timeout",
            "1s",
            "--warmup",
            "0s",
            "--no-calibration",
            "--wait-ready",
            "30s",
            "--seed",
            "7",
            "--shard",
            &which,
            "--rendezvous",
            shards,
        ];
        on(&hosts.shard(index), folder.path(), &line)
    };
    let all_sent = |shards: &str, cut_line: Option<u8>| {
        let children: Vec<Child> = (0..SHARDS).map(|index| start(index, shards)).collect();
        if let Some(index) = cut_line {
            let begun = folder.path().join(shards).join("start");
            eventually("the shards begin", || begun.exists());
            ip(&format!("-n {} link set line{index} down", hosts.service()));
        }
        for child in children {
            let output = child.wait_with_output().expect("it ends");
            assert_eq!(code(&output), 0, "{}{}", stdout(&output), stderr(&output));
        }
    };

    all_sent("whole", None);
    let output = merged(&hosts, folder.path(), "whole");
    let report = json(&output);
    assert_eq!(code(&output), 0, "{}{}", stdout(&output), stderr(&output));
    assert_eq!(report["endpoints"][0]["counts"]["ok"], 400);
    assert_eq!(report["runs"][0]["shards"]["of"], SHARDS);
    let audit = &report["endpoints"][0]["audit"];
    assert_eq!(
        (&audit["accepted"], &audit["lost"]),
        (&400.into(), &0.into()),
        "{audit}"
    );

    // A line that is cut before the first request: that shard's requests fail, and none of them is left out.
    all_sent("cut", Some(2));
    let output = merged(&hosts, folder.path(), "cut");
    let report = json(&output);
    assert_eq!(code(&output), 1, "{}{}", stdout(&output), stderr(&output));
    let shards = report["runs"][0]["shards"]["merged"].as_array();
    for shard in shards.expect("shards") {
        let not_ok = &shard["endpoints"][0]["not_ok"];
        let expected = if shard["index"] == 2 { 100 } else { 0 };
        assert_eq!(not_ok, expected, "{shard}");
    }
    signal(server.id(), "TERM");
    let stopped = server.wait_with_output().expect("it ends");
    assert_eq!(code(&stopped), 0, "{}", stderr(&stopped));
}
