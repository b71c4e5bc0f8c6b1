//! The reference ingest server: the problem (`sync`, `--block loop`) and its fix (`background`) behind one interface.
//!
//! [`Server::open`] takes the store, [`Server::run`] serves until told to stop and then drains. Nothing here knows a
//! flag, prints, or ends the process.

mod accept;
mod app;
mod auth;
mod body;
mod config;
mod dead_letters;
mod dispatcher;
mod events;
mod middleware;
mod external;
mod health;
mod idempotency;
mod ingest;
mod body_drain;
mod metrics;
mod openapi;
mod problem;
mod provider;
mod queue;
mod rate_limit;
mod route;
mod run_name;
mod path_param;
mod single_header;
mod stuck;
mod threads;
mod server_timing;
mod tracing_headers;
mod write_deadline;

use std::future::Future;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use crate::reference::provider::{InvalidProvider, Provider, Simulator};
use crate::reference::store::{Durability, OpenError, Store};
use crate::reference::worker::{WorkerPool, WorkerOptions};

use app::{App, Core};
use threads::HttpThreads;

pub use config::{
    Block, ServerConfig, DispatchOptions, Health, Limits, MetricsAccess, ServerMode, ProviderChoice, Queued,
};
pub use provider::serve_provider;
pub use rate_limit::RateLimit;
pub use route::Route;

/// How long the outcome of a call that has ended may take to be recorded when the server stops.
const RECORD_TIME: Duration = Duration::from_secs(1);

/// Why the server did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The store cannot be used.
    #[error(transparent)]
    Store(#[from] OpenError),
    /// The provider's URL cannot be used.
    #[error(transparent)]
    Provider(#[from] InvalidProvider),
    /// Two settings exclude each other.
    #[error(
        "durability none acknowledges before the commit, and mode sync answers after the work\n\
         hint: the negative control needs `--mode background`"
    )]
    NothingToAcknowledge,
    /// The same.
    #[error(
        "durability none keeps accepted events in the memory of this process, and mode queue leaves them to others\n\
         hint: the negative control needs `--mode background`"
    )]
    NobodyElseSees,
    /// The same.
    #[error(
        "queued keep leaves accepted events to workers elsewhere, and mode background accepts them for its own\n\
         hint: `--mode queue` accepts for workers elsewhere; `--queued keep` goes with `--mode sync`"
    )]
    NobodyWorks,
}

/// Refuses to accept what nobody would ever work on.
fn check(config: &ServerConfig) -> Result<(), StartError> {
    match (config.mode, config.store.durability, config.queued) {
        (ServerMode::Background, _, Queued::Keep) => Err(StartError::NobodyWorks),
        (ServerMode::Sync, Durability::None, _) => Err(StartError::NothingToAcknowledge),
        (ServerMode::Queue, Durability::None, _) => Err(StartError::NobodyElseSees),
        (ServerMode::Background, _, Queued::Finish) | (_, Durability::Full, _) => Ok(()),
    }
}

/// What was left when the server stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stopped {
    /// Accepted events that stay in the store and are processed at the next start.
    pub kept: u64,
    /// Accepted events that were only in memory and are gone ([`Durability::None`]).
    pub lost: u64,
    /// Events processed, since the store was made.
    pub processed: u64,
    /// Events given up, since the store was made.
    pub dead: u64,
}

/// A server with its store open, ready to run.
pub struct Server {
    config: ServerConfig,
    store: Store,
    provider: Provider,
    simulator: Option<Arc<Simulator>>,
}

/// Opens and runs a server on `listener` until `shutdown`; see [`Server`].
pub async fn run(
    listener: TcpListener,
    config: ServerConfig,
    shutdown: impl Future<Output = ()>,
) -> Result<Stopped, RunError> {
    Ok(Server::open(config)?.run(listener, shutdown).await?)
}

/// Why [`run`] failed.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// It did not start.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The listener cannot be used, or a thread not be started.
    #[error("cannot serve: {0}")]
    Io(#[from] std::io::Error),
}

impl Server {
    /// Opens the store and prepares the provider. Blocks on the disk.
    pub fn open(config: ServerConfig) -> Result<Server, StartError> {
        check(&config)?;
        let key = config.provider_key.as_deref();
        let (provider, simulator) = config.provider.open(key, config.provider_timeout)?;
        let store = Store::open(&config.store)?;
        Ok(Server {
            config,
            store,
            provider,
            simulator,
        })
    }

    /// The store, for what is to be said about it.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Serves until `shutdown` resolves, then drains: `/ingest` and `/readyz` answer 503, requests in flight end, queued
    /// work goes on for at most [`ServerConfig::drain`]. Then no more of it is begun, but calls of the provider that are under
    /// way may end, each within [`ServerConfig::provider_timeout`]: one that is cut off may have sent its mail. What is left
    /// stays in the store. Dropping the future leaves everything as a crash would, which loses nothing that was
    /// acknowledged.
    pub async fn run(
        self,
        listener: TcpListener,
        shutdown: impl Future<Output = ()>,
    ) -> std::io::Result<Stopped> {
        let Server {
            config,
            store,
            provider,
            simulator,
        } = self;
        let provider = match config.block {
            Block::Request => provider,
            Block::Loop => provider.blocking(Handle::current()),
        };
        let grace = config.provider_timeout + RECORD_TIME;
        let options = WorkerOptions {
            workers: config.workers,
            retry: config.retry,
            breaker: config.breaker,
            grace,
        };
        let pool = WorkerPool::new(store.clone(), provider, options);
        let (drain, block, works, mode) = (config.drain, config.block, config.works(), config.mode);
        let core = Arc::new(Core::new(config, simulator));
        let app = Arc::new(App {
            core: core.clone(),
            pool: pool.clone(),
        });

        let dispatching = core.config.dispatch.clone().map(|dispatching| {
            // Subscribed before the first request is answered.
            let dispatcher =
                dispatcher::Dispatcher::new(store.clone(), dispatching, core.stuck.clone());
            tokio::spawn(dispatcher.run())
        });
        let threads = HttpThreads::start(app)?;
        let accepting = tokio::spawn(accept::accept(
            tokio_listener(listener)?,
            threads.clone(),
            core.clone(),
        ));
        let (stop, stopped) = watch::channel(false);
        let reporting = works.then(|| {
            let pool = pool.clone();
            tokio::spawn(async move { pool.report(mode.name()).await })
        });
        let working = works.then(|| match block {
            Block::Request => tokio::spawn(pool.work(stopped)),
            Block::Loop => threads.spawn_on_loop(pool.work(stopped)),
        });

        shutdown.await;
        core.start_draining();
        let queued = || works && store.depth() > 0;
        until(drain, || core.in_flight() == 0 && !queued()).await;
        stop.send_replace(true);
        let working = async {
            if let Some(working) = working {
                let _ = working.await;
            }
        };
        tokio::join!(working, until(grace, || core.in_flight() == 0));
        if let Some(reporting) = reporting {
            reporting.abort();
        }
        if let Some(dispatching) = dispatching {
            // What it did not get to is swept up at the next start.
            dispatching.abort();
        }
        accepting.abort();
        threads.stop().await;
        let left = store.snapshot();
        let lost = store.held();
        store.close().await;
        Ok(Stopped {
            kept: left.open() - lost,
            lost,
            processed: left.processed,
            dead: left.dead,
        })
    }
}

/// Waits until it is so; at most this long.
async fn until(limit: Duration, is_so: impl Fn() -> bool) {
    let deadline = Instant::now() + limit;
    while !is_so() && Instant::now() < deadline {
        sleep(Duration::from_millis(10)).await;
    }
}

fn tokio_listener(listener: TcpListener) -> std::io::Result<tokio::net::TcpListener> {
    listener.set_nonblocking(true)?;
    tokio::net::TcpListener::from_std(listener)
}
