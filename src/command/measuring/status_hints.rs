//! What to do about a status that is not expected.

use crate::run::plan::Endpoint;

/// A 304 answers a conditional request: its client has the document already.
fn not_modified_hint(endpoint: &Endpoint) -> String {
    let name = &endpoint.name;
    let conditions = ["If-None-Match", "If-Modified-Since"];
    let sent: Vec<&str> = { conditions.into_iter() }
        .filter(|condition| endpoint.header(condition).is_some())
        .collect();
    let first = match sent.is_empty() {
        true if endpoint.header("Cache-Control").is_some() => {
            "the service answers it without a condition; look at it, or at a cache before it"
                .to_owned()
        }
        true => "a cache answers; ask past it with -H 'Cache-Control: no-cache'".to_owned(),
        false => format!(
            "the client's cache is asked about; leave out {}",
            sent.join(" and ")
        ),
    };
    format!("{first}, or accept it with --expect {name}=304")
}

pub(super) fn status_hint(endpoint: &Endpoint, status: u16) -> String {
    let name = &endpoint.name;
    match status {
        404 | 405 => format!("name the right path with --get {name}=/path or --post {name}=/path"),
        401 | 403 => "send credentials with -H 'Authorization: Bearer …'".to_owned(),
        400 if endpoint.body.is_none() => {
            "look at its answer with curl -v. If the service speaks TLS, use https".to_owned()
        }
        400 | 415 | 422 => format!("give the body that the service expects with --body '{name}=…'"),
        304 => not_modified_hint(endpoint),
        426 => "the service asks for another protocol (see Upgrade in curl -v). For TLS use https; a WebSocket endpoint cannot be measured; else enable HTTP/1.1 there".to_owned(),
        505 => "the service does not accept HTTP/1.1: enable it there, or measure it through a proxy that accepts HTTP/1.1".to_owned(),
        300..=399 => "redirects are not followed: measure the address that it points to".to_owned(),
        _ => format!("if that is right, say so with --expect {name}={status}"),
    }
}
