//! When a run begins: as soon as it is ready, or at an instant that several machines have agreed on.

use std::time::{Duration, Instant};

use jiff::Timestamp;

/// When the run proper begins: the first start of its schedule is due.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StartTime {
    /// When all threads are ready, after the warm-up.
    #[default]
    WhenReady,
    /// At this time of the wall clock, or not at all.
    At(Timestamp),
}

/// The run was not ready when it had to begin; nothing of it was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the start {start} had passed by {late:?} when this shard was ready, so it sent nothing")]
pub struct LateStart {
    /// When it had to begin.
    pub start: Timestamp,
    /// How much too late it was ready.
    pub late: Duration,
}

/// The origin of a run's clock on both clocks of this machine.
#[derive(Clone, Copy, Debug)]
pub(super) struct ClockOrigin {
    pub(super) instant: Instant,
    pub(super) at: Timestamp,
}

impl StartTime {
    /// The origin of the clock of a run that is ready now, and whose first start is this long after the origin.
    ///
    /// # Errors
    /// [`LateStart`] if the origin has passed.
    pub(super) fn origin(self, before_t0: Duration) -> Result<ClockOrigin, LateStart> {
        let (instant, now) = (Instant::now(), Timestamp::now());
        let StartTime::At(start) = self else {
            return Ok(ClockOrigin { instant, at: now });
        };
        let origin = start.checked_sub(before_t0).unwrap_or(start);
        let ahead = origin.duration_since(now);
        match Duration::try_from(ahead) {
            Ok(ahead) => Ok(ClockOrigin {
                instant: instant + ahead,
                at: origin,
            }),
            Err(_) => Err(LateStart {
                start,
                late: ahead.unsigned_abs(),
            }),
        }
    }
}
