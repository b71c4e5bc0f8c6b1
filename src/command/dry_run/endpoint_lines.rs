//! What a plan sends to one endpoint: its URL, headers and body, without their secrets.

use crate::redact;
use crate::run::plan::Tracing;
use crate::run::run_file::{BodyRecord, EndpointRecord, HeaderRecord, PlanRecord};
use crate::trace::TRACEPARENT;
use crate::units::{grouped, plural};

/// `orders: POST https://shop.example/orders`, and below it a line each for the load, the headers, the body and the
/// answers that are expected.
pub(in crate::command) fn endpoint_lines(
    plan: &PlanRecord,
    endpoint: &EndpointRecord,
    load: &str,
) -> Vec<String> {
    let mut lines = vec![
        format!(
            "  {}: {} {}",
            endpoint.name,
            endpoint.method,
            url(plan, endpoint)
        ),
        labelled("load", load),
        labelled("headers", &headers(plan, endpoint)),
    ];
    if let Some(body) = &endpoint.body {
        lines.push(labelled("body", &of_body(body)));
    }
    let expected = match &endpoint.expect_body {
        Some(body) => format!("{} with {body}", endpoint.expect),
        None => endpoint.expect.clone(),
    };
    lines.push(labelled("ok is", &expected));
    lines
}

/// Where the requests of an endpoint go.
pub(in crate::command) fn url(plan: &PlanRecord, endpoint: &EndpointRecord) -> String {
    let origin = endpoint.origin.as_ref().unwrap_or(&plan.target);
    format!("{origin}{}", endpoint.path)
}

fn labelled(label: &str, text: &str) -> String {
    format!("    {label:7}  {text}")
}

/// `Content-Type: application/json, Authorization`: values only of names that are known to hold no secret.
fn headers(plan: &PlanRecord, endpoint: &EndpointRecord) -> String {
    let shown = |header: &HeaderRecord| {
        if redact::is_harmless_header(&header.name) {
            format!("{}: {}", header.name, header.value)
        } else {
            header.name.clone()
        }
    };
    let mut headers: Vec<String> = endpoint.headers.iter().map(shown).collect();
    if plan.connections.tracing == Tracing::On {
        headers.push(format!("{TRACEPARENT} (--trace)"));
    }
    if headers.is_empty() {
        "none of its own".to_owned()
    } else {
        headers.join(", ")
    }
}

/// `62 bytes of application/json with {{uuid}}, {{n}}`.
fn of_body(body: &BodyRecord) -> String {
    let kind = body.kind.as_deref().map(|kind| format!(" of {kind}"));
    let mut placeholders = body.placeholders.clone();
    placeholders.dedup();
    let with = if placeholders.is_empty() {
        String::new()
    } else {
        format!(" with {}", placeholders.join(", "))
    };
    format!(
        "{} {}{}{with}",
        grouped(body.bytes),
        plural(body.bytes, "byte"),
        kind.unwrap_or_default()
    )
}
