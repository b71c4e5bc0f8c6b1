//! What the reader should know about how a run went.

use std::collections::BTreeMap;

use super::status_hints::status_hint;
use crate::report::Warning;
use crate::run::plan::{Endpoint, Model, Plan};
use crate::run::run_file::EndpointRun;
use crate::run::sample::FailureKind;
use crate::units::Pretty;

pub(super) fn run_warnings(plan: &Plan, endpoints: &[EndpointRun]) -> Vec<Warning> {
    let mut warnings = Vec::new();
    for (endpoint, result) in plan.endpoints.iter().zip(endpoints) {
        for (kind, message) in &result.errors {
            let count = result
                .recording
                .counts
                .failed
                .get(kind)
                .copied()
                .unwrap_or(0);
            if count > 0 {
                warnings.push(Warning::new(
                    format!(
                        "{}: {count} failed ({}), the first: {message}",
                        endpoint.name,
                        kind.as_str()
                    ),
                    kind_hint(endpoint, *kind, &result.recording.statuses),
                ));
            }
        }
        let timeouts = result.recording.counts.timeout;
        if timeouts > 0 {
            warnings.push(Warning::new(
                format!(
                    "{}: {timeouts} had no complete answer within {}",
                    endpoint.name,
                    Pretty(plan.timeout)
                ),
                "look at what the service does meanwhile; if it may take that long, raise --timeout",
            ));
        }
    }
    if matches!(plan.model, Model::Closed { .. }) {
        warnings.push(Warning::new(
            "closed model: service time only; while the service stalls, nothing is sent, so stalls are hardly seen",
            "give a rate (-q 20) for response time, which is what users wait",
        ));
    }
    warnings
}

fn kind_hint(endpoint: &Endpoint, kind: FailureKind, statuses: &BTreeMap<u16, u64>) -> String {
    match kind {
        FailureKind::Status => {
            let wrong = statuses.iter().filter(|(status, _)| !endpoint.expect.contains(**status));
            let most = wrong.max_by_key(|(_, count)| **count).map_or(0, |(status, _)| *status);
            return status_hint(endpoint, most);
        }
        FailureKind::Connect => "the service refused or dropped connections; look at its listen backlog and its log",
        FailureKind::Reset => "the service closed connections under way; look for crashes, restarts or an idle timeout",
        FailureKind::Tls => "the TLS handshake failed under load; look at the service's TLS log",
        FailureKind::Protocol | FailureKind::Body => "look at what the service answers with curl -v",
        FailureKind::Client => "this machine ran out of files or ports: raise `ulimit -n`, keep connections alive",
    }
    .to_owned()
}
