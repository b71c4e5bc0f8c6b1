//! A plan as files keep it: without secrets, and able to say whether two runs may be compared.

mod facts;

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{nanos, redact};
use crate::plan::{
    ConnectionPolicy, Endpoint, Keepalive, Model, Piece, Plan, Size, Template, Trust,
};
use crate::units::Rate;

use facts::facts;

/// Longest template of a body that is kept in full, in bytes; of a longer one, length and SHA-256.
const LONGEST_BODY_KEPT: usize = 4096;

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

/// A header; values of secret ones are `[redacted]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HeaderRecord {
    /// As it was sent.
    pub name: String,
    /// With templates.
    pub value: String,
}

/// A body's template after its secret fields were taken out; length and SHA-256 are of what is left.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BodyRecord {
    /// The template, if it is text of at most 4 KiB.
    pub template: Option<String>,
    /// Length of the template in bytes.
    pub bytes: u64,
    /// SHA-256 of the template, in hexadecimal.
    pub sha256: String,
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

    /// In words, everything that keeps a run of this plan from being compared with a later one of another plan:
    /// `rate of ingest: 20/s before, 50/s after`. Empty if and only if the hashes are equal.
    pub fn differences(&self, after: &PlanRecord) -> Vec<String> {
        let (old, new) = (facts(self), facts(after));
        // An endpoint that only one side has is named by the fact "endpoints".
        let common = old
            .iter()
            .filter_map(|(what, value)| Some((what, value, new.get(what)?)));
        common
            .filter(|(_, before, after)| before != after)
            .map(|(what, before, after)| format!("{what}: {before} before, {after} after"))
            .collect()
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
            body: endpoint.body.as_ref().map(BodyRecord::of),
            expect: endpoint.expect.to_string(),
            rate_per_s: endpoint.rate,
            targets_ns: endpoint.targets.iter().map(|&t| nanos::of(t)).collect(),
        }
    }
}

impl BodyRecord {
    fn of(template: &Template) -> BodyRecord {
        let (bytes, text) = match binary(template) {
            Some(bytes) => (bytes, None),
            None => {
                let text = redact::body(&template.source());
                (text.clone().into_bytes(), Some(text))
            }
        };
        BodyRecord {
            bytes: bytes.len() as u64,
            sha256: hexadecimal(&Sha256::digest(&bytes)),
            template: text.filter(|text| text.len() <= LONGEST_BODY_KEPT),
        }
    }
}

/// The fixed bytes of a template that is not text: fields cannot be found in it, and its source would lose bytes.
fn binary(template: &Template) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    for piece in template.pieces() {
        match piece {
            Piece::Text(text) => bytes.extend_from_slice(text),
            Piece::Uuid => bytes.extend_from_slice(b"{{uuid}}"),
            Piece::Index => bytes.extend_from_slice(b"{{n}}"),
            Piece::Now => bytes.extend_from_slice(b"{{now}}"),
        }
    }
    std::str::from_utf8(&bytes).is_err().then_some(bytes)
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

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::{Just, Strategy, any, prop_oneof, proptest};

    use super::{LONGEST_BODY_KEPT, PlanRecord};
    use crate::plan::{
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
        assert!(json.contains(r#"\"id\":\"{{uuid}}\""#), "{json}");
    }

    #[test]
    fn a_long_body_leaves_its_length_and_hash() {
        let mut long = plan();
        long.endpoints[1].body = Some(Template::literal(vec![b'x'; LONGEST_BODY_KEPT + 1]));
        let body = PlanRecord::of(&long).endpoints[1].body.clone().unwrap();
        assert_eq!(body.template, None);
        assert_eq!(body.bytes, LONGEST_BODY_KEPT as u64 + 1);
        // sha256sum of 4097 letters x.
        assert_eq!(
            body.sha256,
            "3e97197f4b8d46a893067c94ab15e195e3d97fb5f24eede5ef047b571240d92b"
        );
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
