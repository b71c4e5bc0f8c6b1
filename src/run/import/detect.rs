//! What a file is, by its content.

use super::marks::Keys;
use super::{
    Format, ImportError, gatling, hey, hgrm, hlog, jmeter, k6, known, locust, oha, rows, vegeta,
};

/// So much of a file tells what it is, but for k6's summary, whose metrics are in the order of the alphabet.
const HEAD: usize = 16 << 10;

/// The format of a file. Each is recognized by several marks; any other file is a list.
pub(super) fn format_of(bytes: &[u8]) -> Format {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let head = head(bytes);
    match head.trim_start().starts_with('{') {
        true => of_json(&head, bytes),
        false => of_text(&head),
    }
}

fn of_json(head: &str, bytes: &[u8]) -> Format {
    let first = head.trim_start().lines().next().unwrap_or("");
    let has = |text: &str, keys: &[&str]| keys.iter().all(|key| text.contains(key));
    let whole_has = |key: &[u8]| bytes.windows(key.len()).any(|window| window == key);
    if has(head, &["\"a7probe.run/"]) {
        Format::Run
    } else if has(first, &["\"metric\"", "\"data\"", "\"type\""]) {
        Format::K6Json
    } else if has(first, &["\"latency\"", "\"timestamp\"", "\"code\""])
        || has(head, &["\"latencies\"", "\"status_codes\""])
    {
        Format::VegetaJson
    } else if has(head, &["\"successRate\"", "\"requestsPerSec\""]) {
        Format::OhaJson
    } else if is_k6_summary(head, whole_has) {
        Format::K6Summary
    } else {
        of_keys(&Keys::of(bytes), head)
    }
}

/// Its metrics may stand far behind other keys, because keys are in alphabetical order.
fn is_k6_summary(head: &str, whole_has: impl Fn(&[u8]) -> bool) -> bool {
    let listed = || whole_has(b"\"results\"") && whole_has(b"\"http_reqs\"");
    let has = |key: &str| head.contains(key);
    whole_has(b"\"http_req_duration\"") && (has("\"metrics\"") || listed())
        || has("\"root_group\"") && whole_has(b"\"metrics\"")
}

fn of_keys(keys: &Keys, head: &str) -> Format {
    let tools: [(&[&str], Format); 6] = [
        (
            &["requests", "latency", "throughput", "errors", "2xx"],
            Format::AutocannonJson,
        ),
        (&["spec", "result"], Format::BombardierJson),
        (&["aggregate", "intermediate"], Format::ArtilleryJson),
        (
            &["RunType", "ActualQPS", "DurationHistogram"],
            Format::FortioJson,
        ),
        (
            &["count", "average", "fastest", "slowest", "rps"],
            Format::GhzJson,
        ),
        (&["results"], Format::HyperfineJson),
    ];
    let marked = |format: Format| match format {
        Format::BombardierJson => head.contains("\"numberOfConnections\""),
        Format::HyperfineJson => head.contains("\"command\"") && head.contains("\"mean\""),
        _ => true,
    };
    let found = tools
        .iter()
        .find(|(names, format)| keys.has(names) && marked(*format));
    if let Some((_, format)) = found {
        *format
    } else if keys.has(&["format"]) || keys.has(&["plan", "endpoints"]) {
        Format::Run
    } else {
        Format::Known
    }
}

fn of_text(head: &str) -> Format {
    let first = head.lines().find(|line| !line.trim().is_empty());
    let first = first.unwrap_or("").trim();
    let (titles, _) = rows::titles(head);
    let titles = titles.as_str();
    if jmeter::is_xml(head) {
        Format::JmeterXml
    } else if hlog::is_hlog(head) {
        Format::Hlog
    } else if hgrm::is_table(head) {
        Format::Hgrm
    } else if titles.starts_with(oha::CSV_HEADER) {
        Format::OhaCsv
    } else if titles.starts_with(hey::HEADER) {
        Format::HeyCsv
    } else if locust::is_locust(titles) {
        Format::LocustCsv
    } else if vegeta::is_csv(first) {
        Format::VegetaCsv
    } else if vegeta::is_hdrplot(first) {
        Format::VegetaHdrplot
    } else if k6::is_titles(titles) {
        Format::K6Csv
    } else if jmeter::delimiter(first).is_some() {
        Format::JmeterCsv
    } else if gatling::is_log(head) {
        Format::GatlingLog
    } else if known::of_text(head).is_some() {
        Format::Known
    } else {
        Format::List
    }
}

/// Why a file of [`Format::Known`] is refused.
pub(super) fn refusal(text: &str) -> ImportError {
    let head = head(text.as_bytes());
    match head.trim_start().starts_with('{') {
        true => {
            let keys = Keys::of(text.as_bytes());
            let known = known::of_object(&keys, &head);
            known.map_or_else(|| known::unknown_object(&keys), known::Known::error)
        }
        false => known::of_text(&head).map_or(ImportError::Json, known::Known::error),
    }
}

fn head(bytes: &[u8]) -> std::borrow::Cow<'_, str> {
    String::from_utf8_lossy(&bytes[..bytes.len().min(HEAD)])
}
