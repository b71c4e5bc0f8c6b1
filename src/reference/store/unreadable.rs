//! Rows of events that another program has changed so that no attempt can be made: the reasons, the same for every
//! engine. Such a row is dead with its reason.

use super::{EventId, EventState, Fingerprint};

/// The largest count of attempts that any event can have.
pub(super) const MOST_ATTEMPTS: i64 = 1_000_000_000;
/// About a state or a due time that this version does not write.
pub(super) const NO_STATE: &str = "this version does not know the value of state or due_ms";

/// A row that cannot be read.
#[derive(Debug)]
pub(super) struct Unreadable {
    pub(super) seq: i64,
    /// The state in which it is counted.
    pub(super) state: EventState,
    /// If it can be read.
    pub(super) event_id: Option<EventId>,
    pub(super) reason: String,
}

impl Unreadable {
    /// Writes the reason to the log, and returns it for the effect log.
    pub(super) fn say(&self) -> String {
        let Unreadable { seq, reason, .. } = self;
        let said = format!("the stored event cannot be read: {reason}");
        tracing::error!(row = seq, "{said}; it is dead");
        said
    }
}

/// A count of attempts.
pub(super) fn attempts(name: &str, n: i64) -> Result<u32, String> {
    if (0..=MOST_ATTEMPTS).contains(&n) {
        Ok(n as u32)
    } else {
        Err(format!("{name} is {n}"))
    }
}

/// Attempts that do not count any more cannot be more than all attempts.
pub(super) fn base_of(base: u32, attempts: u32) -> Result<(), String> {
    if base > attempts {
        return Err(format!("base is {base}, with {attempts} attempts"));
    }
    Ok(())
}

/// The payload must be the one that was accepted. Zeros stand for no fingerprint.
pub(super) fn is_accepted(payload: &[u8], fingerprint: &[u8]) -> Result<(), String> {
    if fingerprint == [0; 32] || fingerprint == Fingerprint::of(payload).0 {
        Ok(())
    } else {
        Err("payload is not the accepted body".to_owned())
    }
}
