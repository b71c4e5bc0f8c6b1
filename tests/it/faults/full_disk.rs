//! A disk that was full is used again, whether events or other files filled it: the log leaves the database the space
//! that it needs.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use super::disk::{FLAGS, Promised, Tmpfs};
use crate::harness::{eventually, temp_dir};
use crate::needs::{TMPFS, need_right};
use crate::serve_host::{Process, Worker, store};

/// Takes all remaining space.
fn fill(ballast: &Path) {
    let mut file = fs::File::create(ballast).expect("a file");
    while file.write_all(&[0xa7; 4096]).is_ok() {}
}

fn is_ready(process: &Process) -> bool {
    process.client().get("/readyz").status == 200
}

#[test]
fn a_disk_that_the_store_itself_filled_takes_events_again_once_there_is_room() {
    let name = "a_disk_that_the_store_itself_filled_takes_events_again_once_there_is_room";
    if need_right(&TMPFS, name).is_none() {
        return;
    }
    let disk = Tmpfs::mount("size=8m");
    let ballast = disk.path().join("ballast");
    fs::write(&ballast, vec![0xa7; 3_000_000]).expect("3 MB");
    let server = Process::start(disk.path(), &FLAGS);
    let mut client = server.client();
    let mut promised = Promised::default();
    let refused = promised.until_refused(&mut client);
    assert_eq!(refused.status, 503);
    let before = promised.count();
    // Most of the 5 MB became events of 10 kB, and not a log.
    assert!(before > 200, "{before} events");

    fs::remove_file(&ballast).expect("the ballast goes");
    eventually("it is ready", || is_ready(&server));
    for _ in 0..100 {
        promised.post(&mut client);
    }
    promised.are_kept(&mut client);
    server.kill();
    let again = Process::start(disk.path(), &FLAGS);
    assert!(is_ready(&again));
    promised.post(&mut again.client());
    promised.are_kept(&mut again.client());
}

#[test]
fn a_server_starts_on_a_full_disk_and_takes_events_once_there_is_room() {
    let name = "a_server_starts_on_a_full_disk_and_takes_events_once_there_is_room";
    if need_right(&TMPFS, name).is_none() {
        return;
    }
    let disk = Tmpfs::mount("size=8m");
    let ballast = disk.path().join("ballast");
    let mut promised = Promised::default();
    let server = Process::start(disk.path(), &FLAGS);
    for _ in 0..100 {
        promised.post(&mut server.client());
    }
    promised.are_kept(&mut server.client());
    fill(&ballast);
    server.kill();

    // The ready file needs room too.
    let (elsewhere, place) = (temp_dir(), store(disk.path()));
    let place = place.to_str().expect("UTF-8");
    for _ in 0..2 {
        let server = Process::on(place, elsewhere.path(), &FLAGS);
        promised.are_kept(&mut server.client());
        // The space of the log may be enough for a few events; small ones are what readiness is about.
        eventually("it is full", || {
            let refused = server.client().ingest(&[], "{}").status == 503;
            refused && !is_ready(&server)
        });
        fs::remove_file(&ballast).expect("the ballast goes");
        eventually("it is ready", || is_ready(&server));
        promised.post(&mut server.client());
        fill(&ballast);
        server.kill();
    }
}

#[test]
fn a_worker_finishes_what_was_accepted_before_the_disk_was_full() {
    let name = "a_worker_finishes_what_was_accepted_before_the_disk_was_full";
    if need_right(&TMPFS, name).is_none() {
        return;
    }
    let disk = Tmpfs::mount("size=8m");
    let ballast = disk.path().join("ballast");
    let mut promised = Promised::default();
    let server = Process::start(disk.path(), &["--mode", "queue"]);
    for _ in 0..40 {
        promised.post(&mut server.client());
    }
    let place = store(disk.path());
    let worker = Worker::start(place.to_str().expect("UTF-8"), disk.path(), &FLAGS);
    fill(&ballast);
    let refused = promised.until_refused(&mut server.client());
    assert_eq!(refused.status, 503);
    fs::remove_file(&ballast).expect("the ballast goes");
    eventually("it is ready", || is_ready(&server));
    promised.post(&mut server.client());
    promised.are_kept(&mut server.client());
    drop(worker);
}

#[test]
fn all_accepted_events_of_a_full_disk_are_processed_with_any_number_of_workers() {
    let name = "all_accepted_events_of_a_full_disk_are_processed_with_any_number_of_workers";
    if need_right(&TMPFS, name).is_none() {
        return;
    }
    let disk = Tmpfs::mount("size=8m");
    let body = format!("{{\"p\":\"{}\"}}", "x".repeat(200_000));
    let server = Process::start(disk.path(), &["--mode", "queue"]);
    let mut client = server.client();
    let mut accepted = Vec::new();
    loop {
        let answer = client.ingest(&[], &body);
        if answer.status != 202 {
            break;
        }
        accepted.push(answer.event_id());
    }
    assert!(accepted.len() > 10, "{}", accepted.len());
    server.terminate();
    assert!(server.wait().0.success());
    let server = Process::start(disk.path(), &FLAGS);
    let mut client = server.client();
    for event in accepted {
        eventually("the event is processed", || {
            client.get(&format!("/events/{event}")).json()["state"] == "processed"
        });
    }
}

#[test]
fn readiness_and_ingest_agree_on_a_full_disk_and_the_log_has_one_line() {
    let name = "readiness_and_ingest_agree_on_a_full_disk_and_the_log_has_one_line";
    if need_right(&TMPFS, name).is_none() {
        return;
    }
    let disk = Tmpfs::mount("size=1200k");
    let (elsewhere, place) = (temp_dir(), store(disk.path()));
    let server = Process::on(place.to_str().expect("UTF-8"), elsewhere.path(), &FLAGS);
    let body = format!("{{\"p\":\"{}\"}}", "x".repeat(3000));
    let mut client = server.client();
    while client.ingest(&[], &body).status == 202 {}
    // What was accepted is processed, and takes room.
    eventually("it is refused again", || {
        (0..5).all(|_| client.ingest(&[], &body).status == 503)
    });
    for _ in 0..10 {
        assert_eq!(client.ingest(&[], &body).status, 503);
        assert!(!is_ready(&server));
    }
    server.terminate();
    let said = server.wait().1;
    assert_eq!(said.matches("no room left").count(), 1, "{said}");
}

#[test]
fn a_store_that_has_no_room_to_begin_says_so() {
    let name = "a_store_that_has_no_room_to_begin_says_so";
    if need_right(&TMPFS, name).is_none() {
        return;
    }
    let disk = Tmpfs::mount("size=1m");
    fill(&disk.path().join("ballast"));
    let output = crate::serve_host::command(disk.path(), &[]).output();
    let output = output.expect("the binary starts");
    let said = String::from_utf8(output.stderr).expect("UTF-8");
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(
        said.contains("its volume has 0 KiB free\nhint: free space"),
        "{said}"
    );
    assert!(!disk.path().join("store.db.lock").exists());
}
