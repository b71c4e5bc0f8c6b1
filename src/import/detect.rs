//! What a file is, by its content.

use super::{Format, hey, hgrm, hlog, locust, oha, vegeta};

/// So much of a file tells what it is, but for k6's summary, whose metrics are in the order of the alphabet.
const HEAD: usize = 16 << 10;

/// The format of a file; a JSON object that nothing else claims may be a run, and what remains a list.
pub(super) fn format_of(bytes: &[u8]) -> Format {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let head = String::from_utf8_lossy(&bytes[..bytes.len().min(HEAD)]);
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
    } else if has(head, &["\"metrics\""]) && whole_has(b"\"http_req_duration\"")
        || has(head, &["\"root_group\""])
    {
        Format::K6Summary
    } else {
        Format::Run
    }
}

fn of_text(head: &str) -> Format {
    let first = head.lines().find(|line| !line.trim().is_empty());
    let first = first.unwrap_or("").trim();
    if hlog::is_hlog(head) {
        Format::Hlog
    } else if hgrm::is_table(head) {
        Format::Hgrm
    } else if first.starts_with(oha::CSV_HEADER) {
        Format::OhaCsv
    } else if first.starts_with(hey::HEADER) {
        Format::HeyCsv
    } else if locust::is_locust(first) {
        Format::LocustCsv
    } else if vegeta::is_csv(first) {
        Format::VegetaCsv
    } else {
        Format::List
    }
}
