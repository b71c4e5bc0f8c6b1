//! The common and the combined log format: `host ident user [time] "request" status bytes …`.

use super::LogLine;
use super::log_time::LogTime;
use super::request_line::LoggedRequest;

/// A line with its time in brackets and its request in quotes; what is around them does not matter.
pub(super) fn line(text: &str) -> Option<LogLine> {
    let (_, rest) = text.split_once('[')?;
    let (time, rest) = rest.split_once(']')?;
    let time = LogTime::parse(time)?;
    Some(LogLine {
        time,
        request: LoggedRequest::of_line(quoted(rest)?),
    })
}

/// What stands in the first quotes. A quote inside of them is escaped by a backslash.
fn quoted(text: &str) -> Option<&str> {
    let (_, text) = text.split_once('"')?;
    let mut is_escaped = false;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'"' if !is_escaped => return Some(&text[..at]),
            b'\\' => is_escaped = !is_escaped,
            _ => is_escaped = false,
        }
    }
    None
}
