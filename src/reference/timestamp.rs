//! Milliseconds since the Unix epoch, and how JSON shows them.

use std::time::{SystemTime, UNIX_EPOCH};

use serde::Serializer;

/// The machine's clock.
pub(crate) fn now_ms() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_millis() as i64)
}

/// Writes a time as RFC 3339, always with three digits, so that the texts sort as the times do.
pub(super) fn rfc3339<S: Serializer>(ms: &i64, serializer: S) -> Result<S::Ok, S::Error> {
    rfc3339_or_null(&Some(*ms), serializer)
}

/// The same for a time that may be missing.
pub(super) fn rfc3339_or_null<S: Serializer>(
    ms: &Option<i64>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match ms.and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok()) {
        Some(time) => serializer.collect_str(&format_args!("{time:.3}")),
        None => serializer.serialize_none(),
    }
}
