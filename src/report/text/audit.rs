//! What a completion audit found, in lines under the table of an endpoint.

use crate::judge::gate::{AuditCount, Condition};
use crate::report::audit_counts::{self, count, twice};
use crate::report::endpoint_report::EndpointReport;
use crate::report::figures::{LatencyScale, thousands};
use crate::report::row::NOTHING;
use crate::report::style::Verbosity;
use crate::run::completion::{Audit, AuditRemark, Completion, EffectReporting, Resends, Settled};
use crate::stats::rank::Quantile;
use crate::units::{Pretty, grouped, percent};

/// The findings, in lines; empty without an audit.
pub(in crate::report) fn lines(endpoint: &EndpointReport) -> Vec<String> {
    match &endpoint.audit {
        None => Vec::new(),
        Some(Audit::Unread { reason, resends }) => {
            let mut lines = vec![format!("audit: not read: {}", reason.in_one_line())];
            lines.extend(resends.as_ref().map(resent));
            lines
        }
        Some(Audit::Read(completion)) => of_completion(completion),
    }
}

/// Two lines where every accepted event was processed once, unless all is asked for; every count else.
pub(in crate::report) fn folded_lines(
    endpoint: &EndpointReport,
    verbosity: Verbosity,
) -> Vec<String> {
    match endpoint.completion() {
        Some(completion) if verbosity != Verbosity::Full && is_plain(completion) => {
            let accepted = thousands(completion.accepted());
            let mut lines = vec![format!("audit: {accepted} accepted, each processed once")];
            lines.extend(done(completion));
            lines
        }
        _ => lines(endpoint),
    }
}

/// Whether one sentence says all.
fn is_plain(completion: &Completion) -> bool {
    completion.is_exactly_once()
        && completion.recovered.unwrap_or(0) == 0
        && completion.resends.is_none()
        && completion.remarks.is_empty()
        && completion.journal.failed + completion.journal.unknown == 0
}

/// `accepted to processed   P50 165 ms · P95 322 ms · slowest 602 ms`.
fn done(completion: &Completion) -> Option<String> {
    let longest = completion.longest()?;
    let scale = LatencyScale::of([longest]);
    let summary = audit_counts::summary(completion);
    let [p50, p95] = [Quantile::P50, Quantile::P95].map(|quantile| {
        let value = summary.percentile(quantile).value;
        format!("{quantile} {}", scale.observed(value))
    });
    Some(format!(
        "accepted to processed   {p50} · {p95} · slowest {}",
        scale.latency(longest)
    ))
}

/// The counts of an audit and what must be known to read them.
pub fn of_completion(completion: &Completion) -> Vec<String> {
    let mut lines = vec![outcomes(completion), effects(completion)];
    let longest = completion.longest().map_or_else(
        || "none processed".to_owned(),
        |longest| format!("processed within {}", Pretty(longest)),
    );
    lines.push(format!(
        "{longest}; time counts {}",
        completion.clock.as_str()
    ));
    lines.extend(completion.resends.as_ref().map(resent));
    lines.extend(completion.remarks.iter().map(AuditRemark::text));
    lines.extend(end(completion));
    lines
}

/// `audit: accepted 600 · processed 600 · pending 0 …`.
fn outcomes(completion: &Completion) -> String {
    let mut parts = vec![
        format!("accepted {}", grouped(completion.accepted())),
        format!("processed {}", grouped(completion.processed)),
        match completion.unread {
            0 => format!("pending {}", grouped(completion.pending)),
            unread => format!(
                "pending {} (unread {})",
                grouped(completion.pending),
                grouped(unread)
            ),
        },
        format!("dead {}", grouped(completion.dead)),
        format!("lost {}", grouped(completion.lost)),
        format!("recovered {}", known_count(completion.recovered)),
        format!(
            "unexpected {}",
            known_count(count(completion, AuditCount::Unexpected))
        ),
    ];
    if completion.shared > 0 {
        parts.push(format!(
            "answered with another request's event {}",
            grouped(completion.shared)
        ));
    }
    format!("audit: {}", parts.join(" · "))
}

/// `inserted twice 0 · notified twice 0 · client: ok 600, failed 0, unknown 0`.
fn effects(completion: &Completion) -> String {
    let journal = completion.journal;
    let by_repeat = match journal.by_repeat {
        0 => String::new(),
        n => format!(
            ", of which {} were accepted when sent a second time",
            grouped(n)
        ),
    };
    let twice = match (completion.inserts, completion.notifications) {
        (EffectReporting::NotReported, EffectReporting::NotReported)
            if completion.effects_twice == 0 =>
        {
            "the server reports no side-effect counts".to_owned()
        }
        (inserts, notifications) => format!(
            "inserted twice {} · notified twice {}{}",
            known_count(twice(completion.inserted_twice, inserts)),
            known_count(twice(completion.notified_twice, notifications)),
            perhaps(completion)
        ),
    };
    format!(
        "{twice} · client: ok {}, failed {}, unknown {}{by_repeat}",
        grouped(journal.ok),
        grouped(journal.failed),
        grouped(journal.unknown)
    )
}

/// ` (perhaps 10 more) · perhaps never notified 3`.
fn perhaps(completion: &Completion) -> String {
    let some = |n: u64, text: String| if n == 0 { String::new() } else { text };
    let (twice, never) = (completion.perhaps_twice, completion.perhaps_never);
    some(twice, format!(" (up to {} more)", grouped(twice)))
        + &some(
            never,
            format!(" · possibly never notified {}", grouped(never)),
        )
}

/// A count, or a dash where it is unknown.
fn known_count(count: Option<u64>) -> String {
    count.map_or_else(|| NOTHING.to_owned(), grouped)
}

/// How the audit ended, if there is something to say.
fn end(completion: &Completion) -> Option<String> {
    match (completion.settled, completion.quiet) {
        (Settled::Done, Some(quiet)) => Some(format!(
            "read again {} after all events were processed",
            Pretty(quiet)
        )),
        (Settled::Done, None) => None,
        (Settled::Deadline, _) => Some(format!(
            "the audit reached its deadline, {} after the run",
            Pretty(completion.patience)
        )),
        (Settled::Interrupted, _) => Some("the audit was interrupted".to_owned()),
    }
}

/// `sent twice: 31 requests (5 %), 15 with the original …`.
fn resent(resends: &Resends) -> String {
    let not_compared = match resends.not_compared {
        0 => String::new(),
        n => format!(
            ", {} accepted but not compared, because an answer names no event",
            grouped(n)
        ),
    };
    format!(
        "sent twice: {} requests ({} drawn), {} with the original and {} after it: {} replayed, {} the same event, {} refused with 409, {} another event{not_compared}, {} without an answer",
        grouped(resends.sent()),
        percent(resends.share),
        grouped(resends.concurrent),
        grouped(resends.after),
        grouped(resends.replayed),
        grouped(resends.same_event),
        grouped(resends.conflict),
        grouped(resends.several_events),
        grouped(resends.unanswered)
    )
}

/// `done P95`, `lost`.
pub(in crate::report) fn name(condition: &Condition) -> String {
    match condition.done_quantile() {
        Some(quantile) => format!("done {quantile}"),
        None => condition.metric(),
    }
}
