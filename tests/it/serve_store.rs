//! The store below the server: leases, fencing, and what survives being opened again.

use std::collections::BTreeSet;
use std::time::Duration;

use a7probe::reference::store::{
    Admission, AttemptOutcome, Claim, DeadCursor, Durability, EventId, EventState, Fingerprint,
    Finished, Grant, Handling, Insert, Lease, Next, Notification, Notified, OpenError,
    ProcessReport, RepeatPolicy, Replay, Store, StoreError, StoreOptions, Submission, SweepCursor,
    WorkDone,
};
use tempfile::TempDir;

use crate::harness::{PATIENCE, temp_dir};

fn options(folder: &TempDir) -> StoreOptions {
    StoreOptions::at(folder.path().join("store.db"))
}

fn open(options: &StoreOptions) -> Store {
    Store::open(options).expect("the store opens")
}

fn submission(key: &str, handling: Handling) -> Submission {
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

async fn queue(store: &Store, key: &str) -> EventId {
    let admission = store.accept(submission(key, Handling::Queue)).await;
    assert_eq!(admission, Ok(Admission::Queued));
    EventId::from_key(key)
}

async fn claim_one(store: &Store) -> Lease {
    let mut claim = store.claim(1).await.expect("the store works");
    claim.leases.pop().expect("something is due")
}

fn not_sent(next: Next) -> AttemptOutcome {
    AttemptOutcome::not_sent("no", next)
}

#[tokio::test]
async fn events_are_claimed_once_and_in_order_of_acceptance() {
    let folder = temp_dir();
    let store = open(&options(&folder));
    let mut ids = Vec::new();
    for key in ["a", "b", "c"] {
        ids.push(queue(&store, key).await);
    }
    let first = store.claim(2).await.expect("the store works");
    let second = store.claim(2).await.expect("the store works");
    let claimed: Vec<EventId> = first
        .leases
        .iter()
        .chain(&second.leases)
        .map(|lease| lease.event_id)
        .collect();
    assert_eq!(claimed, ids);
    let nothing = store.claim(2).await.expect("the store works");
    // The first lease to run out is the next thing that can be due.
    assert!(
        nothing.leases.is_empty()
            && nothing
                .idle_for
                .is_some_and(|idle| idle <= options(&folder).lease)
    );
}

#[tokio::test]
async fn a_lease_that_was_taken_over_decides_nothing_but_what_it_sent_is_not_forgotten() {
    let folder = temp_dir();
    let store = open(&StoreOptions {
        lease: Duration::ZERO,
        ..options(&folder)
    });
    let id = queue(&store, "a").await;
    let slow = claim_one(&store).await;
    let quick = claim_one(&store).await;
    assert_eq!((slow.attempt, quick.attempt), (1, 2));

    assert_eq!(
        store.finish(slow, AttemptOutcome::sent()).await,
        Ok(Finished::Stale)
    );
    let event = store
        .event(id)
        .await
        .expect("the store works")
        .expect("known");
    assert_eq!((event.state, event.notifications), (EventState::Working, 1));

    let retry = not_sent(Next::Retry(Duration::ZERO));
    assert_eq!(store.finish(quick, retry).await, Ok(Finished::Recorded));
    let third = claim_one(&store).await;
    assert_eq!(
        (third.attempt, third.notification),
        (3, Notification::Sent),
        "there is nothing left to send"
    );
    assert_eq!(
        store.finish(third, AttemptOutcome::sent_before()).await,
        Ok(Finished::Recorded)
    );
    let event = store
        .event(id)
        .await
        .expect("the store works")
        .expect("known");
    assert_eq!(
        (event.state, event.inserts, event.notifications),
        (EventState::Processed, 1, 1)
    );
}

#[tokio::test]
async fn leases_of_the_process_before_are_void_when_the_store_is_opened_again() {
    let folder = temp_dir();
    let options = options(&folder);
    let store = open(&options);
    queue(&store, "a").await;
    let lease = claim_one(&store).await;
    store.close().await;
    let store = open(&options);
    assert_eq!(store.snapshot().retrying, 1);
    let again = claim_one(&store).await;
    assert_eq!((again.event_id, again.attempt), (lease.event_id, 2));
    assert_eq!(again.notification, Notification::Due);
}

#[tokio::test]
async fn at_most_once_does_not_send_again_what_was_cut_off_but_does_what_failed() {
    let folder = temp_dir();
    let options = StoreOptions {
        repeat: RepeatPolicy::AtMostOnce,
        ..options(&folder)
    };
    let store = open(&options);
    queue(&store, "failed").await;
    let lease = claim_one(&store).await;
    store
        .finish(lease, not_sent(Next::Retry(Duration::ZERO)))
        .await
        .expect("the store works");
    assert_eq!(
        claim_one(&store).await.notification,
        Notification::Due,
        "it is known that it was not sent"
    );
    store.close().await;
    let store = open(&options);
    assert_eq!(claim_one(&store).await.notification, Notification::Unknown);
}

#[tokio::test]
async fn counts_survive_being_opened_again() {
    let folder = temp_dir();
    let options = options(&folder);
    let store = open(&options);
    for key in ["processed", "dead", "retrying", "queued"] {
        queue(&store, key).await;
    }
    for outcome in [
        AttemptOutcome::sent(),
        not_sent(Next::GiveUp),
        not_sent(Next::Retry(Duration::from_secs(3600))),
    ] {
        let lease = claim_one(&store).await;
        store.finish(lease, outcome).await.expect("the store works");
    }
    let called = store
        .accept(submission("failed", Handling::Call))
        .await
        .expect("the store works");
    let Admission::Leased(lease) = called else {
        panic!("{called:?}")
    };
    store
        .finish(lease, not_sent(Next::Answer))
        .await
        .expect("the store works");

    let before = store.snapshot();
    assert_eq!((before.queued, before.retrying, before.working), (1, 1, 0));
    assert_eq!((before.failed, before.dead, before.processed), (1, 1, 1));
    assert_eq!(before.open(), 2);
    store.close().await;
    assert_eq!(open(&options).snapshot(), before);
}

#[tokio::test]
async fn the_oldest_wait_is_that_of_the_oldest_unsettled_event() {
    let folder = temp_dir();
    let store = open(&options(&folder));
    assert_eq!(store.oldest_wait().await, Ok(Duration::ZERO));
    queue(&store, "old").await;
    let waited = store.oldest_wait().await.expect("the store works");
    assert!(
        waited > Duration::from_secs(3600),
        "it came in 2023: {waited:?}"
    );
    let lease = claim_one(&store).await;
    store
        .finish(lease, AttemptOutcome::sent())
        .await
        .expect("the store works");
    assert_eq!(store.oldest_wait().await, Ok(Duration::ZERO));
}

#[tokio::test]
async fn a_retry_that_is_due_in_the_distant_future_is_due_at_the_next_start() {
    let folder = temp_dir();
    let options = options(&folder);
    let store = open(&options);
    let id = queue(&store, "a").await;
    let lease = claim_one(&store).await;
    // As it looks once the clock is set back.
    let day = Next::Retry(Duration::from_secs(24 * 3600));
    let finished = store.finish(lease, not_sent(day)).await;
    assert_eq!(finished, Ok(Finished::Recorded));
    store.close().await;
    assert_eq!(claim_one(&open(&options)).await.event_id, id);
}

#[tokio::test]
async fn a_closed_store_says_so() {
    let folder = temp_dir();
    let store = open(&options(&folder));
    store.close().await;
    assert_eq!(
        store.accept(submission("a", Handling::Queue)).await,
        Err(StoreError::Closed)
    );
    assert_eq!(store.claim(1).await, Err::<Claim, _>(StoreError::Closed));
}

#[tokio::test]
async fn events_held_in_memory_are_listed_and_persisted_only_when_claimed() {
    let folder = temp_dir();
    let options = StoreOptions {
        durability: Durability::None,
        ..options(&folder)
    };
    let store = open(&options);
    let ids = [queue(&store, "a").await, queue(&store, "b").await];
    assert_eq!((store.held(), store.depth()), (2, 2));
    let lease = claim_one(&store).await;
    assert_eq!(
        (lease.event_id, store.held(), store.depth()),
        (ids[0], 1, 2)
    );
    let page = store.run_page("run", 0, 10).await.expect("the store works");
    assert_eq!(
        page.events
            .iter()
            .map(|event| event.event_id)
            .collect::<Vec<_>>(),
        ids
    );
    store.close().await;

    let store = open(&options);
    assert!(
        store
            .event(ids[0])
            .await
            .expect("the store works")
            .is_some()
    );
    assert_eq!(store.event(ids[1]).await, Ok(None), "it was in memory only");
}

#[tokio::test]
async fn leases_of_the_living_are_left_alone_when_another_process_opens_the_store() {
    let folder = temp_dir();
    let options = options(&folder);
    let store = open(&options);
    queue(&store, "a").await;
    let lease = claim_one(&store).await;
    // Locks and leases are those of an open store, so a second handle stands for a second process.
    let other = open(&options);
    assert_eq!(other.snapshot().working, 1);
    let nothing = other.claim(1).await.expect("the store works");
    assert!(nothing.leases.is_empty(), "{nothing:?}");
    let taken = other.claim_event(lease.event_id).await;
    assert!(matches!(taken, Ok(Grant::Taken(_))), "{taken:?}");
    assert_eq!(
        store.finish(lease, AttemptOutcome::sent()).await,
        Ok(Finished::Recorded)
    );
}

#[tokio::test]
async fn what_one_process_commits_another_sees_without_asking() {
    let folder = temp_dir();
    let (one, other) = (open(&options(&folder)), open(&options(&folder)));
    let id = queue(&one, "a").await;
    tokio::time::timeout(PATIENCE, async {
        while other.snapshot().queued == 0 {
            other.work_arrived().await;
        }
    })
    .await
    .expect("the other one hears of it");
    let settled = tokio::spawn({
        let one = one.clone();
        async move { one.settled(id, PATIENCE).await }
    });
    let lease = claim_one(&other).await;
    other
        .finish(lease, AttemptOutcome::sent())
        .await
        .expect("the store works");
    let event = settled.await.expect("no panic").expect("the store works");
    assert_eq!(event.expect("known").state, EventState::Processed);
}

#[tokio::test]
async fn a_given_event_is_leased_once_and_the_rest_is_told_why_not() {
    let folder = temp_dir();
    let store = open(&options(&folder));
    let mut arrivals = store.arrivals(8);
    let id = queue(&store, "a").await;
    assert_eq!(arrivals.recv().await, Some(id));
    let granted = store.claim_event(id).await.expect("the store works");
    let Grant::Leased(lease) = granted else {
        panic!("{granted:?}")
    };
    assert!(matches!(
        store.claim_event(id).await,
        Ok(Grant::Taken(left)) if left <= options(&folder).lease
    ));
    let hour = Next::Retry(Duration::from_secs(3600));
    let rebuilt = store.lease_of(id, lease.attempt).await;
    assert_eq!(rebuilt, Ok(Some(lease.clone())));
    store
        .finish(lease, not_sent(hour))
        .await
        .expect("the store works");
    assert!(matches!(store.claim_event(id).await, Ok(Grant::NotDue(_))));
    let unknown = store.claim_event(EventId::from_key("b")).await;
    assert_eq!(unknown, Ok(Grant::Unknown));
    assert_eq!(
        store.payload(id).await,
        Ok(Some(br#"{"key":"a"}"#.to_vec()))
    );
}

#[tokio::test]
async fn a_sweep_names_what_nobody_took_once_in_a_while() {
    let folder = temp_dir();
    let store = open(&options(&folder));
    let id = queue(&store, "a").await;
    let idle = Duration::from_millis(1);
    let long = Duration::from_secs(100_000_000_000);
    let minute = Duration::from_secs(60);
    assert_eq!(sweep(&store, long).await, [], "not due so long");
    assert_eq!(sweep(&store, minute).await, [id]);
    assert_eq!(sweep(&store, minute).await, []);
    claim_one(&store).await;
    assert_eq!(sweep(&store, idle).await, [], "it is taken");
}

/// What a pass of its own finds in its first ten rows.
pub(crate) async fn sweep(store: &Store, idle: Duration) -> Vec<EventId> {
    let swept = store.sweep(SweepCursor::default(), idle, 10).await;
    let swept = swept.expect("the store works");
    assert!(swept.is_over);
    swept.ids
}

/// A pass in steps of two rows.
pub(crate) async fn a_pass_goes_on_where_its_last_step_ended(store: &Store) {
    let minute = Duration::from_secs(60);
    let mut ids = BTreeSet::new();
    for key in ["a", "b", "c", "d", "e", "f"] {
        ids.insert(queue(store, key).await);
    }
    let (mut found, mut steps, mut cursor) = (BTreeSet::new(), 0, SweepCursor::default());
    loop {
        let swept = store.sweep(cursor, minute, 2).await;
        let swept = swept.expect("the store works");
        (cursor, steps) = (swept.cursor, steps + 1);
        assert!(swept.is_over || swept.ids.len() == 2, "{swept:?}");
        for id in swept.ids {
            assert!(found.insert(id), "{id} is named twice");
        }
        if swept.is_over {
            break;
        }
    }
    assert_eq!((found, steps), (ids, 4));
    assert_eq!(sweep(store, minute).await, []);
}

#[tokio::test]
async fn a_sweep_goes_on_where_its_last_step_ended() {
    let folder = temp_dir();
    a_pass_goes_on_where_its_last_step_ended(&open(&options(&folder))).await;
}

#[tokio::test]
async fn a_dead_event_is_listed_with_its_last_error_and_can_be_replayed_with_all_its_attempts() {
    let folder = temp_dir();
    let store = open(&options(&folder));
    let id = queue(&store, "a").await;
    let lease = claim_one(&store).await;
    let dead = AttemptOutcome::not_sent("the provider answered 400: no such user", Next::GiveUp);
    store.finish(lease, dead).await.expect("the store works");
    let page = store
        .dead_page(DeadCursor::default(), 10)
        .await
        .expect("the store works");
    assert_eq!(page.letters.len(), 1);
    let letter = &page.letters[0];
    assert_eq!((letter.event_id, letter.attempts), (id, 1));
    assert_eq!(letter.effect.as_deref(), Some("notify"));
    assert_eq!(
        letter.error.as_deref(),
        Some("the provider answered 400: no such user")
    );
    assert_eq!(store.replay(id).await, Ok(Replay::Requeued));
    assert_eq!(
        store.replay(id).await,
        Ok(Replay::NotDead(EventState::Retrying))
    );
    assert_eq!(
        store.replay(EventId::from_key("b")).await,
        Ok(Replay::Unknown)
    );
    let lease = claim_one(&store).await;
    assert_eq!((lease.attempt, lease.tries), (2, 1));
}

/// Whoever was not told that its outcome is recorded says it again.
pub(crate) async fn an_outcome_told_twice_is_recorded_once(store: &Store) {
    let id = queue(store, "twice").await;
    let lease = claim_one(store).await;
    let tell = |outcome| store.finish(lease.clone(), outcome);
    assert_eq!(tell(AttemptOutcome::sent()).await, Ok(Finished::Recorded));
    assert_eq!(
        tell(AttemptOutcome::sent()).await,
        Ok(Finished::RecordedAgain)
    );
    assert_eq!(
        tell(AttemptOutcome::sent()).await,
        Ok(Finished::RecordedAgain)
    );
    let other = not_sent(Next::GiveUp);
    assert_eq!(tell(other.clone()).await, Ok(Finished::Stale));
    assert_eq!(tell(other).await, Ok(Finished::StaleAgain));
    let event = store.event(id).await.expect("the store works");
    let event = event.expect("known");
    assert_eq!(
        (event.state, event.notifications),
        (EventState::Processed, 1)
    );

    // Both are committed at once, if they come at once.
    queue(store, "at once").await;
    let lease = claim_one(store).await;
    let before = store.snapshot();
    let tell = || store.finish(lease.clone(), AttemptOutcome::sent());
    let (one, other) = tokio::join!(tell(), tell());
    assert_eq!(
        (one, other),
        (Ok(Finished::Recorded), Ok(Finished::RecordedAgain))
    );
    let after = store.snapshot();
    assert_eq!(after.processed, before.processed + 1);
    assert_eq!(after.working + 1, before.working);
}

/// With leases that are over at once.
pub(crate) async fn a_late_outcome_is_late_however_often_it_is_told(store: &Store) {
    let id = queue(store, "late").await;
    let (late, _quick) = (claim_one(store).await, claim_one(store).await);
    let tell = || store.finish(late.clone(), AttemptOutcome::sent());
    assert_eq!(tell().await, Ok(Finished::Stale));
    assert_eq!(tell().await, Ok(Finished::StaleAgain));
    let event = store.event(id).await.expect("the store works");
    let event = event.expect("known");
    assert_eq!((event.state, event.notifications), (EventState::Working, 1));
    let (first, next) = (late.attempt, late.attempt + 1);
    for (token, issued) in [(0, false), (first, true), (next, true), (next + 1, false)] {
        let lease = store.lease_of(id, token).await.expect("the store works");
        assert_eq!(lease.is_some(), issued, "{token}");
    }
    assert_eq!(store.lease_of(id, u32::MAX).await, Ok(None));
}

async fn call(store: &Store, key: &str) -> Lease {
    match store.accept(submission(key, Handling::Call)).await {
        Ok(Admission::Leased(lease)) => lease,
        other => panic!("{other:?}"),
    }
}

/// A client that was told of a failure and asks again has not asked too often.
pub(crate) async fn a_call_that_failed_gets_all_its_attempts_again(store: &Store) {
    for next in [Next::Answer, Next::GiveUp, Next::Answer] {
        let lease = call(store, "failing").await;
        assert_eq!(lease.tries, 1, "attempt {}", lease.attempt);
        store.finish(lease, not_sent(next)).await.expect("it works");
    }
    let queued = store.accept(submission("failing", Handling::Queue)).await;
    assert_eq!(queued, Ok(Admission::Queued));
    let lease = claim_one(store).await;
    assert_eq!((lease.attempt, lease.tries), (4, 1));
}

/// With leases that are over at once.
pub(crate) async fn a_call_that_was_cut_off_is_not_in_progress_for_ever(store: &Store) {
    let cut_off = call(store, "cut off").await;
    let again = call(store, "cut off").await;
    assert_eq!((again.attempt, again.tries), (2, 2));
    assert_eq!(
        store.finish(cut_off, not_sent(Next::Answer)).await,
        Ok(Finished::Stale)
    );
    let queued = store.accept(submission("cut off", Handling::Queue)).await;
    assert_eq!(queued, Ok(Admission::Queued));
    assert_eq!(
        store.finish(again, not_sent(Next::Answer)).await,
        Ok(Finished::Stale)
    );
    assert_eq!(claim_one(store).await.tries, 3);
}

/// What a provider or a worker says is not for the database to refuse.
pub(crate) async fn a_reason_that_is_no_text_stops_nobody(store: &Store) {
    let id = queue(store, "no text").await;
    let lease = claim_one(store).await;
    let long = format!("no\0such user{}", "!".repeat(100_000));
    let dead = AttemptOutcome::not_sent(long.as_str(), Next::GiveUp);
    assert_eq!(store.finish(lease, dead).await, Ok(Finished::Recorded));
    let page = store.dead_page(DeadCursor::default(), 10).await;
    let letters = page.expect("the store works").letters;
    let letter = letters.iter().find(|letter| letter.event_id == id);
    let error = letter.and_then(|letter| letter.error.as_deref());
    let error = error.expect("a reason");
    assert!(error.starts_with("no\u{fffd}such user!"), "{error}");
    assert!(error.len() < 2000, "{}", error.len());
    let report = ProcessReport {
        role: "worker".to_owned(),
        host: "box".to_owned(),
        pid: 1,
        in_flight: 0,
        done: WorkDone::default(),
        breaker: "open".to_owned(),
        breaker_reason: Some(long.into()),
    };
    assert_eq!(store.report(report).await, Ok(()));
}

#[tokio::test]
async fn outcomes_may_be_told_again() {
    let folder = temp_dir();
    an_outcome_told_twice_is_recorded_once(&open(&options(&folder))).await;
}

#[tokio::test]
async fn a_lease_that_is_over_decides_nothing_however_often_it_is_tried() {
    let folder = temp_dir();
    let store = open(&StoreOptions {
        lease: Duration::ZERO,
        ..options(&folder)
    });
    a_late_outcome_is_late_however_often_it_is_told(&store).await;
}

#[tokio::test]
async fn a_synchronous_call_may_be_tried_again_as_often_as_its_client_likes() {
    let folder = temp_dir();
    a_call_that_failed_gets_all_its_attempts_again(&open(&options(&folder))).await;
}

#[tokio::test]
async fn a_synchronous_call_whose_owner_died_is_taken_over() {
    let folder = temp_dir();
    let store = open(&StoreOptions {
        lease: Duration::ZERO,
        ..options(&folder)
    });
    a_call_that_was_cut_off_is_not_in_progress_for_ever(&store).await;
}

#[tokio::test]
async fn whatever_is_said_of_a_failure_can_be_kept() {
    let folder = temp_dir();
    a_reason_that_is_no_text_stops_nobody(&open(&options(&folder))).await;
}

#[tokio::test]
async fn an_insert_that_the_database_refuses_is_tried_again_apart_from_the_notification() {
    let folder = temp_dir();
    let store = open(&options(&folder));
    let sql = rusqlite::Connection::open(folder.path().join("store.db")).expect("it opens");
    sql.execute_batch(
        "CREATE TRIGGER poison BEFORE INSERT ON events WHEN NEW.payload = CAST('{\"key\":\"bad\"}' AS BLOB)
        BEGIN SELECT RAISE(ABORT, 'no such tenant'); END",
    )
    .expect("a trigger");
    let bad = queue(&store, "bad").await;
    let good = queue(&store, "good").await;
    let claim = store.claim(2).await.expect("one bad event stops no other");
    let [poisoned, fine] = &claim.leases[..] else {
        panic!("{claim:?}")
    };
    assert_eq!((poisoned.event_id, fine.event_id), (bad, good));
    assert_eq!(fine.insert, Insert::Done);
    let refused = Insert::Failed {
        reason: "no such tenant".to_owned(),
    };
    assert_eq!(poisoned.insert, refused);

    let sent = AttemptOutcome {
        notified: Notified::Sent,
        next: Next::Retry(Duration::ZERO),
    };
    store
        .finish(poisoned.clone(), sent)
        .await
        .expect("the store works");
    sql.execute_batch("DROP TRIGGER poison").expect("mended");
    let again = claim_one(&store).await;
    assert_eq!(
        (again.event_id, &again.insert, again.notification),
        (bad, &Insert::Done, Notification::Sent),
        "only the insert was left"
    );
    store
        .finish(again, AttemptOutcome::sent_before())
        .await
        .expect("the store works");
    let event = store.event(bad).await.expect("the store works");
    let event = event.expect("known");
    assert_eq!((event.state, event.inserts), (EventState::Processed, 1));
    assert_eq!((event.notifications, event.attempts), (1, 2));
}

#[tokio::test]
async fn a_store_of_the_version_before_is_brought_up_to_date_and_a_later_one_refused() {
    let folder = temp_dir();
    let path = folder.path().join("store.db");
    let sql = rusqlite::Connection::open(&path).expect("it opens");
    sql.execute_batch(include_str!(
        "../../src/reference/store/sqlite/schema_1.sql"
    ))
    .expect("the first schema");
    sql.execute_batch(
        "PRAGMA application_id = 0x61377072; PRAGMA user_version = 1;
        INSERT INTO jobs (event_id, fingerprint, promise, state, due_ms, accepted_ms, attempts, payload)
        VALUES (zeroblob(16), zeroblob(32), 0, 0, 1, 1, 0, x'7b7d'), (randomblob(16), zeroblob(32), 0, 5, 1, 1, 1, NULL)",
    )
    .expect("two events");
    let store = open(&options(&folder));
    let counts = store.snapshot();
    assert_eq!((counts.queued, counts.processed), (1, 1));
    assert_eq!(
        claim_one(&store).await.event_id,
        EventId::from_bytes([0; 16])
    );
    store.close().await;
    sql.execute_batch("PRAGMA user_version = 99")
        .expect("later");
    let refused = Store::open(&options(&folder)).err().expect("refused");
    assert!(
        matches!(&refused, OpenError::Foreign { found, .. } if found.contains("version 99")),
        "{refused}"
    );
}
