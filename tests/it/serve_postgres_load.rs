//! The load on the database: for each event, and by idle workers.

use std::time::{Duration, Instant};

use crate::harness::temp_dir;
use crate::postgres_host::Database;
use crate::serve_host::{Process, Witness, Worker};
use crate::serve_queue::{accept, until_empty};

const WORKERS: usize = 8;
const EVENTS: u64 = 200;
/// Within this time every session has reported its work to the server's statistics.
const STATISTICS: Duration = Duration::from_secs(2);
const IDLE: Duration = Duration::from_secs(6);

#[test]
fn transactions_do_not_grow_with_the_square_of_the_workers() {
    let Some(database) = Database::create("serve_postgres_load::transactions_…") else {
        return;
    };
    let (folder, witness) = (temp_dir(), Witness::start());
    let server = Process::on(&database.url, folder.path(), &["--mode", "queue"]);
    let flags = ["--provider", &witness.url, "--workers", "4"];
    let workers: Vec<Worker> = (0..WORKERS)
        .map(|_| Worker::start(&database.url, folder.path(), &flags))
        .collect();
    let mut client = server.client();
    accept(&mut client, "first", 1);
    until_empty(&mut client);
    std::thread::sleep(STATISTICS);

    let (before, began) = (database.transactions(), Instant::now());
    std::thread::sleep(IDLE);
    let idle = database.transactions() - before;
    // The server and every worker; with a listener per worker and channel it was 70/s.
    let most = 2.0 * (WORKERS + 1) as f64 * began.elapsed().as_secs_f64();
    assert!((idle as f64) < most, "{idle} transactions, not {most}");

    let before = database.transactions();
    accept(&mut client, "load", EVENTS as usize);
    until_empty(&mut client);
    std::thread::sleep(STATISTICS);
    let done = database.transactions() - before;
    assert!(
        done <= 10 * EVENTS,
        "{done} transactions for {EVENTS} events"
    );
    let journal = witness.journal();
    assert_eq!(
        (journal.sent, journal.duplicates),
        (EVENTS + 1, 0),
        "{journal:?}"
    );
    drop(workers);
}

/// An idle worker hears of an event although others are notified first and are gone.
#[test]
fn an_event_is_done_although_the_worker_that_was_told_is_gone() {
    let Some(database) = Database::create("serve_postgres_load::an_event_…") else {
        return;
    };
    let (folder, witness) = (temp_dir(), Witness::start());
    let server = Process::on(&database.url, folder.path(), &["--mode", "queue"]);
    let flags = ["--provider", &witness.url];
    let start = || Worker::start(&database.url, folder.path(), &flags);
    let (stays, killed, stopped) = (start(), start(), start());
    let mut client = server.client();
    accept(&mut client, "first", 20);
    until_empty(&mut client);
    killed.kill();
    stopped.signal("STOP");
    accept(&mut client, "then", 20);
    until_empty(&mut client);
    stopped.signal("CONT");
    drop(stays);
}
