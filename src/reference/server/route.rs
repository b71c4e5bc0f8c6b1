//! The paths of the server, by the names that metrics and descriptions use.

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route {
    /// Takes an event in.
    Ingest,
    /// One event.
    Event,
    /// The events of a run.
    Run,
    /// Leases an event to a worker elsewhere.
    Lease,
    /// How its attempt ended.
    Effects,
    /// How much waits.
    Queue,
    /// The dead letters.
    Dead,
    /// Makes one of them due again.
    Replay,
    /// Is it well?
    Health,
    /// Does the process answer?
    Livez,
    /// Is it to be sent requests?
    Readyz,
    /// Prometheus metrics.
    Metrics,
    /// The description of all this.
    Openapi,
    /// None of them.
    Other,
}

impl Route {
    /// Every route, in the order in which they are counted.
    pub const ALL: [Route; 14] = [
        Route::Ingest,
        Route::Event,
        Route::Run,
        Route::Lease,
        Route::Effects,
        Route::Queue,
        Route::Dead,
        Route::Replay,
        Route::Health,
        Route::Livez,
        Route::Readyz,
        Route::Metrics,
        Route::Openapi,
        Route::Other,
    ];

    /// The path with its parameters in braces, as it is routed, described and counted.
    pub fn pattern(self) -> &'static str {
        match self {
            Route::Ingest => "/ingest",
            Route::Event => "/events/{id}",
            Route::Run => "/runs/{run}/events",
            Route::Lease => "/events/{id}/lease",
            Route::Effects => "/events/{id}/effects",
            Route::Queue => "/queue",
            Route::Dead => "/dead",
            Route::Replay => "/dead/{id}/replay",
            Route::Health => "/health",
            Route::Livez => "/livez",
            Route::Readyz => "/readyz",
            Route::Metrics => "/metrics",
            Route::Openapi => "/openapi.json",
            Route::Other => "other",
        }
    }

    /// The route of a path.
    pub fn of(path: &str) -> Route {
        let fits = |route: &Route| fits(route.pattern(), path);
        // The first one is nearly always meant.
        Route::ALL.into_iter().find(fits).unwrap_or(Route::Other)
    }
}

/// Does a path have this form? A parameter is one segment, and not empty.
fn fits(pattern: &str, path: &str) -> bool {
    let Some((before, rest)) = pattern.split_once('{') else {
        return pattern == path;
    };
    let after = rest.split_once('}').map_or("", |(_, after)| after);
    path.strip_prefix(before)
        .and_then(|rest| rest.strip_suffix(after))
        .is_some_and(|value| !value.is_empty() && !value.contains('/'))
}

#[cfg(test)]
mod tests {
    use super::Route;

    #[test]
    fn a_parameter_is_one_segment_and_not_empty() {
        for (path, route) in [
            ("/ingest", Route::Ingest),
            ("/ingest/", Route::Other),
            ("/events/1", Route::Event),
            ("/events/", Route::Other),
            ("/events/1/2", Route::Other),
            ("/events/1/lease", Route::Lease),
            ("/events/lease", Route::Event),
            ("/dead", Route::Dead),
            ("/dead/1", Route::Other),
            ("/dead/1/replay", Route::Replay),
            ("/runs/a%2Fb/events", Route::Run),
            ("/runs//events", Route::Other),
            ("/runs/events", Route::Other),
            ("/openapi.json", Route::Openapi),
            ("", Route::Other),
            ("other", Route::Other),
        ] {
            assert_eq!(Route::of(path), route, "{path}");
        }
    }

    #[test]
    fn every_route_has_a_place_of_its_own() {
        for (index, route) in Route::ALL.into_iter().enumerate() {
            assert_eq!(route as usize, index, "{}", route.pattern());
        }
    }
}
