//! PostgreSQL behind the store: what several machines share.
//!
//! As with SQLite, one thread of a process takes whatever waits and commits it in one transaction, and only then are its
//! answers sent. Several processes do so side by side: `FOR UPDATE SKIP LOCKED` deals the due jobs out, NOTIFY tells of
//! commits, and a look now and then replaces the notification that got lost. The clock is the server's.

mod accept;
mod attempt;
mod committer;
mod dispatch;
mod durable;
mod listen;
mod migrate;
pub(super) mod readers;
mod session;

use std::future::Future;
use std::net::ToSocketAddrs;
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use deadpool_postgres::{
    Hook, HookError, Manager, ManagerConfig, Object, Pool, RecyclingMethod, Runtime as Via,
};
use tokio::runtime::Handle;
use tokio::sync::{Notify, watch};
use tokio::time::timeout;
use tokio_postgres::config::Host;
use tokio_postgres::{Config, NoTls};

use super::commit_queue::CommitQueue;
use super::signals::Signals;
use super::{Location, OpenError, Options, State, StoreError};

use committer::Committer;

/// How long a connection to one address may take to be made.
const CONNECT_TIME: Duration = Duration::from_secs(2);
/// How long what was sent may stay unacknowledged, and how long a read may take.
const ANSWER_TIME: Duration = Duration::from_secs(10);
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
        options: &Options,
        url: &str,
        owner: i64,
        queue: &Arc<CommitQueue>,
        signals: &Signals,
    ) -> Result<Postgres, OpenError> {
        let unusable = |reason: String| OpenError::Unusable {
            store: Location::Postgres(url.to_owned()),
            reason,
        };
        let config = config(url).map_err(unusable)?;
        let connect_time = connect_time(&config);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("store-postgres")
            .enable_all()
            .build()
            .map_err(|error| unusable(error.to_string()))?;
        let handle = runtime.handle().clone();
        let bell = Arc::new(Notify::new());
        let committer = Committer::new(
            options,
            (config.clone(), connect_time),
            owner,
            queue,
            signals,
            &bell,
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
            config: config.clone(),
            owner,
            signals: signals.clone(),
            bell,
            commits: elsewhere.0,
            connect_time,
            look_every: options.look_every,
        };
        handle.spawn(listener.run(stopped));
        Ok(Postgres {
            readers: pool(config, connect_time, options.readers).map_err(unusable)?,
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

/// What the URL says, and what it leaves open: a server that has vanished without a word is noticed.
fn config(url: &str) -> Result<Config, String> {
    let mut config: Config = url
        .parse()
        .map_err(|error: tokio_postgres::Error| chain(&error))?;
    if config.get_connect_timeout().is_none() {
        config.connect_timeout(CONNECT_TIME);
    }
    if config.get_tcp_user_timeout().is_none() {
        config.tcp_user_timeout(ANSWER_TIME);
    }
    if config.get_keepalives_idle() == Config::new().get_keepalives_idle() {
        config.keepalives_idle(Duration::from_secs(30));
    }
    if config.get_application_name().is_none() {
        config.application_name("a7probe");
    }
    Ok(config)
}

/// How long it may take to connect: every address is tried in its time, and the one that answers has a second to let us in.
fn connect_time(config: &Config) -> Duration {
    let each = config.get_connect_timeout().copied();
    let named = config.get_hosts().iter().map(|host| match host {
        // As many as it has at the start; one that has none now is tried once it has.
        Host::Tcp(name) => (name.as_str(), 0)
            .to_socket_addrs()
            .map_or(1, |found| found.len().max(1)),
        Host::Unix(_) => 1,
    });
    let addresses = named.sum::<usize>().max(config.get_hostaddrs().len());
    each.unwrap_or(CONNECT_TIME) * addresses.max(1) as u32 + Duration::from_secs(1)
}

fn pool(config: Config, connect_time: Duration, size: usize) -> Result<Pool, String> {
    let manager = Manager::from_config(
        config,
        NoTls,
        ManagerConfig {
            recycling_method: RecyclingMethod::Fast,
        },
    );
    // The server gives up before the client does: no read is left behind there.
    let limit = Hook::async_fn(|client, _| {
        Box::pin(async move {
            let set = client.batch_execute("SET statement_timeout = '8s'").await;
            set.map_err(HookError::Backend)
        })
    });
    Pool::builder(manager)
        .max_size(size.max(2))
        .runtime(Via::Tokio1)
        .wait_timeout(Some(Duration::from_secs(5)))
        .create_timeout(Some(connect_time))
        .post_create(limit)
        .build()
        .map_err(|error| error.to_string())
}

/// An error with its causes; the driver's own text names none of them.
fn chain(error: &dyn std::error::Error) -> String {
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

/// Reads a state from a row. A number that a later version wrote is nothing this one may touch.
fn state(row: &tokio_postgres::Row, column: usize) -> State {
    let code: i16 = row.get(column);
    State::from_code(code.into()).unwrap_or(State::Processed)
}
