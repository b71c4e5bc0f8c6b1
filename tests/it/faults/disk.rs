//! A store that cannot be written any more promises nothing new, keeps what it promised, and comes back by itself.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use a7probe::reference::server::{Limits, ServerConfig, ServerMode};
use tempfile::TempDir;

use crate::harness::{eventually, temp_dir};
use crate::needs::{IMMUTABLE, PRLIMIT, TMPFS, need_right};
use crate::serve_client::{Client, Response};
use crate::serve_host::{HeldProvider, Process, Served, command, config};

pub(super) const FLAGS: [&str; 2] = ["--sim-latency", "1ms"];

/// A file system in memory, of a size that is soon full.
pub(super) struct Tmpfs {
    folder: TempDir,
}

impl Tmpfs {
    pub(super) fn mount(options: &str) -> Tmpfs {
        let folder = temp_dir();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", options, "tmpfs"])
            .arg(folder.path())
            .status();
        assert!(mounted.expect("mount runs").success());
        Tmpfs { folder }
    }

    pub(super) fn path(&self) -> &Path {
        self.folder.path()
    }
}

impl Drop for Tmpfs {
    fn drop(&mut self) {
        // Lazily: a server that a failed test leaves may still hold it.
        let _ = Command::new("umount").arg("-l").arg(self.path()).status();
    }
}

/// Everything that was answered 202, to be looked for later.
#[derive(Default)]
pub(super) struct Promised(Vec<String>);

impl Promised {
    /// Posts until it is refused; the refusal.
    pub(super) fn until_refused(&mut self, client: &mut Client) -> Response {
        let body = format!(r#"{{"a":"{}"}}"#, "x".repeat(10_000));
        loop {
            let answer = client.ingest(&[], &body);
            match answer.status {
                202 => self.0.push(answer.event_id()),
                _ => return answer,
            }
        }
    }

    pub(super) fn post(&mut self, client: &mut Client) {
        let answer = client.ingest(&[], "{}");
        assert_eq!(answer.status, 202);
        self.0.push(answer.event_id());
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.0.len()
    }

    /// The first of them.
    pub(super) fn first(&mut self, count: usize) -> Promised {
        Promised(self.0[..count].to_vec())
    }

    /// Each of them is known, and is or will be processed.
    pub(super) fn are_kept(&self, client: &mut Client) {
        assert!(!self.0.is_empty());
        for id in &self.0 {
            let event = client.get(&format!("/events/{id}?wait=60s")).json();
            assert_eq!(
                (&event["state"], &event["inserts"]),
                (&"processed".into(), &1.into())
            );
        }
    }
}

/// Refused with 503, not ready, alive, readable; once mended it is ready without a restart, and nothing is lost, not even
/// by kill -9.
fn refuses_and_recovers(
    folder: &Path,
    server: Process,
    problem: &str,
    break_it: impl FnOnce(),
    mend: impl FnOnce(),
) {
    let mut client = server.client();
    let mut promised = Promised::default();
    promised.post(&mut client);
    assert_eq!(client.get("/readyz").status, 200);

    break_it();
    let refused = promised.until_refused(&mut client);
    assert_eq!(refused.status, 503);
    assert_eq!(
        refused.json()["type"],
        format!("urn:a7probe:problem:{problem}")
    );
    assert!(refused.header("retry-after").is_some());
    for _ in 0..3 {
        let ready = client.get("/readyz");
        assert_eq!(
            (ready.status, ready.header("retry-after").is_some()),
            (503, true)
        );
        assert_eq!(client.get("/livez").status, 200);
        assert_eq!(client.get("/health").status, 200);
    }
    for id in &promised.0 {
        assert_eq!(
            client.get(&format!("/events/{id}")).status,
            200,
            "what was promised can be read"
        );
    }

    mend();
    eventually("it is ready again", || client.get("/readyz").status == 200);
    promised.post(&mut client);
    promised.are_kept(&mut client);
    server.kill();
    let again = Process::start(folder, &FLAGS);
    promised.are_kept(&mut again.client());
}

#[test]
fn a_full_disk_is_503_and_not_ready_until_there_is_room() {
    let name = "a_full_disk_is_503_and_not_ready_until_there_is_room";
    if need_right(&TMPFS, name).is_none() {
        return;
    }
    let disk = Tmpfs::mount("size=4m");
    let server = Process::start(disk.path(), &FLAGS);
    let ballast = disk.path().join("ballast");
    let fill = || {
        let mut file = fs::File::create(&ballast).expect("a file");
        // Ends when the disk is full; the rest byte by byte would change nothing.
        while file.write_all(&[0xa7; 4096]).is_ok() {}
    };
    let make_room = || fs::remove_file(&ballast).expect("the ballast goes");
    refuses_and_recovers(disk.path(), server, "store-full", fill, make_room);
}

#[test]
fn a_file_that_may_not_grow_is_503_until_it_may() {
    let name = "a_file_that_may_not_grow_is_503_until_it_may";
    if need_right(&PRLIMIT, name).is_none() {
        return;
    }
    let folder = temp_dir();
    // The signal that comes with the limit would end the process; ignored, the write fails.
    let server = Process::start_through(
        folder.path(),
        &FLAGS,
        &["sh", "-c", r#"trap "" XFSZ; exec "$0" "$@""#],
    );
    let limit = |size: &str| {
        let limited = Command::new("prlimit")
            .args([
                &format!("--pid={}", server.id()),
                &format!("--fsize={size}:unlimited"),
            ])
            .status();
        assert!(limited.expect("prlimit runs").success());
    };
    let pid = server.id();
    let unlimit = move || {
        let freed = Command::new("prlimit")
            .args([&format!("--pid={pid}"), "--fsize=unlimited:unlimited"])
            .status();
        assert!(freed.expect("prlimit runs").success());
    };
    // Less than what is asked for as room.
    limit("400000");
    refuses_and_recovers(folder.path(), server, "store-down", || {}, unlimit);
}

/// What a file system that is remounted read-only after an error does to files that are open: every write fails. An open
/// file keeps a healthy one from being remounted, and permissions do not stop root, so the log is made immutable.
#[test]
fn a_store_that_becomes_read_only_while_it_is_served_is_503_until_it_is_not() {
    let name = "a_store_that_becomes_read_only_while_it_is_served_is_503_until_it_is_not";
    if need_right(&IMMUTABLE, name).is_none() {
        return;
    }
    let folder = temp_dir();
    let server = Process::start(folder.path(), &FLAGS);
    let log = folder.path().join("store.db-wal");
    let lock = Immutable::new(log.clone());
    refuses_and_recovers(
        folder.path(),
        server,
        "store-down",
        || lock.set("+i"),
        || lock.set("-i"),
    );
}

/// Takes the attribute off again, whatever happens: the folder could not be removed.
struct Immutable(PathBuf);

impl Immutable {
    fn new(file: PathBuf) -> Immutable {
        Immutable(file)
    }

    fn set(&self, attribute: &str) {
        let set = Command::new("chattr").arg(attribute).arg(&self.0).status();
        assert!(set.expect("chattr runs").success());
    }
}

impl Drop for Immutable {
    fn drop(&mut self) {
        let _ = Command::new("chattr").arg("-i").arg(&self.0).status();
    }
}

#[test]
fn on_a_read_only_file_system_it_does_not_start_and_says_why() {
    let name = "on_a_read_only_file_system_it_does_not_start_and_says_why";
    if need_right(&TMPFS, name).is_none() {
        return;
    }
    let disk = Tmpfs::mount("size=1m,ro");
    let output = command(disk.path(), &[])
        .output()
        .expect("the binary starts");
    let said = String::from_utf8(output.stderr).expect("UTF-8");
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(
        said.contains("read-only file system") && said.contains("\nhint: "),
        "{said}"
    );
}

#[test]
fn work_that_is_done_and_cannot_be_recorded_is_503_in_sync_mode_and_its_key_finds_it_done() {
    let (folder, provider) = (temp_dir(), HeldProvider::start());
    let base = config(ServerMode::Sync, &folder);
    let limits = Limits {
        commit_time: Duration::from_millis(100),
        ..Limits::default()
    };
    let served = Served::start(ServerConfig {
        provider: provider.choice(),
        provider_timeout: Duration::from_secs(2),
        limits,
        ..base.clone()
    });
    let headers = [
        ("content-type", "application/json"),
        ("idempotency-key", "k"),
    ];
    let mut client = served.client();
    client.send("POST", "/ingest", &headers, b"{}");
    let call = provider.next_call();
    let holder = rusqlite::Connection::open(crate::serve_host::store(folder.path()))
        .expect("the store's file");
    let lock = |sql: &str| holder.execute_batch(sql).expect(sql);
    lock("PRAGMA busy_timeout = 60000; BEGIN IMMEDIATE");
    call.answer(202);
    let refused = client.receive().expect("an answer");
    let kind = &refused.json()["type"];
    assert_eq!(
        (refused.status, kind),
        (503, &"urn:a7probe:problem:record-too-slow".into())
    );
    assert_eq!(refused.header("retry-after"), Some("1"));
    lock("ROLLBACK");
    eventually("its outcome is recorded", || {
        let again = client.ingest(&headers[1..], "{}");
        again.status == 200 && again.header("idempotent-replayed") == Some("true")
    });
    assert!(provider.is_idle(), "it was sent once");
}
