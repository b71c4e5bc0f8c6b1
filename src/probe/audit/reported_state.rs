//! What a service says of one event, whichever way it was asked.

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

/// What a service says of one event.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct ReportedState {
    pub(super) stage: ReportedStage,
    pub(super) inserts: Option<u64>,
    pub(super) notifications: Option<u64>,
    /// More notifications that may have been sent.
    pub(super) notify_unknown: u64,
    pub(super) accepted_at: Option<Time>,
    pub(super) done_at: Option<Time>,
}

/// How far an event is; the further, the larger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum ReportedStage {
    /// An unknown word.
    Unclear,
    Pending,
    GivenUp,
    Done,
}

impl ReportedState {
    /// A stage, and nothing else.
    pub(super) fn bare(stage: ReportedStage) -> ReportedState {
        ReportedState {
            stage,
            inserts: None,
            notifications: None,
            notify_unknown: 0,
            accepted_at: None,
            done_at: None,
        }
    }

    /// The sum of two lines about one event: the effects of both count, and the further state.
    pub(super) fn and(self, other: ReportedState) -> ReportedState {
        let further = if other.stage > self.stage {
            other
        } else {
            self
        };
        let sum = |a: Option<u64>, b: Option<u64>| Some(a?.saturating_add(b?));
        ReportedState {
            inserts: sum(self.inserts, other.inserts),
            notifications: sum(self.notifications, other.notifications),
            notify_unknown: self.notify_unknown.saturating_add(other.notify_unknown),
            ..further
        }
    }
}

/// A time as services write it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Time {
    Instant(Timestamp),
    /// What a clock on a wall showed: an instant only in a zone that it does not name.
    Wall(Timestamp),
}

impl Time {
    /// RFC 3339, with or without an offset, or seconds since 1970.
    pub(super) fn of(value: &Value) -> Option<Time> {
        match value {
            Value::String(text) => {
                let instant = text.parse().ok().map(Time::Instant);
                let wall = || format!("{}Z", text.replace(' ', "T")).parse().ok();
                instant
                    .or_else(|| wall().map(Time::Wall))
                    .or_else(|| text.parse().ok().and_then(of_seconds))
            }
            Value::Number(number) => of_seconds(number.as_f64()?),
            _ => None,
        }
    }

    /// From this time to another; `None` if they are not of one kind.
    pub(super) fn until(self, other: Time) -> Option<SignedDuration> {
        match (self, other) {
            (Time::Instant(from), Time::Instant(to)) | (Time::Wall(from), Time::Wall(to)) => {
                Some(to.duration_since(from))
            }
            _ => None,
        }
    }
}

fn of_seconds(seconds: f64) -> Option<Time> {
    // More than microseconds are not in such a number.
    let instant = Timestamp::from_microsecond((seconds * 1e6).round() as i64);
    instant.ok().map(Time::Instant)
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;
    use serde_json::json;

    use super::{ReportedStage, ReportedState, Time};

    #[test]
    fn times_are_read_in_the_ways_services_write_them() {
        let expected = Time::of(&json!("2026-01-02T03:04:05.250Z"));
        assert!(matches!(expected, Some(Time::Instant(_))));
        for same in [
            json!("2026-01-02T04:04:05.250+01:00"),
            json!("2026-01-02 03:04:05.250Z"),
            json!(1767323045.25),
            json!("1767323045.25"),
        ] {
            assert_eq!(Time::of(&same), expected, "{same}");
        }
        assert_eq!(Time::of(&json!(null)), None);
        assert_eq!(Time::of(&json!("soon")), None);
    }

    #[test]
    fn a_time_without_an_offset_is_held_only_against_its_like() {
        let time = |text: &str| Time::of(&json!(text)).unwrap();
        let (from, to) = (time("2026-01-02T03:04:05"), time("2026-01-02 03:04:06"));
        assert_eq!(from.until(to), Some(SignedDuration::from_secs(1)));
        assert_eq!(to.until(from), Some(SignedDuration::from_secs(-1)));
        assert_eq!(from.until(time("2026-01-02T03:04:06Z")), None);
    }

    #[test]
    fn what_two_lines_say_of_one_event_adds_up() {
        let line = |stage, inserts| ReportedState {
            stage,
            inserts: Some(inserts),
            notifications: Some(1),
            notify_unknown: 0,
            accepted_at: None,
            done_at: None,
        };
        let both = line(ReportedStage::Done, 1).and(line(ReportedStage::Pending, 1));
        assert_eq!(
            (both.stage, both.inserts, both.notifications),
            (ReportedStage::Done, Some(2), Some(2))
        );
    }
}
