//! The keys of `a7probe.toml`: the same settings as the flags. Every text may name variables as `${NAME}`.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Deserializer};

use super::speed::parse_speed;
use crate::run::plan::Arrivals;
use crate::run::replay_file::ReplayFormat;
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
    /// File whose instants are replayed, relative to the settings file.
    pub rate_file: Option<PathBuf>,
    /// Form of that file.
    pub rate_format: Option<ReplayFormat>,
    /// How many times as fast it is replayed.
    pub speed: Option<Speed>,
    /// Requests to each endpoint.
    pub requests: Option<u64>,
    /// How long to send.
    #[serde(deserialize_with = "duration")]
    pub duration: Option<Duration>,
    /// Longest time of a run that stops when all gates are decided.
    #[serde(deserialize_with = "duration")]
    pub budget: Option<Duration>,
    /// Longest slow spell that a PASS allows for.
    #[serde(alias = "episode", deserialize_with = "duration")]
    pub spell: Option<Duration>,
    /// Treat requests as independent.
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
    /// Request timeout, counted from the intended start.
    #[serde(deserialize_with = "duration")]
    pub timeout: Option<Duration>,
    pub gates: Option<Vec<String>>,
    /// Saved run that gates are judged against, relative to the settings file.
    pub baseline: Option<PathBuf>,
    /// Rows that fill `{{row.COLUMN}}`, relative to the settings file.
    pub data: Option<PathBuf>,
    /// Whether every row is used at most once.
    pub data_once: Option<bool>,
    /// Headers of every request.
    pub headers: BTreeMap<String, String>,
    /// User and password.
    pub auth: Option<String>,
    /// Cookies of every request.
    pub cookie: Option<String>,
    pub endpoints: BTreeMap<String, EndpointSettings>,
    pub insecure: Option<bool>,
    pub cacert: Option<PathBuf>,
    pub cert: Option<PathBuf>,
    pub key: Option<PathBuf>,
    pub connect_to: Option<String>,
    /// HTTP proxy.
    pub proxy: Option<String>,
    /// Follow redirects.
    pub location: Option<bool>,
    /// Send a traceparent with every request.
    pub trace: Option<bool>,
    /// Connect to this Unix socket.
    pub unix_socket: Option<PathBuf>,
    /// Open a new connection for every request.
    pub disable_keepalive: Option<bool>,
    /// Speak HTTP/2.
    pub http2: Option<bool>,
    /// Most requests in flight on one HTTP/2 connection.
    pub streams: Option<u32>,
    /// The completion audit.
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
    /// What the body of an ok answer must hold.
    pub expect_body: Option<String>,
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

/// How many times as fast: `speed = 2` or `speed = "2x"`.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(try_from = "NumberOrText")]
pub(crate) struct Speed(pub f64);

impl TryFrom<NumberOrText> for Speed {
    type Error = String;

    fn try_from(text: NumberOrText) -> Result<Speed, String> {
        parse_speed(&text.to_string()).map(Speed)
    }
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
    /// Whether there is an audit.
    pub enabled: Option<bool>,
    /// Longest wait after the run.
    #[serde(deserialize_with = "duration")]
    pub timeout: Option<Duration>,
    /// Pause before the second reading.
    #[serde(deserialize_with = "duration")]
    pub quiet: Option<Duration>,
    /// URL of an event's state.
    pub url: Option<String>,
    /// Place of the id in an answer.
    pub id: Option<String>,
    pub done: Option<String>,
    /// State that means dead.
    pub dead: Option<String>,
    /// Time that the service remembers an event.
    #[serde(deserialize_with = "duration")]
    pub ttl: Option<Duration>,
    /// Field with the time of completion.
    pub done_at: Option<String>,
    /// Field with the time of acceptance.
    pub accepted_at: Option<String>,
    /// Share of the requests that is sent twice.
    pub resend: Option<String>,
}

fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    text.map(|text| parse_duration(&text).map_err(serde::de::Error::custom))
        .transpose()
}
