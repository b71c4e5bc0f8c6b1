//! Which listings have events of a run: under which name, and with which headers.

use uuid::Uuid;

use crate::probe::audit::client::as_segment;
use crate::run::plan::{Endpoint, Plan, RUN_HEADER};

/// A listing that has events of a run: the listing of the run's name, requested with the headers of an endpoint.
pub(super) struct ListedRun {
    /// Whose headers it is asked for with.
    pub(super) endpoint: usize,
    /// Whose events are in it.
    pub(super) endpoints: Vec<usize>,
    pub(super) path: String,
    pub(super) name: RunName,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RunName {
    /// We: it has no other run's events.
    Ours,
    /// The user, with a header of their own: other runs may be called the same.
    Users,
}

impl ListedRun {
    /// The listings of a plan; an endpoint whose header names a run for each request has none.
    pub(super) fn of_plan(plan: &Plan, run: Uuid) -> Vec<ListedRun> {
        let mut runs: Vec<ListedRun> = Vec::new();
        for (number, endpoint) in plan.endpoints.iter().enumerate() {
            let Some((id, name)) = RunName::of(endpoint, run) else {
                continue;
            };
            let path = format!("/runs/{}/events", as_segment(&id));
            let same = |known: &&mut ListedRun| {
                let other = &plan.endpoints[known.endpoint];
                known.path == path
                    && other.headers == endpoint.headers
                    && plan.target_of(other) == plan.target_of(endpoint)
            };
            match runs.iter_mut().find(same) {
                Some(known) => known.endpoints.push(number),
                None => runs.push(ListedRun {
                    endpoint: number,
                    endpoints: vec![number],
                    path,
                    name,
                }),
            }
        }
        runs
    }
}

impl RunName {
    /// What the requests of an endpoint call their run, and who says so; `None` if they ask nothing of the service, or
    /// call it otherwise each time.
    pub(super) fn of(endpoint: &Endpoint, run: Uuid) -> Option<(String, RunName)> {
        match endpoint.header(RUN_HEADER) {
            _ if !endpoint.is_accepting() => None,
            None => Some((run.to_string(), RunName::Ours)),
            Some(name) => {
                let name = name.fixed_bytes()?;
                Some((String::from_utf8_lossy(&name).into_owned(), RunName::Users))
            }
        }
    }
}
