//! An event has one lease at a time, and a lost lease decides nothing.

use std::time::Duration;

use a7probe::reference::store::{
    AttemptOutcome, Durability, EventId, EventState, Finished, Grant, Next, Notification,
    RepeatPolicy, StoreOptions,
};

use super::{claim_one, not_sent, open, options, queue};

use crate::harness::temp_dir;

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
