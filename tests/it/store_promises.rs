//! Promises of the store and of the workers on it that are easily broken where two things go wrong at once, on a file and
//! on PostgreSQL alike.

use std::any::Any;
use std::future::{Future, poll_fn};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use a7probe::reference::provider::{
    LatencyModel, Provider, SendError, Simulator, SimulatorOptions,
};
use a7probe::reference::store::{
    Admission, AttemptOutcome, EventId, EventState, Fingerprint, Finished, Grant, Handling, Insert,
    Lease, Next, Notification, Notified, ProcessReport, RepeatPolicy, Store, StoreError,
    StoreOptions, Submission, WorkDone,
};
use a7probe::reference::worker::{BreakerOptions, Retry, TakeResult, WorkerOptions, WorkerPool};
use tokio::sync::watch;
use tokio::time::timeout;

use crate::harness::{PATIENCE, temp_dir};
use crate::serve_host::HeldProvider;

/// Where a store is, and what can be done to it behind its back.
pub(crate) struct Place {
    options: StoreOptions,
    sql: Box<dyn Fn(&str)>,
    hold: Box<dyn Fn() -> Box<dyn Any>>,
    refuse: &'static str,
    take: &'static str,
    refuse_job: &'static str,
    /// Fails if a process has counts of its own.
    only_nobodys: &'static str,
    _kept: Box<dyn Any>,
}

impl Place {
    fn file() -> Place {
        let folder = temp_dir();
        let path = folder.path().join("store.db");
        let (run, held) = (path.clone(), path.clone());
        Place {
            options: StoreOptions::at(path),
            sql: Box::new(move |text| {
                let sql = rusqlite::Connection::open(&run).expect("it opens");
                sql.execute_batch(text).expect("the statements");
            }),
            hold: Box::new(move || {
                let sql = rusqlite::Connection::open(&held).expect("it opens");
                sql.execute_batch("BEGIN IMMEDIATE").expect("the lock");
                Box::new(sql)
            }),
            refuse: "CREATE TRIGGER refuse BEFORE INSERT ON events
                BEGIN SELECT RAISE(ABORT, 'no such tenant'); END",
            take: "DROP TRIGGER refuse",
            refuse_job: "CREATE TRIGGER poison BEFORE INSERT ON jobs
                WHEN NEW.payload = CAST('{\"key\":\"poison\"}' AS BLOB)
                BEGIN SELECT RAISE(ABORT, 'poison'); END",
            only_nobodys: "CREATE TEMP TABLE nobodys (owner CHECK (owner = 0));
                INSERT INTO nobodys SELECT owner FROM counts",
            _kept: Box::new(folder),
        }
    }

    #[cfg(feature = "postgres")]
    pub(crate) fn schema(test: &str) -> Option<Place> {
        let schema = Arc::new(crate::postgres_host::Schema::create(test)?);
        let (run, held) = (schema.clone(), schema.clone());
        Some(Place {
            options: schema.options(),
            sql: Box::new(move |text| run.sql(text)),
            hold: Box::new(move || Box::new(held.hold("LOCK TABLE jobs IN EXCLUSIVE MODE"))),
            refuse: "ALTER TABLE events ADD CONSTRAINT refuse CHECK (false)",
            take: "ALTER TABLE events DROP CONSTRAINT refuse",
            refuse_job: r#"ALTER TABLE jobs ADD CONSTRAINT poison
                CHECK (payload IS NULL OR payload <> '{"key":"poison"}'::bytea)"#,
            only_nobodys: "CREATE TEMP TABLE nobodys (owner bigint CHECK (owner = 0));
                INSERT INTO nobodys SELECT owner FROM counts UNION ALL SELECT owner FROM counters",
            _kept: Box::new(schema),
        })
    }

    fn open(&self, repeat: RepeatPolicy) -> Store {
        Store::open(&StoreOptions {
            repeat,
            ..self.options.clone()
        })
        .expect("the store opens")
    }

    /// A store whose leases run out at once: whoever claims again finds what was cut off.
    fn open_with_no_lease(&self, repeat: RepeatPolicy) -> Store {
        Store::open(&StoreOptions {
            repeat,
            lease: Duration::ZERO,
            ..self.options.clone()
        })
        .expect("the store opens")
    }

    /// From now on no event is inserted, or each one again.
    fn refuse_inserts(&self, refuse: bool) {
        (self.sql)(if refuse { self.refuse } else { self.take });
    }

    /// No transaction of the store gets any further until this is dropped.
    fn hold(&self) -> Box<dyn Any> {
        (self.hold)()
    }
}

fn submission(key: &str) -> Submission {
    let payload = format!(r#"{{"key":"{key}"}}"#).into_bytes();
    Submission {
        event_id: EventId::from_key(key),
        fingerprint: Fingerprint::of(&payload),
        payload,
        run: None,
        accepted_ms: 1_700_000_000_000,
        handling: Handling::Queue,
    }
}

async fn queue(store: &Store, key: &str) -> EventId {
    let admission = store.accept(submission(key)).await;
    assert_eq!(admission, Ok(Admission::Queued));
    EventId::from_key(key)
}

async fn claim_one(store: &Store) -> Lease {
    let mut claim = store.claim(1).await.expect("the store works");
    claim.leases.pop().expect("something is due")
}

async fn claim_this(store: &Store, id: EventId) -> Lease {
    match store.claim_event(id).await {
        Ok(Grant::Leased(lease)) => lease,
        other => panic!("{other:?}"),
    }
}

async fn finish(store: &Store, lease: Lease, notified: Notified, next: Next) {
    let outcome = AttemptOutcome { notified, next };
    let finished = store.finish(lease, outcome).await;
    assert_eq!(finished, Ok(Finished::Recorded));
}

fn unknown() -> Notified {
    let reason = "nobody knows".to_owned();
    Notified::Unknown {
        reason: reason.into(),
    }
}

fn failed() -> Notified {
    let reason = "no".to_owned();
    Notified::Failed {
        reason: reason.into(),
    }
}

const AT_ONCE: Next = Next::Retry(Duration::ZERO);

async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    timeout(PATIENCE, async {
        while !is_so() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    })
    .await
    .unwrap_or_else(|_| panic!("not in time: {what}"));
}

/// Of two tries the second is only for the insert.
async fn what_may_have_been_sent_is_not_sent_again_for_the_insert(place: &Place) {
    let store = place.open(RepeatPolicy::AtMostOnce);
    place.refuse_inserts(true);
    queue(&store, "a").await;
    let first = claim_one(&store).await;
    assert!(matches!(first.insert, Insert::Failed { .. }));
    assert_eq!(first.notification, Notification::Due);
    finish(&store, first, unknown(), AT_ONCE).await;
    let second = claim_one(&store).await;
    assert_eq!(second.notification, Notification::Unknown);
    finish(&store, second, unknown(), AT_ONCE).await;
    place.refuse_inserts(false);
    let third = claim_one(&store).await;
    assert_eq!(
        (&third.insert, third.notification),
        (&Insert::Done, Notification::Unknown)
    );
}

async fn an_attempt_cut_off_is_not_made_up_for_by_the_next_one(place: &Place) {
    let store = place.open_with_no_lease(RepeatPolicy::AtMostOnce);
    place.refuse_inserts(true);
    queue(&store, "a").await;
    assert_eq!(claim_one(&store).await.notification, Notification::Due);
    let second = claim_one(&store).await;
    assert_eq!(second.notification, Notification::Unknown);
    finish(&store, second, unknown(), AT_ONCE).await;
    assert_eq!(claim_one(&store).await.notification, Notification::Unknown);
}

async fn failures_of_before_do_not_hide_an_attempt_that_was_cut_off(place: &Place) {
    let store = place.open(RepeatPolicy::AtLeastOnce);
    queue(&store, "a").await;
    let lease = claim_one(&store).await;
    finish(&store, lease, failed(), AT_ONCE).await;
    store.close().await;
    let store = place.open_with_no_lease(RepeatPolicy::AtMostOnce);
    assert_eq!(claim_one(&store).await.notification, Notification::Due);
    assert_eq!(claim_one(&store).await.notification, Notification::Unknown);
}

fn pool(store: &Store, provider: Provider, attempts: u32) -> WorkerPool {
    let options = WorkerOptions {
        workers: 4,
        retry: Retry {
            attempts,
            base: Duration::from_millis(1),
            ..Retry::default()
        },
        breaker: BreakerOptions {
            failures: 1,
            open_for: Duration::from_millis(1),
            open_cap: Duration::from_millis(1),
        },
        grace: PATIENCE,
    };
    WorkerPool::new(store.clone(), provider, options)
}

fn at(provider: &HeldProvider) -> Provider {
    Provider::at(&provider.url, None, PATIENCE).expect("a URL")
}

fn instant_provider() -> Provider {
    let simulator = Simulator::new(SimulatorOptions {
        latency: LatencyModel::Constant(Duration::ZERO),
        ..SimulatorOptions::default()
    });
    Provider::simulated(Arc::new(simulator), PATIENCE)
}

async fn in_time<T>(what: &str, done: impl Future<Output = T>) -> T {
    let done = timeout(PATIENCE, done).await;
    done.unwrap_or_else(|_| panic!("not in time: {what}"))
}

/// The one attempt that is to find out has nothing to send, or nobody to wait for it.
async fn a_probe_that_calls_nobody_stops_no_worker(place: &Place) {
    let store = place.open_with_no_lease(RepeatPolicy::AtLeastOnce);
    let (sent, worn_out) = (queue(&store, "sent").await, queue(&store, "worn out").await);
    let lease = claim_this(&store, sent).await;
    finish(&store, lease, Notified::Sent, AT_ONCE).await;
    for _ in 0..2 {
        let _ = store.claim_event(worn_out).await;
    }
    let provider = HeldProvider::start();
    let pool = pool(&store, at(&provider), 2);
    let down = SendError::Broken("down".to_owned());
    pool.breaker.record(&Err(down));
    for id in [sent, worn_out] {
        let taken = in_time("an attempt without a call", pool.take(id)).await;
        assert_eq!(taken, Ok(TakeResult::Attempted));
    }
    let cut_off = queue(&store, "cut off").await;
    let attempt = tokio::spawn({
        let pool = pool.clone();
        async move { pool.take(cut_off).await }
    });
    let call = tokio::task::spawn_blocking(move || (provider.next_call(), provider));
    let (call, provider) = call.await.expect("no panic");
    attempt.abort();
    assert!(attempt.await.is_err());
    drop(call);
    let next = queue(&store, "next").await;
    let attempt = tokio::spawn(async move { pool.take(next).await });
    let call = tokio::task::spawn_blocking(move || provider.next_call());
    call.await.expect("no panic").answer(202);
    assert_eq!(attempt.await.expect("no panic"), Ok(TakeResult::Attempted));
}

/// Asks, and is gone before the answer comes.
async fn ask_and_leave(asked: impl Future) {
    let mut asked = Box::pin(asked);
    poll_fn(|cx| {
        assert!(asked.as_mut().poll(cx).is_pending());
        Poll::Ready(())
    })
    .await;
}

/// The claim is on its way when its asker goes.
async fn what_nobody_took_is_given_back_as_if_it_had_not_been_claimed(place: &Place) {
    let store = place.open(RepeatPolicy::AtMostOnce);
    let id = queue(&store, "a").await;
    ask_and_leave(store.claim(1)).await;
    ask_and_leave(store.claim_event(id)).await;
    let lease = in_time("it is claimed by someone else", async {
        loop {
            if let Some(lease) = store.claim(1).await.expect("works").leases.pop() {
                return lease;
            }
            store.work_arrived().await;
        }
    })
    .await;
    assert_eq!(lease.notification, Notification::Due);
    assert_eq!(lease.tries, 1, "it has all its attempts");
    finish(&store, lease, Notified::Sent, Next::Done).await;
    assert_eq!(store.depth(), 0);
}

/// A worker is told to stop while its claim is under way, and only then the claim succeeds.
async fn a_worker_that_is_stopped_in_the_middle_of_a_claim_drops_no_mail(place: &Place) {
    let store = place.open(RepeatPolicy::AtMostOnce);
    let mut ids = Vec::new();
    for key in ["a", "b", "c"] {
        ids.push(queue(&store, key).await);
    }
    let provider = HeldProvider::start();
    let (stop, stopped) = watch::channel(false);
    let held = place.hold();
    let working = tokio::spawn(pool(&store, at(&provider), 1).work(stopped));
    until("the claim is under way", || {
        !store.commits().stuck_for().is_zero()
    })
    .await;
    stop.send_replace(true);
    drop(held);
    in_time("the worker ends", working).await.expect("no panic");
    assert!(provider.is_idle(), "it begins nothing any more");
    assert_eq!((store.snapshot().working, store.depth()), (0, 3));

    let other = pool(&store, instant_provider(), 1);
    let (_stop, stopped) = watch::channel(false);
    let working = tokio::spawn(other.work(stopped));
    for id in ids {
        let event = store.settled(id, PATIENCE).await.expect("the store works");
        let event = event.expect("known");
        assert_eq!(
            (event.state, event.notifications),
            (EventState::Processed, 1)
        );
    }
    working.abort();
}

/// Both outcomes of an attempt wait for the same transaction.
async fn of_two_outcomes_of_an_attempt_the_first_counts_once(place: &Place) {
    let store = place.open(RepeatPolicy::AtLeastOnce);
    let id = queue(&store, "a").await;
    queue(&store, "b").await;
    let (lease, other) = (claim_this(&store, id).await, claim_one(&store).await);
    let in_vain = AttemptOutcome::not_sent("no", AT_ONCE);
    let held = place.hold();
    let (one, two) = (store.clone(), store.clone());
    // What keeps the writer while the others gather.
    let first = tokio::spawn(async move { one.claim(1).await });
    until("a transaction is under way", || {
        !store.commits().stuck_for().is_zero()
    })
    .await;
    let finishing = async {
        tokio::join!(
            two.finish(lease.clone(), AttemptOutcome::sent()),
            two.finish(lease.clone(), AttemptOutcome::sent()),
            two.finish(lease.clone(), in_vain),
            async { drop(held) },
        )
    };
    let (sent, again, late, ()) = in_time("all are recorded", finishing).await;
    assert_eq!(sent, Ok(Finished::Recorded));
    assert_eq!(again, Ok(Finished::RecordedAgain), "it is the same");
    assert_eq!(late, Ok(Finished::Stale));
    first.await.expect("no panic").expect("the store works");
    let counts = store.snapshot();
    assert_eq!((counts.processed, counts.working), (1, 1));
    finish(&store, other, Notified::Sent, Next::Done).await;
    assert_eq!(store.depth(), 0);
}

/// An operator's constraint or trigger refuses one of those that share a transaction.
async fn one_event_that_is_refused_refuses_no_other_beside_it(place: &Place) {
    let store = place.open(RepeatPolicy::AtLeastOnce);
    (place.sql)(place.refuse_job);
    let held = place.hold();
    let probing = tokio::spawn({
        let store = store.clone();
        async move { store.claim(1).await }
    });
    until("a transaction is under way", || {
        !store.commits().stuck_for().is_zero()
    })
    .await;
    let accepting: Vec<_> = ["a", "b", "poison", "c", "d"]
        .map(|key| {
            let store = store.clone();
            tokio::spawn(async move { store.accept(submission(key)).await })
        })
        .into_iter()
        .collect();
    until("they wait together", || store.waiting_commits() == 5).await;
    drop(held);
    probing.await.expect("no panic").expect("the store works");
    for (at, accepted) in accepting.into_iter().enumerate() {
        let accepted = accepted.await.expect("no panic");
        if at == 2 {
            assert!(
                matches!(&accepted, Err(StoreError::Failed(reason)) if reason.contains("poison"))
            );
        } else {
            assert_eq!(accepted, Ok(Admission::Queued));
        }
    }
    assert!(store.is_writable(), "it was no failure of the store");
    assert_eq!(store.depth(), 4);
}

fn report(pid: u32) -> ProcessReport {
    ProcessReport {
        role: "worker".to_owned(),
        host: "here".to_owned(),
        pid,
        in_flight: 0,
        done: WorkDone::default(),
        breaker: "closed".to_owned(),
        breaker_reason: None,
    }
}

/// Whether it has said that it goes, or has been silent for long: what it counted is kept and becomes nobody's.
async fn counts_outlive_their_process_and_do_not_pile_up(place: &Place) {
    let (one, other) = (
        place.open(RepeatPolicy::AtLeastOnce),
        place.open(RepeatPolicy::AtLeastOnce),
    );
    one.report(report(1)).await.expect("the store works");
    other.report(report(2)).await.expect("the store works");
    queue(&one, "a").await;
    until("the other sees it", || other.snapshot().queued == 1).await;
    (place.sql)("UPDATE processes SET seen_ms = 0 WHERE pid = 1");
    other.report(report(2)).await.expect("the store works");
    // It was only asleep.
    queue(&one, "b").await;
    one.report(report(1)).await.expect("the store works");
    queue(&one, "c").await;
    until("both see all three", || {
        (one.snapshot().queued, other.snapshot().queued) == (3, 3)
    })
    .await;
    one.close().await;
    other.close().await;
    (place.sql)(place.only_nobodys);
    assert_eq!(place.open(RepeatPolicy::AtLeastOnce).snapshot().queued, 3);
}

/// Each promise as a test on both engines.
macro_rules! promises {
    ($($promise:ident)*) => {
        mod file {
            $(#[tokio::test]
            async fn $promise() {
                super::$promise(&super::Place::file()).await;
            })*
        }

        #[cfg(feature = "postgres")]
        mod postgres {
            $(#[tokio::test]
            async fn $promise() {
                let test = concat!("store_promises::postgres::", stringify!($promise));
                if let Some(place) = super::Place::schema(test) {
                    super::$promise(&place).await;
                }
            })*
        }
    };
}

promises! {
    what_may_have_been_sent_is_not_sent_again_for_the_insert
    an_attempt_cut_off_is_not_made_up_for_by_the_next_one
    failures_of_before_do_not_hide_an_attempt_that_was_cut_off
    a_probe_that_calls_nobody_stops_no_worker
    what_nobody_took_is_given_back_as_if_it_had_not_been_claimed
    a_worker_that_is_stopped_in_the_middle_of_a_claim_drops_no_mail
    of_two_outcomes_of_an_attempt_the_first_counts_once
    one_event_that_is_refused_refuses_no_other_beside_it
    counts_outlive_their_process_and_do_not_pile_up
}
