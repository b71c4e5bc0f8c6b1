//! Durations in files: whole nanoseconds, in fields whose names end in `_ns`.

use std::time::Duration;

use serde::{Deserialize, Deserializer, Serializer};

/// Longest duration that a file can hold, 584 years; longer ones are held at it.
pub(super) fn of(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

pub(super) fn serialize<S: Serializer>(duration: &Duration, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_u64(of(*duration))
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
    u64::deserialize(from).map(Duration::from_nanos)
}
