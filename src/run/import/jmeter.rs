//! JMeter: a JTL file has every sample with its time, elapsed time and success, as CSV or as XML.

mod xml;

use jiff::Timestamp;

use super::ending::ending_of;
use super::endpoint_names::EndpointKey;
use super::requests::{ImportedRequest, RequestsByEndpoint, outcome_of_error, start_ns};
use super::titled_rows::{TitledRow, TitledRows};
use super::{FileFormat, ImportError, ImportRemark, Imported, TimeUnit};
use crate::run::sample::{FailureKind, Outcome};

pub(super) use xml::{is_xml, read as read_xml};

/// The columns of a file without titles, as JMeter writes them by default.
const COLUMNS: [&str; 17] = [
    "timeStamp",
    "elapsed",
    "label",
    "responseCode",
    "responseMessage",
    "threadName",
    "dataType",
    "success",
    "failureMessage",
    "bytes",
    "sentBytes",
    "grpThreads",
    "allThreads",
    "URL",
    "Latency",
    "IdleTime",
    "Connect",
];

/// How the columns of a file are separated, if its first line is that of a JTL file.
pub(super) fn delimiter(line: &str) -> Option<u8> {
    [b',', b'\t', b';', b'|'].into_iter().find(|&delimiter| {
        let cells: Vec<&str> = cells(line, delimiter).collect();
        let has = |title: &str| cells.contains(&title);
        has("timeStamp")
            && has("elapsed")
            && (has("label") || has("success") || has("responseCode"))
            || is_untitled(&cells)
    })
}

fn cells(line: &str, delimiter: u8) -> impl Iterator<Item = &str> {
    line.split(char::from(delimiter))
        .map(|cell| cell.trim().trim_matches('"'))
}

/// An instant in ms, an elapsed time, and in their places a status and whether it succeeded.
fn is_untitled(cells: &[&str]) -> bool {
    let digits = |at: usize, n: std::ops::RangeInclusive<usize>| {
        n.contains(&cells[at].len()) && cells[at].bytes().all(|b| b.is_ascii_digit())
    };
    cells.len() >= 10 && digits(0, 13..=13) && digits(1, 1..=9) && is_success(cells[7]).is_some()
}

/// Every sample, by label.
pub(super) fn read_csv(text: &str) -> Result<Imported, ImportError> {
    let format = FileFormat::JmeterCsv;
    let first = text.lines().find(|line| !line.trim().is_empty());
    let first = first.unwrap_or("");
    let delimiter = delimiter(first)
        .ok_or_else(|| format.damaged("its first line has no columns timeStamp and elapsed"))?;
    let titled = cells(first, delimiter).any(|cell| cell == "elapsed");
    let titles = (!titled).then_some(&COLUMNS[..]);
    let rows = TitledRows::separated(format, text, delimiter, titles)?;
    if !rows.has("success") && !rows.has("responseCode") {
        return Err(no_success(format));
    }
    let (mut requests, mut index) = (RequestsByEndpoint::default(), 0i64);
    rows.for_each(|row| {
        let sample = JmeterSample {
            // A time stamp that is written as a date keeps the order of the file.
            start_ms: row.get("timeStamp").parse().ok(),
            success: row.get("success"),
            code: row.get("responseCode"),
            message: row.get("responseMessage"),
        };
        let request = ImportedRequest {
            start_ns: sample.start_ns(index),
            latency: row.duration("elapsed", TimeUnit::Milliseconds)?,
            outcome: sample.outcome().ok_or_else(|| neither(format, row))?,
            status: sample.code.parse().ok(),
        };
        index += 1;
        requests.add(format, EndpointKey::new("", row.get("label")), request)
    })?;
    Ok(imported(format, requests, text))
}

fn neither(format: FileFormat, row: &TitledRow<'_>) -> ImportError {
    let success = row.get("success");
    format.damaged(format!(
        "'{success}' in column success is neither true nor false"
    ))
}

fn no_success(format: FileFormat) -> ImportError {
    format.error(
        "its samples have no success field",
        "run JMeter with -Jjmeter.save.saveservice.successful=true -Jjmeter.save.saveservice.response_code=true",
    )
}

fn imported(format: FileFormat, requests: RequestsByEndpoint, text: &str) -> Imported {
    let mut remarks = vec![ImportRemark::Format(format)];
    if format == FileFormat::JmeterCsv {
        remarks.extend(ImportRemark::of_ending(ending_of(text)));
    }
    requests.into_imported(format, remarks)
}

/// The start and the end of a sample.
struct JmeterSample<'a> {
    start_ms: Option<i64>,
    success: &'a str,
    code: &'a str,
    message: &'a str,
}

impl JmeterSample<'_> {
    /// The start, or the place in the file where there is none.
    fn start_ns(&self, index: i64) -> i64 {
        match self.start_ms.map(Timestamp::from_millisecond) {
            Some(Ok(start)) => start_ns(start.as_nanosecond()),
            _ => index,
        }
    }

    /// The outcome: as JMeter reports it, which includes assertions, else by the status.
    fn outcome(&self) -> Option<Outcome> {
        let status: Option<u16> = self.code.trim().parse().ok();
        let success = match (is_success(self.success), status) {
            (Some(success), _) => success,
            (None, _) if !self.success.is_empty() => return None,
            (None, status) => status.is_some_and(|status| (200..400).contains(&status)),
        };
        if success {
            return Some(Outcome::Ok);
        }
        Some(match status {
            Some(_) => Outcome::Failed(FailureKind::Status),
            // "Non HTTP response code: java.net.SocketTimeoutException".
            None => match outcome_of_error(self.code) {
                Outcome::Failed(FailureKind::Protocol) => outcome_of_error(self.message),
                outcome => outcome,
            },
        })
    }
}

fn is_success(text: &str) -> Option<bool> {
    match text.trim() {
        text if text.eq_ignore_ascii_case("true") => Some(true),
        text if text.eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    }
}
