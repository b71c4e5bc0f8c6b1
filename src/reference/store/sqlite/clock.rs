//! The time by which leases and retries are due: one clock for all processes of a file, which cannot be set.

use std::sync::atomic::{AtomicI64, Ordering};

use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};

use super::errors::is_of_the_disk;
use crate::reference::store::boot::{boot_id, boot_ms};
use crate::reference::timestamp::now_ms;

const KNOWN: &str = "SELECT boot, offset_ms, newest_ms FROM clock";
/// Rows lie in the order in which they were accepted.
const LAST_ACCEPTED: &str = "SELECT accepted_ms FROM jobs ORDER BY seq DESC LIMIT 1";
const KEEP: &str =
    "INSERT OR REPLACE INTO clock (one, boot, offset_ms, newest_ms) VALUES (1, ?1, ?2, ?3)";
const REACHED: &str = "UPDATE clock SET newest_ms = ?1, offset_ms = ?2 WHERE newest_ms < ?1";
/// The times that a clock can show: from 1970 to the end of the year 9999.
const TIMES_MS: std::ops::Range<i64> = 0..253_402_300_800_000;
/// A machine's clock that is off by less is not corrected for.
const NEGLIGIBLE_MS: i64 = 1000;

/// The time since the machine was started, plus an offset that the file keeps. A step of the machine's clock, or of the
/// one that a single process sees, changes neither.
#[derive(Default)]
pub(super) struct StoreClock {
    offset_ms: AtomicI64,
}

/// The clock data in a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct SavedClock {
    boot: Option<String>,
    offset_ms: i64,
    newest_ms: i64,
}

/// The clock readings of a process when it opens the file.
#[derive(Clone, Copy)]
struct MachineClock<'a> {
    boot: Option<&'a str>,
    boot_ms: i64,
    wall_ms: i64,
    is_alone: bool,
}

impl SavedClock {
    /// `None` if another program has written something else than a clock.
    fn read(row: &rusqlite::Row<'_>) -> Option<SavedClock> {
        Some(SavedClock {
            boot: row.get(0).ok()?,
            offset_ms: row.get(1).ok()?,
            newest_ms: row.get(2).ok()?,
        })
    }

    /// Whether these are times that a clock can show.
    fn is_usable(&self, boot_ms: i64) -> bool {
        let shown_ms = boot_ms.saturating_add(self.offset_ms);
        TIMES_MS.contains(&self.newest_ms) && TIMES_MS.contains(&shown_ms)
    }
}

impl StoreClock {
    /// Takes over the clock of a file, or sets it where the file has none that fits this machine.
    pub(super) fn set(&self, connection: &mut Connection, is_alone: bool) -> rusqlite::Result<()> {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let known = transaction.query_row(KNOWN, [], |row| Ok(SavedClock::read(row)));
        let known = known.optional()?.flatten();
        let last_accepted = transaction.query_row(LAST_ACCEPTED, [], |row| Ok(row.get(0).ok()));
        let last_accepted = last_accepted.optional()?.flatten();
        let last_accepted = last_accepted.filter(|ms| TIMES_MS.contains(ms));
        let boot = boot_id();
        let seen = MachineClock {
            boot: boot.as_deref(),
            boot_ms: boot_ms(),
            wall_ms: now_ms(),
            is_alone,
        };
        let known = known.filter(|known| known.is_usable(seen.boot_ms));
        let offset_ms = offset_ms(known.as_ref(), last_accepted, seen);
        let newest_ms = seen.boot_ms.saturating_add(offset_ms);
        self.offset_ms.store(offset_ms, Ordering::Relaxed);
        let kept = transaction.execute(KEEP, params![boot, offset_ms, newest_ms]);
        match kept.and_then(|_| transaction.commit()) {
            // Existing events can be served. The offset is saved once there is room.
            Err(error) if is_alone && is_of_the_disk(&error) => Ok(()),
            kept => kept,
        }
    }

    /// Milliseconds since the Unix epoch, as far as the machine's clock was right when the file was first opened since the
    /// machine was started.
    pub(super) fn now_ms(&self) -> i64 {
        boot_ms().saturating_add(self.offset_ms.load(Ordering::Relaxed))
    }

    /// Saves the time reached, for the machine's next start.
    pub(super) fn keep(&self, connection: &Connection) -> rusqlite::Result<()> {
        let reached = connection
            .prepare_cached(REACHED)?
            .execute([self.now_ms(), self.offset_ms.load(Ordering::Relaxed)]);
        reached.map(drop)
    }
}

/// A time that the machine's clock showed lately, by the file's clock, which shows `now_ms`.
pub(super) fn by_this_clock(shown_ms: i64, wall_ms: i64, now_ms: i64) -> i64 {
    let ahead_ms = now_ms.saturating_sub(wall_ms);
    if ahead_ms.abs() < NEGLIGIBLE_MS {
        return shown_ms;
    }
    shown_ms.saturating_add(ahead_ms).min(now_ms)
}

/// The offset from the time since the machine's start. The offset stays as long as the machine runs, and every other
/// process that has the file open uses it. After a restart of the machine, or on another one, the machine's clock
/// counts, unless the file has seen a later time: time never goes back.
fn offset_ms(
    known: Option<&SavedClock>,
    last_accepted: Option<i64>,
    seen: MachineClock<'_>,
) -> i64 {
    let newest_ms = known.map(|known| known.newest_ms);
    let newest_ms = newest_ms.max(last_accepted).unwrap_or(i64::MIN);
    let kept = known.filter(|known| {
        !seen.is_alone || known.boot.is_some() && known.boot.as_deref() == seen.boot
    });
    match kept {
        Some(known) if !seen.is_alone => known.offset_ms,
        Some(known) => known.offset_ms.max(newest_ms.saturating_sub(seen.boot_ms)),
        None => seen.wall_ms.max(newest_ms).saturating_sub(seen.boot_ms),
    }
}

#[cfg(test)]
mod tests {
    use super::{MachineClock, SavedClock, by_this_clock, offset_ms};

    const WALL_MS: i64 = 1_700_000_000_000;
    const MINUTE_MS: i64 = 60_000;

    /// Of a machine that has been up for an hour.
    fn seen(boot: &str, wall_ms: i64, is_alone: bool) -> MachineClock<'_> {
        MachineClock {
            boot: Some(boot),
            boot_ms: 60 * MINUTE_MS,
            wall_ms,
            is_alone,
        }
    }

    fn known(boot: &str, at: MachineClock<'_>) -> SavedClock {
        SavedClock {
            boot: Some(boot.to_owned()),
            offset_ms: WALL_MS - at.boot_ms,
            newest_ms: WALL_MS,
        }
    }

    fn shows(
        known: Option<&SavedClock>,
        last_accepted: Option<i64>,
        seen: MachineClock<'_>,
    ) -> i64 {
        seen.boot_ms + offset_ms(known, last_accepted, seen)
    }

    #[test]
    fn a_new_file_goes_by_the_machines_clock() {
        assert_eq!(shows(None, None, seen("a", WALL_MS, true)), WALL_MS);
    }

    #[test]
    fn a_step_in_either_direction_changes_nothing_while_the_machine_runs() {
        for step_ms in [-600_000, -1, 1, 600_000, 86_400_000] {
            for is_alone in [false, true] {
                let seen = seen("a", WALL_MS + step_ms, is_alone);
                assert_eq!(shows(Some(&known("a", seen)), None, seen), WALL_MS);
            }
        }
    }

    #[test]
    fn whoever_comes_second_goes_by_the_clock_of_the_first_whatever_it_believes_of_the_machine() {
        let second = seen("another", WALL_MS + 600_000, false);
        assert_eq!(shows(Some(&known("a", second)), None, second), WALL_MS);
    }

    #[test]
    fn after_a_start_of_the_machine_its_clock_counts_and_time_never_goes_back() {
        let later = seen("b", WALL_MS + MINUTE_MS, true);
        assert_eq!(
            shows(Some(&known("a", later)), None, later),
            WALL_MS + MINUTE_MS
        );
        // A machine without a battery starts in 1970.
        let lost = seen("b", 0, true);
        assert_eq!(shows(Some(&known("a", lost)), None, lost), WALL_MS);
        let accepted = Some(WALL_MS + 5);
        assert_eq!(shows(Some(&known("a", lost)), accepted, lost), WALL_MS + 5);
    }

    #[test]
    fn a_clock_that_cannot_be_shown_is_unusable() {
        let known = known("a", seen("a", WALL_MS, true));
        let boot_ms = 60 * MINUTE_MS;
        assert!(known.is_usable(boot_ms));
        for ms in [
            i64::MIN,
            -1_000_000_000_000_000,
            1_000_000_000_000_000,
            i64::MAX,
        ] {
            for known in [
                SavedClock {
                    newest_ms: ms,
                    ..known.clone()
                },
                SavedClock {
                    offset_ms: ms,
                    ..known.clone()
                },
            ] {
                assert!(!known.is_usable(boot_ms), "{known:?}");
            }
        }
    }

    #[test]
    fn a_machine_that_was_put_back_to_a_snapshot_goes_on_from_the_files_time() {
        let back = MachineClock {
            boot_ms: 30 * MINUTE_MS,
            ..seen("a", WALL_MS - 30 * MINUTE_MS, true)
        };
        let known = known("a", seen("a", WALL_MS, true));
        assert_eq!(shows(Some(&known), None, back), WALL_MS);
    }

    #[test]
    fn where_the_system_does_not_tell_its_starts_only_a_file_in_use_keeps_its_clock() {
        let nameless = |is_alone| MachineClock {
            boot: None,
            ..seen("", WALL_MS + MINUTE_MS, is_alone)
        };
        let known = SavedClock {
            boot: None,
            ..known("", nameless(true))
        };
        assert_eq!(shows(Some(&known), None, nameless(false)), WALL_MS);
        assert_eq!(
            shows(Some(&known), None, nameless(true)),
            WALL_MS + MINUTE_MS
        );
    }

    #[test]
    fn what_the_machines_clock_showed_is_moved_by_as_much_as_it_is_off() {
        assert_eq!(by_this_clock(500, 1_000, 1_900), 500, "as good as right");
        assert_eq!(by_this_clock(900, 1_000, 601_000), 600_900, "set back");
        assert_eq!(by_this_clock(600_900, 601_000, 1_000), 900, "set forward");
        assert_eq!(
            by_this_clock(5_000, 1_000, 3_000),
            3_000,
            "never later than now"
        );
    }
}
