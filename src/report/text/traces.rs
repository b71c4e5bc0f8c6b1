//! The trace ids of the slowest requests and of those that failed first, of a run with `--trace`.

use std::time::Duration;

use super::facts;
use crate::report::endpoint_report::EndpointReport;
use crate::report::figures::LatencyScale;
use crate::report::style::Verbosity;
use crate::run::recording::Exemplar;
use crate::run::sample::{FailureKind, Outcome};
use crate::units::trimmed;

/// The number of entries of each list that the short form shows.
const IN_SHORT: usize = 3;

/// Requests of one kind, with their traces.
pub(in crate::report) struct TraceList {
    /// `traces of the slowest requests`.
    pub(in crate::report) title: String,
    /// `446 ms  at 12.3 s  4bf92f3577b34da6a3ce929d0e0e4736`; nothing in a line breaks.
    pub(in crate::report) lines: Vec<String>,
}

/// The lists of an endpoint; none without `--trace`.
pub(in crate::report) fn trace_lists(
    endpoint: &EndpointReport,
    verbosity: Verbosity,
) -> Vec<TraceList> {
    let lists = [
        ("slowest requests", &endpoint.slowest),
        ("first failed requests", &endpoint.first_failed),
    ];
    let lists = lists.iter().filter_map(|(which, exemplars)| {
        let traced: Vec<TracedRequest> = exemplars.iter().filter_map(TracedRequest::of).collect();
        let shown = match verbosity {
            Verbosity::Full => traced.len(),
            _ => traced.len().min(IN_SHORT),
        };
        let more = if shown < traced.len() {
            format!(" (-v shows {})", traced.len())
        } else {
            String::new()
        };
        (shown > 0).then(|| TraceList {
            title: format!("traces of the {which}{more}"),
            lines: aligned(&traced[..shown]),
        })
    });
    lists.collect()
}

/// A request that named its trace.
struct TracedRequest {
    what: String,
    at: String,
    trace_id: String,
}

impl TracedRequest {
    /// `None` if it carried none.
    fn of(exemplar: &Exemplar) -> Option<TracedRequest> {
        Some(TracedRequest {
            what: request_end(exemplar),
            at: format!("at {}", second(exemplar.at)),
            trace_id: exemplar.trace_id?.to_string(),
        })
    }
}

/// `446 ms`, `HTTP 500 after 2.10 ms`, `timeout after 10.0 s`.
pub(in crate::report) fn request_end(exemplar: &Exemplar) -> String {
    let latency = LatencyScale::Millis.precise(exemplar.latency);
    match (exemplar.outcome, exemplar.status) {
        (Outcome::Ok, _) => latency,
        (Outcome::Failed(FailureKind::Status), Some(status)) => {
            format!("HTTP {status} after {latency}")
        }
        (Outcome::Failed(kind), _) => format!("{} after {latency}", facts::failure(kind)),
        (other, _) => format!("{} after {latency}", other.as_str()),
    }
}

/// `12.34 s`, from the start of the run.
fn second(at: Duration) -> String {
    format!("{} s", trimmed(at.as_secs_f64(), 2))
}

fn aligned(requests: &[TracedRequest]) -> Vec<String> {
    let widest = |of: fn(&TracedRequest) -> &str| {
        let widths = requests.iter().map(|request| of(request).chars().count());
        widths.max().unwrap_or(0)
    };
    let (what, at) = (widest(|r| &r.what), widest(|r| &r.at));
    let line = |r: &TracedRequest| format!("{:>what$}  {:>at$}  {}", r.what, r.at, r.trace_id);
    requests.iter().map(line).collect()
}
