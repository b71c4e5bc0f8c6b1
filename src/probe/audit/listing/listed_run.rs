//! Which listings have events of a run: under which name, and as shown to whom.

use uuid::Uuid;

use crate::probe::audit::client::as_segment;
use crate::run::plan::{Endpoint, Plan, RUN_HEADER};

/// A listing that has events of a run: that of its name, as the service shows it to whom an endpoint's headers name.
pub(super) struct ListedRun {
    /// Whose headers it is asked for with.
    pub(super) endpoint: usize,
    /// Whose events are in it.
    pub(super) endpoints: Vec<usize>,
    pub(super) path: String,
    pub(super) name: RunName,
}

/// Who has named the run.
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
                known.path == path && plan.endpoints[known.endpoint].headers == endpoint.headers
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
            Some(name) => name.is_fixed().then(|| (name.source(), RunName::Users)),
        }
    }
}
