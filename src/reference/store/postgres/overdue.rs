//! Events that are due later than their own pause or lease allows: a clock was set back after the time was written.

use tokio_postgres::{Error, Row};

use super::session::{Params, Transaction};
use crate::reference::store::EventState;
use crate::reference::store::lease::{DueTime, LONGEST_SPAN_MS, SPAN_SLACK_MS, longest_ms};

/// The first and last due time in a state. A clock that was set back shows there.
const ENDS: &str = "(SELECT due_ms, span_ms FROM jobs WHERE state = $1 AND state < 5 ORDER BY due_ms, seq LIMIT 1)
    UNION ALL
    (SELECT due_ms, span_ms FROM jobs WHERE state = $1 AND state < 5 ORDER BY due_ms DESC, seq DESC LIMIT 1)";
/// Events that are due later than their own pause or lease allows. The lease begins again: its owner may still be at
/// work.
const BRING_BACK: &str = "UPDATE jobs SET due_ms = CASE state WHEN 1 THEN $2::bigint ELSE $2 + greatest(0, least(coalesce(span_ms, $3::bigint), $4::bigint)) END
    WHERE seq IN (SELECT seq FROM jobs WHERE state = $1 AND state < 5 AND due_ms > $2 + least(coalesce(span_ms, $3), $4::bigint) + $5::bigint
        ORDER BY due_ms, seq FOR UPDATE SKIP LOCKED) RETURNING seq";

impl Transaction<'_> {
    /// Makes events due that are due later than possible: a clock was set back after the time was written. Returns
    /// whether there were any.
    pub(super) async fn bring_back(&mut self, now_ms: i64) -> Result<bool, Error> {
        let mut brought = false;
        for state in [EventState::Retrying, EventState::Working] {
            let code = state.code() as i16;
            let ends = self.query(ENDS, &[&code]).await?;
            let is_too_late = |row: &Row| {
                let (due_ms, span_ms) = (row.get(0), row.get(1));
                DueTime { due_ms, span_ms }.is_too_late(state, now_ms)
            };
            if ends.iter().any(is_too_late) {
                let longest_ms = longest_ms(state);
                let parameters: Params<'_> = &[
                    &code,
                    &now_ms,
                    &LONGEST_SPAN_MS,
                    &longest_ms,
                    &SPAN_SLACK_MS,
                ];
                let rows = self.query(BRING_BACK, parameters).await?;
                brought |= state == EventState::Retrying && !rows.is_empty();
            }
        }
        Ok(brought)
    }
}
