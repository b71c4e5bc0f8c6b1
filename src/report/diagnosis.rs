//! What a diagnosis says, in each form.

use std::io::{self, Write};

use super::diagnosis_report::DiagnosisReport;
use super::style::{Style, Verbosity};
use super::text::diagnosis::{self as text, EndpointNames};

use crate::judge::diagnosis::{self, CauseFinding, DiagnosisStep, Observation};
use crate::stats::modes::Modes;
use crate::stats::rank::Quantile;
use crate::units::{grouped, trimmed};

/// Column titles of the steps.
pub(super) const TITLES: [&str; 7] = [
    "Step", "Endpoint", "Requests", "P50", "P95", "P95/P50", "Modes",
];

impl DiagnosisReport {
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
        let names = EndpointNames::of(&self.observations);
        for finding in &self.diagnosis.findings {
            writeln!(out, "{:20} {}", word(finding), text::cause(finding.cause))?;
            for evidence in text::evidence_of(finding, names) {
                writeln!(out, "{:20}   {evidence}", "")?;
            }
            if let Some(next) = text::next_of(finding, names) {
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
        let names = EndpointNames::of(&self.observations);
        for finding in &self.diagnosis.findings {
            let (support, cause) = (word(finding), text::cause(finding.cause));
            writeln!(out, "- **{cause}**: {support}")?;
            for evidence in text::evidence_of(finding, names) {
                writeln!(out, "  - {}", escape(&evidence))?;
            }
            if let Some(next) = text::next_of(finding, names) {
                writeln!(out, "  - next: {}", escape(&next))?;
            }
        }
        writeln!(out)
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
