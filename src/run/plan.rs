//! A validated description of a run: what is sent, when, and what counts as an answer.

mod auditing;
mod judging;

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::units::Rate;

pub use crate::tls_roots::{ClientIdentity, Trust};

pub use auditing::{
    AuditCapture, AuditPolicy, AuditSource, Auditing, DEFAULT_AUDIT_QUIET, DEFAULT_AUDIT_TIMEOUT,
    Field, IdSource, Polls,
};
pub use judging::{DEFAULT_EPISODE, Design, Guard};

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
    /// How much is sent to each endpoint.
    pub size: Size,
    /// Sent before t0 and recorded apart; zero for none.
    pub warmup: Duration,
    /// Longest response time that is waited for.
    pub timeout: Duration,
    /// Feeds the schedule's jitter and the `{{uuid}}` templates.
    pub seed: u64,
    /// How connections are opened and kept.
    pub connections: ConnectionPolicy,
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
    /// The value of the `Host` header: the port only where it is not the scheme's own.
    pub fn authority(&self) -> String {
        let host = if self.host.contains(':') {
            format!("[{}]", self.host)
        } else {
            self.host.clone()
        };
        if self.port == self.scheme.default_port() {
            host
        } else {
            format!("{host}:{}", self.port)
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

/// How connections are opened and kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectionPolicy {
    /// Most requests in flight at once, over all threads and endpoints; waiting for a free one counts in
    /// response time.
    pub max_in_flight: usize,
    /// Whether a connection carries more than one request.
    pub keepalive: Keepalive,
    /// Whose certificates are accepted.
    pub trust: Trust,
    /// The client certificate, if the service asks for one.
    pub identity: Option<ClientIdentity>,
    /// Connect here instead of to the target's host and port.
    pub connect_to: Option<(String, u16)>,
    /// Connect to this Unix socket instead.
    pub unix_socket: Option<PathBuf>,
}

/// Whether connections are reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Keepalive {
    /// A connection carries request after request.
    Reuse,
    /// Every request opens its own.
    PerRequest,
}

/// One endpoint of the target.
#[derive(Clone, Debug, PartialEq)]
pub struct Endpoint {
    /// What gates and tables call it.
    pub name: String,
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
    /// Requests per second; `None` in the closed model.
    pub rate: Option<Rate>,
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

    /// The value of a header of its own, if it has it.
    pub fn header(&self, name: &str) -> Option<&Template> {
        let mut headers = self.headers.iter();
        let found = headers.find(|(own, _)| own.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value)
    }
}

/// Who decides when a request is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Model {
    /// A schedule fixed before the run.
    Open {
        /// How the schedule spreads requests over time.
        arrivals: Arrivals,
    },
    /// So many requests at a time, each sent when the one before it was answered. Service time only.
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

/// How much is sent to each endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case", tag = "kind", content = "value")]
pub enum Size {
    /// For so long, counted from t0.
    Duration(Duration),
    /// So many requests, to each endpoint.
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
            format!("'{text}' is no set of statuses; write 200, 2xx, 200-204 or a list of these")
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

/// Text that may differ from request to request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    pieces: Vec<Piece>,
}

/// A part of a [`Template`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// The same in every request.
    Text(Vec<u8>),
    /// `{{uuid}}`: a new event id, a function of seed, endpoint and index, the same wherever it
    /// stands in one request.
    Uuid,
    /// `{{n}}`: the index of the request, from 0.
    Index,
    /// `{{now}}`: the time of sending, RFC 3339 in UTC with milliseconds.
    Now,
}

/// A `{{…}}` that is not a placeholder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownTemplate {
    /// The number of its first byte, from 1.
    byte: usize,
    /// The word, if it is a typing error of a placeholder. Any other word may be a secret, and is not shown.
    typo: Option<String>,
}

impl UnknownTemplate {
    fn at(byte: usize, word: &str) -> UnknownTemplate {
        let near = |known: &&str| strsim::damerau_levenshtein(word, known) <= 2;
        UnknownTemplate {
            byte,
            typo: PLACEHOLDERS.iter().any(near).then(|| word.to_owned()),
        }
    }
}

impl fmt::Display for UnknownTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.typo {
            Some(word) => write!(f, "'{{{{{word}}}}}' at byte {}", self.byte)?,
            None => write!(f, "the {{{{…}}}} at byte {}", self.byte)?,
        }
        f.write_str(" is not a placeholder; there are {{uuid}}, {{n}} and {{now}}")
    }
}

impl std::error::Error for UnknownTemplate {}

/// The words between the braces.
const PLACEHOLDERS: [&str; 3] = ["uuid", "n", "now"];

impl Template {
    /// Whether it is the same in every request.
    pub fn is_fixed(&self) -> bool {
        let mut pieces = self.pieces.iter();
        pieces.all(|piece| matches!(piece, Piece::Text(_)))
    }

    /// Whether every request has a `{{uuid}}` of its own here.
    pub fn has_uuid(&self) -> bool {
        self.pieces.contains(&Piece::Uuid)
    }

    /// Reads `{{uuid}}`, `{{n}}` and `{{now}}`; everything else, a lone `{{` too, is text.
    ///
    /// # Errors
    /// [`UnknownTemplate`] names a placeholder that does not exist.
    pub fn parse(text: &[u8]) -> Result<Template, UnknownTemplate> {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some((before, name, after)) = next_placeholder(rest) {
            push_text(&mut pieces, before);
            pieces.push(match name.trim() {
                "uuid" => Piece::Uuid,
                "n" => Piece::Index,
                "now" => Piece::Now,
                other => {
                    let byte = text.len() - rest.len() + before.len() + 1;
                    return Err(UnknownTemplate::at(byte, other));
                }
            });
            rest = after;
        }
        push_text(&mut pieces, rest);
        Ok(Template { pieces })
    }

    /// The same bytes in every request.
    pub fn literal(text: impl Into<Vec<u8>>) -> Template {
        Template {
            pieces: vec![Piece::Text(text.into())],
        }
    }

    /// Its parts, in order.
    pub fn pieces(&self) -> &[Piece] {
        &self.pieces
    }

    /// The text that was parsed, lossy where it is not UTF-8.
    pub fn source(&self) -> String {
        let mut out = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => out.push_str(&String::from_utf8_lossy(text)),
                Piece::Uuid => out.push_str("{{uuid}}"),
                Piece::Index => out.push_str("{{n}}"),
                Piece::Now => out.push_str("{{now}}"),
            }
        }
        out
    }
}

/// Splits at the first `{{word}}`; JSON's own double braces are not words, so they stay text.
fn next_placeholder(text: &[u8]) -> Option<(&[u8], &str, &[u8])> {
    let mut from = 0;
    loop {
        let open = from + text[from..].windows(2).position(|w| w == b"{{")?;
        let inner = &text[open + 2..];
        let length = inner
            .iter()
            .position(|b| !(b.is_ascii_alphanumeric() || b" _-".contains(b)));
        if let Some(length) = length.filter(|&l| l > 0 && inner[l..].starts_with(b"}}"))
            && let Ok(name) = std::str::from_utf8(&inner[..length])
        {
            return Some((&text[..open], name, &inner[length + 2..]));
        }
        from = open + 1;
    }
}

fn push_text(pieces: &mut Vec<Piece>, text: &[u8]) {
    if !text.is_empty() {
        pieces.push(Piece::Text(text.to_vec()));
    }
}

#[cfg(test)]
mod tests {
    use super::{Piece, StatusSet, Template};

    #[test]
    fn templates_find_their_placeholders_and_leave_json_alone() {
        let template = Template::parse(br#"{"id":"{{uuid}}","n":{{ n }},"a":{"b":{}}}"#).unwrap();
        assert!(template.pieces().contains(&Piece::Uuid));
        assert!(template.pieces().contains(&Piece::Index));
        assert_eq!(
            template.source(),
            r#"{"id":"{{uuid}}","n":{{n}},"a":{"b":{}}}"#
        );
        let nested = Template::parse(br#"{"a":{{"x"}}}"#).unwrap();
        assert_eq!(nested.pieces(), [Piece::Text(br#"{"a":{{"x"}}}"#.to_vec())]);
    }

    #[test]
    fn an_unknown_template_is_refused_by_name() {
        let known = "is not a placeholder; there are {{uuid}}, {{n}} and {{now}}";
        for (text, told) in [
            ("{{uid}}", "'{{uid}}' at byte 1"),
            ("ab{{n}}{{ nwo }}", "'{{nwo}}' at byte 8"),
            ("k={{s3cretPW1}}", "the {{…}} at byte 3"),
            ("{{uuid}}{{token}}", "the {{…}} at byte 9"),
        ] {
            let error = Template::parse(text.as_bytes()).unwrap_err();
            assert_eq!(error.to_string(), format!("{told} {known}"));
        }
    }

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
