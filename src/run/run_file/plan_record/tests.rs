//! What a record of a plan keeps, hides and compares.

use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::{Just, Strategy, any, prop_oneof, proptest};

use super::{LONGEST_BODY_KEPT, PlanRecord};
use crate::run::plan::{
    Arrivals, ConnectionPolicy, Endpoint, ExpectedBody, HttpVersion, Keepalive, Model, Plan,
    PlannedRows, Proxy, RedirectPolicy, RowUse, Scheme, Size, StatusSet, Target, Template, Tracing,
    Trust,
};
use crate::run::rows::DataRows;
use crate::units::Rate;

fn text(source: &str) -> Template {
    Template::parse(source.as_bytes()).unwrap()
}

fn endpoint(name: &str, method: &str) -> Endpoint {
    Endpoint {
        elsewhere: None,
        name: name.to_owned(),
        method: method.to_owned(),
        path: text(&format!("/{name}")),
        headers: vec![("Authorization".to_owned(), text("Bearer s3cr3t"))],
        body: (method == "POST").then(|| text(r#"{"id":"{{uuid}}","token":"s3cr3t"}"#)),
        expect: StatusSet::success(),
        expect_body: None,
        rate: Rate::per_second(20.0),
        segment: None,
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
            connect_to: Vec::new(),
            unix_socket: None,
            proxy: None,
            redirects: RedirectPolicy::Answer,
            tracing: Tracing::Off,
            version: HttpVersion::Http1,
        },
        rows: None,
    }
}

fn differences(change: impl Fn(&mut Plan)) -> Vec<String> {
    let (before, mut changed) = (PlanRecord::of(&plan()), plan());
    change(&mut changed);
    let after = PlanRecord::of(&changed);
    let differences = before.differences(&after);
    assert_eq!(before.hash() == after.hash(), differences.is_empty());
    let said = differences
        .iter()
        .map(|d| format!("{}: {} before, {} after", d.fact, d.before, d.after));
    said.collect()
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
    assert_eq!(hidden.differences(&new), []);
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
        plan.connections.proxy = Some(Proxy {
            host: "proxy.example".to_owned(),
            port: 3128,
            authorization: Some("Basic s3cr3t".to_owned()),
        });
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
        // printf abc | sha256sum
        plan.endpoints[0].expect_body = ExpectedBody::parse("abc").ok();
        plan.size = Size::Requests(600);
        plan.warmup = Duration::ZERO;
        plan.connections.redirects = RedirectPolicy::Follow;
        plan.model = Model::Open {
            arrivals: Arrivals::Grid,
        };
    });
    assert_eq!(
        changed,
        [
            "connections: kept alive before, kept alive, redirects followed after",
            "expected status of health: 2xx before, 2xx with text (3 bytes, SHA-256 ba78…) after",
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

/// Rows with the column `id`, from a file with this content.
fn rows(file: &str, content: &str, usage: RowUse) -> Option<PlannedRows> {
    let used = ["id".to_owned()];
    let rows = DataRows::read(file.as_ref(), content.as_bytes(), &used).unwrap();
    Some(PlannedRows::uncounted(Arc::new(rows), usage))
}

#[test]
fn two_data_files_are_two_plans_and_none_of_their_values_is_kept() {
    let with = |file: &str, content: &str, usage| {
        let rows = rows(file, content, usage);
        PlanRecord::of(&Plan { rows, ..plan() })
    };
    let one = with("a/one.csv", "id\ns3cr3t\n", RowUse::Cycle);
    let json = serde_json::to_string(&one).unwrap();
    assert!(!json.contains("s3cr3t"), "{json}");
    // printf 'id\ns3cr3t\n' | sha256sum
    assert!(
        json.contains(r#""data":{"file":"one.csv","rows":1,"sha256":"edde","use":"cycle"}"#),
        "{json}"
    );
    let moved = with("b/two.csv", "id\ns3cr3t\n", RowUse::Cycle);
    assert_eq!(
        (one.hash(), one.differences(&moved).len()),
        (moved.hash(), 0)
    );
    for other in [
        with("a/one.csv", "id\nother\n", RowUse::Cycle),
        with("a/one.csv", "id\ns3cr3t\n", RowUse::Once),
        PlanRecord::of(&plan()),
    ] {
        assert_ne!(one.hash(), other.hash());
        for differences in [one.differences(&other), other.differences(&one)] {
            let facts: Vec<&str> = differences.iter().map(|d| d.fact.as_str()).collect();
            assert_eq!(facts, ["data"]);
        }
    }
}

#[test]
fn variables_count_in_paths_and_bodies_and_not_in_headers() {
    let with = |path: &str, header: &str, value: &'static str| {
        let mut plan = plan();
        let parse = |text: &str| {
            let look_up = |_: &str| Some(value.to_owned());
            Template::parse_with(text.as_bytes(), &look_up).unwrap()
        };
        plan.endpoints[0].path = parse(path);
        plan.endpoints[0].headers[0].1 = parse(header);
        PlanRecord::of(&plan)
    };
    let [one, two] = ["s3cr3t", "other"].map(|value| with("/a/{{env.T}}", "", value));
    let facts: Vec<String> = one.differences(&two).into_iter().map(|d| d.fact).collect();
    assert_eq!(facts, ["variables of the environment"]);
    assert_ne!(one.hash(), two.hash());
    let [one, two] = ["s3cr3t", "other"].map(|value| with("/a", "Bearer {{env.T}}", value));
    assert_eq!(one.hash(), two.hash());
    assert!(one.variables.is_empty() && !serde_json::to_string(&one).unwrap().contains("s3cr3t"));
}
