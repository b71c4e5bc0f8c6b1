//! A plan as files keep it: without secrets, and able to say whether two runs may be compared.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::nanos;
use crate::redact;
use crate::run::plan::{
    ConnectionPolicy, Endpoint, Keepalive, Model, Piece, Plan, Size, Template, Trust,
};
use crate::units::Rate;

/// Longest template of a body that is kept in full if requested, in bytes.
const LONGEST_BODY_KEPT: usize = 4096;

/// A [`Plan`] without its secrets.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct PlanRecord {
    /// Scheme, host, port and path prefix.
    pub target: String,
    /// What was sent; names unique.
    pub endpoints: Vec<EndpointRecord>,
    /// Open or closed.
    pub model: Model,
    /// How much was sent to each endpoint.
    pub size: SizeRecord,
    /// Sent before t0 and recorded apart, in ns.
    #[serde(rename = "warmup_ns", with = "nanos")]
    #[cfg_attr(test, schemars(with = "u64"))]
    pub warmup: Duration,
    /// Longest response time that was waited for, in ns.
    #[serde(rename = "timeout_ns", with = "nanos")]
    #[cfg_attr(test, schemars(with = "u64"))]
    pub timeout: Duration,
    /// Seed of the schedule's jitter.
    pub seed: u64,
    /// How connections were opened and kept.
    pub connections: ConnectionRecord,
}

/// An [`Endpoint`] without its secrets.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct EndpointRecord {
    /// What gates and tables call it.
    pub name: String,
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
    /// Requests per second; absent in the closed model.
    pub rate_per_s: Option<Rate>,
    /// Response times above which a request was counted as an exceedance, in ns.
    pub targets_ns: Vec<u64>,
}

/// A header; of values whose names may hold secrets, 16 bits of SHA-256 are kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct HeaderRecord {
    /// As it was sent.
    pub name: String,
    /// With templates.
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

/// How much was sent to each endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum SizeRecord {
    /// For so long, counted from t0.
    Duration {
        /// In ns.
        #[serde(rename = "duration_ns", with = "nanos")]
        #[cfg_attr(test, schemars(with = "u64"))]
        duration: Duration,
    },
    /// So many requests, to each endpoint.
    Requests {
        /// How many.
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
    /// Whose certificates were accepted: `system`, `anything`, or a PEM file.
    pub trust: String,
    /// Client certificate chain and key, names of the PEM files.
    pub identity: Option<(String, String)>,
    /// `host:port` that was connected to instead of the target's.
    pub connect_to: Option<String>,
    /// Unix socket that was connected to instead.
    pub unix_socket: Option<String>,
}

impl PlanRecord {
    /// What may be saved of a plan.
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
        }
    }

    /// Keeps the bodies of its plan, if they are text of at most 4 KiB.
    pub(crate) fn keep_bodies(&mut self, plan: &Plan) {
        for (record, endpoint) in self.endpoints.iter_mut().zip(&plan.endpoints) {
            if let (Some(body), Some(template)) = (&mut record.body, &endpoint.body) {
                let text = String::from_utf8(source_of(template)).ok();
                body.template = text.filter(|text| text.len() <= LONGEST_BODY_KEPT);
            }
        }
    }
}

impl EndpointRecord {
    fn of(endpoint: &Endpoint) -> EndpointRecord {
        EndpointRecord {
            name: endpoint.name.clone(),
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
            rate_per_s: endpoint.rate,
            targets_ns: endpoint.targets.iter().map(|&t| nanos::of(t)).collect(),
        }
    }
}

impl BodyRecord {
    fn of(template: &Template, endpoint: &Endpoint) -> BodyRecord {
        let source = source_of(template);
        let content_type = endpoint.header("content-type");
        let content_type =
            content_type.map(|value| redact::header_value("content-type", &value.source()));
        let kind = content_type.unwrap_or_else(|| match std::str::from_utf8(&source) {
            Ok(_) => "text".to_owned(),
            Err(_) => "binary".to_owned(),
        });
        let placeholders = template.pieces().iter().filter_map(placeholder);
        BodyRecord {
            template: None,
            bytes: source.len() as u64,
            sha256: redact::fingerprint(&source),
            kind: Some(kind),
            placeholders: placeholders.map(str::to_owned).collect(),
        }
    }
}

fn placeholder(piece: &Piece) -> Option<&'static str> {
    match piece {
        Piece::Text(_) => None,
        Piece::Uuid => Some("{{uuid}}"),
        Piece::Index => Some("{{n}}"),
        Piece::Now => Some("{{now}}"),
    }
}

/// The bytes of a template with its placeholders.
fn source_of(template: &Template) -> Vec<u8> {
    let mut bytes = Vec::new();
    for piece in template.pieces() {
        match piece {
            Piece::Text(text) => bytes.extend_from_slice(text),
            other => bytes.extend_from_slice(placeholder(other).unwrap_or_default().as_bytes()),
        }
    }
    bytes
}

impl ConnectionRecord {
    fn of(policy: &ConnectionPolicy) -> ConnectionRecord {
        let path = |path: &std::path::PathBuf| path.display().to_string();
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
            connect_to: policy
                .connect_to
                .as_ref()
                .map(|(host, port)| format!("{host}:{port}")),
            unix_socket: policy.unix_socket.as_ref().map(path),
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
