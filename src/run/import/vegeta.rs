//! vegeta: `vegeta encode` gives every request as a line of JSON or of CSV.

mod hdrplot;

use std::borrow::Cow;
use std::collections::HashMap;
use std::time::Duration;

use jiff::Timestamp;
use serde::Deserialize;

use super::ending::ending_of;
use super::endpoint_names::EndpointKey;
use super::import_remark::MissingRequests;
use super::requests::{
    ImportedRequest, RequestsByEndpoint, outcome_of_error, outcome_of_status, start_ns,
};
use super::titled_rows::TitledRows;
use super::{FileFormat, ImportError, ImportRemark, Imported};
use crate::run::sample::Outcome;

pub(super) use hdrplot::{is_titles as is_hdrplot, read as read_hdrplot};

/// The columns of the CSV, which has no titles.
const COLUMNS: [&str; 12] = [
    "timestamp",
    "code",
    "latency",
    "bytes_out",
    "bytes_in",
    "error",
    "body",
    "attack",
    "seq",
    "method",
    "url",
    "headers",
];

/// What is read of a line of JSON.
#[derive(Deserialize)]
#[serde(expecting = "an object")]
struct ResultLine<'a> {
    #[serde(borrow, default)]
    attack: Cow<'a, str>,
    seq: Option<u64>,
    code: u16,
    timestamp: Timestamp,
    /// In ns.
    latency: u64,
    #[serde(borrow, default)]
    error: Cow<'a, str>,
    #[serde(borrow, default)]
    method: Cow<'a, str>,
    #[serde(borrow, default)]
    url: Cow<'a, str>,
}

/// Whether a line is one of the CSV: an instant in ns, a status, a latency in ns.
pub(super) fn is_csv(line: &str) -> bool {
    let cells: Vec<&str> = line.split(',').collect();
    let number = |index: usize, digits: std::ops::RangeInclusive<usize>| {
        cells.get(index).is_some_and(|cell| {
            digits.contains(&cell.len()) && cell.bytes().all(|b| b.is_ascii_digit())
        })
    };
    cells.len() >= 6 && number(0, 18..=19) && number(1, 1..=3) && number(2, 1..=19)
}

/// One request a line.
pub(super) fn read_json(text: &str) -> Result<Imported, ImportError> {
    let format = FileFormat::VegetaJson;
    if text.contains("\"status_codes\"") && text.contains("\"latencies\"") {
        return Err(format.error(
            "this is vegeta's report: its percentiles are estimates, so the number of slow requests is unknown",
            "give the results themselves: `vegeta encode results.bin`",
        ));
    }
    let mut results = AttackResults::new(format);
    let lines = (1..)
        .zip(text.lines())
        .filter(|(_, line)| !line.trim().is_empty());
    for (number, line) in lines {
        let line: ResultLine<'_> = serde_json::from_str(line)
            .map_err(|error| format.damaged(format!("line {number} cannot be read ({error})")))?;
        results.add(&line)?;
    }
    Ok(results.into_imported(text))
}

/// One request a row.
pub(super) fn read_csv(text: &str) -> Result<Imported, ImportError> {
    let format = FileFormat::VegetaCsv;
    let mut results = AttackResults::new(format);
    TitledRows::untitled(format, text, &COLUMNS).for_each(|row| {
        let nanoseconds: i64 = row.number("timestamp")?;
        results.add(&ResultLine {
            attack: row.get("attack").into(),
            seq: row.get("seq").parse().ok(),
            code: row.number("code")?,
            timestamp: Timestamp::from_nanosecond(nanoseconds.into())
                .map_err(|error| format.damaged(error.to_string()))?,
            latency: row.number("latency")?,
            error: row.get("error").into(),
            method: row.get("method").into(),
            url: row.get("url").into(),
        })
    })?;
    Ok(results.into_imported(text))
}

struct AttackResults {
    format: FileFormat,
    requests: RequestsByEndpoint,
    attacks: HashMap<String, Attack>,
}

/// Which sequence numbers of an attack were seen.
#[derive(Default)]
struct Attack {
    seen: u64,
    highest: u64,
}

impl AttackResults {
    fn new(format: FileFormat) -> AttackResults {
        AttackResults {
            format,
            requests: RequestsByEndpoint::default(),
            attacks: HashMap::new(),
        }
    }

    fn add(&mut self, line: &ResultLine<'_>) -> Result<(), ImportError> {
        if let Some(seq) = line.seq {
            let attack = self.attacks.entry(line.attack.to_string()).or_default();
            attack.seen += 1;
            attack.highest = attack.highest.max(seq);
        }
        let outcome = match (line.code, line.error.as_ref()) {
            (0, error) if !error.is_empty() => outcome_of_error(error),
            (code, error) => match outcome_of_status(code) {
                // The answer came, and its body did not.
                Outcome::Ok if !error.is_empty() => outcome_of_error(error),
                outcome => outcome,
            },
        };
        let request = ImportedRequest {
            start_ns: start_ns(line.timestamp.as_nanosecond()),
            latency: Duration::from_nanos(line.latency),
            outcome,
            status: (line.code > 0).then_some(line.code),
        };
        let key = EndpointKey::new(&line.method, &line.url);
        self.requests.add(self.format, key, request)
    }

    fn into_imported(self, text: &str) -> Imported {
        let mut remarks = vec![ImportRemark::Format(self.format)];
        let missing: u64 = self.attacks.values().map(Attack::missing).sum();
        if missing > 0 {
            remarks.push(ImportRemark::Missing(MissingRequests::SequenceNumbers {
                missing,
            }));
        }
        remarks.extend(ImportRemark::of_ending(ending_of(text)));
        self.requests.into_imported(self.format, remarks)
    }
}

impl Attack {
    fn missing(&self) -> u64 {
        self.highest.saturating_add(1).saturating_sub(self.seen)
    }
}
