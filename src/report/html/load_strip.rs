//! The strips of the load: errors, sent requests, requests in flight.

use super::chapter::Chapter;

/// What the strips show, from top to bottom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LoadStrip {
    Errors,
    Rate,
    InFlight,
}

/// Whether the order of all requests is known.
pub(super) fn has_in_flight(chapter: &Chapter<'_>) -> bool {
    let courses = chapter.runs.iter().filter_map(|run| run.course.as_ref());
    let mut buckets = courses.flat_map(|course| &course.buckets);
    buckets.any(|bucket| bucket.in_flight.is_some())
}
