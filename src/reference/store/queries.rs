//! Queries that both databases understand: SQLite numbers its parameters by their first places, so `$1` comes first.

/// The body of an event as it came.
pub(super) const PAYLOAD: &str =
    "SELECT coalesce(events.payload, jobs.payload) FROM jobs LEFT JOIN events USING (event_id)
    WHERE event_id = $1";
/// What is needed to put the lease of an attempt (`$1`) together again.
pub(super) const EXTERNAL_LEASE: &str =
    "SELECT seq, base, (SELECT coalesce(detail, '') FROM effects
        WHERE job = seq AND effect = 'insert' AND attempt = $1 AND outcome = 'failed')
    FROM jobs WHERE event_id = $2 AND $1 BETWEEN 1 AND attempts";

/// One event, with `seq` before the columns of an [`EventRecord`](super::EventRecord); `any` is the aggregate of booleans.
pub(super) fn event(any: &str) -> String {
    format!("{} WHERE event_id = $1", record(any))
}

/// The same of the events of a run behind a `seq`.
pub(super) fn run_page(any: &str) -> String {
    format!(
        "{} WHERE run = (SELECT id FROM runs WHERE name = $1) AND seq > $2 ORDER BY seq LIMIT $3",
        record(any)
    )
}

fn record(any: &str) -> String {
    format!(
        "SELECT seq, event_id, state, accepted_ms, processed_ms, attempts,
    (SELECT count(*) FROM effects WHERE job = seq AND effect = 'insert' AND outcome = 'inserted'),
    (SELECT count(*) FROM effects WHERE job = seq AND effect = 'notify' AND outcome = 'sent'),
    (SELECT min(attempt) FROM effects WHERE job = seq AND effect = 'notify' AND outcome = 'sent') AS first_sent,
    (SELECT count(*) FROM (SELECT attempt FROM effects WHERE job = seq AND effect = 'notify' GROUP BY attempt
        HAVING {any}(outcome = 'failed') OR {any}(outcome = 'unknown') AND NOT {any}(outcome = 'started')) AS unsent
        WHERE attempt < coalesce((SELECT min(attempt) FROM effects
            WHERE job = seq AND effect = 'notify' AND outcome = 'sent'), 2147483647)),
    (SELECT count(*) FROM effects WHERE job = seq AND effect = 'notify' AND outcome = 'broken'
        AND attempt > (SELECT min(attempt) FROM effects WHERE job = seq AND effect = 'notify' AND outcome = 'sent'))
    FROM jobs"
    )
}
