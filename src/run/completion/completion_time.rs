//! The time from acceptance to completion of one event, as far as it is known.

use std::time::Duration;

use crate::run::recording::LatencyCode;

/// A range, because a service that names no times is only asked from time to time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CompletionTime {
    /// The shortest that it may be.
    pub at_least: LatencyCode,
    /// The longest.
    pub at_most: LatencyCode,
}

impl CompletionTime {
    /// Of an event that was not done, or whose state is unknown.
    pub const NEVER: CompletionTime = CompletionTime {
        at_least: LatencyCode::NOT_OK,
        at_most: LatencyCode::NOT_OK,
    };

    pub(super) fn between(at_least: Duration, at_most: Duration) -> CompletionTime {
        let code =
            |time: Duration| LatencyCode::of(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX));
        CompletionTime {
            at_least: code(at_least),
            at_most: code(at_most),
        }
    }
}
