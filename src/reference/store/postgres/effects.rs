//! The effect log, many rows in a statement.

use std::collections::HashSet;

use tokio_postgres::{Error, Row};

use super::session::{Params, Transaction};

const LOG: &str = "INSERT INTO effects (job, effect, attempt, outcome, at_ms, detail)
    SELECT job, $6, attempt, outcome, $5, detail
    FROM unnest($1::bigint[], $2::int[], $3::text[], $4::text[]) AS new(job, attempt, outcome, detail)
    ON CONFLICT DO NOTHING RETURNING job, attempt, outcome";

/// Rows for the effect log.
#[derive(Default)]
pub(super) struct EffectRows {
    jobs: Vec<i64>,
    attempts: Vec<i32>,
    outcomes: Vec<&'static str>,
    details: Vec<Option<String>>,
}

impl EffectRows {
    pub(super) fn push(
        &mut self,
        job: i64,
        attempt: u32,
        outcome: &'static str,
        detail: Option<String>,
    ) {
        self.jobs.push(job);
        self.attempts.push(attempt as i32);
        self.outcomes.push(outcome);
        self.details.push(detail);
    }
}

impl Transaction<'_> {
    /// Adds rows to the effect log; those that were not there, by job, attempt and outcome.
    pub(super) async fn log(
        &mut self,
        effect: &str,
        log: EffectRows,
        now_ms: i64,
    ) -> Result<HashSet<(i64, u32, String)>, Error> {
        if log.jobs.is_empty() {
            return Ok(HashSet::new());
        }
        let parameters: Params<'_> = &[
            &log.jobs,
            &log.attempts,
            &log.outcomes,
            &log.details,
            &now_ms,
            &effect,
        ];
        let rows = self.query(LOG, parameters).await?;
        let named = |row: &Row| {
            let (job, attempt) = job_and_attempt(row);
            (job, attempt, row.get(2))
        };
        Ok(rows.iter().map(named).collect())
    }
}

pub(super) fn job_and_attempt(row: &Row) -> (i64, u32) {
    (row.get(0), row.get::<_, i32>(1).unsigned_abs())
}
