//! Command lines of `measure`: what they mean, and why they are refused.

use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;

use super::{Measure, MeasureArgs, SettingsLayers, resolve};
use crate::cli::settings::Settings;
use crate::judge::gate::{GateOrigin, StopRule};
use crate::run::plan::{Arrivals, Design, Guard, Model, Size};
use crate::run::run_file::Gating;

#[derive(Parser)]
pub(super) struct Line {
    #[command(flatten)]
    pub(super) args: MeasureArgs,
}

fn layers(file: &str, profile: &str) -> SettingsLayers {
    let read = |text: &str| toml::from_str::<Settings>(text).unwrap();
    SettingsLayers {
        profile: read(profile),
        file: read(file),
        folder: PathBuf::new(),
        ..SettingsLayers::default()
    }
}

fn with(line: &str, layers: &SettingsLayers) -> anyhow::Result<Measure> {
    let words = std::iter::once("measure").chain(line.split_whitespace());
    let line = Line::try_parse_from(words).map_err(|e| anyhow::anyhow!(e.to_string()))?;
    resolve(&line.args, layers, &|_| None, &[])
}

fn meant(line: &str) -> Measure {
    with(line, &SettingsLayers::default()).unwrap()
}

fn refusal(line: &str) -> String {
    format!(
        "{:#}",
        with(line, &SettingsLayers::default())
            .map(|_| line.to_owned())
            .unwrap_err()
    )
}

#[test]
fn a_url_alone_means_health_and_ingest_at_20_a_second_until_it_is_decided() {
    let measure = meant("http://127.0.0.1:8080");
    let plan = &measure.plan;
    assert_eq!(
        plan.model,
        Model::Open {
            arrivals: Arrivals::Jitter
        }
    );
    assert_eq!(plan.size, Size::Duration(Duration::from_secs(120)));
    assert_eq!(measure.design, Design::Adaptive);
    assert_eq!(measure.guard, Guard::Episode(Duration::from_millis(100)));
    let lines: Vec<String> = plan
        .endpoints
        .iter()
        .map(|e| {
            format!(
                "{} {} {} {}",
                e.name,
                e.method,
                e.path.source(),
                e.rate.unwrap()
            )
        })
        .collect();
    assert_eq!(
        lines,
        ["health GET /health 20/s", "ingest POST /ingest 20/s"]
    );
    let body = plan.endpoints[1].body.as_ref().unwrap().source();
    assert!(body.contains("{{uuid}}"), "every event is new: {body}");
    assert_eq!(plan.endpoints[0].targets, [Duration::from_millis(150)]);
    assert_eq!(measure.gates.len(), 3);
}

#[test]
fn concurrency_without_a_rate_is_the_closed_model_and_with_one_a_cap() {
    assert_eq!(
        meant("http://h -c 8").plan.model,
        Model::Closed { concurrency: 8 }
    );
    let capped = meant("http://h -c 8 -q 50").plan;
    assert_eq!(
        capped.model,
        Model::Open {
            arrivals: Arrivals::Jitter
        }
    );
    assert_eq!(capped.connections.max_in_flight, 8);
    let file_rate = layers("rate = 50", "");
    assert_eq!(
        with("http://h -c 8", &file_rate).unwrap().plan.model,
        Model::Closed { concurrency: 8 }
    );
    let file_both = layers("rate = 50\nconcurrency = 4", "");
    assert!(matches!(
        with("http://h", &file_both).unwrap().plan.model,
        Model::Open { .. }
    ));
}

#[test]
fn a_flag_beats_the_profile_and_the_profile_beats_the_file() {
    let layers = layers(
        "duration = '60s'\ntarget = '300ms'\nurl = 'http://file'",
        "duration = '40s'",
    );
    let profile = with("", &layers).unwrap();
    assert_eq!(profile.plan.size, Size::Duration(Duration::from_secs(40)));
    assert_eq!(profile.plan.target.host, "file");
    let flag = with("http://flag -n 700", &layers).unwrap();
    assert_eq!(
        (flag.plan.size, flag.design),
        (Size::Requests(700), Design::Fixed)
    );
    assert_eq!(flag.plan.endpoints[0].targets, [Duration::from_millis(300)]);
}

#[test]
fn a_run_is_adaptive_unless_its_size_is_given_or_its_model_closed() {
    let design = |line: &str| meant(line).design;
    assert_eq!(design("http://localhost --budget 60s"), Design::Adaptive);
    assert_eq!(design("http://localhost -z 60s"), Design::Fixed);
    assert_eq!(design("http://localhost --samples 700"), Design::Fixed);
    assert_eq!(design("http://localhost -c 8"), Design::Fixed);
    // What the audit tells can end no run.
    let done = meant("http://localhost --gate p95<=1s --gate done.p95<=2s");
    assert_eq!(done.design, Design::Fixed);
    assert_eq!(done.plan.size, Size::Duration(Duration::from_secs(30)));
    assert_eq!(design("http://localhost --gate lost<=0"), Design::Fixed);
    assert_eq!(
        design("http://localhost --gate p95<=1s --gate lost<=0"),
        Design::Adaptive
    );
    // Each level decides for those below it.
    let file = layers("duration = '60s'", "budget = '90s'");
    assert_eq!(
        with("http://localhost", &file).unwrap().design,
        Design::Adaptive
    );
    assert_eq!(
        with("http://localhost -z 60s", &file).unwrap().design,
        Design::Fixed
    );
    assert_eq!(meant("http://localhost --iid -z 20s").guard, Guard::Iid);
    let guards = layers("iid = true", "episode = '50ms'");
    let guard = |line| with(line, &guards).unwrap().guard;
    assert_eq!(
        guard("http://localhost"),
        Guard::Episode(Duration::from_millis(50))
    );
    assert_eq!(guard("http://localhost --iid"), Guard::Iid);
}

#[test]
fn a_typed_target_adds_the_default_gates_to_those_that_were_typed() {
    let gate = "http://h --gate p90<=1s";
    assert_eq!(meant(gate).gates.len(), 1);
    let both = meant(&format!("{gate} --target 200ms"));
    let texts: Vec<String> = both.gates.iter().map(ToString::to_string).collect();
    assert_eq!(
        texts,
        [
            "* p90 <= 1s",
            "* p50 <= 200ms",
            "* p95 <= 200ms",
            "* p99 <= 200ms"
        ]
    );
}

#[test]
fn each_endpoint_may_have_its_own_rate_body_and_statuses() {
    let measure = meant(
        "http://h --get a=/a --post b=/b -q 10 -q b=2/s --body b={\"x\":1} --expect b=202 -H X-K:v -z 300s",
    );
    let [a, b] = &measure.plan.endpoints[..] else {
        panic!("two endpoints")
    };
    assert_eq!(
        (
            a.rate.unwrap().as_per_second(),
            b.rate.unwrap().as_per_second()
        ),
        (10.0, 2.0)
    );
    assert_eq!(b.body.as_ref().unwrap().source(), "{\"x\":1}");
    assert_eq!(
        (a.expect.to_string(), b.expect.to_string()),
        ("2xx".into(), "202".into())
    );
    assert_eq!(a.headers[0].0, "X-K");
    assert!(
        b.headers
            .iter()
            .any(|(name, _)| name.eq_ignore_ascii_case("content-type"))
    );
}

#[test]
fn method_or_body_alone_mean_the_url_itself() {
    let plan = meant("http://h:81/v1/search?q=x -m PUT -d hello -T text/plain -q 10").plan;
    assert_eq!(plan.endpoints.len(), 1);
    let only = &plan.endpoints[0];
    assert_eq!(
        (only.method.as_str(), only.path.source()),
        ("PUT", "/v1/search?q=x".to_owned())
    );
    assert_eq!(only.name, "search");
    assert_eq!(plan.target.prefix, "");
}

#[test]
fn a_url_with_a_path_is_the_endpoint_and_one_without_is_health_and_ingest() {
    let pair = "health GET /health, ingest POST /ingest";
    let health = "health GET /health";
    for (line, expected) in [
        ("http://localhost", pair),
        ("http://h", health),
        ("[::1]:8080", pair),
        ("http://localhost#top", pair),
        ("http://localhost -d ingest={}", pair),
        ("http://h/", "root GET /"),
        ("http://h?q=1", "root GET /?q=1"),
        ("http://h/health", "health GET /health"),
        ("h/health", "health GET /health"),
        ("http://h/v1/search?q=x#top", "search GET /v1/search?q=x"),
        ("http://h/v1/", "v1 GET /v1/"),
        ("find=http://h/v1/search", "find GET /v1/search"),
        ("api=http://h", "api GET /"),
        ("http://h/a -m put", "a PUT /a"),
        ("http://h/a -d x", "a POST /a"),
        ("http://h/a -d ingest=x", "a POST /a"),
        ("http://h/a -m PATCH -d x", "a PATCH /a"),
        ("http://h -d x", "root POST /"),
        ("http://h -m GET", "root GET /"),
        ("http://h/v1 --get a=/a --post b=/b", "a GET /a, b POST /b"),
    ] {
        let plan = meant(line).plan;
        let lines = plan.endpoints.iter();
        let lines: Vec<String> = lines
            .map(|e| format!("{} {} {}", e.name, e.method, e.path.source()))
            .collect();
        assert_eq!(lines.join(", "), expected, "{line}");
        let prefix = if line.contains("--get") { "/v1" } else { "" };
        assert_eq!(plan.target.prefix, prefix, "{line}");
    }
}

#[test]
fn a_body_for_an_endpoint_of_the_settings_does_not_replace_the_endpoints() {
    let file = layers("[endpoints.search]\npath = '/s'\nbody = 'a'", "");
    let plan = with("http://h/v1 -d search=b", &file).unwrap().plan;
    assert_eq!(plan.target.prefix, "/v1");
    let only = &plan.endpoints[0];
    assert_eq!(
        (
            only.name.as_str(),
            only.path.source(),
            only.body.as_ref().unwrap().source()
        ),
        ("search", "/s".to_owned(), "b".to_owned())
    );
}

#[test]
fn a_body_for_a_named_endpoint_leaves_the_base_path_in_front_of_it() {
    let plan = meant("http://h/base --post b=/b --body b={}").plan;
    assert_eq!(plan.target.prefix, "/base");
}

#[test]
fn what_contradicts_itself_is_refused_with_the_hint() {
    for (line, message) in [
        ("", "no URL"),
        ("ftp://h", "'ftp'"),
        ("http://", "no host"),
        ("http://h -q 0", "out of range"),
        ("http://h -q x=5", "'x'"),
        (
            "http://h -t 100ms --gate p95<=150ms",
            "the timeout of 100 ms is shorter than the limit of",
        ),
        ("http://h -n 100 --gate p99<=150ms", "(needs 600)"),
        ("http://h --gate helth_p95<=1ms", "helth_p95"),
        ("http://h -q 0.001", "sends nothing to health"),
        ("http://h -n 18446744073709551615", "more than 100,000,000"),
        (
            "http://h -q 1000000 -z 24h --arrivals poisson",
            "more than 100,000,000",
        ),
        ("http://h/base?q=1 --get a=/a", "the base URL has a query"),
        ("x=http://h/base --get a=/a", "leave the name out"),
        ("http://h --get a", "NAME=PATH"),
        ("http://h --get a=x", "begin with /"),
        (
            "http://h --get a=/x --post a=/y",
            "two endpoints are named 'a'",
        ),
        ("http://h --get a=/x --body a={{uid}}", "not a placeholder"),
        ("http://h --expect 7xx", "not a set of statuses"),
        ("http://h -H nocolon", "NAME: VALUE"),
        ("http://h --connect-to nowhere", "HOST:PORT"),
        ("http://h -z 0s", "write one above 0"),
        ("http://h -z 5", "has no unit"),
        ("http://h -n 5 -z 5s", "cannot be used with"),
        ("http://h --budget 60s -z 60s", "cannot be used with"),
        ("http://h --iid --episode 1s", "cannot be used with"),
        ("http://h -c 8 --budget 60s", "cannot have a budget"),
        (
            "http://h -z 20s --gate p99<=150ms",
            "cannot pass in 20 s: too few requests (needs 30 s)",
        ),
        (
            "http://h --gate p99.9<=150ms",
            "cannot pass in 120 s: too few requests (needs",
        ),
        (
            "http://h --gate p99.9<=150ms -q 100",
            "use --budget 300s, or gate a lower percentile",
        ),
        ("http://h -c 0", "0 is not in 1..=65535"),
    ] {
        let refused = refusal(line);
        assert!(refused.contains(message), "{line}: {refused}");
        assert!(!refused.contains("s3cr3t"), "{refused}");
    }
}

#[test]
fn words_and_rules_that_have_no_use_are_refused_with_the_hint() {
    for (line, message) in [
        ("http://h word", "word 2 on the command line is not a URL"),
        (
            "http://h -H Authorization: Bearer s3cr3t",
            "the header Authorization has no value, and 2 words follow it",
        ),
        ("http://h --quick --gate p95<=1s", "cannot be used with"),
        ("http://h --quick -z 5s", "cannot be used with"),
        ("http://h --quick -c 8", "give a rate with -q"),
        ("http://h --no-gates --gate p95<=1s", "cannot be used with"),
        ("http://h --no-gates --fail-fast", "cannot be used with"),
        ("http://h --fail-fast -z 60s", "judged once, at its end"),
        ("http://h --fail-fast -c 8", "judged once, at its end"),
        (
            "http://h --abort-on p95<=1s",
            "it does not end with 'for TIME'",
        ),
    ] {
        let refused = refusal(line);
        assert!(refused.contains(message), "{line}: {refused}");
        assert!(!refused.contains("s3cr3t"), "{refused}");
    }
}

#[test]
fn gates_that_were_not_asked_for_never_refuse_a_plan() {
    for line in [
        "http://h -n 1",
        "http://h -n 200 -c 50",
        "http://h -z 1s",
        "http://h -t 100ms",
        "http://h --budget 1s",
        "http://h -z 20s --target 200ms",
    ] {
        let gates = meant(line).gates;
        assert_eq!(gates.len(), 3, "{line}");
        let mut origins = gates.iter().map(|gate| gate.origin);
        assert!(
            origins.all(|origin| origin == GateOrigin::Implied),
            "{line}"
        );
    }
    let both = meant("http://h --gate p90<=1s --target 200ms").gates;
    assert_eq!(both[0].origin, GateOrigin::Asked);
    assert_eq!(both[1].origin, GateOrigin::Implied);
}

#[test]
fn a_verdict_can_be_quick_at_the_first_fail_or_not_wanted() {
    let quick = meant("http://h --quick --target 80ms");
    let texts: Vec<String> = quick.gates.iter().map(ToString::to_string).collect();
    assert_eq!(texts, ["* p50 <= 80ms", "* p95 <= 80ms"]);
    assert_eq!(quick.design, Design::Adaptive);
    assert_eq!(quick.plan.size, Size::Duration(Duration::from_secs(15)));
    let fast = meant("http://h --fail-fast");
    assert_eq!(fast.stop_rule, StopRule::FirstFail);
    let free = meant("http://h --no-gates");
    assert_eq!((free.gates.len(), free.gating), (0, Gating::None));
    assert_eq!(free.plan.size, Size::Duration(Duration::from_secs(30)));
}

#[test]
fn placeholders_stay_in_urls_and_paths_and_a_file_of_rows_is_used_by_those_that_need_it() {
    for (line, path) in [
        ("http://h/items/{{uuid}}?n={{n}}", "/items/{{uuid}}?n={{n}}"),
        (
            "http://h --get a=/x/{{uuid}}?n={{n}}",
            "/x/{{uuid}}?n={{n}}",
        ),
        ("http://h/base --get a=/{{{{x", "/{{{{x"),
    ] {
        assert_eq!(meant(line).plan.endpoints[0].path.source(), path);
    }
    // The file does not exist, and no template needs it.
    let file = layers("data = \"none.csv\"\ndata_once = true", "");
    assert!(
        with("http://h --get a=/x", &file)
            .unwrap()
            .plan
            .rows
            .is_none()
    );
    let needed = with("http://h --get a=/{{row.id}}", &file).unwrap_err();
    assert!(
        needed
            .to_string()
            .starts_with("cannot read --data none.csv"),
        "{needed}"
    );
}
