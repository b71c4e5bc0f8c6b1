//! Logs of one JSON object a line, as Caddy, Traefik, nginx and load balancers write them.

use serde_json::{Map, Value};

use super::LogLine;
use super::log_time::LogTime;
use super::request_line::LoggedRequest;

/// Names of the time, in the order of preference: the time of the request goes before that of the entry.
pub(super) const TIMES: [&str; 13] = [
    "StartUTC",
    "start_time",
    "startTime",
    "@timestamp",
    "timestamp",
    "time_iso8601",
    "time_local",
    "time",
    "ts",
    "datetime",
    "date",
    "msec",
    "eventTime",
];

/// Names of the method.
pub(super) const METHODS: [&str; 7] = [
    "method",
    "request_method",
    "requestMethod",
    "RequestMethod",
    "http_method",
    "verb",
    "http.request.method",
];

/// Names of the path, with or without host.
pub(super) const PATHS: [&str; 11] = [
    "request_uri",
    "requestUrl",
    "RequestPath",
    "uri",
    "path",
    "url",
    "target",
    "url.original",
    "request_path",
    "http_path",
    "url.path",
];

/// Tables in which method and path may stand.
const TABLES: [&str; 3] = ["request", "httpRequest", "http"];

/// A line of an object with a time.
pub(super) fn line(text: &str) -> Option<LogLine> {
    let fields: Map<String, Value> = serde_json::from_str(text).ok()?;
    let time = first_text(&fields, &TIMES)?;
    Some(LogLine {
        time: LogTime::parse(&time)?,
        request: request(&fields),
    })
}

fn request(fields: &Map<String, Value>) -> LoggedRequest {
    let tables = TABLES
        .iter()
        .filter_map(|name| fields.get(*name)?.as_object());
    for fields in std::iter::once(fields).chain(tables) {
        if let Some(path) = first_text(fields, &PATHS) {
            let method = first_text(fields, &METHODS);
            return LoggedRequest::of(method.as_deref().unwrap_or_default(), &path);
        }
    }
    match first_text(fields, &["request"]) {
        Some(line) => LoggedRequest::of_line(&line),
        None => LoggedRequest::Unstated,
    }
}

/// The first of these fields that is a text or a number.
fn first_text(fields: &Map<String, Value>, names: &[&str]) -> Option<String> {
    names.iter().find_map(|name| match fields.get(*name)? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(plain(number)),
        _ => None,
    })
}

/// Without an exponent: `1.7e9` is a time as well.
fn plain(number: &serde_json::Number) -> String {
    let text = number.to_string();
    match number.as_f64() {
        Some(value) if text.contains(['e', 'E']) => format!("{value}"),
        _ => text,
    }
}
