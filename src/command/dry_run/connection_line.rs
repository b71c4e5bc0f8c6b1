//! How a plan connects.

use crate::run::plan::{HttpVersion, Keepalive, Model, Plan};
use crate::units::{grouped, plural};

/// `HTTP/2, at most 6 connections with 100 streams each`.
pub(in crate::command) fn protocol(plan: &Plan) -> String {
    let policy = &plan.connections;
    let HttpVersion::Http2 { streams } = policy.version else {
        return policy.version.as_str().to_owned();
    };
    if policy.keepalive == Keepalive::PerRequest {
        return "HTTP/2, a new connection for every request".to_owned();
    }
    let in_flight = match plan.model {
        Model::Open { .. } => policy.max_in_flight,
        Model::Closed { concurrency } => concurrency,
    };
    let connections = policy.version.connections(in_flight) as u64;
    format!(
        "HTTP/2, at most {} {} with {} {} each",
        grouped(connections),
        plural(connections, "connection"),
        grouped(streams as u64),
        plural(streams as u64, "stream")
    )
}
