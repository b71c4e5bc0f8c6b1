//! What two comparable plans have in common, as words: one list for the hash and for the differences.

use std::collections::BTreeMap;

use super::plan_record::{BodyRecord, EndpointRecord, PlanRecord, SizeRecord};
use crate::run::plan::{Keepalive, Model};

/// What is stated, and its value, exactly: durations and rates in their shortest text that reads back the same.
/// The order of endpoints and headers says nothing.
pub(super) fn facts(plan: &PlanRecord) -> BTreeMap<String, String> {
    let mut facts = BTreeMap::new();
    let mut state = |what: &str, value: String| facts.insert(what.to_owned(), value);
    state("model", model(plan.model));
    state("size", size(plan.size));
    state("warm-up", format!("{:?}", plan.warmup));
    state("timeout", format!("{:?}", plan.timeout));
    state("in-flight cap", plan.connections.max_in_flight.to_string());
    state("connections", keepalive(plan.connections.keepalive));
    state("endpoints", names(plan));
    for endpoint in &plan.endpoints {
        for (what, value) in of_endpoint(endpoint) {
            state(&format!("{what} of {}", endpoint.name), value);
        }
    }
    facts
}

fn names(plan: &PlanRecord) -> String {
    let mut names: Vec<&str> = plan.endpoints.iter().map(|e| e.name.as_str()).collect();
    names.sort_unstable();
    names.join(", ")
}

fn of_endpoint(endpoint: &EndpointRecord) -> [(&'static str, String); 6] {
    [
        ("method", endpoint.method.clone()),
        ("path", endpoint.path.clone()),
        ("headers", header_names(endpoint)),
        (
            "body",
            endpoint.body.as_ref().map_or("none".to_owned(), body),
        ),
        ("expected status", endpoint.expect.clone()),
        (
            "rate",
            endpoint
                .rate_per_s
                .map_or("as answered".to_owned(), |rate| {
                    format!("{}/s", rate.as_per_second())
                }),
        ),
    ]
}

fn model(model: Model) -> String {
    match model {
        Model::Open { arrivals } => format!("open with {} arrivals", arrivals.as_str()),
        Model::Closed { concurrency } => format!("closed with {concurrency} at a time"),
    }
}

fn size(size: SizeRecord) -> String {
    match size {
        SizeRecord::Duration { duration } => format!("{duration:?}"),
        SizeRecord::Requests { requests } => format!("{requests} requests an endpoint"),
    }
}

fn keepalive(keepalive: Keepalive) -> String {
    match keepalive {
        Keepalive::Reuse => "kept alive".to_owned(),
        Keepalive::PerRequest => "one a request".to_owned(),
    }
}

fn header_names(endpoint: &EndpointRecord) -> String {
    let mut names: Vec<String> = endpoint
        .headers
        .iter()
        .map(|header| header.name.to_ascii_lowercase())
        .collect();
    if names.is_empty() {
        return "none".to_owned();
    }
    names.sort();
    names.join(", ")
}

fn body(body: &BodyRecord) -> String {
    format!("{} bytes with SHA-256 {}", body.bytes, body.sha256)
}
