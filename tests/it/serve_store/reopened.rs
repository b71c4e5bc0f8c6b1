//! A store that is opened again, or by a second process.

use std::time::Duration;

use a7probe::reference::store::{
    Admission, AttemptOutcome, Claim, EventId, EventState, Finished, Grant, Handling, Next,
    Notification, OpenError, Store, StoreError,
};

use super::{claim_one, not_sent, open, options, queue, submission};

use crate::harness::{PATIENCE, temp_dir};

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
async fn a_store_of_the_version_before_is_brought_up_to_date_and_a_later_one_refused() {
    let folder = temp_dir();
    let path = folder.path().join("store.db");
    let sql = rusqlite::Connection::open(&path).expect("it opens");
    sql.execute_batch(include_str!(
        "../../../src/reference/store/sqlite/schema_1.sql"
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
