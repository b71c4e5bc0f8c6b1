//! What one gate says about one endpoint, with the numbers and the reason behind it.

use super::episodes::Episodes;
use super::next_step::NextStep;
use super::reason::FindingReason;
use super::spec::{Gate, Severity};
use crate::judge::summary::{Observed, ObservedInterval};
use crate::run::plan::Design;
use crate::verdict::Verdict;

/// What one gate says about one endpoint.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// The endpoint.
    pub endpoint: String,
    /// The gate, for this endpoint alone.
    pub gate: Gate,
    /// The metric as it was observed.
    pub measured: ObservedMetric,
    /// Planned requests; of a gate on the completion audit, accepted ones.
    pub n: u64,
    /// How many of them exceed the limit.
    pub exceedances: ExceedanceRange,
    /// p-value of "within the limit", of the kind that `design` says; `None` for a count and for a gate on two runs.
    pub p_pass: Option<f64>,
    /// p-value of "beyond the limit", of the kind that `design` says; `None` for a count and for a gate on two runs.
    pub p_fail: Option<f64>,
    /// Whether the p-values are those of a sample of fixed size or hold at any time.
    pub design: Design,
    /// What the cluster guard saw and excludes; `None` where requests are taken as independent.
    pub episodes: Option<Episodes>,
    /// PASS, FAIL or INCONCLUSIVE.
    pub verdict: Verdict,
    /// Why.
    pub(crate) reason: FindingReason,
    /// What would decide it, if anything would.
    pub(crate) next_step: Option<NextStep>,
}

/// The number of requests that exceed a limit, as far as the data know it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ExceedanceRange {
    /// So many for certain, and by the server's own doing: a FAIL is judged from these.
    pub at_least: u64,
    /// So many at the most: a PASS is judged from these.
    pub at_most: u64,
}

/// A metric as it was observed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ObservedMetric {
    /// A percentile of one run.
    Latency {
        /// Its nearest rank.
        value: Observed,
        /// Its two-sided 95 % interval.
        interval: ObservedInterval,
    },
    /// A share of the requests of one run.
    Share {
        /// From 0 to 1.
        value: f64,
        /// Its two-sided 95 % interval (Clopper–Pearson).
        interval: (f64, f64),
    },
    /// A percentile after divided by the same before.
    Ratio {
        /// From 0; `None` if either is not a number.
        value: Option<f64>,
        /// Its two-sided 95 % interval; an end is `None` where the data do not bound it.
        interval: (Option<f64>, Option<f64>),
    },
    /// A count of the completion audit.
    Count(u64),
    /// There were no data.
    Nothing,
}

impl Finding {
    /// Whether the exit code depends on it.
    pub fn severity(&self) -> Severity {
        self.gate.severity
    }
}

/// The verdict over all findings that decide; `None` if none does, which is never a pass.
pub fn run_verdict(findings: &[Finding]) -> Option<Verdict> {
    let deciding = findings
        .iter()
        .filter(|finding| finding.severity() == Severity::Decides);
    Verdict::of_all(deciding.map(|finding| finding.verdict))
}
