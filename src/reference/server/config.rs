//! The server's configuration, with its limits.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use crate::reference::provider::{InvalidProvider, Provider, Simulator, SimulatorOptions};
use crate::reference::queue::Dispatch;
use crate::reference::store::{Location, StoreOptions};
use crate::reference::worker::{BreakerOptions, Retry};
use crate::units::Rate;

/// What [`Server::open`](super::Server::open) is given.
#[derive(Clone, Debug)]
pub struct ServerConfig {
    /// When the work is done.
    pub mode: ServerMode,
    /// What a provider call blocks: its own request or the event loop.
    pub block: Block,
    /// Where accepted events are kept.
    pub store: StoreOptions,
    /// Who is notified.
    pub provider: ProviderChoice,
    /// The API key for a provider at a URL.
    pub provider_key: Option<String>,
    /// How long the provider's answer is waited for.
    pub provider_timeout: Duration,
    /// Notifications under way at the same time.
    pub workers: usize,
    /// What follows a failed notification.
    pub retry: Retry,
    /// When the provider is not asked for a while.
    pub breaker: BreakerOptions,
    /// Whether this process works on what is queued. [`ServerMode::Queue`] never does.
    pub queued: Queued,
    /// The broker that carries the ids of accepted events to workers, with [`ServerMode::Queue`].
    pub dispatch: Option<DispatchOptions>,
    /// Bearer tokens, one of which everything but the health endpoints asks for; without any, no request needs one.
    pub tokens: Vec<String>,
    /// Who may see the metrics.
    pub metrics: MetricsAccess,
    /// How often each client may post to `/ingest`.
    pub rate_limit: Option<RateLimit>,
    /// How far `/health` looks.
    pub health: Health,
    /// Time to finish queued work after the server begins to stop.
    pub drain: Duration,
    /// Threads that serve HTTP, each with an event loop of its own. [`Block::Loop`] has one.
    pub http_threads: usize,
    /// What a client may ask for.
    pub limits: Limits,
}

/// How accepted events get to a broker.
#[derive(Clone, Debug)]
pub struct DispatchOptions {
    /// Where to.
    pub to: Dispatch,
    /// How often the sweeper looks for what no worker took.
    pub sweep: Duration,
    /// How long an event may be due without a worker having taken it until it is dispatched again.
    pub redispatch: Duration,
}

/// When the work is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServerMode {
    /// Within the request: 200 means that it has been done.
    Sync,
    /// After it, in this process: 202 means that it will be done.
    Background,
    /// After it, by worker processes on the same store: 202 means the same.
    Queue,
}

/// What becomes of events that were accepted before, by this server or another one on the same store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Queued {
    /// Workers in this process do them.
    Finish,
    /// They stay, for workers elsewhere or a later start.
    Keep,
}

impl ServerConfig {
    /// Do workers in this process take what is queued?
    pub fn works(&self) -> bool {
        self.mode != ServerMode::Queue && self.queued == Queued::Finish
    }
}

impl ServerMode {
    /// As it is typed.
    pub fn name(self) -> &'static str {
        match self {
            ServerMode::Sync => "sync",
            ServerMode::Background => "background",
            ServerMode::Queue => "queue",
        }
    }
}

/// What a provider call blocks: its own request or the event loop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Block {
    /// Its own request, or none.
    Request,
    /// The event loop that serves HTTP, and so everyone: a blocking SDK called in an `async def`.
    Loop,
}

/// Who is notified.
#[derive(Clone, Debug)]
pub enum ProviderChoice {
    /// A simulator in this process.
    Simulated(SimulatorOptions),
    /// The server at this base URL.
    At(String),
}

impl ProviderChoice {
    /// A way to reach it, with this API key if it is at a URL; with the simulator itself if it is in this process.
    ///
    /// # Errors
    /// [`InvalidProvider`] if the URL or the key cannot be used.
    pub fn open(
        &self,
        key: Option<&str>,
        timeout: Duration,
    ) -> Result<(Provider, Option<Arc<Simulator>>), InvalidProvider> {
        match self {
            ProviderChoice::At(url) => Ok((Provider::at(url, key, timeout)?, None)),
            ProviderChoice::Simulated(options) => {
                let simulator = Arc::new(Simulator::new(*options));
                let provider = Provider::simulated(simulator.clone(), timeout);
                Ok((provider, Some(simulator)))
            }
        }
    }
}

/// Who may see the metrics, when there are tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetricsAccess {
    /// Clients with a token.
    Token,
    /// Every client.
    Open,
}

/// What each client may do.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RateLimit {
    /// In the long run.
    pub rate: Rate,
    /// Requests at once, after a pause.
    pub burst: NonZeroU32,
}

/// How far `/health` looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    /// Nowhere: the process answers.
    Shallow,
    /// Reads from the store.
    Deep,
}

/// What a client may ask for.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Largest request body, in bytes.
    pub body_bytes: usize,
    /// Largest request head, in bytes.
    pub head_bytes: usize,
    /// Time for a request's head, counted from the end of the exchange before: idle connections end with it.
    pub head_time: Duration,
    /// Time for a request's body.
    pub body_time: Duration,
    /// Time that a client may read nothing of an answer; then its connection is closed.
    pub write_time: Duration,
    /// Time that a request waits for its commit. The commit continues.
    pub commit_time: Duration,
    /// Time that `/readyz` gives the store, and that a commit may take before the server is no longer ready.
    pub probe_time: Duration,
    /// Longest `?wait=` of `GET /events/{id}`.
    pub wait: Duration,
    /// Requests to `/ingest` that are answered at the same time; one more is refused with 503.
    pub in_flight: usize,
    /// Connections at the same time; more wait in the backlog of the socket.
    pub connections: usize,
    /// Of these, connections over HTTP/2; one more is ended with GOAWAY.
    pub http2_connections: usize,
    /// Requests that a connection over HTTP/2 may have in flight.
    pub http2_streams: u32,
    /// Bytes of heads, bodies and answers that all requests over HTTP/2 may hold together; one more is refused with 503.
    pub http2_memory_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            body_bytes: 256 * 1024,
            head_bytes: 32 * 1024,
            head_time: Duration::from_secs(30),
            body_time: Duration::from_secs(10),
            write_time: Duration::from_secs(30),
            commit_time: Duration::from_secs(10),
            probe_time: Duration::from_secs(2),
            wait: Duration::from_secs(30),
            in_flight: 8192,
            connections: 10_000,
            http2_connections: 1_000,
            http2_streams: 100,
            http2_memory_bytes: 24 * 1024 * 1024,
        }
    }
}

impl ServerConfig {
    /// The defaults of `a7probe serve` in this mode, with the store in this file.
    pub fn new(mode: ServerMode, store: impl Into<Location>) -> ServerConfig {
        ServerConfig {
            mode,
            block: Block::Request,
            store: StoreOptions::at(store),
            provider: ProviderChoice::Simulated(SimulatorOptions::default()),
            provider_key: None,
            provider_timeout: Duration::from_secs(10),
            workers: 64,
            retry: Retry::default(),
            breaker: BreakerOptions::default(),
            queued: Queued::Finish,
            dispatch: None,
            tokens: Vec::new(),
            metrics: MetricsAccess::Token,
            rate_limit: None,
            health: Health::Shallow,
            drain: Duration::from_secs(10),
            http_threads: 1,
            limits: Limits::default(),
        }
    }
}
