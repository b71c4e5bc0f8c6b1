//! The reference ingest server: the problem (`sync`, `--block loop`) and its fix (`background`) behind one interface.
//!
//! [`Server::open`] takes the store, [`Server::run`] serves until its shutdown resolves and then drains. Nothing here
//! knows a flag, prints, or ends the process.

mod accept;
mod app;
mod auth;
mod body;
mod body_drain;
mod config;
mod connection;
mod dead_letters;
mod dispatcher;
mod events;
mod exchange_host;
mod external;
mod health;
mod held_memory;
mod http2;
mod http2_counts;
mod idempotency;
mod ingest;
mod lifecycle;
mod metrics;
mod middleware;
mod ndjson;
mod openapi;
mod path_param;
mod preface;
mod problem;
mod provider;
mod queue;
mod rate_limit;
mod route;
mod router;
mod run_name;
mod server_timing;
mod single_header;
mod start_error;
mod stuck;
mod threads;
mod tracing_headers;
mod write_deadline;

pub use config::{
    Block, DispatchOptions, Health, Limits, MetricsAccess, ProviderChoice, Queued, RateLimit,
    ServerConfig, ServerMode,
};
pub use lifecycle::{Server, Stopped, run};
pub use provider::serve_provider;
pub use route::Route;
pub use start_error::{RunError, StartError};
