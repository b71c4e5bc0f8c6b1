//! hyperfine: `--export-json` has the time and the exit code of every run of a command.

use std::time::Duration;

use serde::Deserialize;

use super::endpoint_names::EndpointKey;
use super::import_remark::UnstatedFact;
use super::requests::{ImportedRequest, RequestsByEndpoint};
use super::{FileFormat, ImportError, ImportRemark, Imported, TimeUnit, value};
use crate::run::sample::{FailureKind, Outcome};

const FORMAT: FileFormat = FileFormat::HyperfineJson;

#[derive(Deserialize)]
#[serde(expecting = "an object")]
struct HyperfineDocument {
    results: Vec<Benchmark>,
}

#[derive(Deserialize)]
#[serde(expecting = "an object")]
struct Benchmark {
    command: String,
    /// In seconds.
    times: Option<Vec<f64>>,
    /// Null for a run that a signal ended.
    exit_codes: Option<Vec<Option<i64>>>,
}

/// Every run, each command as an endpoint.
pub(super) fn read(text: &str) -> Result<Imported, ImportError> {
    let document: HyperfineDocument =
        serde_json::from_str(text).map_err(|e| FORMAT.json_error(&e))?;
    let mut requests = RequestsByEndpoint::default();
    for benchmark in &document.results {
        benchmark.add_to(&mut requests)?;
    }
    let mut remarks = vec![ImportRemark::Format(FORMAT)];
    if document.results.iter().any(|b| b.exit_codes.is_none()) {
        remarks.push(ImportRemark::Unstated(UnstatedFact::ExitCodes));
    }
    Ok(requests.into_imported(FORMAT, remarks))
}

impl Benchmark {
    fn add_to(&self, requests: &mut RequestsByEndpoint) -> Result<(), ImportError> {
        let times = self.times.as_deref().ok_or_else(|| {
            FORMAT.error(
                "it has no times of single runs",
                "write them: hyperfine --export-json FILE COMMAND",
            )
        })?;
        if self
            .exit_codes
            .as_ref()
            .is_some_and(|codes| codes.len() != times.len())
        {
            return Err(FORMAT.damaged("it has not as many exit codes as times"));
        }
        let mut start_ns = 0i64;
        for (index, &seconds) in times.iter().enumerate() {
            let latency = value::of_number(seconds, &seconds.to_string(), Some(TimeUnit::Seconds))
                .map_err(|error| FORMAT.damaged(error.to_string()))?;
            let code = self.exit_codes.as_ref().map(|codes| codes[index]);
            let request = ImportedRequest {
                start_ns,
                latency,
                outcome: match code {
                    None | Some(Some(0)) => Outcome::Ok,
                    _ => Outcome::Failed(FailureKind::Status),
                },
                status: None,
            };
            start_ns = start_ns.saturating_add(nanoseconds(latency));
            requests.add(FORMAT, EndpointKey::new("", &self.command), request)?;
        }
        Ok(())
    }
}

fn nanoseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)
}
