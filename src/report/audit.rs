//! What the faces show of a completion audit: the same rows for a terminal, for markdown and for CSV, and its data.

use schemars::JsonSchema;
use serde::Serialize;

use super::words::Row;
use super::{ComparisonReport, EndpointReport, Report};
use crate::completion::{Audit, Completion, DoneClock, Effects, Journal, Resends, Settled};
use crate::gate::{Condition, Counted, Finding};
use crate::stats::rank::Quantile;
use crate::summary::{Percentile, Summary};
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

pub(super) fn is_count(condition: &Condition, counted: Counted) -> bool {
    matches!(condition, Condition::Count { what, .. } if *what == counted)
}

/// The lines of an endpoint's table that the audit adds; gates alone where it was not read.
pub(super) fn rows(report: &Report, endpoint: &EndpointReport) -> Vec<Row> {
    let findings = findings(report, &endpoint.name);
    let Some(completion) = completion(endpoint) else {
        return findings
            .iter()
            .map(|finding| Row::without_data(&name(&finding.gate.condition)).gated(finding))
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
        let row = || Row::of_count(what.as_str(), count);
        let gated = about(&findings, |c| is_count(c, what));
        rows.extend(each_or_once(row, &gated));
    }
    rows
}

/// A row for each gate on it, or one without.
fn each_or_once(row: impl Fn() -> Row, gated: &[&Finding]) -> Vec<Row> {
    match gated.is_empty() {
        true => vec![row()],
        false => gated.iter().map(|finding| row().gated(finding)).collect(),
    }
}

fn percentile_row(percentile: &Percentile) -> Row {
    Row::ungated(
        format!("done {}", percentile.quantile),
        percentile.value.to_string(),
        percentile.interval.to_string(),
    )
}

/// What may be gated; duplicates that nobody could see are no number.
pub(super) fn counts(completion: &Completion) -> [(Counted, Option<u64>); 2] {
    let duplicated = completion.duplicated();
    let seen = completion.sees_duplicates() || duplicated > 0;
    [
        (Counted::Lost, Some(completion.lost)),
        (Counted::Duplicated, seen.then_some(duplicated)),
    ]
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
        Some(Audit::Unread { reason }) => vec![format!("audit: not read: {reason}")],
        Some(Audit::Read(completion)) => of_completion(completion),
    }
}

/// The counts of an audit and what must be known to read them.
pub fn of_completion(completion: &Completion) -> Vec<String> {
    let journal = completion.journal;
    let mut lines = vec![format!(
        "audit: accepted {} · processed {} · pending {} · dead {} · lost {} · recovered {} · unexpected {}",
        grouped(completion.accepted()),
        grouped(completion.processed),
        grouped(completion.pending),
        grouped(completion.dead),
        grouped(completion.lost),
        grouped(completion.recovered),
        grouped(completion.unexpected),
    )];
    lines.push(match completion.effects {
        Effects::Told => format!(
            "inserted twice {} · notified twice {} · client: ok {}, failed {}, unknown {}",
            grouped(completion.inserted_twice),
            grouped(completion.notified_twice),
            grouped(journal.ok),
            grouped(journal.failed),
            grouped(journal.unknown)
        ),
        Effects::NotTold => format!(
            "the server does not tell how often effects were had · client: ok {}, failed {}, unknown {}",
            grouped(journal.ok),
            grouped(journal.failed),
            grouped(journal.unknown)
        ),
    });
    let longest = completion.longest().map_or_else(
        || "nothing was done".to_owned(),
        |longest| format!("done at the latest after {}", Pretty(longest)),
    );
    lines.push(format!(
        "{longest}; time counts {}",
        completion.clock.as_str()
    ));
    lines.extend(completion.resends.as_ref().map(resends));
    match completion.settled {
        Settled::Done => {}
        Settled::Deadline => lines.push(format!(
            "the audit ended at its deadline, {} after the run",
            Pretty(completion.patience)
        )),
        Settled::Interrupted => lines.push("the audit was INTERRUPTED".to_owned()),
    }
    lines
}

/// `sent twice: 31 requests (5 %), 15 with the original …`.
fn resends(resends: &Resends) -> String {
    format!(
        "sent twice: {} requests ({} drawn), {} with the original and {} after it: {} replayed, {} the same event, {} refused with 409, {} another event, {} without an answer",
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
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct JsonAudit {
    /// Why it could not be read; `null` if it was, and then the rest is there.
    pub unread: Option<String>,
    /// What the server told.
    pub completion: Option<JsonCompletion>,
}

/// What became of what an endpoint accepted.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct JsonCompletion {
    /// What the client knew of its requests.
    pub journal: Journal,
    /// Requests that were answered ok.
    pub accepted: u64,
    /// Of those, done.
    pub processed: u64,
    /// Of those, not done and not given up.
    pub pending: u64,
    /// Of those, given up by the server.
    pub dead: u64,
    /// Of those, unknown to the server.
    pub lost: u64,
    /// Events whose effects were had more than once; `null` if the server does not tell.
    pub duplicated: Option<u64>,
    /// Events with more than one insert.
    pub inserted_twice: u64,
    /// Events with more than one notification.
    pub notified_twice: u64,
    /// Done although the client never saw an ok.
    pub recovered: u64,
    /// Listed by the server, but never sent by the run.
    pub unexpected: u64,
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
    /// What became of requests that were sent twice on purpose.
    pub resends: Option<Resends>,
}

impl From<&Audit> for JsonAudit {
    fn from(audit: &Audit) -> JsonAudit {
        JsonAudit {
            unread: match audit {
                Audit::Read(_) => None,
                Audit::Unread { reason } => Some(reason.clone()),
            },
            completion: audit.completion().map(JsonCompletion::from),
        }
    }
}

impl From<&Completion> for JsonCompletion {
    fn from(completion: &Completion) -> JsonCompletion {
        let after = |quantile| completion.done_after(quantile).map(millis);
        let [_, (_, duplicated)] = counts(completion);
        JsonCompletion {
            journal: completion.journal,
            accepted: completion.accepted(),
            processed: completion.processed,
            pending: completion.pending,
            dead: completion.dead,
            lost: completion.lost,
            duplicated,
            inserted_twice: completion.inserted_twice,
            notified_twice: completion.notified_twice,
            recovered: completion.recovered,
            unexpected: completion.unexpected,
            exactly_once: completion.is_exactly_once(),
            done_p50_ms: after(Quantile::P50),
            done_p95_ms: after(Quantile::P95),
            done_p99_ms: after(Quantile::P99),
            done_max_ms: completion.longest().map(millis),
            clock: completion.clock,
            settled: completion.settled,
            resends: completion.resends,
        }
    }
}

/// The completion audits of one endpoint before and after.
#[derive(Clone, Debug, Serialize, JsonSchema)]
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
