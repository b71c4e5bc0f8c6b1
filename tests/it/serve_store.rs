//! The store below the server: leases, fencing, and what survives being opened again.

use std::time::Duration;

use a7probe::store::{
    Admission, Claim, Durability, EventId, Fingerprint, Finished, Handling, Lease, Next,
    Notification, OpenError, Options, Outcome, Repeat, State, Store, StoreError, Submission,
};
use tempfile::TempDir;

use crate::serve_host::folder;

fn options(folder: &TempDir) -> Options {
    Options::at(folder.path().join("store.db"))
}

fn open(options: &Options) -> Store {
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

fn not_sent(next: Next) -> Outcome {
    Outcome::NotSent {
        reason: "no".to_owned(),
        next,
    }
}

#[tokio::test]
async fn events_are_claimed_once_and_in_order_of_acceptance() {
    let folder = folder();
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
    let folder = folder();
    let store = open(&Options {
        lease: Duration::ZERO,
        ..options(&folder)
    });
    let id = queue(&store, "a").await;
    let slow = claim_one(&store).await;
    let quick = claim_one(&store).await;
    assert_eq!((slow.attempt, quick.attempt), (1, 2));

    assert_eq!(store.finish(slow, Outcome::Sent).await, Ok(Finished::Stale));
    let event = store
        .event(id)
        .await
        .expect("the store works")
        .expect("known");
    assert_eq!((event.state, event.notifications), (State::Working, 1));

    let retry = not_sent(Next::Retry(Duration::ZERO));
    assert_eq!(store.finish(quick, retry).await, Ok(Finished::Recorded));
    let third = claim_one(&store).await;
    assert_eq!(
        (third.attempt, third.notification),
        (3, Notification::Sent),
        "there is nothing left to send"
    );
    assert_eq!(
        store.finish(third, Outcome::SentBefore).await,
        Ok(Finished::Recorded)
    );
    let event = store
        .event(id)
        .await
        .expect("the store works")
        .expect("known");
    assert_eq!(
        (event.state, event.inserts, event.notifications),
        (State::Processed, 1, 1)
    );
}

#[tokio::test]
async fn leases_of_the_process_before_are_void_when_the_store_is_opened_again() {
    let folder = folder();
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
    let folder = folder();
    let options = Options {
        repeat: Repeat::AtMostOnce,
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
    let folder = folder();
    let options = options(&folder);
    let store = open(&options);
    for key in ["processed", "dead", "retrying", "queued"] {
        queue(&store, key).await;
    }
    for outcome in [
        Outcome::Sent,
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
    let folder = folder();
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
        .finish(lease, Outcome::Sent)
        .await
        .expect("the store works");
    assert_eq!(store.oldest_wait().await, Ok(Duration::ZERO));
}

#[tokio::test]
async fn a_closed_store_says_so() {
    let folder = folder();
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
    let folder = folder();
    let options = Options {
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

#[test]
fn a_store_is_open_once() {
    let folder = folder();
    let options = options(&folder);
    let store = open(&options);
    assert!(matches!(
        Store::open(&options),
        Err(OpenError::InUse { .. })
    ));
    drop(store);
}
