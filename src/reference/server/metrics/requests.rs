//! Requests by route, method and status: a fixed table, so that counting one allocates nothing.
//!
//! Durations are separate by the class of the status: requests refused at once must not make accepted ones look fast.

use std::time::Duration;

use axum::http::{Method, StatusCode};

use super::super::route::Route;
use crate::reference::counters::{AtomicHistogram, Counter, HistogramSnapshot, LATENCY_BOUNDS_NS};

/// Methods with a label; the last stands for all others.
pub(super) const METHODS: [&str; 5] = ["GET", "HEAD", "POST", "DELETE", "other"];
/// Statuses with a label; the last stands for all others.
pub(super) const STATUSES: [&str; 18] = [
    "200", "202", "204", "400", "401", "404", "405", "408", "409", "413", "415", "422", "429",
    "500", "502", "503", "504", "other",
];

/// Classes of statuses; the last stands for all others.
const CLASSES: [&str; 5] = ["2xx", "3xx", "4xx", "5xx", "other"];

type ByStatus = [Counter; STATUSES.len()];

/// Counted by every connection, read by a scrape.
pub(super) struct RequestCounts {
    counts: [[ByStatus; METHODS.len()]; Route::ALL.len()],
    durations: Vec<[AtomicHistogram; CLASSES.len()]>,
}

impl RequestCounts {
    pub(super) fn new() -> RequestCounts {
        RequestCounts {
            counts: Default::default(),
            durations: (Route::ALL.iter())
                .map(|_| CLASSES.map(|_| AtomicHistogram::new(LATENCY_BOUNDS_NS)))
                .collect(),
        }
    }

    pub(super) fn count(&self, route: Route, method: &Method, status: StatusCode, took: Duration) {
        let class = match status.as_u16() {
            hundreds @ 200..=599 => usize::from(hundreds / 100 - 2),
            _ => CLASSES.len() - 1,
        };
        self.durations[route as usize][class].observe_duration(took);
        let method = place(&METHODS, method.as_str());
        let status = place(&STATUSES, status.as_str());
        self.counts[route as usize][method][status].increment();
    }

    /// How long answers took, by the class of their status, where there were any.
    pub(super) fn durations(
        &self,
        route: Route,
    ) -> impl Iterator<Item = (&str, HistogramSnapshot)> {
        let by_class = CLASSES.iter().zip(&self.durations[route as usize]);
        by_class
            .map(|(class, durations)| (*class, durations.read()))
            .filter(|(_, snapshot)| snapshot.count() > 0)
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
    use std::time::Duration;

    use axum::http::{Method, StatusCode};

    use super::RequestCounts;
    use crate::reference::server::Route;

    #[test]
    fn what_has_no_place_of_its_own_is_other() {
        let requests = RequestCounts::new();
        let took = Duration::from_millis(1);
        requests.count(Route::Ingest, &Method::POST, StatusCode::ACCEPTED, took);
        requests.count(Route::Ingest, &Method::POST, StatusCode::ACCEPTED, took);
        requests.count(Route::Ingest, &Method::PATCH, StatusCode::IM_A_TEAPOT, took);
        let seen: Vec<_> = requests.seen(Route::Ingest).collect();
        assert_eq!(seen, [("POST", "202", 2), ("other", "other", 1)]);
        assert_eq!(requests.seen(Route::Event).count(), 0);
        let durations = requests.durations(Route::Ingest);
        let counts: Vec<_> = durations
            .map(|(class, snapshot)| (class, snapshot.count()))
            .collect();
        assert_eq!(counts, [("2xx", 2), ("4xx", 1)]);
    }
}
