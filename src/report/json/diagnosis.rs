//! A diagnosis, for programs.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value};

use super::reason::CodedReason;
use crate::judge::diagnosis::{
    CauseEvidence, CauseFinding, DiagnosisOutcome, DiagnosisStep, EvidenceCode, Observation,
    RootCause, Support,
};
use crate::report::diagnosis_report::DiagnosisReport;
use crate::report::text::diagnosis::{self as text, EndpointNames};
use crate::stats::modes::Modes;
use crate::stats::rank::Quantile;
use crate::units::millis;

#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct JsonDiagnosis {
    /// `cause_found`, `nothing_wrong` or `not_enough_evidence`; the report's verdict is FAIL, PASS or INCONCLUSIVE.
    pub(crate) outcome: &'static str,
    /// The cause that explains most: `connection`, `slow_call`, `blocked_loop`, `queueing`, `shared_connection` or `client`.
    pub(crate) cause: Option<RootCause>,
    /// The budget of all steps.
    pub(crate) budget_s: f64,
    /// What latency should be within.
    pub(crate) target_ms: f64,
    /// Every cause, the likely ones first.
    pub(crate) causes: Vec<JsonCause>,
    pub(crate) steps: Vec<JsonStep>,
}

/// What is said of one cause.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct JsonCause {
    /// `connection`, `slow_call`, `blocked_loop`, `queueing`, `shared_connection`, `client` or `nothing_wrong`.
    pub(crate) cause: RootCause,
    /// `likely_cause`, `ruled_out` or `cannot_tell`; of `nothing_wrong` also `no_cause_found`.
    pub(crate) support: &'static str,
    /// What speaks for or against it.
    pub(crate) evidence: Vec<JsonEvidence>,
    /// What to do next.
    pub(crate) next: Option<String>,
    /// The same as a code.
    pub(crate) next_code: Option<String>,
    /// The numbers of what to do next.
    pub(crate) next_values: Map<String, Value>,
}

/// A sentence, its code and its numbers.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct JsonEvidence {
    pub(crate) text: String,
    /// What it says, as a code.
    pub(crate) reason_code: EvidenceCode,
    /// By name; names end in their unit. `null` is infinite.
    pub(crate) numbers: BTreeMap<String, Option<f64>>,
}

/// One endpoint in one step.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct JsonStep {
    /// `alone`, `new-connections`, `one-at-a-time`, `beside`, `one-connection`, `separate-connections` or `offered`.
    pub(crate) step: &'static str,
    pub(crate) endpoint: String,
    pub(crate) requests: u64,
    /// Requests that did not end ok.
    pub(crate) not_ok: u64,
    pub(crate) rate_per_s: Option<f64>,
    /// Service time; of new connections and of bursts response time; `null` if it did not end ok.
    pub(crate) p50_ms: Option<f64>,
    pub(crate) p95_ms: Option<f64>,
    /// 1 or 2; `null` where there are too few requests to tell.
    pub(crate) modes: Option<u8>,
}

impl From<&DiagnosisReport> for JsonDiagnosis {
    fn from(report: &DiagnosisReport) -> JsonDiagnosis {
        let (outcome, cause) = match report.diagnosis.outcome() {
            DiagnosisOutcome::Found(cause) => ("cause_found", Some(cause)),
            DiagnosisOutcome::NothingWrong => ("nothing_wrong", None),
            DiagnosisOutcome::NotEnough => ("not_enough_evidence", None),
        };
        JsonDiagnosis {
            outcome,
            cause,
            budget_s: report.budget.as_secs_f64(),
            target_ms: millis(report.observations.target),
            causes: causes(report),
            steps: { report.steps().into_iter() }
                .map(|(step, endpoint, observation)| json_step(step, endpoint, observation))
                .collect(),
        }
    }
}

fn causes(report: &DiagnosisReport) -> Vec<JsonCause> {
    let names = EndpointNames::of(&report.observations);
    let evidence = |evidence: &CauseEvidence| JsonEvidence {
        text: text::evidence(evidence, names),
        reason_code: evidence.code(),
        numbers: evidence
            .numbers()
            .into_iter()
            .map(|(name, value)| (name, value.is_finite().then_some(value)))
            .collect(),
    };
    let cause = |finding: &CauseFinding| {
        let next = finding.next.as_ref().map(CodedReason::of);
        let (next_code, next_values) = next.map(|next| (next.code, next.values)).unzip();
        JsonCause {
            cause: finding.cause,
            support: support_word(finding),
            evidence: finding.evidence.iter().map(evidence).collect(),
            next: text::next_of(finding, names),
            next_code,
            next_values: next_values.unwrap_or_default(),
        }
    };
    report.diagnosis.findings.iter().map(cause).collect()
}

/// The support of a cause as a code.
pub(in crate::report) fn support_word(finding: &CauseFinding) -> &'static str {
    match finding.support {
        Support::Supported if finding.cause == RootCause::Nothing => "no_cause_found",
        Support::Supported => "likely_cause",
        Support::NotSupported => "ruled_out",
        Support::NotEnough => "cannot_tell",
    }
}
fn json_step(step: DiagnosisStep, endpoint: &str, observation: &Observation) -> JsonStep {
    JsonStep {
        step: step.as_str(),
        endpoint: endpoint.to_owned(),
        requests: observation.requests(),
        not_ok: observation.recording.counts.not_ok(),
        rate_per_s: observation.rate_per_s,
        p50_ms: observation.in_step(step, Quantile::P50).map(millis),
        p95_ms: observation.in_step(step, Quantile::P95).map(millis),
        modes: match observation.modes() {
            Modes::Unknown => None,
            Modes::One => Some(1),
            Modes::Two { .. } => Some(2),
        },
    }
}
