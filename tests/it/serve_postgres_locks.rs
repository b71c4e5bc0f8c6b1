//! Work on a row that another session has locked waits alone: all other work is accepted, claimed and recorded at the
//! same time.

use std::time::{Duration, Instant};

use a7probe::reference::server::{ServerConfig, ServerMode};
use a7probe::reference::store::{
    Admission, AttemptOutcome, EventId, Finished, Grant, Handling, Insert, Lease, Next,
    ProcessReport, Promise, Replay, Store, StoreError, Submission, WorkDone,
};

use crate::postgres_host::Schema;
use crate::serve_host::{Served, simulated};
use crate::serve_postgres::{claim_one, queue, submission};

/// A transaction that waited for the lock would take 3 s, and there are 20 of them.
const SOON: Duration = Duration::from_secs(30);
const ROUNDS: usize = 20;

/// Events are accepted, claimed and recorded, and none is refused.
async fn others_go_on(store: &Store) {
    let began = Instant::now();
    for _ in 0..ROUNDS {
        let id = queue(store, &uuid::Uuid::new_v4().to_string()).await;
        let granted = store.claim_event(id).await;
        let Ok(Grant::Leased(lease)) = granted else {
            panic!("{granted:?}")
        };
        assert_eq!(lease.insert, Insert::Done);
        let finished = store.finish(lease, AttemptOutcome::sent()).await;
        assert_eq!(finished, Ok(Finished::Recorded));
    }
    assert!(began.elapsed() < SOON, "{:?}", began.elapsed());
}

/// Repeats the call, as workers and clients do, until it is not refused.
async fn insist<T>(ask: impl AsyncFn() -> Result<T, StoreError>) -> T {
    loop {
        match ask().await {
            Ok(done) => return done,
            Err(_) => tokio::time::sleep(Duration::from_millis(5)).await,
        }
    }
}

/// While this is locked, `ask` is pending and all other work completes. Afterwards `ask` completes too.
async fn waits_alone<T: Send + 'static>(
    schema: &Schema,
    store: &Store,
    lock: impl Into<String>,
    ask: impl AsyncFn(&Store) -> Result<T, StoreError>,
) -> T {
    let lock = lock.into();
    let held = schema.hold(&lock);
    let asking = insist(async || ask(store).await);
    tokio::pin!(asking);
    tokio::select! {
        biased;
        _ = &mut asking => panic!("it does not wait for: {lock}"),
        () = others_go_on(store) => {}
    }
    // Its end waits for a thread.
    tokio::task::spawn_blocking(move || drop(held))
        .await
        .expect("no panic");
    tokio::time::timeout(SOON, asking)
        .await
        .expect("the call completes")
}

fn row(id: EventId) -> String {
    format!("SELECT FROM jobs WHERE event_id = '{id}' FOR UPDATE")
}

async fn leased(store: &Store, key: &str) -> Lease {
    queue(store, key).await;
    claim_one(store).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_outcome_waits_alone_for_the_row_of_its_event() {
    let Some(schema) = Schema::create("serve_postgres_locks::an_outcome_…") else {
        return;
    };
    let store = schema.open();
    let id = EventId::from_key("a");
    for lock in [
        row(id),
        format!("UPDATE jobs SET run = 7 WHERE event_id = '{id}'"),
        format!("DELETE FROM jobs WHERE event_id = '{id}'"),
        // Another process reports this attempt.
        format!(
            "INSERT INTO effects SELECT seq, 'notify', attempts, 'failed', 0 FROM jobs WHERE event_id = '{id}'"
        ),
    ] {
        let lease = match store.claim_event(id).await {
            Ok(Grant::Leased(lease)) => lease,
            _ => leased(&store, "a").await,
        };
        let retry = || AttemptOutcome::not_sent("no", Next::Retry(Duration::ZERO));
        let finished = waits_alone(&schema, &store, lock.as_str(), async |store| {
            store.finish(lease.clone(), retry()).await
        });
        assert_eq!(finished.await, Finished::Recorded, "{lock}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_comes_again_waits_alone() {
    let Some(schema) = Schema::create("serve_postgres_locks::a_key_…") else {
        return;
    };
    let store = schema.open();
    let known = queue(&store, "known").await;
    let accept =
        async |store: &Store, key: &str| store.accept(submission(key, Handling::Queue)).await;
    let again = waits_alone(&schema, &store, row(known), async |store| {
        accept(store, "known").await
    });
    assert_eq!(again.await, Admission::Replayed(Promise::Later));
    let delete = format!("DELETE FROM jobs WHERE event_id = '{known}'");
    let again = waits_alone(&schema, &store, delete, async |store| {
        accept(store, "known").await
    });
    assert_eq!(again.await, Admission::Replayed(Promise::Later));
    let new = format!(
        "INSERT INTO jobs (event_id, fingerprint, promise, state, due_ms, accepted_ms, attempts)
        VALUES ('{}', '', 0, 0, 0, 0, 0)",
        EventId::from_key("new")
    );
    let first = waits_alone(&schema, &store, new, async |store| {
        accept(store, "new").await
    });
    assert_eq!(first.await, Admission::Queued);
    let of_run = || Submission {
        run: Some("locked".to_owned()),
        ..submission("of a run", Handling::Queue)
    };
    let run = "INSERT INTO runs (name) VALUES ('locked')";
    let first = waits_alone(&schema, &store, run, async |store| {
        store.accept(of_run()).await
    });
    assert_eq!(first.await, Admission::Queued);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_given_event_a_lease_given_back_and_a_dead_letter_wait_alone() {
    let Some(schema) = Schema::create("serve_postgres_locks::a_given_event_…") else {
        return;
    };
    let store = schema.open();
    let id = queue(&store, "a").await;
    let granted = waits_alone(&schema, &store, row(id), async |store| {
        store.claim_event(id).await
    });
    let Grant::Leased(lease) = granted.await else {
        panic!("a lease")
    };
    waits_alone(&schema, &store, row(id), async |store| {
        store.give_back(vec![lease.clone()]).await
    })
    .await;
    let lease = claim_one(&store).await;
    assert_eq!((lease.event_id, lease.tries), (id, 1));
    let dead = AttemptOutcome::not_sent("no such user", Next::GiveUp);
    assert_eq!(store.finish(lease, dead).await, Ok(Finished::Recorded));
    let replayed = waits_alone(&schema, &store, row(id), async |store| {
        store.replay(id).await
    });
    assert_eq!(replayed.await, Replay::Requeued);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_report_waits_alone() {
    let Some(schema) = Schema::create("serve_postgres_locks::what_a_process_says_…") else {
        return;
    };
    let store = schema.open();
    let report = || ProcessReport {
        role: "worker".to_owned(),
        host: "here".to_owned(),
        pid: 1,
        in_flight: 0,
        done: WorkDone::default(),
        breaker: "closed".to_owned(),
        breaker_reason: None,
    };
    store.report(report()).await.expect("the store works");
    let lock = "SELECT FROM processes FOR UPDATE";
    waits_alone(&schema, &store, lock, async |store| {
        store.report(report()).await
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn locked_counts_delay_no_request_and_add_up_in_the_end() {
    let Some(schema) = Schema::create("serve_postgres_locks::locked_counts_…") else {
        return;
    };
    for lock in [
        "SELECT FROM counts FOR UPDATE",
        "UPDATE counters SET page = page",
        "DELETE FROM counts",
    ] {
        let store = schema.open();
        let before = store.snapshot().processed;
        queue(&store, &uuid::Uuid::new_v4().to_string()).await;
        let held = schema.hold(lock);
        others_go_on(&store).await;
        let now = store.snapshot();
        assert_eq!(now.processed - before, ROUNDS as u64, "{lock}");
        tokio::task::spawn_blocking(move || drop(held))
            .await
            .expect("no panic");
        store.close().await;
        let other = schema.open();
        assert_eq!(other.snapshot(), now, "{lock}");
        let queued = schema.ask("SELECT sum(n)::bigint FROM counters JOIN counts ON counts.owner = page WHERE state = 0");
        assert_eq!(queued, [now.queued.to_string()]);
        other.close().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_insert_that_is_locked_is_tried_again_later_and_stops_no_other() {
    let Some(schema) = Schema::create("serve_postgres_locks::an_insert_…") else {
        return;
    };
    let store = schema.open();
    let (stuck, free) = (queue(&store, "stuck").await, queue(&store, "free").await);
    let held = schema.hold(&format!("INSERT INTO events VALUES ('{stuck}', '', 0)"));
    let claim = store.claim(2).await.expect("the store works");
    let of = |id| {
        claim
            .leases
            .iter()
            .find(|lease| lease.event_id == id)
            .expect("leased")
    };
    assert_eq!(of(free).insert, Insert::Done);
    let Insert::Failed { reason } = &of(stuck).insert else {
        panic!("{claim:?}")
    };
    assert!(reason.contains("locked"), "{reason}");
    others_go_on(&store).await;
    let lease = of(stuck).clone();
    tokio::task::spawn_blocking(move || drop(held))
        .await
        .expect("no panic");
    let later = AttemptOutcome {
        next: Next::Retry(Duration::ZERO),
        ..AttemptOutcome::sent()
    };
    assert_eq!(store.finish(lease, later).await, Ok(Finished::Recorded));
    let again = claim_one(&store).await;
    assert_eq!((again.event_id, again.insert), (stuck, Insert::Done));
}

/// As an operator does it in psql while the server works in background mode.
#[test]
fn a_server_in_background_mode_continues_despite_a_locked_row() {
    let Some(schema) = Schema::create("serve_postgres_locks::a_server_…") else {
        return;
    };
    // Calls fail, so that each event is recorded repeatedly.
    let server = Served::start(ServerConfig {
        provider: simulated(1.0),
        ..ServerConfig::new(ServerMode::Background, schema.url.as_str())
    });
    let mut client = server.client();
    let mut ingest = |key: &str| client.ingest(&[("idempotency-key", key)], "{}").status;
    assert_eq!(ingest("first"), 202);
    let held = schema.hold(&row(EventId::from_key("first")));
    let began = Instant::now();
    for round in 0..ROUNDS {
        assert_eq!(ingest(&format!("key-{round}")), 202);
    }
    assert!(began.elapsed() < SOON, "{:?}", began.elapsed());
    assert_eq!(server.client().get("/readyz").status, 200);
    drop(held);
    assert_eq!(ingest("first"), 202);
}
