//! What a file is, by its content.

use super::top_level_keys::TopLevelKeys;
use super::{
    FileFormat, ImportError, gatling, hey, hgrm, hlog, jmeter, k6, locust, oha, refused_files,
    titled_rows, vegeta,
};

/// This much of a file shows its format, except for k6's summary, whose metrics are in alphabetical order.
const HEAD: usize = 16 << 10;

/// The format of a file. Each is recognized by several marks; any other file is a list.
pub(super) fn format_of(bytes: &[u8]) -> FileFormat {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let head = head(bytes);
    if head.trim_start().starts_with('{') {
        of_json(&head, bytes)
    } else {
        of_text(&head)
    }
}

fn of_json(head: &str, bytes: &[u8]) -> FileFormat {
    let first = head.trim_start().lines().next().unwrap_or("");
    let has = |text: &str, keys: &[&str]| keys.iter().all(|key| text.contains(key));
    let whole_has = |key: &[u8]| bytes.windows(key.len()).any(|window| window == key);
    if has(head, &["\"a7probe.run/"]) {
        FileFormat::Run
    } else if has(first, &["\"metric\"", "\"data\"", "\"type\""]) {
        FileFormat::K6Json
    } else if has(first, &["\"latency\"", "\"timestamp\"", "\"code\""])
        || has(head, &["\"latencies\"", "\"status_codes\""])
    {
        FileFormat::VegetaJson
    } else if has(head, &["\"successRate\"", "\"requestsPerSec\""]) {
        FileFormat::OhaJson
    } else if is_k6_summary(head, whole_has) {
        FileFormat::K6Summary
    } else {
        of_keys(&TopLevelKeys::of(bytes), head)
    }
}

/// Its metrics may stand far behind other keys, because keys are in alphabetical order.
fn is_k6_summary(head: &str, whole_has: impl Fn(&[u8]) -> bool) -> bool {
    let listed = || whole_has(b"\"results\"") && whole_has(b"\"http_reqs\"");
    let has = |key: &str| head.contains(key);
    whole_has(b"\"http_req_duration\"") && (has("\"metrics\"") || listed())
        || has("\"root_group\"") && whole_has(b"\"metrics\"")
}

fn of_keys(keys: &TopLevelKeys, head: &str) -> FileFormat {
    let tools: [(&[&str], FileFormat); 6] = [
        (
            &["requests", "latency", "throughput", "errors", "2xx"],
            FileFormat::AutocannonJson,
        ),
        (&["spec", "result"], FileFormat::BombardierJson),
        (&["aggregate", "intermediate"], FileFormat::ArtilleryJson),
        (
            &["RunType", "ActualQPS", "DurationHistogram"],
            FileFormat::FortioJson,
        ),
        (
            &["count", "average", "fastest", "slowest", "rps"],
            FileFormat::GhzJson,
        ),
        (&["results"], FileFormat::HyperfineJson),
    ];
    let marked = |format: FileFormat| match format {
        FileFormat::BombardierJson => head.contains("\"numberOfConnections\""),
        FileFormat::HyperfineJson => head.contains("\"command\"") && head.contains("\"mean\""),
        _ => true,
    };
    let found = tools
        .iter()
        .find(|(names, format)| keys.has(names) && marked(*format));
    if let Some((_, format)) = found {
        *format
    } else if keys.has(&["format"]) || keys.has(&["plan", "endpoints"]) {
        FileFormat::Run
    } else {
        FileFormat::Refused
    }
}

fn of_text(head: &str) -> FileFormat {
    let first = head.lines().find(|line| !line.trim().is_empty());
    let first = first.unwrap_or("").trim();
    let (titles, _) = titled_rows::titles(head);
    let titles = titles.as_str();
    if jmeter::is_xml(head) {
        FileFormat::JmeterXml
    } else if hlog::is_hlog(head) {
        FileFormat::Hlog
    } else if hgrm::is_table(head) {
        FileFormat::Hgrm
    } else if titles.starts_with(oha::CSV_HEADER) {
        FileFormat::OhaCsv
    } else if titles.starts_with(hey::HEADER) {
        FileFormat::HeyCsv
    } else if locust::is_locust(titles) {
        FileFormat::LocustCsv
    } else if vegeta::is_csv(first) {
        FileFormat::VegetaCsv
    } else if vegeta::is_hdrplot(first) {
        FileFormat::VegetaHdrplot
    } else if k6::is_titles(titles) {
        FileFormat::K6Csv
    } else if jmeter::delimiter(first).is_some() {
        FileFormat::JmeterCsv
    } else if gatling::is_log(head) {
        FileFormat::GatlingLog
    } else if refused_files::of_text(head).is_some() {
        FileFormat::Refused
    } else {
        FileFormat::List
    }
}

/// Why a file of [`FileFormat::Refused`] is refused.
pub(super) fn refusal(text: &str) -> ImportError {
    let head = head(text.as_bytes());
    if head.trim_start().starts_with('{') {
        let keys = TopLevelKeys::of(text.as_bytes());
        let known = refused_files::of_object(&keys, &head);
        known.map_or_else(
            || refused_files::unknown_object(&keys),
            refused_files::Refused::error,
        )
    } else {
        refused_files::of_text(&head).map_or(ImportError::Json, refused_files::Refused::error)
    }
}

fn head(bytes: &[u8]) -> std::borrow::Cow<'_, str> {
    String::from_utf8_lossy(&bytes[..bytes.len().min(HEAD)])
}
