//! A store that has lost its log is not treated as an earlier one, but a store that needs no log starts without it.

use std::fs;
use std::path::{Path, PathBuf};

use super::disk::{FLAGS, Promised};
use crate::harness::{eventually, temp_dir};
use crate::serve_host::{Process, command, store};

fn part(folder: &Path, suffix: &str) -> PathBuf {
    let mut name = store(folder).into_os_string();
    name.push(suffix);
    name.into()
}

fn stop(server: Process) {
    server.terminate();
    assert!(server.wait().0.success());
}

/// Ten events in the database and more in the log, then kill -9.
fn killed(folder: &Path) -> Promised {
    let mut promised = Promised::default();
    let first = Process::start(folder, &FLAGS);
    for _ in 0..10 {
        promised.post(&mut first.client());
    }
    promised.are_kept(&mut first.client());
    stop(first);
    let second = Process::start(folder, &FLAGS);
    for _ in 0..10 {
        promised.post(&mut second.client());
    }
    promised.are_kept(&mut second.client());
    eventually("the commits are noted", || {
        fs::metadata(part(folder, ".lock")).is_ok_and(|file| file.len() > 0)
    });
    second.kill();
    promised
}

/// The message of a server that does not start.
fn refusal(folder: &Path) -> String {
    let output = command(folder, &[]).output().expect("the binary starts");
    let said = String::from_utf8(output.stderr).expect("UTF-8");
    assert_eq!(output.status.code(), Some(2), "{said}");
    said
}

#[test]
fn a_lost_log_is_refused_until_it_is_put_back() {
    for suffixes in [&["-wal"][..], &["-wal", "-shm"]] {
        let folder = temp_dir();
        let promised = killed(folder.path());
        let log = fs::read(part(folder.path(), "-wal")).expect("a log");
        for suffix in suffixes {
            fs::remove_file(part(folder.path(), suffix)).expect("removed");
        }
        for _ in 0..2 {
            let said = refusal(folder.path());
            assert!(said.contains("store.db-wal is missing or older"), "{said}");
            assert!(said.contains("\nhint: put "), "{said}");
        }
        fs::write(part(folder.path(), "-wal"), log).expect("put back");
        promised.are_kept(&mut Process::start(folder.path(), &FLAGS).client());
    }
}

#[test]
fn an_emptied_log_is_refused_until_the_note_is_deleted() {
    let folder = temp_dir();
    let mut promised = killed(folder.path());
    fs::write(part(folder.path(), "-wal"), b"").expect("emptied");
    assert!(refusal(folder.path()).contains("delete "));
    fs::remove_file(part(folder.path(), ".lock")).expect("removed");
    promised
        .first(10)
        .are_kept(&mut Process::start(folder.path(), &FLAGS).client());
}

#[test]
fn a_log_without_its_database_is_refused() {
    let folder = temp_dir();
    killed(folder.path());
    fs::remove_file(store(folder.path())).expect("removed");
    assert!(refusal(folder.path()).contains("store.db is missing or empty"));
    assert!(part(folder.path(), "-wal").exists(), "the log is kept");
}

#[test]
fn a_log_that_is_not_needed_is_not_missed() {
    // Another program was the last to close the file, and moved the log.
    let folder_1 = temp_dir();
    let promised = killed(folder_1.path());
    let other = rusqlite::Connection::open(store(folder_1.path())).expect("it opens");
    let count = "SELECT count(*) FROM jobs";
    let events: i64 = other
        .query_row(count, [], |row| row.get(0))
        .expect("a count");
    assert_eq!(events, 20);
    drop(other);
    assert!(!part(folder_1.path(), "-wal").exists());
    let server = Process::start(folder_1.path(), &FLAGS);
    promised.are_kept(&mut server.client());

    // The database alone, copied after a clean stop.
    stop(server);
    let folder_2 = temp_dir();
    fs::copy(store(folder_1.path()), store(folder_2.path())).expect("copied");
    let copied = Process::start(folder_2.path(), &FLAGS);
    promised.are_kept(&mut copied.client());

    // An earlier copy in place of a store that was stopped cleanly.
    let later = copied.client().ingest(&[], "{}").event_id();
    stop(copied);
    fs::copy(store(folder_1.path()), store(folder_2.path())).expect("copied");
    let restored = Process::start(folder_2.path(), &FLAGS);
    promised.are_kept(&mut restored.client());
    assert_eq!(
        restored.client().get(&format!("/events/{later}")).status,
        404
    );
}

#[test]
fn the_hint_for_a_new_store_works() {
    let folder = temp_dir();
    killed(folder.path());
    fs::write(store(folder.path()), b"").expect("emptied");
    let said = refusal(folder.path());
    let (_, names) = said
        .split_once("to begin a new store, delete ")
        .expect("a hint");
    for name in names.trim_end().split(" and ") {
        fs::remove_file(name).expect("removed");
    }
    let server = Process::start(folder.path(), &FLAGS);
    Promised::default().post(&mut server.client());
}

#[test]
fn a_store_with_a_malformed_schema_is_refused_as_malformed() {
    for change in [
        "DROP TRIGGER effects_are_never_removed; DROP TABLE effects",
        "DROP TABLE counts",
        "DROP TABLE clock",
        "DROP TABLE processes",
        "DROP INDEX jobs_open",
        "ALTER TABLE jobs DROP COLUMN swept_ms",
    ] {
        let folder = temp_dir();
        stop(Process::start(folder.path(), &FLAGS));
        let other = rusqlite::Connection::open(store(folder.path())).expect("it opens");
        other.execute_batch(change).expect("changed");
        drop(other);
        let said = refusal(folder.path());
        assert!(said.contains("it is malformed: "), "{change}: {said}");
        assert!(
            said.contains("hint: restore the file from a backup"),
            "{said}"
        );
        assert!(!part(folder.path(), ".lock").exists(), "{change}");
    }
}

#[test]
fn an_unusable_clock_and_impossible_counts_are_replaced() {
    for change in [
        "UPDATE clock SET offset_ms = 'x'",
        "UPDATE clock SET boot = x'ff'",
        "UPDATE clock SET newest_ms = 9223372036854775807",
        "UPDATE clock SET offset_ms = 9223372036854775807",
        "UPDATE clock SET offset_ms = -9223372036854775807",
        "UPDATE jobs SET accepted_ms = 9223372036854775807",
        "INSERT INTO counts VALUES (77, 0, 9223372036854775807)",
        "INSERT INTO counts VALUES (77, 0, 1000)",
    ] {
        let folder = temp_dir();
        let first = Process::start(folder.path(), &FLAGS);
        let mut promised = Promised::default();
        promised.post(&mut first.client());
        promised.are_kept(&mut first.client());
        stop(first);
        let other = rusqlite::Connection::open(store(folder.path())).expect("it opens");
        other.execute_batch(change).expect("changed");
        drop(other);
        let server = Process::start(folder.path(), &FLAGS);
        promised.post(&mut server.client());
        promised.are_kept(&mut server.client());
        let queue = server.client().get("/queue").json();
        assert_eq!(queue["depth"], 0, "{change}: {queue}");
        server.terminate();
        let (status, said) = server.wait();
        assert!(
            status.success() && !said.contains("panicked"),
            "{change}: {said}"
        );
    }
}

#[test]
fn no_lock_file_stays_beside_a_refused_store() {
    let text = temp_dir();
    fs::write(store(text.path()), "not a database ".repeat(100)).expect("written");
    assert!(refusal(text.path()).contains("not a SQLite database"));
    assert!(!part(text.path(), ".lock").exists());
    let folder = temp_dir();
    let other = rusqlite::Connection::open(store(folder.path())).expect("it opens");
    other.execute_batch("CREATE TABLE t (x)").expect("a table");
    drop(other);
    assert!(refusal(folder.path()).contains("another program"));
    assert!(!part(folder.path(), ".lock").exists());
}
