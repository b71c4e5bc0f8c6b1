//! Operating the reference server: metrics, its description, traces, limits and overload.

mod described;
mod limits;
mod metrics;
mod openapi;
mod provider;
mod tracing;

pub(crate) use described::check as check_described;
pub(crate) use metrics::workers_are_seen_through_the_server;
