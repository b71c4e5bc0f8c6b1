//! What the reader should know about how a run went: failures by kind, timeouts, the closed model.

use super::failure_hints::failed_requests;
use crate::report::Warning;
use crate::run::plan::{Model, Plan};
use crate::run::run_file::EndpointRun;
use crate::units::Pretty;

/// How the requests of a run failed, and what its model cannot see.
pub fn run_warnings(plan: &Plan, endpoints: &[EndpointRun]) -> Vec<Warning> {
    let mut warnings = Vec::new();
    for (endpoint, result) in plan.endpoints.iter().zip(endpoints) {
        for (kind, message) in &result.errors {
            let failed = &result.recording.counts.failed;
            let count = failed.get(kind).copied().unwrap_or(0);
            if count > 0 {
                warnings.push(Warning::stated(
                    format!(
                        "{}: {count} failed ({}), the first: {message}",
                        endpoint.name,
                        kind.as_str()
                    ),
                    failed_requests(endpoint, result, *kind),
                ));
            }
        }
        let timeouts = result.recording.counts.timeout;
        if timeouts > 0 {
            warnings.push(Warning::stated(
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
        warnings.push(Warning::stated(
            "closed model: service time only; while the service stalls, nothing is sent, so stalls are hardly seen",
            "give a rate (-q 20) for response time, which is what users wait",
        ));
    }
    warnings
}
