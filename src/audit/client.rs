//! The HTTP client for everything that is not measured.

use std::time::Duration;

use anyhow::Context as _;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

use crate::plan::{Piece, Plan, Trust};

/// Longest that one question may take.
const ANSWER: Duration = Duration::from_secs(10);

/// A client without the plan's ways to the service.
///
/// # Errors
/// The TLS library cannot be set up.
pub fn http_client(timeout: Duration) -> reqwest::Result<reqwest::Client> {
    builder(timeout).build()
}

fn builder(timeout: Duration) -> reqwest::ClientBuilder {
    // reqwest is built without a cryptography provider and panics if none is installed; an error here means
    // that one is.
    let _ = tokio_rustls::rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().timeout(timeout)
}

/// A client that reaches the service as the plan's requests do, with their credentials.
pub(super) fn of_plan(plan: &Plan) -> anyhow::Result<reqwest::Client> {
    let policy = &plan.connections;
    let mut client = builder(ANSWER).default_headers(headers(plan));
    match &policy.trust {
        Trust::System => {}
        Trust::Anything => client = client.tls_danger_accept_invalid_certs(true),
        Trust::File(file) => {
            let pem =
                std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
            for certificate in reqwest::Certificate::from_pem_bundle(&pem)? {
                client = client.add_root_certificate(certificate);
            }
        }
    }
    if let Some((chain, key)) = &policy.identity {
        let mut pem = std::fs::read(key)?;
        pem.extend(std::fs::read(chain)?);
        client = client.identity(reqwest::Identity::from_pem(&pem)?);
    }
    if let Some((host, port)) = &policy.connect_to {
        let mut found = std::net::ToSocketAddrs::to_socket_addrs(&(host.as_str(), *port))?;
        let address = found.next().context("--connect-to names no address")?;
        client = client.resolve(&plan.target.host, address);
    }
    #[cfg(unix)]
    if let Some(path) = &policy.unix_socket {
        client = client.unix_socket(path.clone());
    }
    Ok(client.build()?)
}

/// Headers that every request to the service has: credentials, most of all. What belongs to one request or to its body
/// is left out.
fn headers(plan: &Plan) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let accepting = plan.endpoints.iter().filter(|e| e.is_accepting());
    for (name, value) in accepting.flat_map(|endpoint| &endpoint.headers) {
        let own = [
            "content-type",
            "idempotency-key",
            "host",
            "accept",
            "x-a7-run",
        ]
        .iter()
        .any(|own| name.eq_ignore_ascii_case(own));
        let fixed = value
            .pieces()
            .iter()
            .all(|piece| matches!(piece, Piece::Text(_)));
        if own || !fixed {
            continue;
        }
        if let (Ok(name), Ok(value)) = (
            HeaderName::try_from(name.as_str()),
            HeaderValue::try_from(value.source()),
        ) {
            headers.insert(name, value);
        }
    }
    headers
}
