//! Opens a server, serves until its shutdown resolves, and drains.

use std::future::Future;
use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use super::accept::{accept, tokio_listener};
use super::app::{App, Core};
use super::config::{Block, ServerConfig};
use super::dispatcher::Dispatcher;
use super::start_error::{RunError, StartError, check};
use super::threads::HttpThreads;
use crate::reference::provider::{Provider, Simulator};
use crate::reference::store::Store;
use crate::reference::worker::{WorkerOptions, WorkerPool};

/// How long the outcome of a call that has ended may take to be recorded when the server stops.
const RECORD_TIME: Duration = Duration::from_secs(1);

/// The remaining work when the server stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stopped {
    /// Accepted events that stay in the store and are processed at the next start.
    pub kept: u64,
    /// Accepted events that were only in memory and are gone (`Durability::None`).
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
///
/// # Errors
/// [`RunError`] if the server cannot be opened, or the listener cannot be used.
pub async fn run(
    listener: TcpListener,
    config: ServerConfig,
    shutdown: impl Future<Output = ()>,
) -> Result<Stopped, RunError> {
    Ok(Server::open(config)?.run(listener, shutdown).await?)
}

impl Server {
    /// Opens the store and prepares the provider. Blocks on the disk.
    ///
    /// # Errors
    /// [`StartError`] if the settings contradict each other, or the store or the provider cannot be opened.
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

    /// The store, for messages about it.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Serves until `shutdown` resolves, then drains: `/ingest` and `/readyz` answer 503, requests in flight end,
    /// queued work continues for at most [`ServerConfig::drain`]. Then no more of it is begun, but calls of the
    /// provider that are under way may end, each within [`ServerConfig::provider_timeout`]: one that is cut off may
    /// have sent its mail. What is left stays in the store. Dropping the future leaves everything as a crash would,
    /// which loses nothing that was acknowledged.
    ///
    /// # Errors
    /// If the listener cannot be used.
    pub async fn run(
        self,
        listener: TcpListener,
        shutdown: impl Future<Output = ()>,
    ) -> io::Result<Stopped> {
        let serving = self.start(listener)?;
        shutdown.await;
        Ok(serving.drain().await)
    }

    fn start(self, listener: TcpListener) -> io::Result<Serving> {
        let pool = self.pool();
        let grace = pool.options.grace;
        let core = Arc::new(Core::new(self.config, self.simulator));
        let dispatching = core.config.dispatch.clone().map(|options| {
            // Subscribed before the first request is answered.
            let dispatcher = Dispatcher::new(self.store.clone(), options, core.stuck.clone());
            tokio::spawn(dispatcher.run())
        });
        let threads = HttpThreads::start(Arc::new(App {
            core: core.clone(),
            pool: pool.clone(),
        }))?;
        let listener = tokio_listener(listener)?;
        let accepting = tokio::spawn(accept(listener, threads.clone(), core.clone()));
        let (stop, stopped) = watch::channel(false);
        let working = (core.config.works()).then(|| Working::start(pool, &core, &threads, stopped));
        Ok(Serving {
            store: self.store,
            core,
            threads,
            accepting,
            dispatching,
            working,
            stop,
            grace,
        })
    }

    fn pool(&self) -> WorkerPool {
        let provider = self.provider.clone();
        let provider = match self.config.block {
            Block::Request => provider,
            Block::Loop => provider.blocking(Handle::current()),
        };
        let options = WorkerOptions {
            workers: self.config.workers,
            retry: self.config.retry,
            breaker: self.config.breaker,
            grace: self.config.provider_timeout + RECORD_TIME,
        };
        WorkerPool::new(self.store.clone(), provider, options)
    }
}

/// A server that serves, with its tasks.
struct Serving {
    store: Store,
    core: Arc<Core>,
    threads: HttpThreads,
    accepting: JoinHandle<()>,
    dispatching: Option<JoinHandle<()>>,
    /// When this process works on what is queued.
    working: Option<Working>,
    stop: watch::Sender<bool>,
    /// How long calls of the provider may take to end.
    grace: Duration,
}

/// The tasks of the workers in this process.
struct Working {
    attempts: JoinHandle<()>,
    reports: JoinHandle<()>,
}

impl Working {
    fn start(
        pool: WorkerPool,
        core: &Core,
        threads: &HttpThreads,
        stopped: watch::Receiver<bool>,
    ) -> Working {
        let (mode, reporter) = (core.config.mode, pool.clone());
        Working {
            reports: tokio::spawn(async move { reporter.report(mode.name()).await }),
            attempts: match core.config.block {
                Block::Request => tokio::spawn(pool.work(stopped)),
                Block::Loop => threads.spawn_on_loop(pool.work(stopped)),
            },
        }
    }
}

impl Serving {
    async fn drain(self) -> Stopped {
        let (core, store) = (self.core, self.store);
        core.start_draining();
        let works = self.working.is_some();
        let queued = || works && store.depth() > 0;
        let is_drained = || core.in_flight() == 0 && !queued();
        until(core.config.drain, is_drained).await;
        self.stop.send_replace(true);
        let tasks = self
            .working
            .map(|working| (working.attempts, working.reports));
        let (attempts, reports) = tasks.unzip();
        let attempts = async {
            if let Some(attempts) = attempts {
                let _ = attempts.await;
            }
        };
        tokio::join!(attempts, until(self.grace, || core.in_flight() == 0));
        if let Some(reports) = reports {
            reports.abort();
        }
        if let Some(dispatching) = self.dispatching {
            // What it did not get to is swept up at the next start.
            dispatching.abort();
        }
        self.accepting.abort();
        self.threads.stop().await;
        let (left, lost) = (store.snapshot(), store.held());
        store.close().await;
        Stopped {
            kept: left.open() - lost,
            lost,
            processed: left.processed,
            dead: left.dead,
        }
    }
}

/// Waits until it is so; at most this long.
async fn until(limit: Duration, is_so: impl Fn() -> bool) {
    let deadline = Instant::now() + limit;
    while !is_so() && Instant::now() < deadline {
        sleep(Duration::from_millis(10)).await;
    }
}
