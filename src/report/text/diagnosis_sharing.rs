//! What a diagnosis says of requests that share an HTTP/2 connection.

use super::diagnosis_numbers::{difference, grown, pretty_ns, range};
use crate::judge::diagnosis::{BurstTimes, NotShared, Support};
use crate::units::{grouped, plural};

/// Of a cause that a shared connection explains as well.
pub(super) const SHARED: &str =
    "the requests shared a connection on which they wait for each other, which looks the same";

/// Why no requests share a connection.
pub(super) fn not_shared(why: NotShared) -> &'static str {
    match why {
        NotShared::Http1 => {
            "measured over HTTP/1.1, where a connection carries one request at a time"
        }
        NotShared::OneStream => "measured with one stream a connection (--streams 1)",
    }
}

pub(super) fn burst_times(times: &BurstTimes, load: &str) -> String {
    format!(
        "{load}, bursts of {} requests: P50 until the last answer {} on one connection, {} on a connection each; {} longer on \
         one (95%, {} bursts each)",
        times.burst,
        burst_time(times.one_ns),
        burst_time(times.many_ns),
        difference(times.longer_ns),
        grouped(times.bursts)
    )
}

fn burst_time(ns: f64) -> String {
    if ns.is_finite() {
        pretty_ns(ns)
    } else {
        "no answer".to_owned()
    }
}

/// `the service allows 1 stream on a connection; other requests wait for one`.
pub(super) fn stream_limit(allowed: u64) -> String {
    format!(
        "the service allows {} {} on a connection; other requests wait for one",
        grouped(allowed),
        plural(allowed, "stream")
    )
}

/// `8 requests to ingest at once: the last answer after 160 ms on one connection, 20 ms on one each`.
pub(super) fn bursts(times: &BurstTimes, support: Support, load: &str) -> String {
    match support {
        Support::Supported => format!(
            "{} requests to {load} at once: last answer after {} on one connection, {} on one each",
            times.burst,
            grown(times.one_ns),
            grown(times.many_ns)
        ),
        Support::NotSupported | Support::NotEnough => format!(
            "{} requests to {load} at once take {} more on one connection",
            times.burst,
            range(times.longer_ns)
        ),
    }
}
