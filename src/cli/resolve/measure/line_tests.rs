//! Forty command lines with the plan that each means, or the error.

use clap::Parser;

use super::tests::Line;
use super::{Measure, resolve};
use crate::cli::settings_file::SettingsLayers;
use crate::judge::gate::GateOrigin;
use crate::run::plan::{Design, Model, Size};
use crate::units::Pretty;

/// Each endpoint, then the size, then the gates: implied gates as their number.
fn summary(measure: &Measure) -> String {
    let plan = &measure.plan;
    let endpoints: Vec<String> = plan
        .endpoints
        .iter()
        .map(|endpoint| {
            let rate = endpoint.rate.map(|rate| format!(" {rate}"));
            format!(
                "{}: {} {}{}{}",
                endpoint.name,
                endpoint.method,
                plan.target_of(endpoint),
                endpoint.path.source(),
                rate.unwrap_or_default()
            )
        })
        .collect();
    let design = match measure.design {
        Design::Adaptive => "up to ",
        Design::Fixed => "",
    };
    let size = match plan.size {
        Size::Duration(time) => Pretty(time).to_string(),
        Size::Requests(n) => format!("{n} requests"),
    };
    let model = match plan.model {
        Model::Open { .. } => String::new(),
        Model::Closed { concurrency } => format!(", {concurrency} at a time"),
    };
    let implied = measure
        .gates
        .iter()
        .filter(|g| g.origin == GateOrigin::Implied)
        .count();
    let asked = measure
        .gates
        .iter()
        .filter(|g| g.origin == GateOrigin::Asked);
    let mut gates: Vec<String> = asked.map(ToString::to_string).collect();
    if implied > 0 {
        gates.push(format!("{implied} implied"));
    }
    let unasked: Vec<String> = measure
        .unasked
        .iter()
        .map(|e| format!(" (not {} {})", e.method, e.path))
        .collect();
    format!(
        "{} | {design}{size}{model} | {}{}",
        endpoints.join("; "),
        gates.join(", "),
        unasked.concat()
    )
}

/// The plan of a command line whose words stand between single spaces; `_` is a space within one.
fn meaning(line: &str, absent: &[&str]) -> String {
    let words = line.split(' ').filter(|word| !word.is_empty());
    let words =
        std::iter::once("measure".to_owned()).chain(words.map(|word| word.replace('_', " ")));
    let line = match Line::try_parse_from(words) {
        Ok(line) => line,
        Err(error) => {
            return format!(
                "error: {}",
                error.to_string().lines().next().unwrap_or_default()
            );
        }
    };
    let absent: Vec<String> = absent.iter().map(|&name| name.to_owned()).collect();
    match resolve(&line.args, &SettingsLayers::default(), &|_| None, &absent) {
        Ok(measure) => summary(&measure),
        Err(error) => format!("error: {error:#}")
            .lines()
            .next()
            .unwrap_or_default()
            .to_owned(),
    }
}

#[test]
fn forty_command_lines_mean_what_they_say() {
    let pair =
        "health: GET http://localhost/health 20/s; ingest: POST http://localhost/ingest 20/s";
    let search = "search: GET http://h/search 20/s | up to 120 s";
    for (line, expected) in [
        // What a URL means.
        ("localhost", format!("{pair} | up to 120 s | 3 implied")),
        ("localhost:80", format!("{pair} | up to 120 s | 3 implied")),
        ("http://localhost", format!("{pair} | up to 120 s | 3 implied")),
        ("h/search", format!("{search} | 3 implied")),
        ("http://h/search", format!("{search} | 3 implied")),
        ("http://h/search#part", format!("{search} | 3 implied")),
        ("h/search?q=1", "search: GET http://h/search?q=1 20/s | up to 120 s | 3 implied".into()),
        ("h/", "root: GET http://h/ 20/s | up to 120 s | 3 implied".into()),
        ("https://h:8443/a/b/", "b: GET https://h:8443/a/b/ 20/s | up to 120 s | 3 implied".into()),
        ("find=h/search", "find: GET http://h/search 20/s | up to 120 s | 3 implied".into()),
        ("h/search --name find", "find: GET http://h/search 20/s | up to 120 s | 3 implied".into()),
        ("h", "health: GET http://h/health 20/s | up to 120 s | 3 implied (not POST /ingest)".into()),
        ("h -d x", "root: POST http://h/ 20/s | up to 120 s | 3 implied".into()),
        ("h/orders -d x", "orders: POST http://h/orders 20/s | up to 120 s | 3 implied".into()),
        ("h/orders -X PUT -d x", "orders: PUT http://h/orders 20/s | up to 120 s | 3 implied".into()),
        ("h/orders -X delete", "orders: DELETE http://h/orders 20/s | up to 120 s | 3 implied".into()),
        ("ftp://h/x", "error: unsupported scheme 'ftp' in ftp://h/x".into()),
        ("h/a_b", "error: 'h/a b' is not a valid URL: a space in the path".into()),
        // Several URLs, of one origin and of several.
        ("h/a h/b", "a: GET http://h/a 20/s; b: GET http://h/b 20/s | up to 120 s | 3 implied".into()),
        ("h/v1/s h/v2/s", "v1/s: GET http://h/v1/s 20/s; v2/s: GET http://h/v2/s 20/s | up to 120 s | 3 implied".into()),
        ("a.example/s b.example/s", "a.example/s: GET http://a.example/s 20/s; b.example/s: GET http://b.example/s 20/s | up to 120 s | 3 implied".into()),
        ("x=a.example/s https://b.example/s", "x: GET http://a.example/s 20/s; s: GET https://b.example/s 20/s | up to 120 s | 3 implied".into()),
        ("h/a h/b -d b=x", "a: GET http://h/a 20/s; b: POST http://h/b 20/s | up to 120 s | 3 implied".into()),
        ("h/a h/b -q 5 -q b=50", "a: GET http://h/a 5/s; b: GET http://h/b 50/s | up to 120 s | 3 implied".into()),
        ("h/a h/a", "error: http://h/a is given twice".into()),
        ("h/a h/b --name x", "error: --name names one URL, and there are 2".into()),
        ("h/a k/b --unix-socket s", "error: --unix-socket fits one service, and the URLs name several: http://h, http://k".into()),
        ("h/a k/b --get c=/c", "error: 2 URLs, but --get, --post and the settings need one base URL".into()),
        // Endpoints below a base.
        ("h/v1 --get s=/search", "s: GET http://h/v1/search 20/s | up to 120 s | 3 implied".into()),
        ("h --post i=/in", "i: POST http://h/in 20/s | up to 120 s | 3 implied".into()),
        // Sizes and models.
        ("h/search -n 400", "search: GET http://h/search 20/s | 400 requests | 3 implied".into()),
        ("h/search -n 200 -c 50", "search: GET http://h/search | 200 requests, 50 at a time | 3 implied".into()),
        ("h/search -c 8", "search: GET http://h/search | 30 s, 8 at a time | 3 implied".into()),
        ("h/search -z 15s -q 100", "search: GET http://h/search 100/s | 15 s | 3 implied".into()),
        ("h/search --quick", "search: GET http://h/search 20/s | up to 15 s | 2 implied".into()),
        ("h/search --no-gates", "search: GET http://h/search 20/s | 30 s | ".into()),
        // Gates.
        ("h/search --gate p95_<=_200ms", format!("{search} | * p95 <= 200ms")),
        ("h/search --gate serach_p95_<=_1ms", "error: gate 'serach p95 <= 1ms': unknown endpoint 'serach'".into()),
        ("h/search -n 200 --gate p99_<=_1ms", "error: gate 'p99 <= 1ms' cannot pass with 200 requests (needs 600)".into()),
        ("h --gate ingest_p95_<=_1ms", "error: gate on 'ingest': POST /ingest is not sent to h unasked".into()),
    ] {
        assert_eq!(meaning(line, &[]), expected, "{line}");
    }
}

#[test]
fn what_nobody_named_and_the_service_does_not_have_is_left_out() {
    assert_eq!(
        meaning("localhost", &["ingest"]),
        "health: GET http://localhost/health 20/s | up to 120 s | 3 implied"
    );
    assert_eq!(
        meaning("localhost", &["health", "ingest"]),
        "root: GET http://localhost/ 20/s | up to 120 s | 3 implied"
    );
    assert_eq!(
        meaning("h", &["health"]),
        "root: GET http://h/ 20/s | up to 120 s | 3 implied (not POST /ingest)"
    );
    // A named endpoint is measured, whatever it answers.
    assert_eq!(
        meaning("localhost --get health=/health", &["health"]),
        "health: GET http://localhost/health 20/s | up to 120 s | 3 implied"
    );
}
