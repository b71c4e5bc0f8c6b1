//! What every handler shares: configuration, store, pool, and whether the server is on its way out.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use super::config::ServerConfig;
use super::http2_counts::Http2Counts;
use super::metrics::Metrics;
use super::problem::Problem;
use super::rate_limit::RateLimiter;
use super::stuck::Stuck;
use crate::reference::provider::Simulator;
use crate::reference::worker::WorkerPool;

/// What the connections of one event loop share.
pub(super) struct App {
    pub(super) core: Arc<Core>,
    pub(super) pool: WorkerPool,
}

/// What all connections share.
pub(super) struct Core {
    pub(super) config: ServerConfig,
    /// When the provider is a simulator in this process.
    pub(super) simulator: Option<Arc<Simulator>>,
    pub(super) metrics: Metrics,
    /// When clients are limited.
    pub(super) limiter: Option<RateLimiter>,
    /// Covers only events that this process dispatches.
    pub(super) stuck: Stuck,
    pub(super) http2: Http2Counts,
    draining: AtomicBool,
    ingesting: AtomicUsize,
    /// Distinguishes the request ids of this process from those of others.
    boot: u32,
    requests: AtomicU64,
}

impl App {
    /// The same for the current event loop, which gets the store's answers in one piece.
    pub(super) fn on_this_loop(&self) -> App {
        let mut pool = self.pool.clone();
        pool.store = self.pool.store.on_this_loop();
        App {
            core: self.core.clone(),
            pool,
        }
    }
}

impl Core {
    pub(super) fn new(config: ServerConfig, simulator: Option<Arc<Simulator>>) -> Core {
        Core {
            limiter: config.rate_limit.map(RateLimiter::new),
            metrics: Metrics::new(),
            stuck: Stuck::default(),
            http2: Http2Counts::new(&config.limits),
            config,
            simulator,
            draining: AtomicBool::new(false),
            ingesting: AtomicUsize::new(0),
            boot: rand::random(),
            requests: AtomicU64::new(0),
        }
    }

    /// From now on nothing new is accepted.
    pub(super) fn start_draining(&self) {
        self.draining.store(true, Ordering::SeqCst);
    }

    pub(super) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::SeqCst)
    }

    /// `/ingest` requests that are being answered.
    pub(super) fn in_flight(&self) -> usize {
        self.ingesting.load(Ordering::SeqCst)
    }

    /// May one more be answered?
    fn check_room(&self, in_flight: usize) -> Result<(), Problem> {
        if self.is_draining() {
            return Err(Problem::Draining);
        }
        if in_flight >= self.config.limits.in_flight {
            return Err(Problem::Overloaded(format!(
                "{in_flight} requests are already in progress"
            )));
        }
        Ok(())
    }

    /// An id for a request that came without one.
    pub(super) fn next_request_id(&self) -> String {
        let number = self.requests.fetch_add(1, Ordering::Relaxed);
        format!("{:08x}-{number:08x}", self.boot)
    }
}

/// Counts one `/ingest` request as in flight until it is dropped.
pub(super) struct InFlight(Arc<Core>);

impl InFlight {
    /// Counts before it looks, so that a drain either sees the request or the request sees the drain.
    pub(super) fn enter(core: Arc<Core>) -> Result<InFlight, Problem> {
        let before = core.ingesting.fetch_add(1, Ordering::SeqCst);
        let entered = InFlight(core);
        entered.0.check_room(before)?;
        Ok(entered)
    }

    /// Would it be refused now? No body is read in vain.
    pub(super) fn check(core: &Core) -> Result<(), Problem> {
        core.check_room(core.in_flight())
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.ingesting.fetch_sub(1, Ordering::SeqCst);
    }
}
