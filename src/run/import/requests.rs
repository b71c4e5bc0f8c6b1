//! Requests of which a file knows each: brought into the order of time and recorded by endpoint.

use std::collections::HashMap;
use std::time::Duration;

use super::endpoint_names::{EndpointKey, names};
use super::{FileFormat, ImportError, ImportRemark, Imported, ImportedEndpoint};
use crate::run::recording::Recording;
use crate::run::sample::{FailureKind, Outcome, Phases, Sample};

/// Most endpoints of one file; more are URLs that differ from request to request.
const MAX_ENDPOINTS: usize = 64;

/// One request of a file.
#[derive(Clone, Copy, Debug)]
pub(super) struct ImportedRequest {
    /// Since whatever epoch the file counts from, in ns.
    pub(super) start_ns: i64,
    pub(super) latency: Duration,
    pub(super) outcome: Outcome,
    pub(super) status: Option<u16>,
}

/// The start of a request, in ns since 1970; what does not fit is held at the end of the range.
pub(super) fn start_ns(nanosecond: i128) -> i64 {
    nanosecond.clamp(i64::MIN.into(), i64::MAX.into()) as i64
}

/// Requests by endpoint, in the order in which endpoints first appear.
#[derive(Default)]
pub(super) struct RequestsByEndpoint {
    keys: Vec<EndpointKey>,
    by_key: HashMap<EndpointKey, usize>,
    requests: Vec<Vec<ImportedRequest>>,
}

impl RequestsByEndpoint {
    /// Adds a request.
    pub(super) fn add(
        &mut self,
        format: FileFormat,
        key: EndpointKey,
        request: ImportedRequest,
    ) -> Result<(), ImportError> {
        let index = match self.by_key.get(&key) {
            Some(&index) => index,
            None if self.keys.len() == MAX_ENDPOINTS => {
                return Err(format.error(
                    format!("it has more than {MAX_ENDPOINTS} endpoints: its URLs differ from request to request"),
                    "give the requests of one endpoint one name, such as k6's tag name",
                ));
            }
            None => {
                self.by_key.insert(key.clone(), self.keys.len());
                self.keys.push(key);
                self.requests.push(Vec::new());
                self.keys.len() - 1
            }
        };
        self.requests[index].push(request);
        Ok(())
    }

    /// The file, one recording an endpoint.
    pub(super) fn into_imported(self, format: FileFormat, remarks: Vec<ImportRemark>) -> Imported {
        Imported {
            format,
            endpoints: self.into_endpoints(),
            remarks,
        }
    }

    /// One recording an endpoint.
    pub(super) fn into_endpoints(self) -> Vec<ImportedEndpoint> {
        let starts = self.requests.iter().flatten().map(|r| r.start_ns);
        let t0_ns = starts.min().unwrap_or(0);
        let recordings = self
            .requests
            .into_iter()
            .map(|requests| record(requests, t0_ns, Duration::ZERO));
        let named = names(&self.keys).into_iter().zip(recordings);
        named
            .map(|(name, recording)| ImportedEndpoint {
                name: Some(name),
                recording,
            })
            .collect()
    }
}

/// Records requests in the order of their start; `within` is how far rounding may have moved each latency.
pub(super) fn recording(requests: Vec<ImportedRequest>, within: Duration) -> Recording {
    let t0_ns = requests.iter().map(|r| r.start_ns).min().unwrap_or(0);
    record(requests, t0_ns, within)
}

fn record(mut requests: Vec<ImportedRequest>, t0_ns: i64, within: Duration) -> Recording {
    // Stable: what started at the same instant keeps the order of the file.
    requests.sort_by_key(|request| request.start_ns);
    let mut recording = Recording::of_requests(within);
    for (index, request) in (0u64..).zip(&requests) {
        recording.add(&sample(index, request, t0_ns));
    }
    recording
}

fn sample(index: u64, request: &ImportedRequest, t0_ns: i64) -> Sample {
    let start_ns = request.start_ns.abs_diff(t0_ns);
    Sample {
        index,
        intended_start_ns: None,
        dispatched_ns: start_ns,
        sent_ns: Some(start_ns),
        finished_ns: start_ns.saturating_add(request.latency.as_nanos() as u64),
        outcome: request.outcome,
        status: request.status,
        connection: None,
        phases: Phases::default(),
        body_bytes: 0,
        server_timing: Vec::new(),
    }
}

/// How a request with this status ended: 200 to 399 are ok, as vegeta and k6 count; 0 means that there was none.
pub(super) fn outcome_of_status(status: u16) -> Outcome {
    match status {
        200..=399 => Outcome::Ok,
        0 => Outcome::Failed(FailureKind::Reset),
        _ => Outcome::Failed(FailureKind::Status),
    }
}

/// How a request ended of which a tool says in words what went wrong.
pub(super) fn outcome_of_error(text: &str) -> Outcome {
    let text = text.to_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| text.contains(word));
    if has(&[
        "timeout",
        "timed out",
        "timedout",
        "deadline exceeded",
        "deadlineexceeded",
    ]) {
        return Outcome::Timeout;
    }
    Outcome::Failed(
        if has(&[
            "too many open files",
            "no such host",
            "dns error",
            "assign requested address",
            "unknownhost",
            "enotfound",
            "eai_again",
            "emfile",
            "eaddrnotavail",
        ]) {
            FailureKind::Client
        } else if has(&[
            "refused",
            "unreach",
            "dial tcp",
            "tcp connect",
            "connectexception",
            "noroutetohost",
        ]) {
            FailureKind::Connect
        } else if has(&["tls", "ssl", "x509", "certificate"]) {
            FailureKind::Tls
        } else if has(&[
            "reset",
            "closed",
            "eof",
            "broken pipe",
            "epipe",
            "nohttpresponse",
            "socketexception",
        ]) {
            FailureKind::Reset
        } else {
            FailureKind::Protocol
        },
    )
}

#[cfg(test)]
mod tests {
    use super::outcome_of_error;
    use crate::run::sample::{FailureKind, Outcome};

    #[test]
    fn what_went_wrong_is_sorted_by_the_words_of_the_tools() {
        let failed = Outcome::Failed;
        for (text, outcome) in [
            (
                "Get \"http://127.0.0.1:1/\": dial tcp 127.0.0.1:1: connect: connection refused",
                failed(FailureKind::Connect),
            ),
            (
                "Get \"http://x/\": context deadline exceeded (Client.Timeout exceeded while awaiting headers)",
                Outcome::Timeout,
            ),
            (
                "dial tcp: lookup nowhere: no such host",
                failed(FailureKind::Client),
            ),
            (
                "connect: cannot assign requested address",
                failed(FailureKind::Client),
            ),
            (
                "read tcp 127.0.0.1:1->127.0.0.1:2: read: connection reset by peer",
                failed(FailureKind::Reset),
            ),
            (
                "connection closed before message completed",
                failed(FailureKind::Reset),
            ),
            (
                "x509: certificate signed by unknown authority",
                failed(FailureKind::Tls),
            ),
            ("EOF", failed(FailureKind::Reset)),
            ("malformed HTTP response", failed(FailureKind::Protocol)),
        ] {
            assert_eq!(outcome_of_error(text), outcome, "{text}");
        }
    }
}
