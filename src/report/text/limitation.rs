//! What may have kept the instrument from its work, and what lifts it.

use crate::judge::gate::Limitation;
use crate::units::{Pretty, grouped, percent, plural};

/// `a7probe itself was busy for 90 % of the time`.
pub(super) fn limitation(limitation: Limitation) -> String {
    match limitation {
        Limitation::Late {
            p99,
            on_time,
            allowed,
        } => format!(
            "this machine sent late (send lag P99 {}, {} of the sends within {})",
            Pretty(p99),
            percent(on_time),
            Pretty(allowed)
        ),
        Limitation::Busy { share } => format!(
            "a7probe was busy for {} of the time",
            percent((share * 100.0).round() / 100.0)
        ),
        Limitation::Throttled { time } => format!(
            "the container's CPU limit stopped a7probe for {}",
            Pretty(time)
        ),
        Limitation::SocketErrors { count } => format!(
            "this machine had no free socket for {} {}",
            grouped(count),
            plural(count, "request")
        ),
    }
}

/// What to do about it.
pub(super) fn remedy(limitation: Limitation) -> &'static str {
    match limitation {
        Limitation::Late { .. } => "measure from a quieter machine, or at a lower rate",
        Limitation::Busy { .. } => "lower the rate, or measure from a larger machine",
        Limitation::Throttled { .. } => "raise the CPU limit of the container that a7probe runs in",
        Limitation::SocketErrors { .. } => {
            "raise the limit of open files (ulimit -n), or lower the rate"
        }
    }
}
