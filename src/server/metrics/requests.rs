//! Requests by route, method and status: a fixed table, so that counting one allocates nothing.

use axum::http::{Method, StatusCode};

use crate::server::Route;
use crate::tally::{Counter, Distribution, LATENCY_BOUNDS_NS};

/// Methods that are told apart; the last stands for all others.
pub(super) const METHODS: [&str; 5] = ["GET", "HEAD", "POST", "DELETE", "other"];
/// Statuses that are told apart; the last stands for all others.
pub(super) const STATUSES: [&str; 18] = [
    "200", "202", "204", "400", "401", "404", "405", "408", "409", "413", "415", "422", "429",
    "500", "502", "503", "504", "other",
];

type ByStatus = [Counter; STATUSES.len()];

/// Counted by every connection, read by a scrape.
pub(super) struct Requests {
    counts: [[ByStatus; METHODS.len()]; Route::ALL.len()],
    durations: Vec<Distribution>,
}

impl Requests {
    pub(super) fn new() -> Requests {
        Requests {
            counts: Default::default(),
            durations: (Route::ALL.iter())
                .map(|_| Distribution::new(LATENCY_BOUNDS_NS))
                .collect(),
        }
    }

    pub(super) fn count(&self, route: Route, method: &Method, status: StatusCode) {
        let method = place(&METHODS, method.as_str());
        let status = place(&STATUSES, status.as_str());
        self.counts[route as usize][method][status].increment();
    }

    pub(super) fn duration(&self, route: Route) -> &Distribution {
        &self.durations[route as usize]
    }

    /// Every count that is not zero, with its method and status.
    pub(super) fn seen(&self, route: Route) -> impl Iterator<Item = (&str, &str, u64)> {
        let by_method = METHODS.iter().zip(&self.counts[route as usize]);
        by_method
            .flat_map(|(method, by_status)| {
                let by_status = STATUSES.iter().zip(by_status);
                by_status.map(move |(status, count)| (*method, *status, count.get()))
            })
            .filter(|(_, _, count)| *count > 0)
    }
}

/// The index of a name; the last when there is none.
fn place(names: &[&str], name: &str) -> usize {
    names
        .iter()
        .position(|known| *known == name)
        .unwrap_or(names.len() - 1)
}

#[cfg(test)]
mod tests {
    use axum::http::{Method, StatusCode};

    use super::Requests;
    use crate::server::Route;

    #[test]
    fn what_has_no_place_of_its_own_is_other() {
        let requests = Requests::new();
        requests.count(Route::Ingest, &Method::POST, StatusCode::ACCEPTED);
        requests.count(Route::Ingest, &Method::POST, StatusCode::ACCEPTED);
        requests.count(Route::Ingest, &Method::PATCH, StatusCode::IM_A_TEAPOT);
        let seen: Vec<_> = requests.seen(Route::Ingest).collect();
        assert_eq!(seen, [("POST", "202", 2), ("other", "other", 1)]);
        assert_eq!(requests.seen(Route::Event).count(), 0);
    }
}
