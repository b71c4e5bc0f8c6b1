//! What two comparable plans have in common, as words: one list for the hash and for the differences.

use std::collections::BTreeMap;

use super::plan_record::{
    BodyRecord, ConnectionRecord, DataRecord, EndpointRecord, PlanRecord, SizeRecord,
};
use crate::run::plan::{HttpVersion, Keepalive, Model, RedirectPolicy, RowUse, Tracing};
use crate::units::plural;

/// Facts that a plan states only if it has them, and their value in one that does not: hashes of files from before them
/// stay as they are.
pub(super) const OPTIONAL: [(&str, &str); 3] =
    [(DATA, "none"), (VARIABLES, "none"), (PROTOCOL, "HTTP/1.1")];

const DATA: &str = "data";
pub(super) const PROTOCOL: &str = "protocol";
const VARIABLES: &str = "variables of the environment";

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
    state("connections", connections(&plan.connections));
    state("endpoints", names(plan));
    let version = plan.connections.version;
    if version != HttpVersion::Http1 {
        state(PROTOCOL, protocol(version));
    }
    if let Some(record) = &plan.data {
        state(DATA, data(record));
    }
    if !plan.variables.is_empty() {
        let named = plan.variables.iter();
        let named: Vec<String> = named
            .map(|(name, bits)| format!("{name} with SHA-256 {bits}"))
            .collect();
        state(VARIABLES, named.join(", "));
    }
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
        ("expected status", expected(endpoint)),
        ("rate", rate(endpoint)),
    ]
}

fn rate(endpoint: &EndpointRecord) -> String {
    match (&endpoint.segment, endpoint.rate_per_s) {
        (Some(segment), _) => segment.fact(),
        (None, Some(rate)) => format!("{}/s", rate.as_per_second()),
        (None, None) => "as answered".to_owned(),
    }
}

/// `2xx`, `2xx with text (3 bytes, SHA-256 ba78…)`.
fn expected(endpoint: &EndpointRecord) -> String {
    match &endpoint.expect_body {
        Some(body) => format!("{} with {body}", endpoint.expect),
        None => endpoint.expect.clone(),
    }
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

fn connections(connections: &ConnectionRecord) -> String {
    let kept = match connections.keepalive {
        Keepalive::Reuse => "kept alive",
        Keepalive::PerRequest => "one a request",
    };
    let redirects = match connections.redirects {
        RedirectPolicy::Answer => "",
        RedirectPolicy::Follow => ", redirects followed",
    };
    let tracing = match connections.tracing {
        Tracing::Off => "",
        Tracing::On => ", requests traced",
    };
    format!("{kept}{redirects}{tracing}")
}

/// `HTTP/1.1`, `HTTP/2 with 8 streams a connection`.
fn protocol(version: HttpVersion) -> String {
    match version {
        HttpVersion::Http1 => version.as_str().to_owned(),
        HttpVersion::Http2 { streams } => {
            let noun = plural(streams as u64, "stream");
            format!("HTTP/2 with {streams} {noun} a connection")
        }
    }
}

/// The name of the file says nothing.
fn data(data: &DataRecord) -> String {
    let usage = match data.usage {
        RowUse::Cycle => "again and again",
        RowUse::Once => "each once",
    };
    format!("{} rows {usage} with SHA-256 {}", data.rows, data.sha256)
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
