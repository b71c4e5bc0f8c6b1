//! What two comparable plans have in common, as words: one list for the hash and for the differences.

use std::collections::BTreeMap;

use super::{Agreement, BodyRecord, EndpointRecord, PlanRecord, SizeRecord, WHOLE_DIGEST};
use crate::redact;
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

/// Of two bodies. Files from before fingerprints have the SHA-256 of the template without its secret fields, so it
/// decides only for bodies without any.
pub(super) fn agreement_of_bodies(before: &BodyRecord, after: &BodyRecord) -> Agreement {
    let is_old = |body: &BodyRecord| body.sha256.len() == WHOLE_DIGEST;
    let hides = |body: &BodyRecord| {
        let template = body.template.as_deref();
        is_old(body) && template.is_none_or(|text| text.contains(redact::REDACTED))
    };
    let bits = |body: &BodyRecord| (body.bytes, body.sha256.get(..4).map(str::to_owned));
    let same = if is_old(before) == is_old(after) {
        (before.bytes, &before.sha256) == (after.bytes, &after.sha256)
    } else {
        bits(before) == bits(after)
    };
    match (same, hides(before) || hides(after)) {
        (true, false) => Agreement::Same,
        (false, true) if is_old(before) == is_old(after) => Agreement::Differs,
        (_, true) => Agreement::Unknown,
        (false, false) => Agreement::Differs,
    }
}

/// Of two paths with queries. A plain value in an old file is hidden first, as in the new one.
pub(super) fn agreement_of_paths(before: &str, after: &str) -> Agreement {
    let [before, after] = [before, after].map(redact::url);
    let split = |c: char| "?&=;/".contains(c);
    let (mut old, mut new) = (before.split(split), after.split(split));
    let mut unknown = false;
    loop {
        match (old.next(), new.next()) {
            (None, None) => break,
            (Some(old), Some(new)) if redact::is_unknown(old) || redact::is_unknown(new) => {
                unknown = true;
            }
            (Some(old), Some(new)) if old == new => {}
            _ => return Agreement::Differs,
        }
    }
    if unknown {
        Agreement::Unknown
    } else {
        Agreement::Same
    }
}
