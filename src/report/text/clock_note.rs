//! From where the latencies of a closed model count.

use crate::run::recording::TimeBase;

pub(super) fn clock_note(clock: TimeBase) -> Option<&'static str> {
    match clock {
        // What another tool's file says, its importer says.
        TimeBase::IntendedStart | TimeBase::Given => None,
        TimeBase::Send => Some(
            "closed model: this is service time, counted from the send; requests that a stall kept from being sent are not in these numbers",
        ),
    }
}
