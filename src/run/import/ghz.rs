//! ghz: `-O json` has every call with its time, latency and status.

use std::borrow::Cow;
use std::time::Duration;

use jiff::Timestamp;
use serde::Deserialize;

use super::endpoint_names::EndpointKey;
use super::import_remark::MissingRequests;
use super::requests::{ImportedRequest, RequestsByEndpoint, outcome_of_error, start_ns};
use super::{FileFormat, ImportError, ImportRemark, Imported};
use crate::run::recording::Failures;
use crate::run::sample::{FailureKind, Outcome};

const FORMAT: FileFormat = FileFormat::GhzJson;

#[derive(Deserialize)]
#[serde(expecting = "an object")]
struct GhzDocument<'a> {
    count: u64,
    #[serde(default)]
    options: CallOptions,
    #[serde(borrow)]
    details: Option<Vec<CallDetail<'a>>>,
}

#[derive(Default, Deserialize)]
#[serde(expecting = "an object")]
struct CallOptions {
    #[serde(default)]
    call: String,
}

#[derive(Deserialize)]
#[serde(expecting = "an object")]
struct CallDetail<'a> {
    timestamp: Timestamp,
    /// In ns.
    latency: u64,
    #[serde(borrow, default)]
    error: Cow<'a, str>,
    #[serde(borrow, default)]
    status: Cow<'a, str>,
}

/// Every call.
pub(super) fn read(text: &str) -> Result<Imported, ImportError> {
    let document: GhzDocument<'_> =
        serde_json::from_str(text).map_err(|e| FORMAT.json_error(&e))?;
    let details = document.details.unwrap_or_default();
    if details.is_empty() && document.count > 0 {
        return Err(FORMAT.error(
            "it has no details, so the number of slow calls is unknown",
            "write all of it: ghz -O json -o FILE",
        ));
    }
    let written = details.len() as u64;
    if written > document.count {
        return Err(FORMAT.damaged(format!(
            "it has the details of {written} calls and counts {}",
            document.count
        )));
    }
    let mut requests = RequestsByEndpoint::default();
    for detail in details {
        let request = ImportedRequest {
            start_ns: start_ns(detail.timestamp.as_nanosecond()),
            latency: Duration::from_nanos(detail.latency),
            outcome: outcome(&detail),
            status: None,
        };
        requests.add(
            FORMAT,
            EndpointKey::new("", &document.options.call),
            request,
        )?;
    }
    let mut endpoints = requests.into_endpoints();
    let mut remarks = vec![ImportRemark::Format(FORMAT)];
    if written < document.count {
        for endpoint in &mut endpoints {
            endpoint.recording.failures = Failures::Incomplete;
        }
        remarks.push(ImportRemark::Missing(MissingRequests::Details {
            missing: document.count - written,
        }));
    }
    Ok(Imported {
        format: FORMAT,
        endpoints,
        remarks,
    })
}

fn outcome(detail: &CallDetail<'_>) -> Outcome {
    match (detail.status.as_ref(), detail.error.as_ref()) {
        ("OK", "") => Outcome::Ok,
        ("DeadlineExceeded", _) => Outcome::Timeout,
        ("Unavailable" | "Canceled" | "OK", error) if !error.is_empty() => outcome_of_error(error),
        _ => Outcome::Failed(FailureKind::Status),
    }
}
