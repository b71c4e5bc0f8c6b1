//! What a diagnosis says, in each form.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::time::Duration;

use serde::Serialize;

use super::text::diagnosis::{self as text, EndpointNames};
use super::{Style, Verbosity};
use crate::judge::diagnosis::{
    self, CauseEvidence, CauseFinding, CauseNextStep, Diagnosis, DiagnosisOutcome, DiagnosisStep,
    Observation, Observations, RootCause, Support,
};
use crate::stats::modes::Modes;
use crate::stats::rank::Quantile;
use crate::units::{grouped, millis, trimmed};
use crate::verdict::Verdict;

/// What was measured, and what it says.
#[derive(Clone, Debug)]
pub(crate) struct DiagnosisReport {
    pub(crate) budget: Duration,
    pub(crate) observations: Observations,
    /// What it says of every cause.
    pub(crate) diagnosis: Diagnosis,
}

/// Column titles of the steps.
pub(super) const TITLES: [&str; 7] = [
    "Step", "Endpoint", "Requests", "P50", "P95", "P95/P50", "Modes",
];

impl DiagnosisReport {
    /// Nothing wrong passes, a cause fails.
    pub(super) fn verdict(&self) -> Verdict {
        match self.diagnosis.outcome() {
            DiagnosisOutcome::NothingWrong => Verdict::Pass,
            DiagnosisOutcome::Found(_) => Verdict::Fail,
            DiagnosisOutcome::NotEnough => Verdict::Inconclusive,
        }
    }

    pub(super) fn outcome(&self) -> String {
        match self.diagnosis.outcome() {
            DiagnosisOutcome::NothingWrong => {
                "nothing wrong: every cause is ruled out, and P95 is within the target".to_owned()
            }
            DiagnosisOutcome::NotEnough => {
                let nothing = self.diagnosis.finding(RootCause::Nothing);
                match nothing.and_then(|nothing| nothing.evidence.last()) {
                    Some(why) => format!("cannot tell: {}", text::evidence(why, self.names())),
                    None => "cannot tell".to_owned(),
                }
            }
            DiagnosisOutcome::Found(first) => {
                let others: Vec<&str> = self
                    .diagnosis
                    .findings
                    .iter()
                    .filter(|f| f.support == Support::Supported && f.cause != first)
                    .map(|f| text::cause(f.cause))
                    .collect();
                let first = text::cause(first);
                if others.is_empty() {
                    format!("likely cause: {first}")
                } else {
                    format!("likely cause: {first}; with it: {}", others.join(", "))
                }
            }
        }
    }

    fn names(&self) -> EndpointNames<'_> {
        EndpointNames {
            probe: &self.observations.probe,
            load: &self.observations.load,
        }
    }

    /// What speaks for or against a cause, one sentence each.
    fn evidence<'a>(&'a self, finding: &'a CauseFinding) -> impl Iterator<Item = String> + 'a {
        let evidence = finding.evidence.iter();
        evidence.map(|evidence| text::evidence(evidence, self.names()))
    }

    fn next_step(&self, finding: &CauseFinding) -> Option<String> {
        finding.next.map(|next| text::next_step(next, self.names()))
    }

    fn steps(&self) -> Vec<(DiagnosisStep, &str, &Observation)> {
        let o = &self.observations;
        let (probe, load) = (o.probe.as_str(), o.load.as_str());
        [
            (DiagnosisStep::Alone, probe, &o.alone),
            (DiagnosisStep::NewConnections, probe, &o.new_connections),
            (DiagnosisStep::OneAtATime, load, &o.one_at_a_time),
            (DiagnosisStep::DuringLoad, probe, &o.probe_during_load),
            (DiagnosisStep::DuringLoad, load, &o.load_during_probe),
            (DiagnosisStep::Offered, load, &o.offered),
        ]
        .into_iter()
        .filter_map(|(step, name, observation)| Some((step, name, observation.as_ref()?)))
        .collect()
    }

    pub(super) fn rows(&self) -> Vec<[String; 7]> {
        let latency = |step, observation: &Observation, quantile| {
            text::latency(observation.in_step(step, quantile))
        };
        let row = |(step, name, observation): (DiagnosisStep, &str, &Observation)| {
            let rate = observation.rate_per_s.unwrap_or_default();
            [
                step.as_str().replace('-', " "),
                name.to_owned(),
                format!(
                    "{} at {}/s",
                    grouped(observation.requests()),
                    trimmed(rate, 1)
                ),
                latency(step, observation, Quantile::P50),
                latency(step, observation, Quantile::P95),
                tail_ratio(step, observation).map_or("–".to_owned(), |r| trimmed(r, 1)),
                match observation.modes() {
                    Modes::Unknown => "–".to_owned(),
                    Modes::One => "one".to_owned(),
                    Modes::Two { .. } => "two".to_owned(),
                },
            ]
        };
        self.steps().into_iter().map(row).collect()
    }

    /// Every cause with its evidence, below the table of the steps.
    pub(super) fn write_findings(&self, style: &Style, out: &mut dyn Write) -> io::Result<()> {
        if style.verbosity == Verbosity::Brief {
            return Ok(());
        }
        for finding in &self.diagnosis.findings {
            writeln!(out, "{:20} {}", word(finding), text::cause(finding.cause))?;
            for evidence in self.evidence(finding) {
                writeln!(out, "{:20}   {evidence}", "")?;
            }
            if let Some(next) = self.next_step(finding) {
                writeln!(out, "{:20}   next: {next}", "")?;
            }
        }
        writeln!(out)
    }

    /// GitHub tables and lists.
    pub(super) fn write_markdown(
        &self,
        escape: fn(&str) -> String,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        writeln!(
            out,
            "| {} |\n|---|---|---:|---:|---:|---:|---|",
            TITLES.join(" | ")
        )?;
        for row in self.rows() {
            writeln!(out, "| {} |", row.map(|cell| escape(&cell)).join(" | "))?;
        }
        writeln!(out)?;
        for finding in &self.diagnosis.findings {
            let (support, cause) = (word(finding), text::cause(finding.cause));
            writeln!(out, "- **{cause}**: {support}")?;
            for evidence in self.evidence(finding) {
                writeln!(out, "  - {}", escape(&evidence))?;
            }
            if let Some(next) = self.next_step(finding) {
                writeln!(out, "  - next: {}", escape(&next))?;
            }
        }
        writeln!(out)
    }

    /// One row a cause.
    pub(super) fn csv_rows(&self) -> Vec<CauseRow> {
        let row = |finding: &CauseFinding| {
            let evidence: Vec<String> = self.evidence(finding).collect();
            CauseRow {
                cause: finding.cause,
                support: support_word(finding),
                evidence: evidence.join("; "),
                next: self.next_step(finding),
            }
        };
        self.diagnosis.findings.iter().map(row).collect()
    }
}

/// P95/P50 of what the row shows.
fn tail_ratio(step: DiagnosisStep, observation: &Observation) -> Option<f64> {
    let at = |quantile| observation.in_step(step, quantile);
    diagnosis::tail_ratio(at(Quantile::P50)?, at(Quantile::P95)?)
}

fn word(finding: &CauseFinding) -> &'static str {
    text::support(finding.cause, finding.support)
}

fn support_word(finding: &CauseFinding) -> &'static str {
    match finding.support {
        Support::Supported if finding.cause == RootCause::Nothing => "no_cause_found",
        Support::Supported => "likely_cause",
        Support::NotSupported => "ruled_out",
        Support::NotEnough => "cannot_tell",
    }
}

/// One cause in CSV.
#[derive(Serialize)]
pub(super) struct CauseRow {
    cause: RootCause,
    support: &'static str,
    evidence: String,
    next: Option<String>,
}

/// A diagnosis in JSON.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct JsonDiagnosis {
    /// `cause_found`, `nothing_wrong` or `not_enough_evidence`; the report's verdict is FAIL, PASS or INCONCLUSIVE.
    pub(crate) outcome: &'static str,
    /// The cause that explains most: `connection`, `slow_call`, `blocked_loop`, `queueing` or `client`.
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
pub(crate) struct JsonCause {
    /// `connection`, `slow_call`, `blocked_loop`, `queueing`, `client` or `nothing_wrong`.
    pub(crate) cause: RootCause,
    /// `likely_cause`, `ruled_out` or `cannot_tell`; of `nothing_wrong` also `no_cause_found`.
    pub(crate) support: &'static str,
    /// What speaks for or against it.
    pub(crate) evidence: Vec<JsonEvidence>,
    /// What to do next.
    pub(crate) next: Option<String>,
    /// The same as a code.
    pub(crate) next_code: Option<&'static str>,
}

/// A sentence, its code and its numbers.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct JsonEvidence {
    pub(crate) text: String,
    /// What it says, as a code.
    pub(crate) reason_code: &'static str,
    /// By name; names end in their unit. `null` is infinite.
    pub(crate) numbers: BTreeMap<&'static str, Option<f64>>,
}

/// One endpoint in one step.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct JsonStep {
    /// `alone`, `new-connections`, `one-at-a-time`, `beside` or `offered`.
    pub(crate) step: &'static str,
    pub(crate) endpoint: String,
    pub(crate) requests: u64,
    /// Requests that did not end ok.
    pub(crate) not_ok: u64,
    pub(crate) rate_per_s: Option<f64>,
    /// Service time, of new connections with connecting; `null` if it did not end ok.
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
            causes: report.causes(),
            steps: { report.steps().into_iter() }
                .map(|(step, endpoint, observation)| json_step(step, endpoint, observation))
                .collect(),
        }
    }
}

impl DiagnosisReport {
    fn causes(&self) -> Vec<JsonCause> {
        let evidence = |evidence: &CauseEvidence| JsonEvidence {
            text: text::evidence(evidence, self.names()),
            reason_code: evidence.code(),
            numbers: evidence
                .numbers()
                .into_iter()
                .map(|(name, value)| (name, value.is_finite().then_some(value)))
                .collect(),
        };
        let cause = |finding: &CauseFinding| JsonCause {
            cause: finding.cause,
            support: support_word(finding),
            evidence: finding.evidence.iter().map(evidence).collect(),
            next: self.next_step(finding),
            next_code: finding.next.map(CauseNextStep::code),
        };
        self.diagnosis.findings.iter().map(cause).collect()
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
