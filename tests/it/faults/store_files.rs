//! A store whose files are taken away under a running server acknowledges nothing that a restart would not find.

use std::fs::{self, File};
use std::os::unix::fs::{FileExt as _, symlink};
use std::path::{Path, PathBuf};

use super::disk::{FLAGS, Promised};
use crate::harness::{eventually, temp_dir};
use crate::serve_host::{Process, Worker, command, store};

fn part(store: &Path, suffix: &str) -> PathBuf {
    let mut name = store.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// A server whose store has pages in the database and in the log.
fn server(folder: &Path) -> (Process, Promised) {
    let mut promised = Promised::default();
    let first = Process::start(folder, &FLAGS);
    for _ in 0..10 {
        promised.post(&mut first.client());
    }
    promised.are_kept(&mut first.client());
    first.terminate();
    assert!(first.wait().0.success());
    let server = Process::start(folder, &FLAGS);
    promised.post(&mut server.client());
    promised.are_kept(&mut server.client());
    (server, promised)
}

fn status(server: &Process, path: &str) -> u16 {
    server.client().get(path).status
}

/// Refuses the next request and is not ready. Returns the server's output.
fn refuses(server: Process) -> String {
    for _ in 0..3 {
        let refused = server.client().ingest(&[], "{}");
        assert_eq!(refused.status, 503);
        assert_eq!(refused.json()["type"], "urn:a7probe:problem:store-down");
        assert_eq!(status(&server, "/readyz"), 503);
        assert_eq!(status(&server, "/livez"), 200);
    }
    server.terminate();
    server.wait().1
}

fn replace(file: &Path) {
    let copy = part(file, ".copy");
    fs::copy(file, &copy).expect("copied");
    fs::rename(&copy, file).expect("renamed over");
}

fn cut(file: &Path, bytes: u64) {
    let file = File::options().write(true).open(file).expect("it opens");
    file.set_len(bytes).expect("it is cut");
}

/// A change to a store's files.
type Harm = fn(&Path);

#[test]
fn nothing_is_acknowledged_once_a_file_of_the_store_is_gone_replaced_or_cut() {
    let harms: [(&str, Harm); 9] = [
        ("deleted", |store| fs::remove_file(store).expect("removed")),
        ("replaced", |store| replace(store)),
        ("cut", |store| cut(store, 0)),
        ("cut", |store| cut(store, 8192)),
        ("overwritten", |store| {
            let file = File::options().write(true).open(store).expect("it opens");
            file.write_all_at(&[0; 100], 0).expect("written");
        }),
        ("deleted", |store| {
            fs::remove_file(part(store, "-wal")).expect("removed")
        }),
        ("replaced", |store| replace(&part(store, "-wal"))),
        ("cut", |store| cut(&part(store, "-wal"), 0)),
        ("cut", |store| cut(&part(store, "-wal"), 5000)),
    ];
    for (what, harm) in harms {
        let folder = temp_dir();
        let (server, _) = server(folder.path());
        harm(&store(folder.path()));
        let said = refuses(server);
        assert_eq!(said.matches(" ERROR ").count(), 1, "one line: {said}");
        assert!(said.contains(what), "{what}: {said}");
    }
}

/// Garbage in the log: its first pages, the head of a frame, a frame in the middle.
const GARBAGE: [(u64, usize); 4] = [
    (32, 4000),
    (32, 24),
    (32 + 4120, 24),
    (32 + 2 * 4120 + 100, 50),
];

#[test]
fn an_overwritten_log_is_noticed_and_never_moved_into_the_database() {
    for (at, bytes) in GARBAGE {
        let folder = temp_dir();
        let (server, promised) = server(folder.path());
        let place = store(folder.path());
        let log = File::options().write(true).open(part(&place, "-wal"));
        log.and_then(|log| log.write_all_at(&vec![0xaa; bytes], at))
            .expect("written");
        eventually("it is not ready", || status(&server, "/readyz") == 503);
        let said = refuses(server);
        assert_eq!(said.matches(" ERROR ").count(), 1, "one line: {said}");
        // The database is the one of the first ten events.
        let copy = folder.path().join("copy.db");
        fs::copy(&place, &copy).expect("copied");
        let database = rusqlite::Connection::open(&copy).expect("it opens");
        let text = |sql: &str| -> String {
            database
                .query_row(sql, [], |row| row.get(0))
                .expect("a sound database")
        };
        assert_eq!(text("PRAGMA integrity_check"), "ok");
        assert_eq!(text("SELECT count(*) || '' FROM jobs"), "10");
        // The commits in the log are missed.
        let output = command(folder.path(), &[]).output().expect("it starts");
        let said = String::from_utf8(output.stderr).expect("UTF-8");
        assert!(said.contains("store.db-wal is missing or older"), "{said}");
        drop(promised);
    }
}

#[test]
fn every_name_of_a_store_has_the_same_lock() {
    let folder = temp_dir();
    let (server, _) = server(folder.path());
    let place = store(folder.path());
    fs::create_dir(folder.path().join("links")).expect("a folder");
    symlink("../store.db", folder.path().join("links/near.db")).expect("a link");
    symlink("near.db", folder.path().join("links/far.db")).expect("a link");
    for name in ["links/near.db", "links/far.db"] {
        let link = folder.path().join(name);
        let link = link.to_str().expect("UTF-8");
        // A process that found itself alone would take over the leases of the server.
        let worker = Worker::start(link, folder.path(), &FLAGS);
        assert!(!part(Path::new(link), ".lock").exists());
        drop(worker);
    }
    assert!(part(&place, ".lock").exists());
    drop(server);
    fs::hard_link(&place, folder.path().join("second.db")).expect("a hard link");
    let output = command(folder.path(), &[]).output().expect("it starts");
    let said = String::from_utf8(output.stderr).expect("UTF-8");
    assert!(said.contains("it has 2 names (hard links)"), "{said}");
    fs::remove_file(folder.path().join("second.db")).expect("removed");
    drop(Process::start(folder.path(), &FLAGS));
}

#[test]
fn commits_are_missed_that_were_cut_off_a_running_server() {
    for is_killed in [false, true] {
        let folder = temp_dir();
        let (server, mut promised) = server(folder.path());
        for _ in 0..10 {
            promised.post(&mut server.client());
        }
        promised.are_kept(&mut server.client());
        let log = part(&store(folder.path()), "-wal");
        let bytes = fs::metadata(&log).expect("a log").len();
        cut(&log, bytes / 2);
        eventually("it is not ready", || status(&server, "/readyz") == 503);
        if is_killed {
            server.kill();
        } else {
            server.terminate();
            server.wait();
        }
        let output = command(folder.path(), &[]).output().expect("it starts");
        let said = String::from_utf8(output.stderr).expect("UTF-8");
        assert!(said.contains("store.db-wal is missing or older"), "{said}");
    }
}

#[test]
fn it_is_noticed_without_requests_and_over_once_the_store_is_back() {
    let outer = temp_dir();
    let inner = outer.path().join("a");
    fs::create_dir(&inner).expect("a folder");
    let (server, mut promised) = server(&inner);
    fs::rename(&inner, outer.path().join("b")).expect("renamed");
    eventually("it is not ready", || status(&server, "/readyz") == 503);
    assert_eq!(server.client().ingest(&[], "{}").status, 503);
    fs::rename(outer.path().join("b"), &inner).expect("renamed back");
    eventually("it is ready", || status(&server, "/readyz") == 200);
    promised.post(&mut server.client());
    server.kill();
    promised.are_kept(&mut Process::start(&inner, &FLAGS).client());
}

#[test]
fn a_link_that_leads_elsewhere_is_another_store() {
    let folder = temp_dir();
    let (first, second) = (
        folder.path().join("first.db"),
        folder.path().join("second.db"),
    );
    symlink(&first, store(folder.path())).expect("a link");
    let (server, _) = server(folder.path());
    fs::copy(&first, &second).expect("copied");
    fs::remove_file(store(folder.path())).expect("removed");
    symlink(&second, store(folder.path())).expect("a link");
    assert!(refuses(server).contains("replaced"));
}

#[test]
fn a_worker_claims_nothing_from_a_store_that_is_gone() {
    let folder = temp_dir();
    let server = Process::start(folder.path(), &["--mode", "queue"]);
    let place = store(folder.path());
    let worker = Worker::start(place.to_str().expect("UTF-8"), folder.path(), &FLAGS);
    let id = server.client().ingest(&[], "{}").event_id();
    let done = |id: &str| {
        let event = server.client().get(&format!("/events/{id}"));
        event.json()["state"] == "processed"
    };
    eventually("it is processed", || done(&id));
    fs::rename(&place, folder.path().join("elsewhere.db")).expect("renamed");
    assert_eq!(server.client().ingest(&[], "{}").status, 503);
    fs::rename(folder.path().join("elsewhere.db"), &place).expect("renamed back");
    eventually("it is ready", || status(&server, "/readyz") == 200);
    let id = server.client().ingest(&[], "{}").event_id();
    eventually("it is processed", || done(&id));
    drop(worker);
}

#[test]
fn on_a_malformed_store_readiness_and_ingest_agree_and_a_restart_says_what_to_do() {
    let folder = temp_dir();
    let mut promised = Promised::default();
    let first = Process::start(folder.path(), &FLAGS);
    for _ in 0..200 {
        promised.post(&mut first.client());
    }
    promised.are_kept(&mut first.client());
    first.terminate();
    assert!(first.wait().0.success());
    let server = Process::start(folder.path(), &FLAGS);
    let place = store(folder.path());
    let bytes = fs::metadata(&place).expect("a file").len();
    let file = File::options().write(true).open(&place).expect("it opens");
    let garbage = vec![0xa7; bytes as usize - 4096];
    file.write_all_at(&garbage, 4096).expect("written");
    eventually("it is refused", || {
        server.client().ingest(&[], "{}").status == 503
    });
    for _ in 0..5 {
        let refused = server.client().ingest(&[], "{}").status;
        assert_eq!((refused, status(&server, "/readyz")), (503, 503));
    }
    server.kill();
    let output = crate::serve_host::command(folder.path(), &[]).output();
    let output = output.expect("the binary starts");
    let said = String::from_utf8(output.stderr).expect("UTF-8");
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(
        said.contains("malformed\nhint: restore the file from a backup"),
        "{said}"
    );
    assert!(!part(&place, ".lock").exists(), "nothing is left beside it");
}
