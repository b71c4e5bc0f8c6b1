//! The measurements of a diagnosis' steps, as rows for a terminal and for markdown.

use std::io::{self, Write};
use std::time::Duration;

use super::diagnosis_report::DiagnosisReport;
use super::figures::{LatencyScale, thousands};
use super::row::NOTHING;
use super::style::Verbosity;
use super::text::diagnosis::{self as text, EndpointNames};
use crate::judge::diagnosis::{CauseFinding, DiagnosisStep, Observation};
use crate::stats::modes::Modes;
use crate::stats::rank::Quantile;
use crate::units::{Pretty, trimmed};

/// Column titles of the steps.
pub(super) const TITLES: [&str; 6] = ["step", "endpoint", "requests", "P50", "P95", "groups"];

/// One endpoint in one step.
pub(super) struct StepRow {
    pub(super) step: String,
    pub(super) endpoint: String,
    pub(super) requests: String,
    /// ` at 20/s`.
    pub(super) rate: String,
    pub(super) p50: String,
    pub(super) p95: String,
    /// `one`, `two`, or nothing where there are too few requests to tell.
    pub(super) groups: &'static str,
}

impl DiagnosisReport {
    /// The steps in their order; the load during the probe in full only.
    pub(super) fn rows(&self, verbosity: Verbosity) -> Vec<StepRow> {
        let load = &self.observations.load;
        let steps = self.steps().into_iter().filter(|(step, name, _)| {
            verbosity == Verbosity::Full || *step != DiagnosisStep::DuringLoad || name != load
        });
        let scale = self.scale();
        steps
            .map(|(step, name, observation)| {
                let latency = |quantile| self.latency(scale, step, observation, quantile);
                StepRow {
                    step: text::step_name(step, load),
                    endpoint: name.to_owned(),
                    requests: thousands(observation.requests()),
                    rate: match observation.rate_per_s {
                        Some(rate) => format!(" at {}/s", trimmed(rate, 1)),
                        None => String::new(),
                    },
                    p50: latency(Quantile::P50),
                    p95: latency(Quantile::P95),
                    groups: match observation.modes() {
                        Modes::Unknown => NOTHING,
                        Modes::One => "one",
                        Modes::Two { .. } => "two",
                    },
                }
            })
            .collect()
    }

    /// The unit of all latencies of the table.
    fn scale(&self) -> LatencyScale {
        let steps = self.steps().into_iter();
        let latencies = steps.flat_map(|(step, _, observation)| {
            [Quantile::P50, Quantile::P95].map(|quantile| observation.in_step(step, quantile))
        });
        LatencyScale::of(latencies.flatten().collect::<Vec<Duration>>())
    }

    /// `17.7 ms`; `> 6 s` among timeouts, `failed` among other failures.
    fn latency(
        &self,
        scale: LatencyScale,
        step: DiagnosisStep,
        observation: &Observation,
        quantile: Quantile,
    ) -> String {
        let counts = &observation.recording.counts;
        match observation.in_step(step, quantile) {
            Some(latency) => scale.latency(latency),
            None if observation.requests() == 0 => NOTHING.to_owned(),
            None if counts.not_ok() == counts.timeout + counts.unsent => {
                format!("> {}", Pretty(self.timeout))
            }
            None => "failed".to_owned(),
        }
    }

    /// GitHub tables and lists.
    pub(super) fn write_markdown(
        &self,
        escape: fn(&str) -> String,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        writeln!(
            out,
            "| {} |\n|---|---|---:|---:|---:|---|",
            TITLES.join(" | ")
        )?;
        for row in self.rows(Verbosity::Full) {
            let requests = format!("{}{}", row.requests, row.rate);
            let cells = [
                &row.step,
                &row.endpoint,
                &requests,
                &row.p50,
                &row.p95,
                row.groups,
            ];
            writeln!(out, "| {} |", cells.map(escape).join(" | "))?;
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

/// `likely cause`, `cannot tell`, `ruled out`.
pub(super) fn word(finding: &CauseFinding) -> &'static str {
    text::support(finding.cause, finding.support)
}
