//! The keys of `a7probe.toml`: the same settings as the flags.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Deserializer};

use crate::run::plan::Arrivals;
use crate::units::parse_duration;

/// One layer of settings. An absent key leaves the decision to the layer below.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Settings {
    pub url: Option<String>,
    /// Limit of the default gates.
    #[serde(deserialize_with = "duration")]
    pub target: Option<Duration>,
    /// Requests per second of each endpoint that has no rate of its own.
    pub rate: Option<NumberOrText>,
    /// Requests to each endpoint.
    pub requests: Option<u64>,
    /// How long to send.
    #[serde(deserialize_with = "duration")]
    pub duration: Option<Duration>,
    /// Longest that a run may take to decide.
    #[serde(deserialize_with = "duration")]
    pub budget: Option<Duration>,
    /// Slow episode that must be excluded before a gate passes.
    #[serde(deserialize_with = "duration")]
    pub episode: Option<Duration>,
    /// Take requests as independent.
    pub iid: Option<bool>,
    /// Requests in flight.
    pub concurrency: Option<u32>,
    /// How the schedule spreads requests.
    pub arrivals: Option<Arrivals>,
    /// Seed of the schedule.
    pub seed: Option<u64>,
    /// Sent before the run.
    #[serde(deserialize_with = "duration")]
    pub warmup: Option<Duration>,
    /// Longest response time that is waited for.
    #[serde(deserialize_with = "duration")]
    pub timeout: Option<Duration>,
    pub gates: Option<Vec<String>>,
    /// Headers of every request; values may name variables as `${NAME}`.
    pub headers: BTreeMap<String, String>,
    pub endpoints: BTreeMap<String, EndpointSettings>,
    pub insecure: Option<bool>,
    pub cacert: Option<PathBuf>,
    pub cert: Option<PathBuf>,
    pub key: Option<PathBuf>,
    pub connect_to: Option<String>,
    /// Connect to this Unix socket.
    pub unix_socket: Option<PathBuf>,
    /// Open a new connection for every request.
    pub disable_keepalive: Option<bool>,
    /// What is asked after the run.
    pub audit: AuditSettings,
}

/// One endpoint of the file.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct EndpointSettings {
    /// HTTP method [default: GET, or POST where there is a body].
    pub method: Option<String>,
    pub path: String,
    pub body: Option<String>,
    /// Body from a file, relative to the settings file.
    pub body_file: Option<PathBuf>,
    /// Content-Type of the body.
    pub content_type: Option<String>,
    /// Headers on top of those of every request.
    pub headers: BTreeMap<String, String>,
    /// Statuses that count as ok.
    pub expect: Option<NumberOrText>,
    pub rate: Option<NumberOrText>,
}

/// A setting that may be written as a number or as text: `rate = 20` or `rate = "20/s"`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(untagged)]
pub(crate) enum NumberOrText {
    Text(String),
    Integer(i64),
    Float(f64),
}

impl std::fmt::Display for NumberOrText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            NumberOrText::Text(text) => f.write_str(text),
            NumberOrText::Integer(number) => write!(f, "{number}"),
            NumberOrText::Float(number) => write!(f, "{number}"),
        }
    }
}

/// The table `[audit]`: the flags of the completion audit.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct AuditSettings {
    /// Whether there is one.
    pub enabled: Option<bool>,
    /// Longest wait after the run.
    #[serde(deserialize_with = "duration")]
    pub timeout: Option<Duration>,
    /// How long after everything is done it is read once more.
    #[serde(deserialize_with = "duration")]
    pub quiet: Option<Duration>,
    /// Where the state of an event is.
    pub url: Option<String>,
    /// Where an answer has the id.
    pub id: Option<String>,
    pub done: Option<String>,
    /// What means given up.
    pub dead: Option<String>,
    /// How long the service remembers an event.
    #[serde(deserialize_with = "duration")]
    pub ttl: Option<Duration>,
    /// Where the time of completion is.
    pub done_at: Option<String>,
    /// Where the time of acceptance is.
    pub accepted_at: Option<String>,
    /// Share of the requests that is sent twice.
    pub resend: Option<String>,
}

fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    text.map(|text| parse_duration(&text).map_err(serde::de::Error::custom))
        .transpose()
}
