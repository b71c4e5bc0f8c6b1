//! The HTTP client for everything that is not measured, and the route of a plan's requests to the service.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use anyhow::{Context as _, bail};
use jiff::Timestamp;
use jiff::fmt::rfc2822;
use reqwest::header::{HOST, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER, USER_AGENT};
use reqwest::{RequestBuilder, Response, StatusCode, Url, redirect};

use crate::redact;
use crate::run::completion::{AuditTrouble, QueryFailure};
use crate::run::plan::{ConnectionPolicy, Endpoint, Plan, RUN_HEADER, Scheme, Trust};
use crate::tls_roots;

/// Longest that an answer may be silent; one that goes on is read, however long it is.
const SILENCE: Duration = Duration::from_secs(10);

/// Headers of a request that belong to it or to its body alone.
const OWN_OF_REQUESTS: [&str; 9] = [
    "accept",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "expect",
    "idempotency-key",
    "transfer-encoding",
    RUN_HEADER,
];

/// A client without the plan's ways to the service.
///
/// # Errors
/// The TLS library cannot be set up.
pub fn http_client(timeout: Duration) -> reqwest::Result<reqwest::Client> {
    builder().timeout(timeout).build()
}

/// A client that goes where it is told and nowhere else: what it sends may hold credentials.
fn builder() -> reqwest::ClientBuilder {
    // reqwest is built without a cryptography provider and panics if none is installed; an error here means
    // that one is.
    let _ = tokio_rustls::rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .no_proxy()
        // Reads answers under the same rules as measured ones.
        .http1_allow_obsolete_multiline_headers_in_responses(true)
        .http1_allow_spaces_after_header_name_in_responses(true)
        .http1_ignore_invalid_headers_in_responses(true)
        .redirect(redirect::Policy::none())
}

/// How questions reach the service: by the connection settings and with the credentials of the plan's requests. Another
/// server that the plan names for answers gets neither.
pub(super) struct AuditClient {
    service: reqwest::Client,
    others: reqwest::Client,
    /// Scheme, host and port to connect to.
    route: String,
    target: Url,
    prefix: String,
    /// What every request of an endpoint has, by its place in the plan.
    headers: Vec<HeaderMap>,
}

/// A query without a usable answer.
#[derive(Debug)]
pub(super) struct FailedQuery {
    pub(super) trouble: AuditTrouble,
    /// How long the service wants to be left alone.
    pub(super) retry_after: Option<Duration>,
}

impl AuditClient {
    /// The route of this plan; resolves the name that `--connect-to` gives.
    pub(super) async fn of(plan: &Plan) -> anyhow::Result<AuditClient> {
        let policy = &plan.connections;
        let client = |policy: &ConnectionPolicy| -> anyhow::Result<reqwest::ClientBuilder> {
            let tls = tls_roots::service_client(&policy.trust, policy.identity.as_ref())?;
            let client = builder().read_timeout(SILENCE);
            Ok(client.tls_backend_preconfigured(tls).http1_only())
        };
        let mut service = client(policy)?;
        // The client certificate is shown to the service alone.
        let others = ConnectionPolicy {
            identity: None,
            ..policy.clone()
        };
        let route = AuditRoute::of(plan)?;
        if let Some((name, (host, port))) = &route.resolve {
            service = service.resolve(name, resolved(host, *port).await?);
        }
        #[cfg(unix)]
        if let Some(path) = &policy.unix_socket {
            service = service.unix_socket(path.clone());
        }
        let endpoints = plan.endpoints.iter();
        Ok(AuditClient {
            service: service.build()?,
            others: client(&others)?.build()?,
            route: route.base,
            target: plan.target.to_string().parse()?,
            prefix: plan.target.prefix.clone(),
            headers: endpoints.map(|endpoint| headers(plan, endpoint)).collect(),
        })
    }

    /// A question about what this endpoint was sent, at a path below the target or at a whole URL.
    fn request(&self, endpoint: usize, url: &str) -> RequestBuilder {
        let path = match self.path_at_target(url) {
            Some(path) => path,
            None => return self.others.get(url),
        };
        self.service
            .get(format!("{}{path}", self.route))
            .headers(self.headers[endpoint].clone())
    }

    /// Path and query of a URL of the service's own; `None` for others, and for one that brings credentials of its own.
    fn path_at_target(&self, url: &str) -> Option<String> {
        if url.starts_with('/') {
            return Some(format!("{}{url}", self.prefix));
        }
        let url: Url = url.parse().ok()?;
        let is_own = url.origin() == self.target.origin();
        let is_plain = url.username().is_empty() && url.password().is_none();
        (is_own && is_plain).then(|| match url.query() {
            Some(query) => format!("{}?{query}", url.path()),
            None => url.path().to_owned(),
        })
    }

    /// The whole URL of a question, as the service is to see it.
    pub(super) fn whole(&self, url: &str) -> Option<Url> {
        if url.starts_with('/') {
            self.target.join(&format!("{}{url}", self.prefix)).ok()
        } else {
            url.parse().ok()
        }
    }

    /// Where a question goes, for people: without secrets.
    pub(super) fn shown(&self, url: &str) -> String {
        let target = self.target.as_str().trim_end_matches('/');
        if url.starts_with('/') {
            redact::url(&format!("{target}{url}"))
        } else {
            redact::url(url)
        }
    }

    /// Sends a request. Any answer counts as one.
    pub(super) async fn answer(&self, endpoint: usize, url: &str) -> Result<Response, FailedQuery> {
        let sent = self.request(endpoint, url).send().await;
        sent.map_err(|e| self.failed(url, transport_failure(&e)))
    }

    /// Asks; any answer is one, but for redirects and errors, which tell nothing. `Ok(None)` if there is no such thing.
    pub(super) async fn get(
        &self,
        endpoint: usize,
        url: &str,
    ) -> Result<Option<Response>, FailedQuery> {
        let answer = self.answer(endpoint, url).await?;
        let status = answer.status();
        if status.is_success() {
            return Ok(Some(answer));
        }
        if matches!(status, StatusCode::NOT_FOUND | StatusCode::GONE) {
            return Ok(None);
        }
        Err(self.refused(url, &answer))
    }

    /// Describes an answer that carries no state.
    pub(super) fn refused(&self, url: &str, answer: &Response) -> FailedQuery {
        let status = answer.status().as_u16();
        FailedQuery {
            retry_after: retry_after(answer.headers(), Timestamp::now()),
            ..self.failed(url, QueryFailure::Refused { status })
        }
    }

    /// A query at a URL that failed.
    pub(super) fn failed(&self, url: &str, failure: QueryFailure) -> FailedQuery {
        FailedQuery {
            trouble: AuditTrouble::Query {
                url: self.shown(url),
                failure,
            },
            retry_after: None,
        }
    }
}

/// What went wrong on the way, with its cause; never the URL, which may hold secrets.
pub(super) fn transport_failure(error: &reqwest::Error) -> QueryFailure {
    if let Some(failure) = tls_roots::tls_failure(error) {
        return QueryFailure::Broken {
            cause: failure.to_string(),
        };
    }
    if error.is_timeout() {
        return QueryFailure::TimedOut;
    }
    let mut source: &dyn std::error::Error = error;
    while let Some(below) = source.source() {
        source = below;
    }
    let cause = source.to_string();
    if error.is_connect() {
        QueryFailure::CannotConnect { cause }
    } else {
        QueryFailure::Broken { cause }
    }
}

/// `Retry-After`, in seconds or as a date.
fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let at = rfc2822::DateTimeParser::new().parse_timestamp(text).ok()?;
    Some(Duration::try_from(at.duration_since(now)).unwrap_or_default())
}

/// Where to connect, and what name stands for which place on the way.
#[derive(Debug, PartialEq, Eq)]
struct AuditRoute {
    base: String,
    resolve: Option<(String, (String, u16))>,
}

impl AuditRoute {
    fn of(plan: &Plan) -> anyhow::Result<AuditRoute> {
        let target = &plan.target;
        let direct = |scheme: Scheme| AuditRoute {
            base: format!("{}://{}", scheme.as_str(), target.authority()),
            resolve: None,
        };
        let ConnectionPolicy {
            connect_to,
            unix_socket,
            trust,
            ..
        } = &plan.connections;
        // Requests go over a Unix socket as plain text.
        if unix_socket.is_some() {
            return Ok(direct(Scheme::Http));
        }
        let Some((host, port)) = connect_to.clone() else {
            return Ok(direct(target.scheme));
        };
        let at = |host: &str| {
            let scheme = target.scheme.as_str();
            if host.contains(':') {
                format!("{scheme}://[{host}]:{port}")
            } else {
                format!("{scheme}://{host}:{port}")
            }
        };
        let there = AuditRoute {
            base: at(&host),
            resolve: None,
        };
        match target.scheme {
            // The Host header says who is meant.
            Scheme::Http => Ok(there),
            // The certificate must be that of the target, so its name stands in the URL.
            Scheme::Https if target.host.parse::<IpAddr>().is_err() => Ok(AuditRoute {
                base: at(&target.host),
                resolve: Some((target.host.clone(), (host, port))),
            }),
            // An address resolves to nothing else.
            Scheme::Https if host == target.host || *trust == Trust::Anything => Ok(there),
            Scheme::Https => bail!(
                "over --connect-to the certificate of {} cannot be checked in the audit\nhint: name the service by its name instead of its address",
                target.host
            ),
        }
    }
}

async fn resolved(host: &str, port: u16) -> anyhow::Result<SocketAddr> {
    let mut found = tokio::net::lookup_host((host, port))
        .await
        .with_context(|| format!("the name '{host}' does not resolve"))?;
    found.next().context("--connect-to names no address")
}

/// Headers that every request of an endpoint has: whom it is for, and credentials, most of all. What belongs to one
/// request or to its body is left out.
fn headers(plan: &Plan, endpoint: &Endpoint) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let own = concat!("a7probe/", env!("CARGO_PKG_VERSION"));
    headers.insert(USER_AGENT, HeaderValue::from_static(own));
    if let Ok(host) = HeaderValue::try_from(plan.target.authority()) {
        headers.insert(HOST, host);
    }
    for (name, value) in &endpoint.headers {
        let of_requests = OWN_OF_REQUESTS
            .iter()
            .any(|own| name.eq_ignore_ascii_case(own));
        if of_requests || !value.is_fixed() {
            continue;
        }
        if let (Ok(name), Ok(value)) = (
            HeaderName::try_from(name.as_str()),
            HeaderValue::try_from(value.source()),
        ) {
            // One of ours is replaced; of the others there may be several.
            if matches!(name, HOST | USER_AGENT) {
                headers.insert(name, value);
            } else {
                headers.append(name, value);
            }
        }
    }
    headers
}

/// A text as one segment of a path: what would end it is escaped.
pub(super) fn as_segment(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            escaped.push(byte.into());
        } else {
            escaped.push_str(&format!("%{byte:02X}"));
        }
    }
    escaped
}
