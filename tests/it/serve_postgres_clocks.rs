//! Steps of the database's clock: leases and retries keep their length.

use std::time::Duration;

use a7probe::reference::store::{
    Admission, AttemptOutcome, EventId, Fingerprint, Finished, Grant, Handling, Lease, Next, Store,
    StoreOptions, Submission,
};

use crate::harness::PATIENCE;
use crate::postgres_host::Schema;
use crate::serve_postgres::{claim_one, queue, submission};

/// A database with a clock that a test can set.
struct Steppable {
    schema: Schema,
    options: StoreOptions,
}

impl Steppable {
    fn create(test: &str) -> Option<Steppable> {
        let schema = Schema::create(test)?;
        // Names in schemas before pg_catalog in the path are found first.
        schema.sql(
            "CREATE TABLE step (by interval);
            INSERT INTO step VALUES ('0');
            CREATE FUNCTION clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE
                AS 'SELECT pg_catalog.clock_timestamp() + (SELECT by FROM step)'",
        );
        let options = StoreOptions::at(format!("{}%2Cpg_catalog", schema.url).as_str());
        Some(Steppable { schema, options })
    }

    fn open(&self) -> Store {
        Store::open(&self.options).expect("the store opens")
    }

    fn set(&self, by: &str) {
        self.schema.sql(&format!("UPDATE step SET by = '{by}'"));
    }
}

async fn nothing_is_due(store: &Store) {
    let claim = store.claim(1).await.expect("the store works");
    assert_eq!(claim.leases, []);
}

/// The next lease, when it is due.
async fn next(store: &Store) -> Lease {
    let next = async {
        loop {
            if let Some(lease) = store.claim(1).await.expect("works").leases.pop() {
                return lease;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, next)
        .await
        .expect("it is due")
}

#[tokio::test]
async fn a_clock_set_forward_ends_no_lease() {
    let Some(database) = Steppable::create("serve_postgres_clocks::a_clock_set_forward_…") else {
        return;
    };
    let (one, other) = (database.open(), database.open());
    queue(&one, "a").await;
    let lease = claim_one(&one).await;
    nothing_is_due(&other).await;
    for step in ["600 s", "2 days", "-600 s", "0"] {
        database.set(step);
        nothing_is_due(&other).await;
        nothing_is_due(&one).await;
        nothing_is_due(&database.open()).await;
    }
    assert_eq!(
        one.finish(lease, AttemptOutcome::sent()).await,
        Ok(Finished::Recorded)
    );
}

/// The last time of a process that ends is where the next one begins.
#[tokio::test]
async fn a_process_that_ends_after_the_clock_was_set_forward_ends_no_lease() {
    let Some(database) = Steppable::create("serve_postgres_clocks::a_process_that_ends_…") else {
        return;
    };
    let (one, other) = (database.open(), database.open());
    queue(&one, "a").await;
    let lease = claim_one(&one).await;
    nothing_is_due(&other).await;
    database.set("600 s");
    other.close().await;
    nothing_is_due(&database.open()).await;
    nothing_is_due(&one).await;
    let unused = database.open();
    database.set("2 days");
    unused.close().await;
    nothing_is_due(&one).await;
    nothing_is_due(&database.open()).await;
    assert_eq!(
        one.finish(lease, AttemptOutcome::sent()).await,
        Ok(Finished::Recorded)
    );
}

#[tokio::test]
async fn a_clock_set_back_holds_up_no_retry_and_no_lease_that_ran_out() {
    let Some(database) = Steppable::create("serve_postgres_clocks::a_clock_set_back_…") else {
        return;
    };
    let short = StoreOptions {
        lease: Duration::from_millis(500),
        ..database.options.clone()
    };
    let store = Store::open(&short).expect("the store opens");
    let id = queue(&store, "a").await;
    let retry = AttemptOutcome::not_sent("no", Next::Retry(Duration::from_millis(500)));
    let first = claim_one(&store).await;
    store.finish(first, retry).await.expect("the store works");
    database.set("-600 s");
    let second = next(&store).await;
    assert_eq!((second.event_id, second.attempt), (id, 2));
    database.set("-2 days");
    let third = next(&store).await;
    assert_eq!((third.event_id, third.attempt), (id, 3));
}

#[tokio::test]
async fn a_clock_set_back_while_no_process_ran_delays_no_retry() {
    let Some(database) = Steppable::create("serve_postgres_clocks::…_while_no_process_ran_…")
    else {
        return;
    };
    let store = database.open();
    let id = queue(&store, "a").await;
    let retry = AttemptOutcome::not_sent("no", Next::Retry(Duration::from_millis(500)));
    let lease = claim_one(&store).await;
    store.finish(lease, retry).await.expect("the store works");
    store.close().await;
    database.set("-600 s");
    assert_eq!(next(&database.open()).await.event_id, id);
}

/// As after a step that no process saw: the times of the rows are off.
#[tokio::test]
async fn what_is_due_later_than_its_own_pause_allows_is_due_now() {
    let Some(schema) = Schema::create("serve_postgres_clocks::what_is_due_later_…") else {
        return;
    };
    let store = schema.open();
    let (soon, hour) = (queue(&store, "soon").await, queue(&store, "hour").await);
    for (id, pause) in [(soon, 10), (hour, 3_600_000)] {
        let granted = store.claim_event(id).await;
        let Ok(Grant::Leased(lease)) = granted else {
            panic!("{granted:?}")
        };
        let retry = AttemptOutcome::not_sent("no", Next::Retry(Duration::from_millis(pause)));
        store.finish(lease, retry).await.expect("the store works");
    }
    schema.sql(&format!(
        "UPDATE jobs SET due_ms = due_ms + 600000 WHERE event_id = '{soon}'"
    ));
    assert_eq!(next(&store).await.event_id, soon);
    nothing_is_due(&store).await;
    // The provider named an hour, and it is more now.
    schema.sql(&format!(
        "UPDATE jobs SET due_ms = due_ms + 600000 WHERE event_id = '{hour}'"
    ));
    assert_eq!(next(&store).await.event_id, hour);
}

/// Its owner may still be at work: it begins again and does not end.
#[tokio::test]
async fn a_lease_that_ends_later_than_it_can_is_as_long_as_a_new_one() {
    let Some(schema) = Schema::create("serve_postgres_clocks::a_lease_that_ends_later_…") else {
        return;
    };
    let store = schema.open();
    queue(&store, "a").await;
    claim_one(&store).await;
    schema.sql("UPDATE jobs SET due_ms = due_ms + 600000");
    nothing_is_due(&store).await;
    let left =
        "SELECT (due_ms - extract(epoch FROM clock_timestamp()) * 1000 <= 60000)::text FROM jobs";
    assert_eq!(schema.ask(left), ["true"]);
}

#[tokio::test]
async fn a_key_lives_as_long_as_it_would_have() {
    let Some(database) = Steppable::create("serve_postgres_clocks::a_key_lives_…") else {
        return;
    };
    let store = database.open();
    let wall = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let accepted_ms = wall.expect("after 1970").as_millis() as i64;
    let first = Submission {
        accepted_ms,
        ..submission("a", Handling::Queue)
    };
    let other = Submission {
        fingerprint: Fingerprint::of(b"other"),
        ..first.clone()
    };
    assert_eq!(store.accept(first).await, Ok(Admission::Queued));
    for step in ["25 hours", "-25 hours"] {
        database.set(step);
        assert_eq!(
            store.accept(other.clone()).await,
            Ok(Admission::BodyDiffers),
            "{step}"
        );
    }
    let id = EventId::from_key("a");
    assert!(store.event(id).await.expect("works").is_some());
}
