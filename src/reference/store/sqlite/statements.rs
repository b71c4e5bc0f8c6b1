//! Everything that the writer says to the database, prepared once.

use std::sync::Arc;

use rusqlite::{Connection, Statement};

use super::clock::StoreClock;
use crate::reference::store::options::WriteRules;

/// What every transaction needs to know.
pub(super) struct SqliteContext {
    pub(super) clock: Arc<StoreClock>,
    pub(super) rules: WriteRules,
}

/// Declares the statements, each a field with its SQL.
macro_rules! statements {
    ($($(#[$doc:meta])* $name:ident = $sql:literal;)*) => {
        /// The prepared statements of one connection.
        pub(super) struct Statements<'c> {
            pub(super) connection: &'c Connection,
            pub(super) context: &'c SqliteContext,
            /// The run that was named last, and its number.
            pub(super) last_run: Option<(String, i64)>,
            $($(#[$doc])* pub(super) $name: Statement<'c>,)*
        }

        impl<'c> Statements<'c> {
            /// Fails if the schema does not fit.
            pub(super) fn prepare(
                connection: &'c Connection,
                context: &'c SqliteContext,
            ) -> rusqlite::Result<Statements<'c>> {
                Ok(Statements {
                    connection,
                    context,
                    last_run: None,
                    $($name: connection.prepare($sql)?,)*
                })
            }
        }
    };
}

// `state < 5` is what the partial index covers; naming the index turns a missed one into an error at the start.
statements! {
    begin_transaction = "BEGIN IMMEDIATE";
    commit = "COMMIT";
    /// What this process has changed, and how often.
    count = "INSERT INTO counts VALUES (?1, ?2, ?3)
        ON CONFLICT (owner, state) DO UPDATE SET n = n + excluded.n";

    insert = "INSERT INTO jobs
        (event_id, fingerprint, promise, state, due_ms, accepted_ms, attempts, owner, run, payload, span_ms)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11) ON CONFLICT (event_id) DO NOTHING";
    known = "SELECT seq, fingerprint, promise, state, accepted_ms, due_ms, attempts, base, payload
        FROM jobs WHERE event_id = ?1";
    requeue = "UPDATE jobs SET state = ?2, promise = ?3, due_ms = ?4, base = ?5, span_ms = 0 WHERE seq = ?1";
    run_id = "SELECT id FROM runs WHERE name = ?1";
    new_run = "INSERT INTO runs (name) VALUES (?1)";

    due = "SELECT seq, event_id, attempts, base, payload, fingerprint FROM jobs INDEXED BY jobs_open
        WHERE state = ?1 AND state < 5 AND due_ms <= ?2 ORDER BY due_ms LIMIT ?3";
    next_due = "SELECT due_ms, span_ms FROM jobs INDEXED BY jobs_open
        WHERE state = ?1 AND state < 5 AND due_ms IS NOT NULL ORDER BY due_ms LIMIT 1";
    lease_status = "SELECT seq, event_id, attempts, base, payload, fingerprint, state, due_ms
        FROM jobs WHERE event_id = ?1";
    lease = "UPDATE jobs SET state = 2, due_ms = ?2, attempts = ?3, base = ?4, owner = ?5, span_ms = ?6,
        payload = NULL WHERE seq = ?1";
    insert_event = "INSERT INTO events (event_id, payload, inserted_ms) VALUES (?1, ?2, ?3)
        ON CONFLICT (event_id) DO NOTHING";
    keep_payload = "UPDATE jobs SET payload = ?2 WHERE seq = ?1";
    log = "INSERT INTO effects (job, effect, attempt, outcome, at_ms, detail)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO NOTHING";
    /// Judged attempt by attempt: one that has begun and not ended is not made up for by another one that has.
    notified = "SELECT coalesce(max(sent), 0), coalesce(max(unknown OR started AND NOT ended), 0)
        FROM (SELECT max(outcome = 'sent') AS sent, max(outcome IN ('unknown', 'broken')) AS unknown,
                max(outcome = 'started') AS started, max(outcome <> 'started') AS ended
            FROM effects WHERE job = ?1 AND effect = 'notify' GROUP BY attempt)";

    finish = "UPDATE jobs SET state = ?3, due_ms = ?4, processed_ms = ?5, span_ms = ?6
        WHERE seq = ?1 AND attempts = ?2 AND state = 2";
    /// Is the job in the state that this outcome of its latest attempt gave it, and has that attempt no other one?
    decided = "SELECT EXISTS (SELECT 1 FROM jobs WHERE seq = ?1 AND attempts = ?2 AND state = ?3)
        AND NOT EXISTS (SELECT 1 FROM effects WHERE job = ?1 AND effect = 'notify' AND attempt = ?2
            AND outcome NOT IN ('started', ?4))";
    /// The attempt was not begun: it is made up for in `base`.
    give_back = "UPDATE jobs SET state = 1, due_ms = ?3, span_ms = 0, base = base + 1
        WHERE seq = ?1 AND attempts = ?2 AND state = 2";

    unclaimed = "SELECT seq, event_id, due_ms, swept_ms,
        attempts = 0 AND typeof(payload) <> 'blob' FROM jobs INDEXED BY jobs_open
        WHERE state = ?1 AND state < 5 AND due_ms <= ?2 AND (due_ms, seq) > (?3, ?4)
        ORDER BY due_ms, seq LIMIT ?5";
    swept = "UPDATE jobs SET swept_ms = ?2 WHERE seq = ?1";
    replay = "UPDATE jobs SET state = 1, due_ms = ?2, span_ms = 0, base = attempts
        WHERE event_id = ?1 AND state = 4";
    report = "INSERT OR REPLACE INTO processes
        (owner, seen_ms, role, host, pid, in_flight, attempts, processed, retries, dead, breaker, breaker_reason)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)";

    unreadable = "SELECT seq, state, attempts, processed_ms FROM jobs INDEXED BY jobs_unreadable
        WHERE typeof(state) <> 'integer' OR state NOT BETWEEN 0 AND 5 OR typeof(due_ms) <> 'integer' LIMIT 64";
    restore = "UPDATE jobs SET state = ?2, due_ms = ?3 WHERE seq = ?1";
    /// Dead, with readable numbers.
    give_up = "UPDATE jobs SET state = 4, due_ms = ?2, base = 0, attempts =
        CASE WHEN typeof(attempts) = 'integer' AND attempts BETWEEN 0 AND 1000000000 THEN attempts ELSE 0 END
        WHERE seq = ?1";
    given_up = "INSERT INTO effects (job, effect, attempt, outcome, at_ms, detail)
        SELECT seq, 'insert', attempts, 'failed', ?2, ?3 FROM jobs WHERE seq = ?1 ON CONFLICT DO NOTHING";
}
