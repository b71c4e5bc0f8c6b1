//! A validated description of a run: what is sent, when, and what counts as an answer.

mod auditing;
mod connections;
mod expected_body;
mod judging;
mod planned_rows;
mod segment;
mod template;

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::run::shard::Shard;
use crate::units::Rate;

pub use crate::tls_roots::{ClientIdentity, Trust};

pub use auditing::{
    AuditCapture, AuditPolicy, AuditSource, Auditing, DEFAULT_AUDIT_QUIET, DEFAULT_AUDIT_TIMEOUT,
    Field, IdSource, Polls,
};
pub use connections::{
    ConnectTo, ConnectionPolicy, HttpVersion, Keepalive, Proxy, RedirectPolicy, Replaced, Tracing,
    UrlOwner,
};
pub(crate) use expected_body::SearchedPart;
pub use expected_body::{BodyFault, ExpectedBody, MAX_SEARCHED_BYTES};
pub use judging::{DEFAULT_EPISODE, Design, Guard};
pub use planned_rows::{PlannedRows, RowUse, RowWindow};
pub use segment::{LoadShape, Segment};
pub(crate) use template::is_variable;
pub use template::{EnvValue, Piece, Template, TemplateError};

/// Header that names the run to servers that list what a run sent.
pub const RUN_HEADER: &str = "x-a7-run";

/// Everything the engine needs to know. Built by `cli::resolve`, which checks every rule.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// Where the requests go.
    pub target: Target,
    /// What is sent; at least one, names unique.
    pub endpoints: Vec<Endpoint>,
    /// Open (a schedule) or closed (each answer triggers the next request).
    pub model: Model,
    /// The size of a run, per endpoint.
    pub size: Size,
    /// Sent before t0 and recorded apart; zero for none.
    pub warmup: Duration,
    /// Request timeout, counted from the intended start.
    pub timeout: Duration,
    /// Feeds the schedule's jitter and the `{{uuid}}` templates.
    pub seed: u64,
    /// How connections are opened and kept.
    pub connections: ConnectionPolicy,
    /// The rows that fill `{{row.…}}`, if a template has one.
    pub rows: Option<PlannedRows>,
}

impl Plan {
    /// Where the requests of an endpoint go.
    pub fn target_of<'a>(&'a self, endpoint: &'a Endpoint) -> &'a Target {
        endpoint.elsewhere.as_ref().unwrap_or(&self.target)
    }

    /// Every origin once, in the order of the endpoints. Connections, the in-flight cap and the audit are each
    /// origin's own.
    pub fn origins(&self) -> Vec<&Target> {
        let mut origins: Vec<&Target> = Vec::new();
        for endpoint in &self.endpoints {
            let target = self.target_of(endpoint);
            if !origins.iter().any(|known| known.is_same_origin(target)) {
                origins.push(target);
            }
        }
        origins
    }

    /// The same with each endpoint once, under its own name, as one question before the run needs it.
    #[must_use]
    pub fn without_segments(&self) -> Plan {
        let firsts = self.endpoints.iter().filter(|e| e.is_first_segment());
        let endpoints = firsts.map(|endpoint| Endpoint {
            name: endpoint.base_name().to_owned(),
            ..endpoint.clone()
        });
        Plan {
            endpoints: endpoints.collect(),
            ..self.clone()
        }
    }

    /// The highest sum of requests per second, over the endpoints that are chosen: of segments, which follow each other,
    /// the highest counts.
    pub fn highest_rate(&self, is_chosen: impl Fn(&Endpoint) -> bool) -> f64 {
        let mut highest: BTreeMap<&str, f64> = BTreeMap::new();
        for endpoint in self.endpoints.iter().filter(|e| is_chosen(e)) {
            let rate = endpoint.rate.map_or(0.0, |rate| rate.as_per_second());
            let known = highest.entry(endpoint.base_name()).or_default();
            *known = known.max(rate);
        }
        highest.values().sum()
    }

    /// The load that one of several machines has of this plan: its part of the requests and of the rates.
    #[must_use]
    pub fn share_of(&self, shard: Shard) -> Plan {
        let mut share = self.clone();
        if shard.is_whole() {
            return share;
        }
        for endpoint in &mut share.endpoints {
            let rate = endpoint.rate.map(Rate::as_per_second);
            let own = rate.and_then(|rate| Rate::per_second(rate / f64::from(shard.count())));
            endpoint.rate = own.or(endpoint.rate);
        }
        if let Size::Requests(requests) = share.size {
            share.size = Size::Requests(shard.own_below(requests));
        }
        share
    }

    /// The number of an endpoint's origin in [`Plan::origins`].
    pub fn origin_of(&self, endpoint: &Endpoint) -> usize {
        let target = self.target_of(endpoint);
        let origins = self.origins();
        let mut origins = origins.iter();
        origins
            .position(|known| known.is_same_origin(target))
            .unwrap_or(0)
    }
}

/// Scheme, host and port, and how they are reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// `http` or `https`.
    pub scheme: Scheme,
    /// Name or address, without brackets.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// Path that goes before every endpoint's path; empty or `/…` without a trailing slash.
    pub prefix: String,
}

impl Target {
    /// Whether scheme, host and port are the same (RFC 6454).
    pub fn is_same_origin(&self, other: &Target) -> bool {
        (self.scheme, self.host.to_ascii_lowercase(), self.port)
            == (other.scheme, other.host.to_ascii_lowercase(), other.port)
    }

    /// The value of the `Host` header: the port only where it is not the scheme's own.
    pub fn authority(&self) -> String {
        if self.port == self.scheme.default_port() {
            self.bracketed_host()
        } else {
            self.host_and_port()
        }
    }

    /// Host and port, also where the port is the scheme's own.
    pub fn host_and_port(&self) -> String {
        format!("{}:{}", self.bracketed_host(), self.port)
    }

    /// The host as it stands before a port.
    fn bracketed_host(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]", self.host)
        } else {
            self.host.clone()
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}://{}{}",
            self.scheme.as_str(),
            self.authority(),
            self.prefix
        )
    }
}

/// URL scheme.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// Plain text.
    Http,
    /// TLS.
    Https,
}

impl Scheme {
    /// As in a URL.
    pub fn as_str(self) -> &'static str {
        match self {
            Scheme::Http => "http",
            Scheme::Https => "https",
        }
    }

    /// 80 or 443.
    pub fn default_port(self) -> u16 {
        match self {
            Scheme::Http => 80,
            Scheme::Https => 443,
        }
    }
}

/// One endpoint of the target.
#[derive(Clone, Debug, PartialEq)]
pub struct Endpoint {
    /// Name of the endpoint in gates and tables.
    pub name: String,
    /// Where its requests go, if not to the plan's target.
    pub elsewhere: Option<Target>,
    /// HTTP method, upper case.
    pub method: String,
    /// Path and query, beginning with `/`; may hold templates.
    pub path: Template,
    /// Headers in order, `Host` and `Content-Length` excepted; values may hold templates.
    pub headers: Vec<(String, Template)>,
    /// Body, if any.
    pub body: Option<Template>,
    /// Statuses that count as ok.
    pub expect: StatusSet,
    /// The required content of the body of such an answer, if any.
    pub expect_body: Option<ExpectedBody>,
    /// Requests per second, of a segment the most; `None` in the closed model.
    pub rate: Option<Rate>,
    /// The part of a rate profile that it is; `None` at one rate, and in the closed model.
    pub segment: Option<Segment>,
    /// Response times above which a request is counted as an exceedance, ascending and unique.
    pub targets: Vec<Duration>,
}

impl Endpoint {
    /// Whether its requests ask the service to do something, which an audit can ask after.
    pub fn is_accepting(&self) -> bool {
        !matches!(self.method.as_str(), "GET" | "HEAD" | "OPTIONS")
    }

    /// Whether its requests carry an id of their own in a header or in the body.
    pub fn carries_key(&self) -> bool {
        let mut headers = self.headers.iter().map(|(_, value)| value);
        headers.any(Template::has_uuid) || self.body.as_ref().is_some_and(Template::has_uuid)
    }

    /// The columns that its templates name, in the order path, headers, body.
    pub fn columns(&self) -> impl Iterator<Item = &str> {
        let headers = self.headers.iter().map(|(_, value)| value);
        let templates = std::iter::once(&self.path).chain(headers);
        templates.chain(&self.body).flat_map(Template::columns)
    }

    /// The value of a header of its own, if it has it.
    pub fn header(&self, name: &str) -> Option<&Template> {
        let mut headers = self.headers.iter();
        let found = headers.find(|(own, _)| own.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value)
    }
}

/// The model of the load: a schedule, or the answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Model {
    /// A schedule fixed before the run.
    Open {
        /// How the schedule spreads requests over time.
        arrivals: Arrivals,
    },
    /// A fixed number of requests at a time, each sent when the one before it was answered. Service time only.
    Closed {
        /// Requests in flight, over all endpoints.
        concurrency: usize,
    },
}

/// How the schedule spreads requests over time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Arrivals {
    /// One at a random instant of each interval 1/λ: no aliasing with periodic stalls.
    #[default]
    Jitter,
    /// At the start of each interval.
    Grid,
    /// Independent arrivals at rate λ.
    Poisson,
}

impl Arrivals {
    /// As in `--arrivals`.
    pub fn as_str(self) -> &'static str {
        match self {
            Arrivals::Jitter => "jitter",
            Arrivals::Grid => "grid",
            Arrivals::Poisson => "poisson",
        }
    }
}

/// The size of a run, per endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case", tag = "kind", content = "value")]
pub enum Size {
    /// This long, counted from t0.
    Duration(Duration),
    /// This many requests, to each endpoint.
    Requests(u64),
}

/// The statuses that count as ok: inclusive ranges within 100–599.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct StatusSet(Vec<(u16, u16)>);

impl StatusSet {
    /// Any 2xx.
    pub fn success() -> StatusSet {
        StatusSet(vec![(200, 299)])
    }

    /// Reads `200`, `2xx`, `200-204`, and lists of these with commas.
    ///
    /// # Errors
    /// A message that quotes the text, if a part of it is not a status from 100 to 599.
    pub fn parse(text: &str) -> Result<StatusSet, String> {
        let ranges = text
            .split(',')
            .map(|part| status_range(part.trim()))
            .collect::<Option<Vec<_>>>();
        ranges.map(StatusSet).ok_or_else(|| {
            format!("'{text}' is not a set of statuses; write 200, 2xx, 200-204 or a list of these")
        })
    }

    /// Whether this status counts as ok.
    pub fn contains(&self, status: u16) -> bool {
        self.0.iter().any(|&(lo, hi)| (lo..=hi).contains(&status))
    }
}

fn status_range(text: &str) -> Option<(u16, u16)> {
    let within = |lo: u16, hi: u16| (100 <= lo && lo <= hi && hi <= 599).then_some((lo, hi));
    if let Some(class) = text.to_ascii_lowercase().strip_suffix("xx") {
        let class: u16 = class.parse().ok().filter(|c| (1..=5).contains(c))?;
        return within(class * 100, class * 100 + 99);
    }
    match text.split_once('-') {
        Some((lo, hi)) => within(lo.trim().parse().ok()?, hi.trim().parse().ok()?),
        None => text.parse().ok().and_then(|status| within(status, status)),
    }
}

impl fmt::Display for StatusSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = self.0.iter().map(|&(lo, hi)| match (lo, hi) {
            (lo, hi) if lo == hi => lo.to_string(),
            (lo, hi) if lo % 100 == 0 && hi == lo + 99 => format!("{}xx", lo / 100),
            (lo, hi) => format!("{lo}-{hi}"),
        });
        f.write_str(&parts.collect::<Vec<_>>().join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::StatusSet;

    #[test]
    fn status_sets_read_classes_ranges_and_lists() {
        let set = StatusSet::parse("202, 3xx,400-404").unwrap();
        assert!(set.contains(202) && set.contains(301) && set.contains(404));
        assert!(!set.contains(200) && !set.contains(405));
        assert_eq!(set.to_string(), "202,3xx,400-404");
        for bad in ["", "2x", "6xx", "99", "600", "204-200", "abc"] {
            assert!(StatusSet::parse(bad).is_err(), "{bad}");
        }
    }
}
