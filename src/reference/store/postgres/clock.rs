//! The time by which leases and retries are due: the database's, except that a step of its clock does not show.

use tokio_postgres::{Client, Error};

use crate::reference::store::boot::boot_ms;

/// The server's clock may be this far from where it was expected.
const TOLERANCE_MS: i64 = 250;

/// The time in a query.
pub(super) const NOW_MS: &str = "((extract(epoch FROM clock_timestamp()) * 1000)::bigint
    + coalesce((SELECT offset_ms FROM a7probe_clock), 0))";
/// The server's clock, and its offset.
pub(super) const READ: &str = "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint,
    coalesce((SELECT offset_ms FROM a7probe_clock), 0)";
/// Another process that has seen a later time than this one expects is right: this process was suspended.
const CORRECT: &str = "UPDATE a7probe_clock
    SET offset_ms = $1::bigint - (extract(epoch FROM clock_timestamp()) * 1000)::bigint
    WHERE offset_ms = $2 AND NOT EXISTS (SELECT FROM processes WHERE owner <> $3 AND seen_ms > $4)";
/// At the start there may be no process that saw the clock being set back, but the latest recorded time is known.
const CATCH_UP: &str = "UPDATE a7probe_clock
    SET offset_ms = reached - (extract(epoch FROM clock_timestamp()) * 1000)::bigint
    FROM (SELECT greatest(newest_ms, (SELECT max(seen_ms) FROM processes),
            (SELECT accepted_ms FROM jobs ORDER BY seq DESC LIMIT 1)) AS reached FROM a7probe_clock) known
    WHERE reached > (extract(epoch FROM clock_timestamp()) * 1000)::bigint + offset_ms";
/// Records the time reached, for a process that starts when no other is left.
pub(super) const REACHED: &str = "UPDATE a7probe_clock SET newest_ms = $1 WHERE newest_ms < $1";

/// A reading of the server's clock, with this machine's time since its start.
#[derive(Clone, Copy, Debug)]
pub(super) struct ClockReading {
    pub(super) server_ms: i64,
    pub(super) offset_ms: i64,
    pub(super) asked_ms: i64,
    pub(super) answered_ms: i64,
}

/// An accepted reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ClockAnchor {
    now_ms: i64,
    offset_ms: i64,
    asked_ms: i64,
    answered_ms: i64,
}

/// The server's clock has been set; the time it should have shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ClockStep {
    expected_ms: i64,
    offset_ms: i64,
}

impl ClockReading {
    pub(super) fn now_ms(&self) -> i64 {
        self.server_ms.saturating_add(self.offset_ms)
    }

    /// Whether the reading follows from the last accepted one. Then the next one is measured against it. A changed
    /// offset was set by a process that saw the step first.
    pub(super) fn follow(&self, last: Option<ClockAnchor>) -> Result<ClockAnchor, ClockStep> {
        if let Some(last) = last.filter(|last| last.offset_ms == self.offset_ms) {
            let earliest = last.now_ms + (self.asked_ms - last.answered_ms);
            let latest = last.now_ms + (self.answered_ms - last.asked_ms);
            let fits = earliest - TOLERANCE_MS..=latest + TOLERANCE_MS;
            if !fits.contains(&self.now_ms()) {
                return Err(ClockStep {
                    expected_ms: latest,
                    offset_ms: self.offset_ms,
                });
            }
        }
        Ok(ClockAnchor {
            now_ms: self.now_ms(),
            offset_ms: self.offset_ms,
            asked_ms: self.asked_ms,
            answered_ms: self.answered_ms,
        })
    }
}

/// Corrects the step, unless another process has corrected it or knows that there was none. The next reading is
/// accepted in any case.
pub(super) async fn correct(client: &Client, stepped: ClockStep, owner: i64) -> Result<(), Error> {
    let began_ms = boot_ms();
    let ClockStep {
        expected_ms,
        offset_ms,
    } = stepped;
    let later_ms = expected_ms + TOLERANCE_MS;
    let expected_ms = expected_ms + (boot_ms() - began_ms);
    let corrected = client
        .execute(CORRECT, &[&expected_ms, &offset_ms, &owner, &later_ms])
        .await?;
    if corrected > 0 {
        tracing::warn!(
            "the clock of the PostgreSQL server was set; leases and retries keep their times"
        );
    }
    Ok(())
}

/// Ensures that time does not begin before the latest time in the database.
pub(super) async fn catch_up(client: &Client) -> Result<(), Error> {
    client.execute(CATCH_UP, &[]).await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::{ClockAnchor, ClockReading, ClockStep};

    /// The server answers within 10 ms.
    fn reading(server_ms: i64, offset_ms: i64, asked_ms: i64) -> ClockReading {
        ClockReading {
            server_ms,
            offset_ms,
            asked_ms,
            answered_ms: asked_ms + 10,
        }
    }

    fn first() -> ClockAnchor {
        reading(1_000_005, 0, 5_000)
            .follow(None)
            .expect("the first is believed")
    }

    #[test]
    fn a_clock_that_goes_on_is_believed_however_long_the_answer_takes() {
        let next = reading(1_060_005, 0, 65_000).follow(Some(first()));
        assert_eq!(next.map(|anchor| anchor.now_ms), Ok(1_060_005));
        let slow = ClockReading {
            answered_ms: 95_000,
            ..reading(1_080_000, 0, 65_000)
        };
        assert!(slow.follow(Some(first())).is_ok());
    }

    #[test]
    fn a_step_in_either_direction_is_seen_with_what_should_have_been_shown() {
        for step_ms in [-600_000, -300, 300, 600_000] {
            let stepped = reading(1_060_005 + step_ms, 0, 65_000).follow(Some(first()));
            assert_eq!(
                stepped,
                Err(ClockStep {
                    expected_ms: 1_060_015,
                    offset_ms: 0
                }),
                "{step_ms}"
            );
        }
    }

    #[test]
    fn what_another_process_has_corrected_is_believed() {
        let corrected = reading(460_005, 600_010, 65_000).follow(Some(first()));
        assert_eq!(corrected.map(|anchor| anchor.now_ms), Ok(1_060_015));
        let again = reading(520_005, 600_010, 125_000);
        assert!(again.follow(corrected.ok()).is_ok());
    }
}
