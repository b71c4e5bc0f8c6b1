//! k6: `--out json` and `--out csv` have every request, `--summary-export` a few percentiles.

mod csv;
mod summary;

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
use super::{FileFormat, ImportError, ImportRemark, Imported, TimeUnit, value};
use crate::run::sample::{FailureKind, Outcome};

pub(super) use csv::{is_titles, read_csv};
pub(super) use summary::read_summary;

/// k6's code of a request timeout.
const TIMEOUT_CODE: &str = "1050";

/// More iterations than any run drops; each is recorded as a request of every endpoint.
const MOST_DROPPED: u64 = 1 << 24;

#[derive(Deserialize)]
#[serde(expecting = "an object")]
struct MetricLine<'a> {
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    metric: Option<Cow<'a, str>>,
    #[serde(borrow)]
    data: Data<'a>,
}

#[derive(Deserialize)]
#[serde(expecting = "an object")]
struct Data<'a> {
    /// When the request ended.
    time: Option<Timestamp>,
    /// Whether that is fine enough to tell when it began.
    #[serde(skip, default = "fine")]
    is_end: bool,
    /// In ms for a duration.
    value: Option<f64>,
    #[serde(borrow)]
    tags: Option<HashMap<Cow<'a, str>, Cow<'a, str>>>,
}

fn fine() -> bool {
    true
}

/// The separate counts while the lines are read.
struct Points {
    format: FileFormat,
    requests: RequestsByEndpoint,
    /// The last request. A metric of its own may report its failure later.
    last: Option<(EndpointKey, ImportedRequest)>,
    /// Requests that failed by the metric, and by the tags of their latency.
    failed: (u64, u64),
    dropped_iterations: u64,
    /// Requests with time that http_req_duration leaves out, and the longest such time of one phase in ms.
    outside: (u64, f64),
}

/// Every request.
pub(super) fn read(text: &str) -> Result<Imported, ImportError> {
    let format = FileFormat::K6Json;
    let mut points = Points::of(format);
    let lines = (1..)
        .zip(text.lines())
        .filter(|(_, line)| !line.trim().is_empty());
    for (number, line) in lines {
        let line: MetricLine<'_> = serde_json::from_str(line)
            .map_err(|error| format.damaged(format!("line {number} cannot be read ({error})")))?;
        if line.kind == "Point" {
            points
                .add(&line)
                .map_err(|what| what.into_error(format, number))?;
        }
    }
    points.into_imported(text)
}

/// What is wrong with a point.
enum Fault {
    What(String),
    Whole(ImportError),
}

impl Fault {
    fn into_error(self, format: FileFormat, line: u64) -> ImportError {
        match self {
            Fault::What(what) => format.damaged(format!("line {line}: {what}")),
            Fault::Whole(error) => error,
        }
    }
}

impl Points {
    fn of(format: FileFormat) -> Points {
        Points {
            format,
            requests: RequestsByEndpoint::default(),
            last: None,
            failed: (0, 0),
            dropped_iterations: 0,
            outside: (0, 0.0),
        }
    }

    fn add(&mut self, line: &MetricLine<'_>) -> Result<(), Fault> {
        let value = line.data.value.unwrap_or(0.0);
        match line.metric.as_deref() {
            Some("http_req_duration") => self.add_request(&line.data)?,
            Some("http_req_failed") if value != 0.0 => self.fail(),
            Some("dropped_iterations") => self.drop_iterations(value)?,
            Some("http_req_blocked") if value >= 1.0 => {
                self.outside = (self.outside.0 + 1, self.outside.1.max(value));
            }
            _ => {}
        }
        Ok(())
    }

    fn drop_iterations(&mut self, count: f64) -> Result<(), Fault> {
        self.dropped_iterations = self
            .dropped_iterations
            .saturating_add(count.max(0.0) as u64);
        if self.dropped_iterations <= MOST_DROPPED {
            Ok(())
        } else {
            Err(Fault::What(format!("{count} dropped iterations")))
        }
    }

    /// k6 writes the metrics of a request one after the other.
    fn fail(&mut self) {
        self.failed.0 += 1;
        // A script can say of any status that it is a failure.
        if let Some((_, request)) = &mut self.last
            && request.outcome == Outcome::Ok
        {
            request.outcome = Outcome::Failed(FailureKind::Status);
            self.failed.1 += 1;
        }
    }

    fn keep_last(&mut self) -> Result<(), ImportError> {
        match self.last.take() {
            Some((key, request)) => self.requests.add(self.format, key, request),
            None => Ok(()),
        }
    }

    fn add_request(&mut self, data: &Data<'_>) -> Result<(), Fault> {
        let tag = |name: &str| {
            data.tags
                .as_ref()
                .and_then(|tags| tags.get(name))
                .map(|t| t.as_ref())
        };
        let value = data
            .value
            .ok_or_else(|| Fault::What("a duration without value".to_owned()))?;
        let latency = value::of_number(value, &value.to_string(), Some(TimeUnit::Milliseconds))
            .map_err(|error| Fault::What(error.to_string()))?;
        let end = data
            .time
            .ok_or_else(|| Fault::What("a duration without time".to_owned()))?;
        let status: Option<u16> = tag("status").and_then(|status| status.parse().ok());
        let outcome = outcome(
            tag("expected_response"),
            status,
            tag("error_code"),
            tag("error"),
        );
        self.failed.1 += u64::from(outcome != Outcome::Ok);
        let request = ImportedRequest {
            start_ns: if data.is_end {
                start_ns(end.as_nanosecond() - latency.as_nanos() as i128)
            } else {
                start_ns(end.as_nanosecond())
            },
            latency,
            outcome,
            status: status.filter(|&status| status > 0),
        };
        let url = tag("name").or(tag("url")).unwrap_or("");
        let key = EndpointKey::new(tag("method").unwrap_or(""), url);
        self.keep_last().map_err(Fault::Whole)?;
        self.last = Some((key, request));
        Ok(())
    }

    fn into_imported(mut self, text: &str) -> Result<Imported, ImportError> {
        self.keep_last()?;
        let mut endpoints = self.requests.into_endpoints();
        let mut remarks = vec![ImportRemark::Format(self.format)];
        if let (requests @ 1.., longest_ms) = self.outside {
            let longest = Duration::try_from_secs_f64(longest_ms / 1e3).unwrap_or(Duration::MAX);
            remarks.push(ImportRemark::Missing(MissingRequests::Blocked {
                requests,
                longest,
            }));
        }
        let (failed, tagged) = self.failed;
        if failed > tagged {
            return Err(self.format.error(
                format!(
                    "{failed} requests failed, but only {tagged} latencies are marked as failed"
                ),
                "run k6 with the system tags status and expected_response",
            ));
        }
        let dropped = self.dropped_iterations;
        if dropped.saturating_mul(endpoints.len() as u64) > MOST_DROPPED {
            return Err(self.format.error(
                format!("k6 dropped {dropped} iterations, more than this import supports"),
                "run k6 with enough virtual users: raise preAllocatedVUs and maxVUs",
            ));
        }
        for endpoint in &mut endpoints {
            let planned = endpoint.recording.planned();
            (0..self.dropped_iterations).for_each(|i| endpoint.recording.add_unsent(planned + i));
        }
        remarks.extend(dropped_remark(self.dropped_iterations));
        remarks.extend(ImportRemark::of_ending(ending_of(text)));
        Ok(Imported {
            format: self.format,
            endpoints,
            remarks,
        })
    }
}

/// A request that waits for a free virtual user too long is never sent.
fn dropped_remark(iterations: u64) -> Option<ImportRemark> {
    (iterations > 0).then_some(ImportRemark::Missing(MissingRequests::Iterations {
        iterations,
    }))
}

fn outcome(
    expected: Option<&str>,
    status: Option<u16>,
    code: Option<&str>,
    error: Option<&str>,
) -> Outcome {
    if code == Some(TIMEOUT_CODE) {
        return Outcome::Timeout;
    }
    match (expected, status) {
        (Some("true"), _) => Outcome::Ok,
        (_, Some(0)) => outcome_of_error(error.unwrap_or("")),
        (Some(_), _) => Outcome::Failed(FailureKind::Status),
        (None, Some(status)) => outcome_of_status(status),
        (None, None) => Outcome::Ok,
    }
}
