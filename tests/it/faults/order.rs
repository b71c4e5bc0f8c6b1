//! Commit before answer, shown by the order of system calls: the sync of the log returns before the 202 is written.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::harness::{eventually, temp_dir};
use crate::needs::{STRACE, need};
use crate::serve_client::Client;
use crate::serve_host::{command, store};

const REQUESTS: usize = 20;

/// What strace saw, in the order in which it happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Seen {
    /// The first bytes of `POST /ingest` were read.
    Request,
    /// Pages went to the write-ahead log.
    LogWrite,
    /// A sync of the write-ahead log returned without error.
    Synced,
    /// The first bytes of a 202 are on their way.
    Accepted,
}

/// `a7probe serve` under strace.
struct Traced {
    child: Child,
    log: PathBuf,
    ready: PathBuf,
}

impl Traced {
    fn start(strace: &Path, folder: &Path, flags: &[&str]) -> Traced {
        let (log, ready) = (folder.join("strace.log"), folder.join("ready"));
        let serve = command(folder, flags);
        let child = Command::new(strace)
            .args(["-f", "-y", "-s", "40", "-e"])
            .arg("trace=fsync,fdatasync,pwrite64,read,recvfrom,write,writev,sendto,sendmsg")
            .arg("-o")
            .arg(&log)
            .arg(serve.get_program())
            .args(serve.get_args())
            .arg("--until-stdin-ends")
            .arg("--ready-file")
            .arg(&ready)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("strace starts");
        Traced { child, log, ready }
    }

    /// Connects as soon as the server listens.
    fn client(&self) -> Client {
        let mut client = None;
        eventually("the traced server is ready", || {
            client = std::fs::read_to_string(&self.ready)
                .ok()
                .and_then(|text| text.trim().parse().ok())
                .and_then(|address| Client::try_connect(address).ok());
            client.is_some()
        });
        client.expect("just connected")
    }

    /// Ends the server and reads the log.
    fn finish(mut self, store: &Path) -> Vec<Seen> {
        drop(self.child.stdin.take());
        self.child.wait().expect("the server ends with its stdin");
        let text = std::fs::read_to_string(&self.log).expect("strace wrote its log");
        seen(&text, store)
    }
}

impl Drop for Traced {
    fn drop(&mut self) {
        // Of a test that failed before its end; strace takes what it started with it.
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

/// Reads a log of strace. A call that others interrupt is printed at its begin and again, as resumed, at its end.
fn seen(log: &str, store: &Path) -> Vec<Seen> {
    let wal = format!("{}-wal>", store.display());
    // Threads whose sync of the log has begun and not returned.
    let mut syncing = std::collections::BTreeSet::new();
    let mut seen = Vec::new();
    for line in log.lines() {
        let (thread, call) = line.split_once(' ').unwrap_or_default();
        let call = call.trim_start();
        let name = call.split('(').next().unwrap_or_default();
        let of_the_log = call.contains(&wal);
        match name {
            "fsync" | "fdatasync" if of_the_log && call.contains("<unfinished") => {
                syncing.insert(thread);
            }
            "fsync" | "fdatasync" if of_the_log && call.ends_with("= 0") => seen.push(Seen::Synced),
            "pwrite64" if of_the_log => seen.push(Seen::LogWrite),
            _ if is_resumed_sync(call) && syncing.remove(thread) && call.ends_with("= 0") => {
                seen.push(Seen::Synced);
            }
            _ if call.contains("\"POST /ingest") => seen.push(Seen::Request),
            _ if call.contains("\"HTTP/1.1 202") => seen.push(Seen::Accepted),
            _ => {}
        }
    }
    seen
}

/// The end of a sync that other calls interrupted, of whichever file.
fn is_resumed_sync(call: &str) -> bool {
    call.starts_with("<... f") && call.contains("sync resumed")
}

/// Posts one event after the other; what happened from each request to its answer.
fn exchanges(strace: &Path, flags: &[&str]) -> Vec<Vec<Seen>> {
    let folder = temp_dir();
    // Work on the events would sync too, at its own time.
    let flags = [
        flags,
        &[
            "--sim-latency",
            "60s",
            "--drain-timeout",
            "0s",
            "--workers",
            "1",
        ],
    ]
    .concat();
    let traced = Traced::start(strace, folder.path(), &flags);
    let mut client = traced.client();
    for _ in 0..REQUESTS {
        assert_eq!(client.ingest(&[], r#"{"n":1}"#).status, 202);
    }
    drop(client);
    let seen = traced.finish(&store(folder.path()));
    let from_request = |(at, what): (usize, &Seen)| {
        (*what == Seen::Request).then(|| {
            let rest = &seen[at..];
            let answer = rest.iter().position(|what| *what == Seen::Accepted);
            rest[..=answer.expect("every request is answered")].to_vec()
        })
    };
    seen.iter().enumerate().filter_map(from_request).collect()
}

/// Written to the log and synced after it, before the answer.
fn is_committed_first(exchange: &[Seen]) -> bool {
    let written = exchange.iter().position(|what| *what == Seen::LogWrite);
    let synced = exchange.iter().rposition(|what| *what == Seen::Synced);
    written
        .zip(synced)
        .is_some_and(|(written, synced)| written < synced)
}

#[test]
fn the_sync_of_the_log_returns_before_the_202_is_written() {
    let test = "faults::order::the_sync_of_the_log_returns_before_the_202_is_written";
    let Some(strace) = need(&STRACE, test) else {
        return;
    };
    let exchanges = exchanges(&strace, &[]);
    assert_eq!(exchanges.len(), REQUESTS);
    for exchange in &exchanges {
        assert!(is_committed_first(exchange), "{exchange:?}");
    }
}

#[test]
fn an_answer_from_memory_is_seen_to_come_before_its_commit() {
    let test = "faults::order::an_answer_from_memory_is_seen_to_come_before_its_commit";
    let Some(strace) = need(&STRACE, test) else {
        return;
    };
    let exchanges = exchanges(&strace, &["--durability", "none"]);
    assert_eq!(exchanges.len(), REQUESTS);
    assert!(
        exchanges
            .iter()
            .any(|exchange| !is_committed_first(exchange)),
        "{exchanges:?}"
    );
}

#[test]
fn a_log_is_read_in_the_order_of_what_happened() {
    let log = r#"11 recvfrom(12<socket:[1]>, "POST /ingest HTTP/1.1\r\n"..., 8192, 0, NULL, NULL) = 90
12 pwrite64(9</t/store.db-wal>, "\0\1"..., 4120, 32) = 4120
12 fdatasync(9</t/store.db-wal> <unfinished ...>
11 recvfrom(12<socket:[1]>, 0x7f, 8192, 0, NULL, NULL) = -1 EAGAIN (Resource temporarily unavailable)
12 <... fdatasync resumed>) = 0
12 fsync(8</t/store.db>) = 0
11 sendto(12<socket:[1]>, "HTTP/1.1 202 Accepted\r\n"..., 210, MSG_NOSIGNAL, NULL, 0) = 210
12 fsync(9</t/store.db-wal>) = -1 EIO (Input/output error)
"#;
    assert_eq!(
        seen(log, Path::new("/t/store.db")),
        [Seen::Request, Seen::LogWrite, Seen::Synced, Seen::Accepted]
    );
}
