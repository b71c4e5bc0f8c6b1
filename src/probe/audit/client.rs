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
use crate::run::plan::{
    ConnectionPolicy, Endpoint, HttpVersion, Plan, Proxy, RUN_HEADER, Scheme, Target, Trust,
    UrlOwner,
};
use crate::tls_roots::{self, Alpn};

/// Longest silence within an answer; an answer that continues is read, however long it is.
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
    builder().timeout(timeout).http1_only().build()
}

fn alpn(policy: &ConnectionPolicy) -> Alpn {
    match policy.version {
        HttpVersion::Http1 => Alpn::Http1,
        HttpVersion::Http2 { .. } => Alpn::Http2,
    }
}

/// A client that follows no redirects and uses no proxy: its requests may have credentials.
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

/// The proxy of the plan's requests.
fn through(proxy: &Proxy) -> anyhow::Result<reqwest::Proxy> {
    let way = reqwest::Proxy::all(proxy.to_string())?;
    Ok(match &proxy.authorization {
        Some(value) => way.custom_http_auth(HeaderValue::try_from(value)?),
        None => way,
    })
}

/// How questions reach the service: by the connection settings and with the credentials of the plan's requests. Another
/// server that the plan names for answers gets neither.
pub(super) struct AuditClient {
    service: reqwest::Client,
    others: reqwest::Client,
    /// By the place of the endpoint in the plan.
    endpoints: Vec<AuditedService>,
}

/// Where questions about one endpoint go, and with what.
struct AuditedService {
    /// Scheme, host and port to connect to.
    route: String,
    target: Url,
    prefix: String,
    /// What every request of the endpoint has.
    headers: HeaderMap,
}

impl AuditedService {
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
            let tls =
                tls_roots::service_client(&policy.trust, policy.identity.as_ref(), alpn(policy))?;
            let mut client = builder().read_timeout(SILENCE);
            if let Some(proxy) = &policy.proxy {
                client = client.proxy(through(proxy)?);
            }
            let client = client.tls_backend_preconfigured(tls);
            Ok(match policy.version {
                HttpVersion::Http1 => client.http1_only(),
                HttpVersion::Http2 { .. } => client.http2_prior_knowledge(),
            })
        };
        let mut service = client(policy)?;
        // The client certificate is shown to the service alone.
        let others = ConnectionPolicy {
            identity: None,
            ..policy.clone()
        };
        for target in plan.origins() {
            if let Some((name, (host, port))) = &AuditRoute::of(target, policy)?.resolve {
                service = service.resolve(name, resolved(host, *port).await?);
            }
        }
        #[cfg(unix)]
        if let Some(path) = &policy.unix_socket {
            service = service.unix_socket(path.clone());
        }
        let endpoints = plan.endpoints.iter().map(|endpoint| {
            let target = plan.target_of(endpoint);
            Ok(AuditedService {
                route: AuditRoute::of(target, policy)?.base,
                target: target.to_string().parse()?,
                prefix: target.prefix.clone(),
                headers: headers(target, endpoint),
            })
        });
        Ok(AuditClient {
            service: service.build()?,
            others: client(&others)?.build()?,
            endpoints: endpoints.collect::<anyhow::Result<_>>()?,
        })
    }

    /// A question about what this endpoint was sent, at a path below the target or at a whole URL.
    fn request(&self, endpoint: usize, url: &str) -> RequestBuilder {
        let service = &self.endpoints[endpoint];
        let path = match service.path_at_target(url) {
            Some(path) => path,
            None => return self.others.get(url),
        };
        self.service
            .get(format!("{}{path}", service.route))
            .headers(service.headers.clone())
    }

    /// The whole URL of a question, as the service is to see it.
    pub(super) fn whole(&self, endpoint: usize, url: &str) -> Option<Url> {
        let service = &self.endpoints[endpoint];
        if url.starts_with('/') {
            service
                .target
                .join(&format!("{}{url}", service.prefix))
                .ok()
        } else {
            url.parse().ok()
        }
    }

    /// Where a question goes, for people: without secrets.
    pub(super) fn shown(&self, endpoint: usize, url: &str) -> String {
        let target = self.endpoints[endpoint]
            .target
            .as_str()
            .trim_end_matches('/');
        if url.starts_with('/') {
            redact::url(&format!("{target}{url}"))
        } else {
            redact::url(url)
        }
    }

    /// Sends a request. Any answer counts as one.
    pub(super) async fn answer(&self, endpoint: usize, url: &str) -> Result<Response, FailedQuery> {
        let sent = self.request(endpoint, url).send().await;
        sent.map_err(|e| self.failed(endpoint, url, transport_failure(&e)))
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
        Err(self.refused(endpoint, url, &answer))
    }

    /// Describes an answer that carries no state.
    pub(super) fn refused(&self, endpoint: usize, url: &str, answer: &Response) -> FailedQuery {
        let status = answer.status().as_u16();
        FailedQuery {
            retry_after: retry_after(answer.headers(), Timestamp::now()),
            ..self.failed(endpoint, url, QueryFailure::Refused { status })
        }
    }

    /// A query at a URL that failed.
    pub(super) fn failed(&self, endpoint: usize, url: &str, failure: QueryFailure) -> FailedQuery {
        FailedQuery {
            trouble: AuditTrouble::Query {
                url: self.shown(endpoint, url),
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
    fn of(target: &Target, policy: &ConnectionPolicy) -> anyhow::Result<AuditRoute> {
        let direct = |scheme: Scheme| AuditRoute {
            base: format!("{}://{}", scheme.as_str(), target.authority()),
            resolve: None,
        };
        let ConnectionPolicy {
            unix_socket, trust, ..
        } = policy;
        // Requests go over a Unix socket as plain text.
        if unix_socket.is_some() {
            return Ok(direct(Scheme::Http));
        }
        let Some((host, port)) = policy.replaced(target, UrlOwner::Plan) else {
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
                "the audit cannot check the certificate of {} with --connect-to\nhint: write the service's host name in the URL, not its address",
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

/// Headers that every request of an endpoint has, such as host and credentials. What belongs to one request or to its
/// body is left out.
fn headers(target: &Target, endpoint: &Endpoint) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let own = concat!("a7probe/", env!("CARGO_PKG_VERSION"));
    headers.insert(USER_AGENT, HeaderValue::from_static(own));
    if let Ok(host) = HeaderValue::try_from(target.authority()) {
        headers.insert(HOST, host);
    }
    for (name, value) in &endpoint.headers {
        let of_requests = OWN_OF_REQUESTS
            .iter()
            .any(|own| name.eq_ignore_ascii_case(own));
        let value = value.fixed_bytes().filter(|_| !of_requests);
        if let (Ok(name), Some(Ok(value))) = (
            HeaderName::try_from(name.as_str()),
            value.map(HeaderValue::try_from),
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
