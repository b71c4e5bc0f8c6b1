//! A plan as files keep it: without secrets, and able to say whether two runs may be compared.

mod facts;

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::nanos;
use crate::redact;
use crate::run::plan::{
    ConnectionPolicy, Endpoint, Keepalive, Model, Piece, Plan, Size, Template, Trust,
};
use crate::units::Rate;

use facts::facts;

/// Longest template of a body that is kept in full if requested, in bytes.
const LONGEST_BODY_KEPT: usize = 4096;

/// Length of a whole SHA-256 in hexadecimal, as in files from before fingerprints.
const WHOLE_DIGEST: usize = 64;

/// A [`Plan`] without its secrets.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
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
    #[schemars(with = "u64")]
    pub warmup: Duration,
    /// Longest response time that was waited for, in ns.
    #[serde(rename = "timeout_ns", with = "nanos")]
    #[schemars(with = "u64")]
    pub timeout: Duration,
    /// Seed of the schedule's jitter.
    pub seed: u64,
    /// How connections were opened and kept.
    pub connections: ConnectionRecord,
}

/// An [`Endpoint`] without its secrets.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HeaderRecord {
    /// As it was sent.
    pub name: String,
    /// With templates.
    pub value: String,
}

/// A body: enough to distinguish two bodies, without their content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum SizeRecord {
    /// For so long, counted from t0.
    Duration {
        /// In ns.
        #[serde(rename = "duration_ns", with = "nanos")]
        #[schemars(with = "u64")]
        duration: Duration,
    },
    /// So many requests, to each endpoint.
    Requests {
        /// How many.
        requests: u64,
    },
}

/// How connections were opened and kept; of key files, the names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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

    /// SHA-256, in hexadecimal, over what makes two runs comparable: of each endpoint name, method, path,
    /// names of headers, body, expected statuses and rate; model and arrivals, size, warm-up, timeout, in-flight cap
    /// and keep-alive. Where the requests go may differ (origin, prefix, connect-to, socket, trust, client
    /// certificate), and so may seed and targets.
    pub fn hash(&self) -> String {
        let mut hasher = Sha256::new();
        for (what, value) in facts(self) {
            // Lengths keep neighbouring texts apart.
            for text in [what, value] {
                hasher.update((text.len() as u64).to_le_bytes());
                hasher.update(text);
            }
        }
        hexadecimal(&hasher.finalize())
    }

    /// The differences that prevent a comparison of a run of this plan with a later one of another plan, in words:
    /// `rate of ingest: 20/s before, 50/s after`. Empty if the hashes are equal. A fact that one side hides without a
    /// fingerprint is not a difference, see [`PlanRecord::unknowns`].
    pub fn differences(&self, after: &PlanRecord) -> Vec<String> {
        let told = self.compared(after, Agreement::Differs);
        told.map(|(what, before, after)| format!("{what}: {before} before, {after} after"))
            .collect()
    }

    /// Facts that may differ, because a file from before fingerprints hides them. `path of ingest`.
    pub fn unknowns(&self, after: &PlanRecord) -> Vec<String> {
        let hidden = self.compared(after, Agreement::Unknown);
        hidden.map(|(what, ..)| what).collect()
    }

    fn compared(
        &self,
        after: &PlanRecord,
        wanted: Agreement,
    ) -> impl Iterator<Item = (String, String, String)> {
        let (old, mut new) = (facts(self), facts(after));
        // An endpoint that only one side has is named by the fact "endpoints".
        let common = old.into_iter().filter_map(move |(what, value)| {
            let other = new.remove(&what)?;
            Some((what, value, other))
        });
        let body = |plan: &PlanRecord, name: &str| {
            let named = plan.endpoints.iter().find(|e| e.name == name)?;
            named.body.clone()
        };
        let agreement = |what: &str, before: &str, after_fact: &str| {
            let bodies = what
                .strip_prefix("body of ")
                .and_then(|name| body(self, name).zip(body(after, name)));
            match bodies {
                Some((before, after)) => facts::agreement_of_bodies(&before, &after),
                None => agreement(what, before, after_fact),
            }
        };
        let told = common.filter(|(what, before, after)| agreement(what, before, after) == wanted);
        told.collect::<Vec<_>>().into_iter()
    }

    /// Keeps the bodies of its plan, if they are text of at most 4 KiB.
    pub fn keep_bodies(&mut self, plan: &Plan) {
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
            identity: policy.identity.as_ref().map(|(c, k)| (path(c), path(k))),
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

/// Whether two facts of a name agree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Agreement {
    Same,
    Differs,
    Unknown,
}

fn agreement(what: &str, before: &str, after: &str) -> Agreement {
    if what.starts_with("path of ") {
        return facts::agreement_of_paths(before, after);
    }
    if before == after {
        Agreement::Same
    } else {
        Agreement::Differs
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::{Just, Strategy, any, prop_oneof, proptest};

    use super::{LONGEST_BODY_KEPT, PlanRecord};
    use crate::run::plan::{
        Arrivals, ConnectionPolicy, Endpoint, Keepalive, Model, Plan, Scheme, Size, StatusSet,
        Target, Template, Trust,
    };
    use crate::units::Rate;

    fn text(source: &str) -> Template {
        Template::parse(source.as_bytes()).unwrap()
    }

    fn endpoint(name: &str, method: &str) -> Endpoint {
        Endpoint {
            name: name.to_owned(),
            method: method.to_owned(),
            path: text(&format!("/{name}")),
            headers: vec![("Authorization".to_owned(), text("Bearer s3cr3t"))],
            body: (method == "POST").then(|| text(r#"{"id":"{{uuid}}","token":"s3cr3t"}"#)),
            expect: StatusSet::success(),
            rate: Rate::per_second(20.0),
            targets: vec![Duration::from_millis(150)],
        }
    }

    fn plan() -> Plan {
        Plan {
            target: Target {
                scheme: Scheme::Http,
                host: "127.0.0.1".to_owned(),
                port: 8080,
                prefix: String::new(),
            },
            endpoints: vec![endpoint("health", "GET"), endpoint("ingest", "POST")],
            model: Model::Open {
                arrivals: Arrivals::Jitter,
            },
            size: Size::Duration(Duration::from_secs(30)),
            warmup: Duration::from_secs(2),
            timeout: Duration::from_secs(5),
            seed: 7,
            connections: ConnectionPolicy {
                max_in_flight: 256,
                keepalive: Keepalive::Reuse,
                trust: Trust::System,
                identity: None,
                connect_to: None,
                unix_socket: None,
            },
        }
    }

    fn differences(change: impl Fn(&mut Plan)) -> Vec<String> {
        let (before, mut changed) = (PlanRecord::of(&plan()), plan());
        change(&mut changed);
        let after = PlanRecord::of(&changed);
        let differences = before.differences(&after);
        assert_eq!(before.hash() == after.hash(), differences.is_empty());
        differences
    }

    #[test]
    fn no_secret_enters_a_record() {
        let json = serde_json::to_string(&PlanRecord::of(&plan())).unwrap();
        assert!(!json.contains("s3cr3t"), "{json}");
        assert!(json.contains(r#""placeholders":["{{uuid}}"]"#), "{json}");
    }

    #[test]
    fn a_body_leaves_its_length_and_16_bits_unless_it_is_to_be_kept() {
        let with = |text: &str| {
            let mut plan = plan();
            plan.endpoints[1].body = Some(Template::literal(text.as_bytes()));
            plan
        };
        let body = |record: &PlanRecord| record.endpoints[1].body.clone().unwrap();
        let mut record = PlanRecord::of(&with("abc"));
        // printf 'abc' | sha256sum
        assert_eq!(
            (body(&record).bytes, body(&record).sha256.as_str()),
            (3, "ba78")
        );
        assert_eq!(body(&record).template, None);
        record.keep_bodies(&with("abc"));
        assert_eq!(body(&record).template.as_deref(), Some("abc"));
        let long = with(&"x".repeat(LONGEST_BODY_KEPT + 1));
        record.keep_bodies(&long);
        assert_eq!(body(&record).template, None);
    }

    #[test]
    fn what_an_old_file_hides_is_unknown_and_what_it_shows_is_compared() {
        let old = |path: &str, sha256: &str| {
            let mut record = PlanRecord::of(&plan());
            record.endpoints[1].path = path.to_owned();
            let body = record.endpoints[1].body.as_mut().unwrap();
            body.sha256 = sha256.to_owned();
            record
        };
        let mut new = plan();
        new.endpoints[1].path = text("/ingest?token=abc&page=1");
        let new = PlanRecord::of(&new);
        let digest = "0".repeat(64);
        let hidden = old("/ingest?token=[redacted]&page=1", &digest);
        assert_eq!(hidden.differences(&new), Vec::<String>::new());
        assert_eq!(hidden.unknowns(&new), ["body of ingest", "path of ingest"]);
        // A plain value in an old file has the same fingerprint.
        let shown = old("/ingest?token=abc&page=1", &digest);
        assert_eq!(shown.unknowns(&new), ["body of ingest"]);
        let other = old("/ingest?token=[redacted]&page=2", &digest);
        assert_eq!(other.differences(&new).len(), 1);
    }

    #[test]
    fn bodies_that_are_no_text_differ_where_their_bytes_do() {
        let with = |bytes: &[u8]| {
            let mut plan = plan();
            plan.endpoints[1].body = Some(Template::literal(bytes));
            PlanRecord::of(&plan)
        };
        assert_ne!(with(&[0xff]).hash(), with(&[0xfe]).hash());
        assert_eq!(with(&[0xff]).endpoints[1].body.as_ref().unwrap().bytes, 1);
    }

    #[test]
    fn where_the_requests_go_and_the_seed_and_the_targets_may_differ() {
        let moved = differences(|plan| {
            plan.target.scheme = Scheme::Https;
            plan.target.host = "after.example".to_owned();
            plan.target.prefix = "/v2".to_owned();
            plan.seed = 8;
            plan.endpoints[0].targets = vec![Duration::from_millis(100)];
            plan.connections.unix_socket = Some("/run/a7.sock".into());
            plan.endpoints.reverse();
            plan.endpoints[0].headers = vec![("authorization".to_owned(), text("other"))];
        });
        assert_eq!(moved, Vec::<String>::new());
    }

    #[test]
    fn every_difference_is_named_with_both_values() {
        let changed = differences(|plan| {
            plan.endpoints[1].rate = Rate::per_second(50.0);
            plan.endpoints[1].path = text("/v2/ingest");
            plan.size = Size::Requests(600);
            plan.warmup = Duration::ZERO;
            plan.model = Model::Open {
                arrivals: Arrivals::Grid,
            };
        });
        assert_eq!(
            changed,
            [
                "model: open with jitter arrivals before, open with grid arrivals after",
                "path of ingest: /ingest before, /v2/ingest after",
                "rate of ingest: 20/s before, 50/s after",
                "size: 30s before, 600 requests an endpoint after",
                "warm-up: 2s before, 0ns after",
            ]
        );
    }

    #[test]
    fn an_endpoint_that_one_side_lacks_is_named_once() {
        let changed = differences(|plan| {
            plan.endpoints.pop();
        });
        assert_eq!(changed, ["endpoints: health, ingest before, health after"]);
    }

    fn any_plan() -> impl Strategy<Value = Plan> {
        let model = prop_oneof![
            Just(Model::Open {
                arrivals: Arrivals::Poisson
            }),
            (1usize..4).prop_map(|concurrency| Model::Closed { concurrency }),
        ];
        (model, 0u64..3, 1u32..4, any::<bool>(), "[a-c:, ]{1,3}").prop_map(
            |(model, requests, rate, close, name)| {
                let mut plan = plan();
                plan.model = model;
                plan.size = Size::Requests(requests);
                plan.endpoints[0].rate = Rate::per_second(f64::from(rate) / 1000.0);
                plan.endpoints[1].name = name;
                if close {
                    plan.connections.keepalive = Keepalive::PerRequest;
                }
                plan
            },
        )
    }

    proptest! {
        #[test]
        fn hashes_are_equal_if_and_only_if_no_difference_is_named(a in any_plan(), b in any_plan()) {
            let (a, b) = (PlanRecord::of(&a), PlanRecord::of(&b));
            proptest::prop_assert_eq!(a.hash() == b.hash(), a.differences(&b).is_empty());
            let read: PlanRecord = serde_json::from_str(&serde_json::to_string(&a).unwrap()).unwrap();
            proptest::prop_assert_eq!(a.hash(), read.hash());
        }
    }
}
