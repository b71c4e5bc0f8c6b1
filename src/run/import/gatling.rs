//! Gatling: the text log of a simulation has every request with its start, end and status.

use std::time::Duration;

use super::ending::ending_of;
use super::endpoint_names::EndpointKey;
use super::requests::{ImportedRequest, RequestsByEndpoint, outcome_of_error};
use super::{FileFormat, ImportError, ImportRemark, Imported};
use crate::run::sample::{FailureKind, Outcome};

const FORMAT: FileFormat = FileFormat::GatlingLog;

/// Whether a text is such a log: a line of the run, or one of a request with its status.
pub(super) fn is_log(text: &str) -> bool {
    let mut lines = text.lines().take(64);
    lines.any(|line| {
        let cells: Vec<&str> = line.split('\t').collect();
        match cells[0] {
            "RUN" => cells.len() >= 4,
            "REQUEST" => status(&cells).is_some(),
            _ => {
                cells.get(2) == Some(&"RUN")
                    || cells.get(2) == Some(&"REQUEST") && status(&cells).is_some()
            }
        }
    })
}

/// Every request, by name.
pub(super) fn read(text: &str) -> Result<Imported, ImportError> {
    let mut requests = RequestsByEndpoint::default();
    for (number, line) in (1u64..).zip(text.lines()) {
        let cells: Vec<&str> = line.split('\t').collect();
        // Gatling 2.0 has the scenario and the user before it.
        if cells[0] == "REQUEST" || cells.get(2) == Some(&"REQUEST") {
            let (key, request) = parse(&cells).ok_or_else(|| {
                FORMAT.damaged(format!(
                    "line {number} is not a request with start, end and OK or KO"
                ))
            })?;
            requests.add(FORMAT, key, request)?;
        }
    }
    let mut remarks = vec![ImportRemark::Format(FORMAT)];
    remarks.extend(ImportRemark::of_ending(ending_of(text)));
    Ok(requests.into_imported(FORMAT, remarks))
}

/// The position of the status: after two or more instants.
fn status(cells: &[&str]) -> Option<usize> {
    (4..cells.len()).find(|&at| {
        matches!(cells[at], "OK" | "KO") && instant(cells[at - 1]) && instant(cells[at - 2])
    })
}

/// Milliseconds since 1970; a request that never ended has the smallest number there is.
fn instant(cell: &str) -> bool {
    let digits = cell.strip_prefix('-').unwrap_or(cell);
    digits.len() >= 10 && digits.bytes().all(|b| b.is_ascii_digit())
}

fn parse(cells: &[&str]) -> Option<(EndpointKey, ImportedRequest)> {
    let at = status(cells)?;
    // Two instants, or four in Gatling 2.0: both ends of the request and of the answer.
    let instants = cells[..at]
        .iter()
        .rev()
        .take_while(|cell| instant(cell))
        .count();
    let first = at - instants.min(4);
    let (start, end) = (
        cells[first].parse::<i64>().ok()?,
        cells[at - 1].parse::<i64>().ok()?,
    );
    let name = first.checked_sub(1).map(|at| cells[at])?;
    let failed = cells[at] == "KO";
    let ms = match end.checked_sub(start) {
        Some(ms) if ms >= 0 => ms as u64,
        _ if failed => 0,
        _ => return None,
    };
    let request = ImportedRequest {
        start_ns: start.saturating_mul(1_000_000),
        latency: Duration::from_millis(ms),
        outcome: if failed {
            outcome_of_message(cells.get(at + 1).unwrap_or(&""))
        } else {
            Outcome::Ok
        },
        status: None,
    };
    Some((EndpointKey::new("", name), request))
}

/// A failed check names the check; anything else is an error of the connection.
fn outcome_of_message(message: &str) -> Outcome {
    if message.contains("find") || message.trim().is_empty() {
        Outcome::Failed(FailureKind::Status)
    } else {
        outcome_of_error(message)
    }
}
