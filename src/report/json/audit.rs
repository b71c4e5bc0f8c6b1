//! A completion audit, for programs.

use serde::Serialize;

use crate::judge::gate::AuditCount;
use crate::report::audit_counts::{count, twice};
use crate::report::comparison_report::ComparisonReport;
use crate::run::completion::{
    AcceptanceCounts, Audit, AuditRemark, Completion, DoneClock, Resends, Settled,
};
use crate::stats::rank::Quantile;
use crate::units::millis;

/// A completion audit as JSON shows it; times in milliseconds.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct JsonAudit {
    /// Why it could not be read; `null` if it was, and then the rest is there.
    pub unread: Option<String>,
    /// The server's report.
    pub completion: Option<JsonCompletion>,
    /// What the answers to requests sent twice on purpose show, where the server reported nothing.
    pub resends: Option<Resends>,
}

/// What became of what an endpoint accepted.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
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
    /// Events with an effect more than once; `null` if the server does not report it.
    pub duplicated: Option<u64>,
    /// Events with more than one insert; `null` if the server does not report it.
    pub inserted_twice: Option<u64>,
    /// Events with more than one notification; `null` if the server does not report it.
    pub notified_twice: Option<u64>,
    /// Of the others, those that may have been notified more than once.
    pub perhaps_twice: u64,
    /// Processed, and unknown whether they were notified at all.
    pub perhaps_never: u64,
    /// Done although the client never saw an ok; `null` if the names of such events are unknown.
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
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct JsonAudits {
    /// What gates call it.
    pub endpoint: String,
    /// Before; `null` if that side was not audited.
    pub before: Option<JsonAudit>,
    /// After.
    pub after: Option<JsonAudit>,
}

/// `None` if no side of any endpoint was audited.
pub(super) fn audits(report: &ComparisonReport) -> Option<Vec<JsonAudits>> {
    let mut audited = report.audits.iter();
    audited
        .any(|sides| sides.before.is_some() || sides.after.is_some())
        .then(|| {
            let sides = report.comparisons.iter().zip(&report.audits);
            let audits = sides.map(|(comparison, audits)| JsonAudits {
                endpoint: comparison.endpoint.clone(),
                before: audits.before.as_ref().map(JsonAudit::from),
                after: audits.after.as_ref().map(JsonAudit::from),
            });
            audits.collect()
        })
}
