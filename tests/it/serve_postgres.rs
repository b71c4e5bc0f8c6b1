//! The store on PostgreSQL: the same promises, several servers behind one database.

mod processes;
mod sessions;

use std::time::Duration;

use a7probe::reference::server::{ServerConfig, ServerMode};
use a7probe::reference::store::{
    Admission, AttemptOutcome, DeadCursor, EventId, EventState, Fingerprint, Finished, Grant,
    Handling, Insert, Lease, Next, Notification, Notified, Promise, RepeatPolicy, Replay, Store,
    StoreOptions, Submission,
};

use crate::harness::PATIENCE;
use crate::postgres_host::Schema;
use crate::serve_host::Served;
use crate::serve_store::{self, a_pass_goes_on_where_its_last_step_ended, sweep};

/// What a process has counted that this one knows nothing of.
const COUNTED_ELSEWHERE: &str =
    "INSERT INTO counts VALUES (42, 0, 5), (42, -1, 1); INSERT INTO counters VALUES (42, 42)";

pub(crate) fn submission(key: &str, handling: Handling) -> Submission {
    let payload = format!(r#"{{"key":"{key}"}}"#).into_bytes();
    Submission {
        event_id: EventId::from_key(key),
        fingerprint: Fingerprint::of(&payload),
        payload,
        run: Some("run".to_owned()),
        accepted_ms: 1_700_000_000_000,
        handling,
    }
}

pub(crate) async fn queue(store: &Store, key: &str) -> EventId {
    let admission = store.accept(submission(key, Handling::Queue)).await;
    assert_eq!(admission, Ok(Admission::Queued));
    EventId::from_key(key)
}

pub(crate) async fn claim_one(store: &Store) -> Lease {
    let mut claim = store.claim(1).await.expect("the store works");
    claim.leases.pop().expect("something is due")
}

pub(crate) async fn state(store: &Store, id: EventId) -> (EventState, u32, u32) {
    let event = store.event(id).await.expect("the store works");
    let event = event.expect("known");
    (event.state, event.inserts, event.notifications)
}

#[tokio::test]
async fn an_event_goes_from_the_promise_to_processed_as_in_a_file() {
    let Some(schema) = Schema::create("serve_postgres::an_event_goes_…") else {
        return;
    };
    let store = schema.open();
    let mut arrivals = store.arrivals(8);
    let id = queue(&store, "a").await;
    assert_eq!(arrivals.recv().await, Some(id));
    let again = store.accept(submission("a", Handling::Queue)).await;
    assert_eq!(again, Ok(Admission::Replayed(Promise::Later)));
    let other = Submission {
        fingerprint: Fingerprint::of(b"other"),
        ..submission("a", Handling::Queue)
    };
    // It came in 2023: its key has expired, its id has not.
    assert_eq!(store.accept(other).await, Ok(Admission::IdTaken));
    assert_eq!(store.snapshot().queued, 1);
    assert!(store.oldest_wait().await.expect("the store works") > Duration::from_secs(3600));

    let lease = claim_one(&store).await;
    assert_eq!((lease.attempt, &lease.insert), (1, &Insert::Done));
    assert!(matches!(store.claim_event(id).await, Ok(Grant::Taken(_))));
    let rebuilt = store.lease_of(id, 1).await;
    assert_eq!(rebuilt, Ok(Some(lease.clone())));
    let finished = store.finish(lease, AttemptOutcome::sent()).await;
    assert_eq!(finished, Ok(Finished::Recorded));
    assert_eq!(state(&store, id).await, (EventState::Processed, 1, 1));
    assert_eq!(store.snapshot().processed, 1);
    let page = store.run_page("run", 0, 10).await.expect("the store works");
    assert_eq!((page.events.len(), page.next), (1, None));
    assert_eq!(
        store.payload(id).await,
        Ok(Some(br#"{"key":"a"}"#.to_vec()))
    );
    store.probe().await.expect("it can be written");
    store.close().await;
    assert_eq!(schema.open().snapshot().processed, 1);
}

#[tokio::test]
async fn a_synchronous_call_is_leased_failed_taken_over_and_replayed() {
    let Some(schema) = Schema::create("serve_postgres::a_synchronous_call_…") else {
        return;
    };
    let store = schema.open();
    let call = || store.accept(submission("a", Handling::Call));
    let Ok(Admission::Leased(lease)) = call().await else {
        panic!("a lease")
    };
    assert_eq!(call().await, Ok(Admission::InProgress));
    let failed = AttemptOutcome::not_sent("no", Next::Answer);
    store.finish(lease, failed).await.expect("the store works");
    let Ok(Admission::Leased(lease)) = call().await else {
        panic!("a lease")
    };
    assert_eq!(lease.attempt, 2);
    store
        .finish(lease, AttemptOutcome::sent())
        .await
        .expect("the store works");
    assert_eq!(call().await, Ok(Admission::Replayed(Promise::Done)));
    assert_eq!(
        state(&store, EventId::from_key("a")).await,
        (EventState::Processed, 1, 1)
    );
}

#[tokio::test]
async fn a_lease_that_ran_out_is_taken_over_and_its_owner_fenced_off() {
    let Some(schema) = Schema::create("serve_postgres::a_lease_that_ran_out_…") else {
        return;
    };
    let short = StoreOptions {
        lease: Duration::ZERO,
        ..schema.options()
    };
    let (one, other) = (Store::open(&short).expect("opens"), schema.open());
    let id = queue(&one, "a").await;
    let slow = claim_one(&one).await;
    let quick = claim_one(&other).await;
    assert_eq!((slow.attempt, quick.attempt), (1, 2));
    assert!(other.claim(1).await.expect("works").leases.is_empty());
    assert_eq!(
        one.finish(slow, AttemptOutcome::sent()).await,
        Ok(Finished::Stale)
    );
    assert_eq!(state(&one, id).await, (EventState::Working, 1, 1));
    let retry = AttemptOutcome::not_sent("no", Next::Retry(Duration::ZERO));
    assert_eq!(other.finish(quick, retry).await, Ok(Finished::Recorded));
    assert_eq!(
        claim_one(&other).await.notification,
        Notification::Sent,
        "what was sent is not forgotten"
    );
}

#[tokio::test]
async fn outcomes_and_calls_may_be_repeated_as_in_a_file() {
    let Some(schema) = Schema::create("serve_postgres::outcomes_and_calls_…") else {
        return;
    };
    let store = schema.open();
    serve_store::an_outcome_told_twice_is_recorded_once(&store).await;
    serve_store::a_call_that_failed_gets_all_its_attempts_again(&store).await;
    serve_store::a_reason_that_is_no_text_stops_nobody(&store).await;
}

#[tokio::test]
async fn what_outlived_its_lease_is_fenced_off_and_taken_over_as_in_a_file() {
    let Some(schema) = Schema::create("serve_postgres::what_outlived_its_lease_…") else {
        return;
    };
    let store = Store::open(&StoreOptions {
        lease: Duration::ZERO,
        ..schema.options()
    })
    .expect("the store opens");
    serve_store::a_late_outcome_is_late_however_often_it_is_told(&store).await;
    let other = Schema::create("serve_postgres::what_outlived_its_lease_…").expect("as before");
    let store = Store::open(&StoreOptions {
        lease: Duration::ZERO,
        ..other.options()
    })
    .expect("the store opens");
    serve_store::a_call_that_was_cut_off_is_not_in_progress_for_ever(&store).await;
}

#[tokio::test]
async fn at_most_once_does_not_send_again_what_was_cut_off() {
    let Some(schema) = Schema::create("serve_postgres::at_most_once_…") else {
        return;
    };
    let store = Store::open(&StoreOptions {
        repeat: RepeatPolicy::AtMostOnce,
        lease: Duration::ZERO,
        ..schema.options()
    })
    .expect("the store opens");
    queue(&store, "a").await;
    assert_eq!(claim_one(&store).await.notification, Notification::Due);
    assert_eq!(claim_one(&store).await.notification, Notification::Unknown);
}

#[tokio::test]
async fn a_sweep_goes_on_where_its_last_step_ended() {
    let Some(schema) = Schema::create("serve_postgres::a_sweep_goes_on_…") else {
        return;
    };
    a_pass_goes_on_where_its_last_step_ended(&schema.open()).await;
}

#[tokio::test]
async fn dead_letters_sweeps_and_replays_work_as_in_a_file() {
    let Some(schema) = Schema::create("serve_postgres::dead_letters_…") else {
        return;
    };
    let store = schema.open();
    let id = queue(&store, "a").await;
    let minute = Duration::from_secs(60);
    assert_eq!(sweep(&store, minute).await, [id]);
    assert_eq!(sweep(&store, minute).await, []);
    let lease = claim_one(&store).await;
    let dead = AttemptOutcome::not_sent("no such user", Next::GiveUp);
    store.finish(lease, dead).await.expect("the store works");
    let page = store.dead_page(DeadCursor::default(), 1).await;
    let page = page.expect("the store works");
    assert_eq!(page.letters[0].error.as_deref(), Some("no such user"));
    let rest = store.dead_page(page.next.expect("a full page"), 1).await;
    assert!(rest.expect("the store works").letters.is_empty());
    assert_eq!(store.replay(id).await, Ok(Replay::Requeued));
    assert_eq!(
        store.replay(id).await,
        Ok(Replay::NotDead(EventState::Retrying))
    );
    let unknown = EventId::from_key("b");
    assert_eq!(store.replay(unknown).await, Ok(Replay::Unknown));
    let lease = claim_one(&store).await;
    assert_eq!((lease.attempt, lease.tries), (2, 1));
}

#[tokio::test]
async fn an_insert_that_the_database_refuses_stops_no_other_and_is_tried_again() {
    let Some(schema) = Schema::create("serve_postgres::an_insert_…") else {
        return;
    };
    let store = schema.open();
    schema.sql(
        r#"ALTER TABLE events ADD CONSTRAINT tenant CHECK (payload <> '{"key":"bad"}'::bytea)"#,
    );
    let bad = queue(&store, "bad").await;
    let good = queue(&store, "good").await;
    let claim = store.claim(2).await.expect("the store works");
    let of = |id| claim.leases.iter().find(|lease| lease.event_id == id);
    let (poisoned, fine) = (of(bad).expect("leased"), of(good).expect("leased"));
    assert_eq!(fine.insert, Insert::Done);
    assert!(
        matches!(&poisoned.insert, Insert::Failed { reason } if reason.contains("tenant")),
        "{poisoned:?}"
    );
    let sent = AttemptOutcome {
        notified: Notified::Sent,
        next: Next::Retry(Duration::ZERO),
    };
    store
        .finish(poisoned.clone(), sent)
        .await
        .expect("the store works");
    schema.sql("ALTER TABLE events DROP CONSTRAINT tenant");
    let again = claim_one(&store).await;
    assert_eq!(
        (again.event_id, &again.insert, again.notification),
        (bad, &Insert::Done, Notification::Sent)
    );
}

/// Waits until the store has heard of this many queued events.
async fn hears_of(store: &Store, queued: u64) {
    let heard = async {
        while store.snapshot().queued < queued {
            store.work_arrived().await;
        }
    };
    let heard = tokio::time::timeout(PATIENCE, heard).await;
    heard.expect("it hears of them");
}

#[tokio::test]
async fn one_store_hears_of_the_other_by_notification() {
    let Some(schema) = Schema::create("serve_postgres::one_store_hears_…") else {
        return;
    };
    let by_notification = StoreOptions {
        look_every: PATIENCE * 60,
        ..schema.options()
    };
    let open = || Store::open(&by_notification).expect("the store opens");
    let (one, other) = (open(), open());
    // Whoever has heard of the first one listens by then, so that nothing but a notification tells of the second.
    let first = queue(&one, "first").await;
    hears_of(&other, 1).await;
    let id = queue(&one, "a").await;
    hears_of(&other, 2).await;
    other.claim_event(first).await.expect("the store works");
    let Ok(Grant::Leased(lease)) = other.claim_event(id).await else {
        panic!("a lease")
    };
    let settled = tokio::spawn({
        let one = one.clone();
        async move { one.settled(id, PATIENCE).await }
    });
    other
        .finish(lease, AttemptOutcome::sent())
        .await
        .expect("the store works");
    let event = settled.await.expect("no panic").expect("the store works");
    assert_eq!(event.expect("known").state, EventState::Processed);
}

#[tokio::test]
async fn a_busy_store_sees_what_others_did_although_their_notification_got_lost() {
    let Some(schema) = Schema::create("serve_postgres::a_busy_store_sees_…") else {
        return;
    };
    let store = schema.open();
    // As another process would, but without a word.
    schema.sql(COUNTED_ELSEWHERE);
    let seen = async {
        while store.snapshot().queued != 5 {
            store.probe().await.expect("it can be written");
        }
    };
    let seen = tokio::time::timeout(PATIENCE, seen).await;
    seen.expect("it looks now and then");
}

/// A backup, say: nothing that it may still see is cleaned up.
#[tokio::test]
async fn under_a_long_transaction_counting_passes_by_few_old_versions() {
    let Some(schema) = Schema::create("serve_postgres::under_a_long_transaction_…") else {
        return;
    };
    let (store, other) = (schema.open(), schema.open());
    queue(&store, "a").await;
    hears_of(&other, 1).await;
    let pages = "SELECT page FROM counters WHERE page = owner AND owner <> 0";
    assert_eq!(schema.ask(pages).len(), 2);
    let _backup = schema.hold("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ; SELECT FROM jobs");
    for _ in 0..300 {
        store.probe().await.expect("it can be written");
    }
    assert_eq!(schema.ask(pages).len(), 1, "the busy one has moved on");
    queue(&store, "b").await;
    hears_of(&other, 2).await;
    assert_eq!((store.depth(), other.depth()), (2, 2));
    let rows = schema.ask("SELECT n FROM counts WHERE state = 0");
    assert_eq!(rows, ["2"]);
}

#[tokio::test]
async fn a_long_poll_tells_at_its_end_what_it_was_not_told() {
    let Some(schema) = Schema::create("serve_postgres::a_long_poll_tells_…") else {
        return;
    };
    let store = schema.open();
    let id = queue(&store, "a").await;
    let polled = tokio::spawn({
        let store = store.clone();
        async move { store.settled(id, Duration::from_secs(1)).await }
    });
    // Begun after the poll's own first look.
    store.event(id).await.expect("the store works");
    schema.sql("UPDATE jobs SET state = 5");
    let event = polled.await.expect("no panic").expect("the store works");
    assert_eq!(event.expect("known").state, EventState::Processed);
}

#[test]
fn a_row_that_is_neither_inserted_nor_there_is_refused_and_the_server_is_not_ready() {
    let Some(schema) = Schema::create("serve_postgres::a_row_that_is_neither_…") else {
        return;
    };
    let server = Served::start(ServerConfig::new(ServerMode::Queue, schema.url.as_str()));
    let mut client = server.client();
    assert_eq!(client.get("/readyz").status, 200);
    schema.sql(
        "CREATE FUNCTION swallow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
        CREATE TRIGGER swallow BEFORE INSERT ON jobs FOR EACH ROW EXECUTE FUNCTION swallow()",
    );
    for _ in 0..2 {
        assert_eq!(client.ingest(&[], "{}").status, 503);
    }
    assert_eq!(client.get("/readyz").status, 503);
    assert_eq!(client.get("/livez").status, 200);
}
