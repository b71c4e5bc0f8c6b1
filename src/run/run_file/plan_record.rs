//! A plan as files keep it: without secrets, and able to say whether two runs may be compared.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::nanos;
use super::segment_record::{ProfileRecord, SegmentRecord};
use crate::redact;
use crate::run::plan::{
    ConnectionPolicy, Endpoint, ExpectedBody, HttpVersion, Keepalive, LoadShape, Model, Piece,
    Plan, PlannedRows, RedirectPolicy, RowUse, Size, Template, Tracing, Trust,
};
use crate::run::schedule::Schedule;
use crate::units::{MAX_RATE_PER_S, Rate};

/// Longest template of a body that is kept in full if requested, in bytes.
const LONGEST_BODY_KEPT: usize = 4096;

/// A [`Plan`] without its secrets.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct PlanRecord {
    /// Scheme, host, port and path prefix.
    pub target: String,
    /// The requests; names unique.
    pub endpoints: Vec<EndpointRecord>,
    /// Open or closed model.
    pub model: Model,
    /// The size of the run, per endpoint.
    pub size: SizeRecord,
    /// Sent before t0 and recorded apart, in ns.
    #[serde(rename = "warmup_ns", with = "nanos")]
    #[cfg_attr(test, schemars(with = "u64"))]
    pub warmup: Duration,
    /// Request timeout, counted from the intended start, in ns.
    #[serde(rename = "timeout_ns", with = "nanos")]
    #[cfg_attr(test, schemars(with = "u64"))]
    pub timeout: Duration,
    /// Seed of the schedule's jitter.
    pub seed: u64,
    /// How connections were opened and kept.
    pub connections: ConnectionRecord,
    /// The file whose rows filled the templates; absent if none did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<DataRecord>,
    /// The variables of the environment in paths and bodies: of each value the first 16 bits of its SHA-256, in
    /// hexadecimal.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub variables: BTreeMap<String, String>,
}

/// A data file: enough to distinguish two files, without their values.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct DataRecord {
    /// Name of the file, without its folder.
    pub file: String,
    /// How many rows it had.
    pub rows: u64,
    /// The first 16 bits of the SHA-256 of the file, in hexadecimal.
    pub sha256: String,
    /// Whether the rows began again after the last one.
    #[serde(rename = "use")]
    pub usage: RowUse,
}

/// An [`Endpoint`] without its secrets.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct EndpointRecord {
    /// Name of the endpoint in gates and tables.
    pub name: String,
    /// Scheme, host and port, if they are not those of the plan's target.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<String>,
    /// HTTP method, upper case.
    pub method: String,
    /// Path and query, with templates.
    pub path: String,
    /// Headers in order, with templates.
    pub headers: Vec<HeaderRecord>,
    /// Body, if any.
    pub body: Option<BodyRecord>,
    /// Statuses that counted as ok, such as `2xx`.
    pub expect: String,
    /// The required content of an ok answer's body: its kind, its length and 16 bits of its SHA-256.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expect_body: Option<String>,
    /// Requests per second, of a segment the most; absent in the closed model.
    pub rate_per_s: Option<Rate>,
    /// The part of a rate profile that it is; absent at one rate, and in the closed model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub segment: Option<SegmentRecord>,
    /// Response times above which a request was counted as an exceedance, in ns.
    pub targets_ns: Vec<u64>,
}

/// A header; of values whose names may hold secrets, 16 bits of SHA-256 are kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct HeaderRecord {
    /// Name of the header, as sent.
    pub name: String,
    /// Value of the header, with templates.
    pub value: String,
}

/// A body: enough to distinguish two bodies, without their content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct BodyRecord {
    /// The template, if `--save-bodies` was given and the template is text of at most 4 KiB. Files from before that
    /// flag hold it without its secret fields.
    pub template: Option<String>,
    /// Length of the template in bytes.
    pub bytes: u64,
    /// The first 16 bits of the SHA-256 of the template, in hexadecimal. Files from before fingerprints hold the whole
    /// SHA-256 of the template without its secret fields.
    pub sha256: String,
    /// Its kind: its Content-Type, else `text` or `binary`; absent in files from before this field.
    #[serde(rename = "type", default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// The placeholders in it, in their order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub placeholders: Vec<String>,
}

/// The size of the run, per endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum SizeRecord {
    /// This long, counted from t0.
    Duration {
        /// Duration in ns.
        #[serde(rename = "duration_ns", with = "nanos")]
        #[cfg_attr(test, schemars(with = "u64"))]
        duration: Duration,
    },
    /// This many requests, to each endpoint.
    Requests {
        /// Number of requests.
        requests: u64,
    },
}

/// How connections were opened and kept; of key files, the names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ConnectionRecord {
    /// Most requests in flight at once.
    pub max_in_flight: usize,
    /// Whether a connection carried more than one request.
    pub keepalive: Keepalive,
    /// Accepted certificates: `system`, `anything`, or a PEM file.
    pub trust: String,
    /// Client certificate chain and key, names of the PEM files.
    pub identity: Option<(String, String)>,
    /// `host:port` that was connected to instead of the target's, or `host:port:host:port` as in curl, in a list with
    /// commas.
    pub connect_to: Option<String>,
    /// Unix socket that was connected to instead.
    pub unix_socket: Option<String>,
    /// Proxy that was connected through, without its credentials; absent if there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proxy: Option<String>,
    /// The handling of redirects; absent if they were answers.
    #[serde(default, skip_serializing_if = "is_default")]
    pub redirects: RedirectPolicy,
    /// Whether each request named a trace of its own; absent if not.
    #[serde(default, skip_serializing_if = "is_default")]
    pub tracing: Tracing,
    /// The version of HTTP, and the depth of its connections; absent for HTTP/1.1.
    #[serde(rename = "http", default, skip_serializing_if = "is_default")]
    pub version: HttpVersion,
}

impl PlanRecord {
    /// The parts of a plan that may be saved.
    pub fn of(plan: &Plan) -> PlanRecord {
        PlanRecord {
            target: redact::url(&plan.target.to_string()),
            endpoints: plan.endpoints.iter().map(EndpointRecord::of).collect(),
            model: plan.model,
            size: plan.size.into(),
            warmup: plan.warmup,
            timeout: plan.timeout,
            seed: plan.seed,
            connections: ConnectionRecord::of(&plan.connections),
            data: plan.rows.as_ref().map(DataRecord::of),
            variables: variables(plan),
        }
    }

    /// Keeps the bodies of its plan, if they are text of at most 4 KiB.
    pub(crate) fn keep_bodies(&mut self, plan: &Plan) {
        for (record, endpoint) in self.endpoints.iter_mut().zip(&plan.endpoints) {
            if let (Some(body), Some(template)) = (&mut record.body, &endpoint.body) {
                let text = String::from_utf8(template.source_bytes()).ok();
                body.template = text.filter(|text| text.len() <= LONGEST_BODY_KEPT);
            }
        }
    }
}

impl PlanRecord {
    /// Scheme, host and port of every endpoint, each once, in the order of the endpoints.
    pub fn origins(&self) -> Vec<&str> {
        let mut origins: Vec<&str> = Vec::new();
        for endpoint in &self.endpoints {
            let origin = endpoint.origin.as_deref().unwrap_or(&self.target);
            if !origins.contains(&origin) {
                origins.push(origin);
            }
        }
        origins
    }

    /// The endpoint of a name.
    pub fn endpoint(&self, name: &str) -> Option<&EndpointRecord> {
        self.endpoints.iter().find(|endpoint| endpoint.name == name)
    }

    /// Requests that the plan sends to an endpoint; `None` where time alone bounds them, as in a closed model.
    pub fn planned_requests(&self, endpoint: &str) -> Option<u64> {
        let place = self.endpoints.iter().position(|e| e.name == endpoint)?;
        let record = &self.endpoints[place];
        let stream = record.stream(place as u64);
        let segment = record.segment.as_ref();
        if let (Some(segment), Model::Open { arrivals }) = (segment, self.model) {
            return Some(match &segment.profile {
                ProfileRecord::Replay(replay) => replay.requests,
                ProfileRecord::Parts { parts } => {
                    let number = segment.index();
                    Schedule::of_part(arrivals, parts, number, self.seed, stream).planned()
                }
            });
        }
        match (self.size, self.model, record.rate_per_s) {
            (SizeRecord::Requests { requests }, _, _) => Some(requests),
            (SizeRecord::Duration { .. }, Model::Open { arrivals }, Some(rate)) => {
                let size = self.size.into();
                Some(Schedule::new(arrivals, rate, size, self.seed, stream).planned())
            }
            _ => None,
        }
    }
}

impl EndpointRecord {
    /// The name that it has without its segment.
    pub fn base_name(&self) -> &str {
        self.segment.as_ref().map_or(&self.name, |s| &s.endpoint)
    }

    /// How its rate goes over time.
    pub fn shape(&self) -> LoadShape<'_> {
        match self.segment.as_ref().map(|s| (&s.profile, s.index())) {
            None => LoadShape::Steady,
            Some((ProfileRecord::Parts { parts }, index)) => LoadShape::of_part(parts, index),
            Some((ProfileRecord::Replay(replay), _)) => LoadShape::Replay(replay),
        }
    }

    /// Requests per second on average; `None` in the closed model, and where all of a replay were due at once.
    pub fn mean_rate(&self) -> Option<Rate> {
        let Some(segment) = &self.segment else {
            return self.rate_per_s;
        };
        let per_s = match &segment.profile {
            ProfileRecord::Parts { .. } => segment.part()?.mean(),
            ProfileRecord::Replay(replay) => replay.mean_per_s()?,
        };
        Rate::per_second(per_s.min(MAX_RATE_PER_S))
    }

    /// The stream of random numbers of its schedule, by its place in the plan: all segments have that of the first.
    pub(super) fn stream(&self, place: u64) -> u64 {
        let before = self.segment.as_ref().map_or(0, SegmentRecord::index);
        place.saturating_sub(before as u64)
    }

    fn of(endpoint: &Endpoint) -> EndpointRecord {
        EndpointRecord {
            name: endpoint.name.clone(),
            origin: endpoint
                .elsewhere
                .as_ref()
                .map(|target| redact::url(&target.to_string())),
            method: endpoint.method.clone(),
            path: redact::url(&endpoint.path.source()),
            headers: endpoint
                .headers
                .iter()
                .map(|(name, value)| HeaderRecord {
                    name: name.clone(),
                    value: redact::header_value(name, &value.source()),
                })
                .collect(),
            body: endpoint
                .body
                .as_ref()
                .map(|body| BodyRecord::of(body, endpoint)),
            expect: endpoint.expect.to_string(),
            expect_body: endpoint.expect_body.as_ref().map(ExpectedBody::redacted),
            rate_per_s: endpoint.rate,
            segment: endpoint.segment.as_ref().map(SegmentRecord::of),
            targets_ns: endpoint.targets.iter().map(|&t| nanos::of(t)).collect(),
        }
    }
}

impl DataRecord {
    fn of(planned: &PlannedRows) -> DataRecord {
        DataRecord {
            file: planned.rows.file().to_owned(),
            rows: planned.rows.len() as u64,
            sha256: planned.rows.sha256().to_owned(),
            usage: planned.usage,
        }
    }
}

/// Of paths and bodies: as with literal values, those of headers do not count.
fn variables(plan: &Plan) -> BTreeMap<String, String> {
    let templates = plan.endpoints.iter();
    let templates =
        templates.flat_map(|endpoint| std::iter::once(&endpoint.path).chain(&endpoint.body));
    let pieces = templates.flat_map(Template::pieces);
    let values = pieces.filter_map(|piece| match piece {
        Piece::Env(variable) => Some(variable),
        _ => None,
    });
    values
        .map(|variable| {
            let bits = redact::fingerprint(variable.value.as_bytes());
            (variable.name.clone(), bits)
        })
        .collect()
}

impl BodyRecord {
    fn of(template: &Template, endpoint: &Endpoint) -> BodyRecord {
        let source = template.source_bytes();
        let content_type = endpoint.header("content-type");
        let content_type =
            content_type.map(|value| redact::header_value("content-type", &value.source()));
        let kind = content_type.unwrap_or_else(|| match std::str::from_utf8(&source) {
            Ok(_) => "text".to_owned(),
            Err(_) => "binary".to_owned(),
        });
        let placeholders = template.pieces().iter().filter_map(Piece::placeholder);
        BodyRecord {
            template: None,
            bytes: source.len() as u64,
            sha256: redact::fingerprint(&source),
            kind: Some(kind),
            placeholders: placeholders.collect(),
        }
    }
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

impl ConnectionRecord {
    fn of(policy: &ConnectionPolicy) -> ConnectionRecord {
        let path = |path: &std::path::PathBuf| path.display().to_string();
        let rules: Vec<String> = policy.connect_to.iter().map(ToString::to_string).collect();
        ConnectionRecord {
            max_in_flight: policy.max_in_flight,
            keepalive: policy.keepalive,
            trust: match &policy.trust {
                Trust::System => "system".to_owned(),
                Trust::Anything => "anything".to_owned(),
                Trust::File(file) => path(file),
            },
            identity: policy
                .identity
                .as_ref()
                .map(|own| (path(&own.chain), path(&own.key))),
            connect_to: (!rules.is_empty()).then(|| rules.join(", ")),
            unix_socket: policy.unix_socket.as_ref().map(path),
            proxy: policy.proxy.as_ref().map(ToString::to_string),
            redirects: policy.redirects,
            tracing: policy.tracing,
            version: policy.version,
        }
    }
}

impl From<SizeRecord> for Size {
    fn from(size: SizeRecord) -> Size {
        match size {
            SizeRecord::Duration { duration } => Size::Duration(duration),
            SizeRecord::Requests { requests } => Size::Requests(requests),
        }
    }
}

impl From<Size> for SizeRecord {
    fn from(size: Size) -> SizeRecord {
        match size {
            Size::Duration(duration) => SizeRecord::Duration { duration },
            Size::Requests(requests) => SizeRecord::Requests { requests },
        }
    }
}

#[cfg(test)]
mod tests;
