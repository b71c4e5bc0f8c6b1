//! Checks the plain numbers of an endpoint against each other, before any part of it is decoded.

use super::super::RunFileError;
use super::super::document::{EndpointDocument, LatencyDocument};
use super::context::RestoreContext;
use crate::run::plan::StatusSet;
use crate::run::recording::{EXEMPLARS, SERVER_TIMING_NAMES, TimeBase};
use crate::run::sample::MOST_MOVES;

/// A second, in ns.
const SECOND_NS: u64 = 1_000_000_000;

/// Threads of a run may each have seen other names.
const MOST_TIMINGS: usize = SERVER_TIMING_NAMES * 16;

/// Checks every figure that needs no decoding. `expected` are the statuses that count as ok.
pub(super) fn check(
    context: &RestoreContext,
    document: &EndpointDocument<'_>,
    expected: &StatusSet,
) -> Result<(), RunFileError> {
    measured_here(context, document)?;
    let planned = context.total("counts", &document.counts)?;
    context.total("warmup", &document.warmup)?;
    context.equal("planned", document.planned, "the outcomes' sum", planned)?;
    let dispatched = planned - document.counts.unsent;
    for (what, count) in [
        ("sent", document.sent),
        ("new_connections", document.new_connections),
        ("pool_limited", document.pool_limited),
    ] {
        context.no_more_than(what, count, "the number of requests that began", dispatched)?;
    }
    let moves = dispatched.saturating_mul(MOST_MOVES);
    context.no_more_than("moved", document.moved, "ten of each request", moves)?;
    if document.clock != TimeBase::Given {
        context.no_more_than("counts.ok", document.counts.ok, "sent", document.sent)?;
    }
    times(context, document)?;
    rate(context, document)?;
    if document.clock != TimeBase::Given {
        statuses(context, document, expected, dispatched)?;
        slowest(context, document, dispatched)?;
        first_failed(context, document, dispatched - document.counts.ok)?;
    }
    seconds(context, document, dispatched)?;
    timings(context, document)
}

/// A run that sent requests has its latencies in a histogram, together with figures that must agree with it. A plain
/// list of latencies is what another tool measured: no run has one, and nothing in the file could contradict it.
fn measured_here(
    context: &RestoreContext,
    document: &EndpointDocument<'_>,
) -> Result<(), RunFileError> {
    let is_histogram = matches!(document.latency, LatencyDocument::Histogram(_));
    context.holds(is_histogram, || {
        "its latencies are a list, and a measured run has a histogram".to_owned()
    })?;
    context.holds(document.clock != TimeBase::Given, || {
        "its latencies are a histogram of unknown origin".to_owned()
    })
}

fn times(context: &RestoreContext, document: &EndpointDocument<'_>) -> Result<(), RunFileError> {
    let last_end = document.last_finished_ns;
    match (document.first_sent_ns, document.last_sent_ns) {
        (Some(first), Some(last)) => {
            context.no_more_than("first_sent_ns", first, "last_sent_ns", last)?;
            context.no_more_than("last_sent_ns", last, "last_finished_ns", last_end)?;
            context.holds(document.sent > 0, || {
                "it has times of sends where sent is 0".to_owned()
            })
        }
        (None, None) => context.holds(document.sent == 0, || {
            format!("no time of a send where sent is {}", document.sent)
        }),
        _ => context.wrong("one of first_sent_ns and last_sent_ns is missing".to_owned()),
    }
}

/// The achieved rate follows from the sends.
fn rate(context: &RestoreContext, document: &EndpointDocument<'_>) -> Result<(), RunFileError> {
    let span = document.last_sent_ns.zip(document.first_sent_ns);
    let span_ns = span.map_or(0, |(last, first)| last.saturating_sub(first));
    let derived = (document.sent > 1 && span_ns > 0)
        .then(|| (document.sent - 1) as f64 * 1e9 / span_ns as f64);
    let agrees = match (document.achieved_per_s, derived) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(written), Some(derived)) => (written - derived).abs() <= derived * 1e-6,
    };
    context.holds(agrees, || {
        let (written, derived) = (document.achieved_per_s, derived.unwrap_or_default());
        let written = written.unwrap_or_default();
        format!("achieved_per_s is {written} where the sends give {derived}")
    })
}

/// Every request that ended ok was answered with a status that counts as ok.
fn statuses(
    context: &RestoreContext,
    document: &EndpointDocument<'_>,
    expected: &StatusSet,
    dispatched: u64,
) -> Result<(), RunFileError> {
    if document.statuses.is_empty() {
        return Ok(());
    }
    let all = context.sum("statuses", document.statuses.values().copied())?;
    context.no_more_than(
        "the sum of statuses",
        all,
        "the number of requests that began",
        dispatched,
    )?;
    let ok = document.statuses.iter();
    let ok = ok.filter(|&(&status, _)| expected.contains(status));
    let ok: u64 = ok.map(|(_, n)| n).sum();
    context.no_more_than(
        "counts.ok",
        document.counts.ok,
        "the number of answers with an expected status",
        ok,
    )
}

fn slowest(
    context: &RestoreContext,
    document: &EndpointDocument<'_>,
    dispatched: u64,
) -> Result<(), RunFileError> {
    let slowest = &document.slowest;
    let due = dispatched.min(EXEMPLARS as u64);
    context.equal(
        "the number of slowest requests",
        slowest.len() as u64,
        "the number that is kept",
        due,
    )?;
    let order = |of: fn(&super::super::document::ExemplarDocument) -> u64| {
        slowest.iter().map(of).collect::<Vec<u64>>()
    };
    let mut indexes = order(|e| e.index);
    indexes.sort_unstable();
    context.holds(indexes.is_sorted_by(|a, b| a < b), || {
        "a slow request is there twice".to_owned()
    })?;
    context.holds(order(|e| e.latency_ns).is_sorted_by(|a, b| a >= b), || {
        "slowest is not in the order of latency".to_owned()
    })?;
    let latest = slowest.iter().map(|e| e.at_ns).max().unwrap_or(0);
    context.no_more_than(
        "at_ns of a slow request",
        latest,
        "last_finished_ns",
        document.last_finished_ns,
    )
}

/// `failed` is how many requests began and did not end ok. Older files list none.
fn first_failed(
    context: &RestoreContext,
    document: &EndpointDocument<'_>,
    failed: u64,
) -> Result<(), RunFileError> {
    let listed = &document.first_failed;
    if listed.is_empty() {
        return Ok(());
    }
    context.equal(
        "the number of first_failed",
        listed.len() as u64,
        "the number that is kept",
        failed.min(EXEMPLARS as u64),
    )?;
    let is_in_order = listed.is_sorted_by(|a, b| a.index < b.index);
    context.holds(is_in_order, || {
        "first_failed is not in the order of the plan".to_owned()
    })
}

/// The intervals hold every request that began, and no request begins after the last one has ended.
fn seconds(
    context: &RestoreContext,
    document: &EndpointDocument<'_>,
    dispatched: u64,
) -> Result<(), RunFileError> {
    let seconds = &document.intervals;
    if let Some(pair) = seconds
        .windows(2)
        .find(|pair| pair[0].second >= pair[1].second)
    {
        return if pair[0].second == pair[1].second {
            context.wrong(format!("second {} is there twice", pair[0].second))
        } else {
            context.wrong("intervals are not ascending".to_owned())
        };
    }
    let ok = context.sum("ok of all seconds", seconds.iter().map(|s| s.ok))?;
    let not_ok = context.sum("not_ok of all seconds", seconds.iter().map(|s| s.not_ok))?;
    if seconds.is_empty() && document.clock == TimeBase::Given {
        return Ok(());
    }
    let counts = &document.counts;
    context.equal("ok of all seconds", ok, "counts.ok", counts.ok)?;
    context.equal(
        "not_ok of all seconds",
        not_ok,
        "the rest",
        dispatched - counts.ok,
    )?;
    let (Some(first), Some(last)) = (seconds.first(), seconds.last()) else {
        return Ok(());
    };
    let end = document.last_finished_ns / SECOND_NS;
    context.no_more_than(
        "the last second",
        last.second,
        "that of last_finished_ns",
        end,
    )?;
    // Time that is cut out moves seconds by less than one.
    if document.clock == TimeBase::Send && document.seams.is_empty() {
        let width_ns = SECOND_NS.saturating_mul(document.interval_s.max(1));
        let of = |ns: Option<u64>| ns.map_or(0, |ns| ns / width_ns * document.interval_s);
        let (first_sent, last_sent) = (of(document.first_sent_ns), of(document.last_sent_ns));
        if document.sent == dispatched {
            context.equal(
                "the first second",
                first.second,
                "that of first_sent_ns",
                first_sent,
            )?;
            context.equal(
                "the last second",
                last.second,
                "that of last_sent_ns",
                last_sent,
            )?;
        }
        context.no_more_than(
            "the second of last_sent_ns",
            last_sent,
            "the last",
            last.second,
        )?;
    }
    Ok(())
}

fn timings(context: &RestoreContext, document: &EndpointDocument<'_>) -> Result<(), RunFileError> {
    let names = document.server_timing.len();
    context.holds(names <= MOST_TIMINGS, || {
        format!("{names} names of Server-Timing, at most {MOST_TIMINGS} are kept")
    })
}
