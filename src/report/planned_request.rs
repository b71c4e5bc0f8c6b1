//! The request of an endpoint, and its unexpected answers.

use std::collections::BTreeMap;

use crate::run::plan::StatusSet;
use crate::run::run_file::{EndpointRecord, PlanRecord};

/// The request of an endpoint, without its secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedRequest {
    /// HTTP method, upper case.
    pub method: String,
    /// Where it went, with templates.
    pub url: String,
    /// Path and query, with templates.
    pub path: String,
}

impl PlannedRequest {
    pub(super) fn of(plan: &PlanRecord, endpoint: &EndpointRecord) -> PlannedRequest {
        let origin = endpoint.origin.as_deref().unwrap_or(&plan.target);
        PlannedRequest {
            method: endpoint.method.clone(),
            url: format!("{}{}", origin.trim_end_matches('/'), endpoint.path),
            path: endpoint.path.clone(),
        }
    }
}

/// The statuses that did not count as ok.
pub(super) fn unexpected(statuses: &BTreeMap<u16, u64>, expect: &str) -> BTreeMap<u16, u64> {
    match StatusSet::parse(expect) {
        Ok(expected) => statuses
            .iter()
            .filter(|(status, _)| !expected.contains(**status))
            .map(|(&status, &count)| (status, count))
            .collect(),
        // A file of another version; its statuses are listed without a judgement.
        Err(_) => BTreeMap::new(),
    }
}
