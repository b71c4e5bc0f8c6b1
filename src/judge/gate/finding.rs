//! What one gate says about one endpoint, with the numbers and the reason behind it.

use std::time::Duration;

use super::episodes::Episodes;
use super::evidence::ProportionTest;
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
    /// The certain ones, caused by the server: a FAIL is judged from these.
    pub at_least: u64,
    /// The most that there can be: a PASS is judged from these.
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
    /// The fewest requests with which its gate can pass where they are taken as independent; `None` for a count and for
    /// a gate on two runs.
    pub(crate) fn needed_if_independent(&self) -> Option<u64> {
        let test = ProportionTest {
            theta0: self.gate.condition.allowed_share()?,
            design: self.design,
            episode: None,
        };
        Some(test.min_samples())
    }

    /// Whether the exit code depends on it.
    pub fn severity(&self) -> Severity {
        self.gate.severity
    }

    /// The latency that the percentile is compared with; of a gate over a baseline, the limit that the baseline makes.
    pub fn latency_limit(&self) -> Option<Duration> {
        match &self.reason {
            FindingReason::Baseline(reason) => reason.limit,
            _ => self.gate.condition.latency_limit(),
        }
    }
}

/// The verdict over all findings that decide; `None` if none does; the gate cannot pass then.
pub fn run_verdict(findings: &[Finding]) -> Option<Verdict> {
    let deciding = findings
        .iter()
        .filter(|finding| finding.severity() == Severity::Decides);
    Verdict::of_all(deciding.map(|finding| finding.verdict))
}
