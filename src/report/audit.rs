//! What the faces show of a completion audit: the same rows for a terminal, for markdown and for CSV, and its data.

use serde::Serialize;

use super::row::{NOTHING, TableRow};
use super::{ComparisonReport, EndpointReport, Report};
use crate::judge::gate::{AuditCount, Condition, Finding};
use crate::judge::summary::{Percentile, Summary};
use crate::run::completion::{
    AcceptanceCounts, Audit, AuditRemark, Completion, DoneClock, EffectReporting, Resends, Settled,
};
use crate::stats::rank::Quantile;
use crate::units::{Pretty, grouped, millis, percent};

/// The percentiles of the time to completion that are always listed.
const PERCENTILES: [Quantile; 3] = [Quantile::P50, Quantile::P95, Quantile::P99];

/// Accepted events in ascending order of the time to completion, those not done above all.
pub(super) fn summary(completion: &Completion) -> Summary {
    Summary::of(&completion.done, Some(completion.patience))
}

/// The findings on the audit of an endpoint.
pub(super) fn findings<'a>(report: &'a Report, endpoint: &str) -> Vec<&'a Finding> {
    let findings = report.findings.iter();
    findings
        .filter(|f| f.endpoint == endpoint && f.gate.condition.needs_audit())
        .collect()
}

/// The usual percentiles and those with a gate, ascending.
pub(super) fn quantiles(findings: &[&Finding]) -> Vec<Quantile> {
    let mut quantiles = PERCENTILES.to_vec();
    quantiles.extend(
        findings
            .iter()
            .filter_map(|f| f.gate.condition.done_quantile()),
    );
    quantiles.sort_unstable();
    quantiles.dedup();
    quantiles
}

/// The findings about a percentile of the time to completion, or about a count.
pub(super) fn about<'a>(
    findings: &[&'a Finding],
    is_it: impl Fn(&Condition) -> bool,
) -> Vec<&'a Finding> {
    let about = findings.iter().filter(|f| is_it(&f.gate.condition));
    about.copied().collect()
}

pub(super) fn is_count(condition: &Condition, counted: AuditCount) -> bool {
    matches!(condition, Condition::Count { what, .. } if *what == counted)
}

/// The lines of an endpoint's table that the audit adds; gates alone where it was not read.
pub(super) fn rows(report: &Report, endpoint: &EndpointReport) -> Vec<TableRow> {
    let findings = findings(report, &endpoint.name);
    let Some(completion) = completion(endpoint) else {
        return findings
            .iter()
            .map(|finding| TableRow::without_data(&name(&finding.gate.condition)).gated(finding))
            .collect();
    };
    let summary = summary(completion);
    let mut rows = Vec::new();
    for quantile in quantiles(&findings) {
        let percentile = summary.percentile(quantile);
        let row = || percentile_row(&percentile);
        let gated = about(&findings, |c| c.done_quantile() == Some(quantile));
        rows.extend(each_or_once(row, &gated));
    }
    for (what, count) in counts(completion) {
        let gated = about(&findings, |c| is_count(c, what));
        if gated.is_empty() && !is_always_shown(what) && count.is_none_or(|n| n == 0) {
            continue;
        }
        let row = || TableRow::of_count(what.as_str(), count);
        rows.extend(each_or_once(row, &gated));
    }
    rows
}

/// The others have lines of their own where they are gated or not zero.
pub(super) fn is_always_shown(what: AuditCount) -> bool {
    matches!(what, AuditCount::Lost | AuditCount::Duplicated)
}

/// A row for each gate on it, or one without.
pub(super) fn each_or_once(row: impl Fn() -> TableRow, gated: &[&Finding]) -> Vec<TableRow> {
    if gated.is_empty() {
        return vec![row()];
    }
    gated.iter().map(|finding| row().gated(finding)).collect()
}

fn percentile_row(percentile: &Percentile) -> TableRow {
    TableRow::ungated(
        format!("done {}", percentile.quantile),
        percentile.value.to_string(),
        percentile.interval.to_string(),
    )
}

/// What may be gated; what nobody could see is no number.
pub(super) fn counts(completion: &Completion) -> [(AuditCount, Option<u64>); 4] {
    AuditCount::ALL.map(|what| (what, count(completion, what)))
}

/// One of them.
pub(super) fn count(completion: &Completion, what: AuditCount) -> Option<u64> {
    let duplicated = completion.duplicated();
    let seen = completion.sees_duplicates() || duplicated > 0;
    match what {
        AuditCount::Lost => Some(completion.lost),
        AuditCount::Duplicated => seen.then_some(duplicated),
        AuditCount::Dead => Some(completion.dead),
        // What may be the run's own is not claimed to be nobody's.
        AuditCount::Unexpected => completion
            .unexpected
            .filter(|them| them.at_least > 0 || them.at_most == 0)
            .map(|them| them.at_least),
    }
}

/// How often events were inserted twice, where that is told or was seen.
pub(super) fn twice(count: u64, reporting: EffectReporting) -> Option<u64> {
    (reporting == EffectReporting::Reported || count > 0).then_some(count)
}

pub(super) fn completion(endpoint: &EndpointReport) -> Option<&Completion> {
    endpoint.audit.as_ref()?.completion()
}

/// `done P95`, `lost`.
pub(super) fn name(condition: &Condition) -> String {
    match condition.done_quantile() {
        Some(quantile) => format!("done {quantile}"),
        None => condition.metric(),
    }
}

/// What was found, in lines; empty where nothing was asked.
pub(super) fn lines(endpoint: &EndpointReport) -> Vec<String> {
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

/// The counts of an audit and what must be known to read them.
pub fn of_completion(completion: &Completion) -> Vec<String> {
    let mut lines = vec![outcomes(completion), effects(completion)];
    let longest = completion.longest().map_or_else(
        || "nothing was done".to_owned(),
        |longest| format!("done at the latest after {}", Pretty(longest)),
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
            "answered with another's event {}",
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
            "the server does not tell how often effects were had".to_owned()
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
    some(twice, format!(" (perhaps {} more)", grouped(twice)))
        + &some(
            never,
            format!(" · perhaps never notified {}", grouped(never)),
        )
}

/// A count that somebody knows.
fn known_count(count: Option<u64>) -> String {
    count.map_or_else(|| NOTHING.to_owned(), grouped)
}

/// How the audit ended, if there is something to say.
fn end(completion: &Completion) -> Option<String> {
    match (completion.settled, completion.quiet) {
        (Settled::Done, Some(quiet)) => Some(format!(
            "read once more {} after everything was done",
            Pretty(quiet)
        )),
        (Settled::Done, None) => None,
        (Settled::Deadline, _) => Some(format!(
            "the audit ended at its deadline, {} after the run",
            Pretty(completion.patience)
        )),
        (Settled::Interrupted, _) => Some("the audit was INTERRUPTED".to_owned()),
    }
}

/// `sent twice: 31 requests (5 %), 15 with the original …`.
fn resent(resends: &Resends) -> String {
    let not_compared = match resends.not_compared {
        0 => String::new(),
        n => format!(
            ", {} accepted and not compared, because an answer names no event",
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

/// A completion audit as JSON shows it; times in milliseconds.
#[derive(Clone, Debug, Serialize)]
pub struct JsonAudit {
    /// Why it could not be read; `null` if it was, and then the rest is there.
    pub unread: Option<String>,
    /// What the server told.
    pub completion: Option<JsonCompletion>,
    /// What answers alone show of requests that were sent twice on purpose, where the server told nothing.
    pub resends: Option<Resends>,
}

/// What became of what an endpoint accepted.
#[derive(Clone, Debug, Serialize)]
pub struct JsonCompletion {
    /// What the client knew of its requests.
    pub journal: AcceptanceCounts,
    /// Requests that were answered ok.
    pub accepted: u64,
    /// Of those, done.
    pub processed: u64,
    /// Of those, not done and not given up.
    pub pending: u64,
    /// Of the pending, those whose state could not be read when the audit ended.
    pub unread: u64,
    /// Of those, given up by the server.
    pub dead: u64,
    /// Of those, unknown to the server.
    pub lost: u64,
    /// Of those, answered with the event of another request.
    pub shared: u64,
    /// Events whose effects were had more than once; `null` if the server does not tell.
    pub duplicated: Option<u64>,
    /// Events with more than one insert; `null` if the server does not tell.
    pub inserted_twice: Option<u64>,
    /// Events with more than one notification; `null` if the server does not tell.
    pub notified_twice: Option<u64>,
    /// Of the others, those that may have been notified more than once.
    pub perhaps_twice: u64,
    /// Processed, and nobody knows whether they were notified at all.
    pub perhaps_never: u64,
    /// Done although the client never saw an ok; `null` if nobody knows the names of such events.
    pub recovered: Option<u64>,
    /// Listed by the server, but never sent by the run; `null` if that cannot be known.
    pub unexpected: Option<u64>,
    /// Whether every accepted event was done exactly once, and there were any.
    pub exactly_once: bool,
    /// Median of the time from acceptance to completion over all accepted; `null` if that one was not done.
    pub done_p50_ms: Option<f64>,
    /// Its 95th percentile.
    pub done_p95_ms: Option<f64>,
    /// Its 99th percentile.
    pub done_p99_ms: Option<f64>,
    /// The longest of those that were done.
    pub done_max_ms: Option<f64>,
    /// Whose clocks the times are of.
    pub clock: DoneClock,
    /// How the wait for the server ended.
    pub settled: Settled,
    /// How long after everything was done it was all read once more; `null` if it was not.
    pub read_again_after_ms: Option<f64>,
    /// What must be known to read the numbers.
    pub remarks: Vec<String>,
    /// What became of requests that were sent twice on purpose.
    pub resends: Option<Resends>,
}

impl From<&Audit> for JsonAudit {
    fn from(audit: &Audit) -> JsonAudit {
        JsonAudit {
            unread: match audit {
                Audit::Read(_) => None,
                Audit::Unread { reason, .. } => Some(reason.in_one_line()),
            },
            completion: audit.completion().map(JsonCompletion::from),
            resends: match audit {
                Audit::Read(_) => None,
                Audit::Unread { resends, .. } => *resends,
            },
        }
    }
}

impl From<&Completion> for JsonCompletion {
    fn from(completion: &Completion) -> JsonCompletion {
        let after = |quantile| completion.done_after(quantile).map(millis);
        JsonCompletion {
            journal: completion.journal,
            accepted: completion.accepted(),
            processed: completion.processed,
            pending: completion.pending,
            unread: completion.unread,
            dead: completion.dead,
            lost: completion.lost,
            shared: completion.shared,
            duplicated: count(completion, AuditCount::Duplicated),
            inserted_twice: twice(completion.inserted_twice, completion.inserts),
            notified_twice: twice(completion.notified_twice, completion.notifications),
            perhaps_twice: completion.perhaps_twice,
            perhaps_never: completion.perhaps_never,
            recovered: completion.recovered,
            unexpected: count(completion, AuditCount::Unexpected),
            exactly_once: completion.is_exactly_once(),
            done_p50_ms: after(Quantile::P50),
            done_p95_ms: after(Quantile::P95),
            done_p99_ms: after(Quantile::P99),
            done_max_ms: completion.longest().map(millis),
            clock: completion.clock,
            settled: completion.settled,
            read_again_after_ms: completion.quiet.map(millis),
            remarks: completion.remarks.iter().map(AuditRemark::text).collect(),
            resends: completion.resends,
        }
    }
}

/// The completion audits of one endpoint before and after.
#[derive(Clone, Debug, Serialize)]
pub struct JsonAudits {
    /// What gates call it.
    pub endpoint: String,
    /// Before; `null` if that side was not audited.
    pub before: Option<JsonAudit>,
    /// After.
    pub after: Option<JsonAudit>,
}

impl ComparisonReport {
    /// `None` if no side of any endpoint was audited.
    pub(super) fn json_audits(&self) -> Option<Vec<JsonAudits>> {
        let mut audited = self.audits.iter();
        audited
            .any(|sides| sides.before.is_some() || sides.after.is_some())
            .then(|| {
                let sides = self.comparisons.iter().zip(&self.audits);
                let audits = sides.map(|(comparison, audits)| JsonAudits {
                    endpoint: comparison.endpoint.clone(),
                    before: audits.before.as_ref().map(JsonAudit::from),
                    after: audits.after.as_ref().map(JsonAudit::from),
                });
                audits.collect()
            })
    }
}
