//! PostgreSQL behind the store: what several machines share.
//!
//! As with SQLite, one thread of a process takes all waiting work and commits it in one transaction, and only then are
//! its answers sent. Several processes work concurrently. `FOR UPDATE SKIP LOCKED` deals the due jobs out, NOTIFY
//! informs one process of new ones, and a periodic look replaces a lost notification. Work on rows that another session
//! has locked waits separately. The clock is the server's, without its steps.

mod accept;
mod attempt;
mod clock;
mod commit_failure;
mod committer;
mod counts;
mod database_address;
mod dispatch;
mod durable;
mod listen;
mod lock_queue;
mod locks;
mod migrate;
mod notifier;
mod overdue;
pub(super) mod readers;
mod session;
mod transact;
mod unreadable;

use std::future::Future;
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use deadpool_postgres::{
    Hook, HookError, Manager, ManagerConfig, Object, Pool, RecyclingMethod, Runtime as Via,
};
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::time::timeout;

use super::commit_queue::CommitQueue;
use super::signals::CommitSignals;
use super::{EventState, Location, OpenError, StoreError, StoreOptions};

use committer::Committer;
use database_address::DatabaseAddress;
use notifier::WakeNotifier;

/// How long what was sent may stay unacknowledged, and how long a read may take.
const ANSWER_TIME: Duration = Duration::from_secs(10);
/// How long a transaction may take. After that its connection is dropped.
const TRANSACTION_TIME: Duration = Duration::from_secs(10);
/// What is said when nothing is said.
const SILENCE: &str = "the server does not answer";

/// A store in a PostgreSQL database, open.
pub(super) struct Postgres {
    /// Of the runtime that drives the connections; the committer has it.
    handle: Handle,
    readers: Pool,
    committer: Mutex<Option<JoinHandle<()>>>,
    stop: watch::Sender<bool>,
}

impl Postgres {
    /// Connects, brings the schema up to date and starts the threads.
    pub(super) fn open(
        options: &StoreOptions,
        url: &str,
        owner: i64,
        queue: &Arc<CommitQueue>,
        signals: &CommitSignals,
    ) -> Result<Postgres, OpenError> {
        let unusable = |reason: String| OpenError::Unusable {
            store: Location::Postgres(url.to_owned()),
            reason,
        };
        let address = DatabaseAddress::parse(url).map_err(unusable)?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("store-postgres")
            .enable_all()
            .build()
            .map_err(|error| unusable(error.to_string()))?;
        let handle = runtime.handle().clone();
        let (notifier, owners) = (Arc::new(WakeNotifier::default()), Owners::new(owner));
        let committer = Committer::new(
            options,
            address.clone(),
            owners.clone(),
            queue,
            signals,
            &notifier,
        );
        let (ready, opened) = sync_channel(1);
        let committer = std::thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || committer.run(runtime, &ready))
            .map_err(|error| unusable(error.to_string()))?;
        let first = opened
            .recv()
            .map_err(|_| unusable("the writer could not start".to_owned()))?;
        let elsewhere = first.map_err(|refusal| refusal.into_open_error(url))?;
        signals.publish_elsewhere(&elsewhere.1);

        let (stop, stopped) = watch::channel(false);
        let listener = listen::Listener {
            address: address.clone(),
            owners,
            signals: signals.clone(),
            notifier,
            commits: elsewhere.0,
            look_every: options.look_every,
        };
        handle.spawn(listener.run(stopped));
        Ok(Postgres {
            readers: pool(address, options.readers).map_err(unusable)?,
            handle,
            committer: Mutex::new(Some(committer)),
            stop,
        })
    }

    /// Runs a query on a connection of its own.
    pub(super) async fn read<T, F>(
        &self,
        query: impl FnOnce(Reader) -> F + Send + 'static,
    ) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, tokio_postgres::Error>> + Send,
    {
        let readers = self.readers.clone();
        // On the store's own runtime: a connection must not end with the loop that happened to ask first.
        self.handle
            .spawn(async move { read(&readers, query).await })
            .await
            .unwrap_or(Err(StoreError::Closed))
    }

    /// Waits for what is queued, the queue being closed, and disconnects.
    pub(super) fn join(&self) {
        let committer = self
            .committer
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(committer) = committer
            && committer.join().is_err()
        {
            tracing::error!("the store's writer thread panicked");
        }
        self.stop.send_replace(true);
        self.readers.close();
    }
}

impl Drop for Postgres {
    /// The committer ends by itself, the queue being closed.
    fn drop(&mut self) {
        self.stop.send_replace(true);
    }
}

/// The names under which this process counts: its own, and others that it takes when another session has locked the
/// counts of the last one. Clones share them.
#[derive(Clone)]
struct Owners(Arc<Mutex<Vec<i64>>>);

impl Owners {
    fn new(process: i64) -> Owners {
        Owners(Arc::new(Mutex::new(vec![process])))
    }

    /// The process, as others know it.
    fn process(&self) -> i64 {
        self.all()[0]
    }

    fn all(&self) -> Vec<i64> {
        let names = self.0.lock();
        names.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A new name.
    fn another(&self) -> i64 {
        let name = i64::from(rand::random::<u32>()) << 31 | 1;
        let mut names = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        names.push(name);
        name
    }
}

/// A connection that reads, lent by the pool.
type Reader = Arc<Object>;

async fn read<T, F>(readers: &Pool, query: impl FnOnce(Reader) -> F) -> Result<T, StoreError>
where
    F: Future<Output = Result<T, tokio_postgres::Error>>,
{
    let failed = |reason: String| StoreError::Failed(reason.into());
    let lent = readers.get().await;
    let reader = Arc::new(lent.map_err(|error| failed(chain(&error)))?);
    let Ok(answered) = timeout(ANSWER_TIME, query(reader.clone())).await else {
        // Whoever gets it next would wait for the answer to this question first.
        Arc::into_inner(reader).map(Object::take);
        return Err(failed(SILENCE.to_owned()));
    };
    answered.map_err(|error| failed(chain(&error)))
}

fn pool(address: DatabaseAddress, size: usize) -> Result<Pool, String> {
    let manager = Manager::from_config(
        address.config,
        address.tls,
        ManagerConfig {
            recycling_method: RecyclingMethod::Fast,
        },
    );
    // The server gives up before the client does: no read is left behind there.
    let limit = Hook::async_fn(|client, _| {
        Box::pin(async move {
            let set = client.batch_execute("SET statement_timeout = '8s'");
            let set = timeout(ANSWER_TIME, set).await;
            set.map_err(|_| HookError::message(SILENCE))?
                .map_err(HookError::Backend)
        })
    });
    Pool::builder(manager)
        .max_size(size.max(2))
        .runtime(Via::Tokio1)
        .wait_timeout(Some(Duration::from_secs(5)))
        .create_timeout(Some(address.connect_time))
        .post_create(limit)
        .build()
        .map_err(|error| error.to_string())
}

/// An error with its causes; the driver's own text names none of them.
fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    if let Some(failure) = crate::tls_roots::tls_failure(error) {
        return format!("no TLS with the server: {failure}");
    }
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    text
}

/// Reads a state from a row; `None` for a number that is not a state of this version.
fn state(row: &tokio_postgres::Row, column: usize) -> Option<EventState> {
    let code: i16 = row.get(column);
    EventState::from_code(code.into())
}
