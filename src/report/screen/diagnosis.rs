//! The screen of a diagnosis: the likely cause, the steps, and what is said of each cause.

use std::io::{self, Write};

use super::Screen;
use super::columns::{Align, Cell, Columns};
use super::comparison::shortened;
use crate::judge::diagnosis::{CauseFinding, Support};
use crate::report::diagnosis::{TITLES, word};
use crate::report::diagnosis_report::DiagnosisReport;
use crate::report::model::Report;
use crate::report::style::{Style, Verbosity};
use crate::report::text::{self, diagnosis as words, diagnosis::EndpointNames};

/// Where the text on a cause begins, behind `likely cause`.
const INDENT: usize = 14;

/// Writes the screen of `diagnose`.
pub(in crate::report) fn write(
    report: &Report,
    diagnosis: &DiagnosisReport,
    style: &Style,
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut screen = Screen::new(style);
    let verdict = diagnosis.verdict();
    screen.verdict_line(verdict, &text::outcome(diagnosis));
    if style.verbosity != Verbosity::Brief {
        let facts = text::diagnosis_facts(report, diagnosis);
        screen.facts(&facts, verdict.as_str().len() + 2);
        screen.line("");
        for line in steps(diagnosis, style.verbosity).lines(screen.ink, style.width) {
            screen.line(&line);
        }
        screen.line("");
        screen.causes(diagnosis);
    }
    out.write_all(screen.text.as_bytes())
}

/// A row a step; the numbers of requests end in one column.
fn steps(diagnosis: &DiagnosisReport, verbosity: Verbosity) -> Columns {
    let [step, endpoint, requests, p50, p95, groups] = TITLES;
    let mut columns = Columns::new(&[
        (step, Align::Left),
        (endpoint, Align::Left),
        (requests, Align::Left),
        (p50, Align::Right),
        (p95, Align::Right),
        (groups, Align::Left),
    ]);
    let rows = diagnosis.rows(verbosity);
    let widest = rows.iter().map(|row| row.requests.chars().count()).max();
    let widest = widest.unwrap_or(0);
    columns.extend(rows.into_iter().map(|row| {
        let requests = format!("{:>widest$}{}", row.requests, row.rate);
        let cells = [
            shortened(&row.step),
            shortened(&row.endpoint),
            requests,
            row.p50,
            row.p95,
            row.groups.to_owned(),
        ];
        cells.map(Cell::plain).to_vec()
    }));
    columns
}

impl Screen<'_> {
    /// What is likely with how to fix it, what is open with what would decide it, what is ruled out.
    fn causes(&mut self, diagnosis: &DiagnosisReport) {
        let full = self.style.verbosity == Verbosity::Full;
        let findings = diagnosis.diagnosis.findings.iter();
        let findings = findings.filter(|f| full || text::is_of_a_cause(f));
        let findings: Vec<&CauseFinding> = findings.collect();
        let open = findings.iter().filter(|f| f.support == Support::NotEnough);
        let open: Vec<&CauseFinding> = open.copied().collect();
        let names = EndpointNames::of(&diagnosis.observations);
        for finding in &findings {
            self.cause(finding, names);
            if full {
                for evidence in words::evidence_of(finding, names) {
                    self.on_cause("", &evidence);
                }
            }
            // One step for all that is open: the largest.
            if open.last().is_some_and(|last| last.cause == finding.cause) {
                let next = text::open_next(&open);
                let next = next.map(|step| words::next_step(step, names));
                next.into_iter()
                    .for_each(|next| self.on_cause("", &format!("next: {next}")));
            }
        }
    }

    fn cause(&mut self, finding: &CauseFinding, names: EndpointNames<'_>) {
        let cause = words::cause(finding.cause);
        let evidence = text::in_short(finding, names);
        if finding.support != Support::Supported {
            self.on_cause(word(finding), &format!("{cause}: {evidence}"));
            return;
        }
        self.on_cause(word(finding), cause);
        self.on_cause("", &evidence);
        if let Some(fix) = words::next_of(finding, names) {
            self.on_cause("", &format!("fix: {fix}"));
        }
    }

    fn on_cause(&mut self, word: &str, line: &str) {
        let width = INDENT - 2;
        self.prose(&format!("{word:width$}  {line}"), INDENT);
    }
}

#[cfg(test)]
mod tests;
