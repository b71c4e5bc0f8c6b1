//! The report of two runs or of a diagnosis for a terminal; the only user of comfy-table.

use std::io::{self, Write};

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};

use super::comparison;
use super::diagnosis;
use super::diagnosis_report::DiagnosisReport;
use super::model::Report;
use super::style::{Colour, Style, Verbosity};
use super::text;
use crate::judge::comparison::Comparison;
use crate::judge::gate::Finding;
use crate::printable::{self, COLOURS, one_line};
use crate::verdict::Verdict;

/// Writes tables, notes, the reasons of what did not pass, and one verdict line.
pub(super) fn write(report: &Report, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    if style.verbosity != Verbosity::Brief {
        write_head(report, out)?;
        for comparison in report.comparisons() {
            write_comparison(report, comparison, style, out)?;
        }
        if let Some(diagnosis) = &report.diagnosis {
            write_steps(diagnosis, style, out)?;
            diagnosis.write_findings(style, out)?;
        }
        write_notes(report, out)?;
        write_reasons(report, style, out)?;
    }
    if let Some(line) = text::verdict_line(report) {
        writeln!(out, "{}", paint(&line, style.colour))?;
    }
    write_next(report, style, out)
}

fn write_head(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    for run in &report.runs {
        writeln!(out, "{}", text::run(run))?;
    }
    if report.runs.is_empty() {
        return Ok(());
    }
    writeln!(out)
}

fn write_comparison(
    report: &Report,
    comparison: &Comparison,
    style: &Style,
    out: &mut dyn Write,
) -> io::Result<()> {
    writeln!(out, "{}", text::comparison::heading(comparison))?;
    let mut table = empty_table(&comparison::TITLES, style);
    let rows = comparison::rows(comparison);
    let audited = comparison::audit_rows(report, comparison);
    for row in rows.into_iter().chain(audited) {
        table.add_row(row);
    }
    for column in [1, 2] {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    writeln!(out, "{}", table.trim_fmt())?;
    if style.verbosity == Verbosity::Full {
        for reason in text::comparison::reasons(report, comparison) {
            writeln!(out, "{reason}")?;
        }
    }
    writeln!(out)
}

fn write_steps(diagnosis: &DiagnosisReport, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    let mut table = empty_table(&diagnosis::TITLES, style);
    for row in diagnosis.rows() {
        table.add_row(row);
    }
    writeln!(out, "{}\n", table.trim_fmt())
}

fn empty_table(titles: &[&str], style: &Style) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED);
    table.set_header(titles);
    if let Some(width) = style.width {
        table.set_content_arrangement(ContentArrangement::Dynamic);
        table.set_width(width);
    }
    table
}

fn write_notes(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let notes = text::notes(report);
    for note in &notes {
        writeln!(out, "note: {note}")?;
    }
    if notes.is_empty() {
        return Ok(());
    }
    writeln!(out)
}

/// The reasons of what did not pass, worst first; of every gate where more is asked for.
fn write_reasons(report: &Report, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    let findings = listed(report, style.verbosity);
    for finding in &findings {
        write_reason(finding, style, out)?;
    }
    if findings.is_empty() {
        return Ok(());
    }
    writeln!(out)
}

/// The findings whose reasons are listed. What the verdict line says by itself is not said twice.
fn listed(report: &Report, verbosity: Verbosity) -> Vec<&Finding> {
    let listed = text::listed(report);
    match (verbosity, listed.as_slice()) {
        (Verbosity::Brief, _) => Vec::new(),
        (Verbosity::Full, _) => report.findings.iter().collect(),
        (Verbosity::Normal, &[only]) if text::decisive(report).contains(&only) => Vec::new(),
        (Verbosity::Normal, _) => listed,
    }
}

fn write_reason(finding: &Finding, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    let verdict = paint(&format!("{:12}", finding.verdict), style.colour);
    writeln!(
        out,
        "{verdict}  {}: {}",
        finding.gate,
        one_line(&text::reason(finding))
    )?;
    if style.verbosity == Verbosity::Full
        && let Some(probabilities) = text::probabilities(finding)
    {
        writeln!(out, "{:12}  {probabilities}", "")?;
    }
    match text::next_step(finding) {
        Some(step) => writeln!(out, "{:12}  next: {step}", ""),
        None => Ok(()),
    }
}

/// What to do about the first gate of the verdict, where no list says it.
fn write_next(report: &Report, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    if !listed(report, style.verbosity).is_empty() {
        return Ok(());
    }
    let decisive = text::decisive(report);
    match decisive.first().and_then(|first| text::next_step(first)) {
        Some(step) => writeln!(out, "next: {step}"),
        None => Ok(()),
    }
}

/// Colours every verdict in a text; the escapes come after the layout, so they take no width.
fn paint(text: &str, colour: Colour) -> String {
    // Before the colours: an escape in a name must not pass for one of ours.
    let text = &*printable::lines(text);
    match colour {
        Colour::Never => text.to_owned(),
        Colour::Always => [Verdict::Pass, Verdict::Fail, Verdict::Inconclusive]
            .iter()
            .fold(text.to_owned(), |text, &verdict| {
                let escape = match verdict {
                    Verdict::Pass => COLOURS[0],
                    Verdict::Fail => COLOURS[1],
                    Verdict::Inconclusive => COLOURS[2],
                };
                let word = verdict.as_str();
                text.replace(word, &format!("{escape}{word}{}", COLOURS[3]))
            }),
    }
}
