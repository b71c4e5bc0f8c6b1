//! The requests to one endpoint and their outcomes, one line each.

use crate::report::endpoint_report::{EndpointReport, Traffic};
use crate::report::figures::per_second;
use crate::report::row::NOTHING;
use crate::run::recording::TimeBase;
use crate::units::{Pretty, grouped, trimmed};

/// `600 requests to …`, `10 samples from evidence.txt`.
pub(in crate::report) fn heading(endpoint: &EndpointReport) -> String {
    let n = grouped(endpoint.summary.planned());
    let noun = noun(endpoint.summary.clock);
    match &endpoint.source {
        Some(source) => format!("{}: {n} {noun} from {source}", endpoint.name),
        None => format!("{}: {n} {noun}", endpoint.name),
    }
}

pub(in crate::report) fn noun(clock: TimeBase) -> &'static str {
    match clock {
        TimeBase::Given => "samples",
        TimeBase::IntendedStart | TimeBase::Send => "requests",
    }
}

/// `ok 593 · failed 5 (connect 2, status 3) · timed out 2 · unsent 0`.
pub(in crate::report) fn counts(endpoint: &EndpointReport) -> String {
    let counts = &endpoint.summary.counts;
    let failed = grouped(counts.failed_total());
    if endpoint.summary.clock == TimeBase::Given && counts.timeout + counts.unsent == 0 {
        return format!("ok {} · failed {failed}", grouped(counts.ok));
    }
    let kinds: Vec<String> = counts
        .failed
        .iter()
        .map(|(kind, &n)| format!("{} {}", kind.as_str(), grouped(n)))
        .collect();
    let kinds = if kinds.is_empty() {
        String::new()
    } else {
        format!(" ({})", kinds.join(", "))
    };
    format!(
        "ok {} · failed {failed}{kinds} · timed out {} · unsent {}",
        grouped(counts.ok),
        grouped(counts.timeout),
        grouped(counts.unsent)
    )
}

/// `achieved 20 of 20/s offered · send lag P50 31 µs, P99 92 µs, max 210 µs`.
pub(in crate::report) fn traffic(traffic: &Traffic) -> String {
    let achieved = match traffic.achieved_per_s {
        Some(rate) if rate >= 1_000.0 => grouped(rate.round() as u64),
        Some(rate) => trimmed(rate, 2),
        None => NOTHING.to_owned(),
    };
    let mut parts = vec![match traffic.offered {
        Some(offered) => format!(
            "achieved {achieved} of {} offered",
            per_second(offered.as_per_second())
        ),
        None => format!("achieved {achieved}/s"),
    }];
    if let Some(lag) = traffic.send_lag {
        parts.push(format!(
            "send lag P50 {}, P99 {}, max {}",
            Pretty(lag.p50),
            Pretty(lag.p99),
            Pretty(lag.max)
        ));
    }
    parts.push(match traffic.new_connections {
        1 => "1 new connection".to_owned(),
        n => format!("{} new connections", grouped(n)),
    });
    if traffic.pool_limited > 0 {
        parts.push(format!(
            "{} waited for a connection (in-flight cap)",
            grouped(traffic.pool_limited)
        ));
    }
    parts.extend(stream_waits(traffic));
    parts.join(" · ")
}

/// `12 waited for a stream`, `3 sent once more (GOAWAY)`.
pub(super) fn stream_waits(traffic: &Traffic) -> Vec<String> {
    let mut parts = Vec::new();
    if traffic.waited_for_stream > 0 {
        let waited = grouped(traffic.waited_for_stream);
        parts.push(format!("{waited} waited for a stream"));
    }
    if traffic.moved > 0 {
        let moved = grouped(traffic.moved);
        parts.push(format!("{moved} sent once more (GOAWAY)"));
    }
    parts
}
