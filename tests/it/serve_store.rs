//! The store below the server: leases, fencing, and what survives being opened again.

mod leases;
mod reopened;

use std::collections::BTreeSet;
use std::time::Duration;

use a7probe::reference::store::{
    Admission, AttemptOutcome, DeadCursor, EventId, EventState, Fingerprint, Finished, Handling,
    Insert, Lease, Next, Notification, Notified, ProcessReport, Replay, Store, StoreOptions,
    Submission, SweepCursor, WorkDone,
};
use tempfile::TempDir;

use crate::harness::temp_dir;

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
