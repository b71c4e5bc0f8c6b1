//! The screen of a capacity search: what is shown, then a line a trial.

use std::io::{self, Write};

use super::Screen;
use super::columns::{Align, Cell, Columns};
use crate::report::capacity_change::CapacityChangeReport;
use crate::report::capacity_report::CapacityReport;
use crate::report::capacity_rows::{CapacityRows, TITLES_OF_BRACKETS, bracket_row};
use crate::report::style::{Style, Verbosity};
use crate::report::text::capacity as text;

/// Writes the headline, the trials, and what to do next.
pub(in crate::report) fn write(
    report: &CapacityReport,
    style: &Style,
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut screen = Screen::new(style);
    let headline = text::capacity_headline(report);
    match headline.verdict {
        Some(verdict) => screen.verdict_line(verdict, &headline.text),
        None => screen.prose(&headline.text, 6),
    }
    if style.verbosity != Verbosity::Brief {
        screen.facts(&text::capacity_facts(report), 6);
        screen.line("");
        for line in table(report, style.verbosity).lines(screen.ink, style.width) {
            screen.line(&line);
        }
        let traces = text::capacity_traces(report);
        if !traces.is_empty() {
            screen.line("");
            screen.line("  traces");
        }
        for trace in traces {
            screen.line(&format!("  {trace}"));
        }
        let notes = text::capacity_notes(report);
        if !notes.is_empty() {
            screen.line("");
        }
        for note in notes {
            screen.prose(&note, 0);
        }
        if let Some(next) = text::capacity_next(report) {
            screen.line("");
            screen.prose(&format!("next  {next}"), 6);
        }
    }
    out.write_all(screen.text.as_bytes())
}

fn table(report: &CapacityReport, verbosity: Verbosity) -> Columns {
    let rows = CapacityRows::of(report, verbosity);
    let titles: Vec<(&str, Align)> = (rows.titles.iter().zip(&rows.numbers))
        .map(|(title, is_number)| {
            let align = if *is_number {
                Align::Right
            } else {
                Align::Left
            };
            (title.as_str(), align)
        })
        .collect();
    let mut columns = Columns::new(&titles);
    for row in rows.rows {
        let mut cells: Vec<Cell> = row.cells.into_iter().map(Cell::plain).collect();
        cells.push(match row.verdict {
            Some(verdict) => Cell::verdict(verdict),
            None => Cell::plain(row.word),
        });
        columns.push(cells);
    }
    columns
}

/// Writes what two searches show of a change: the headline, both brackets, the notes.
pub(in crate::report) fn write_change(
    report: &CapacityChangeReport,
    style: &Style,
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut screen = Screen::new(style);
    screen.prose(&text::capacity_change_headline(report), 6);
    if report.after.asked.is_some() {
        let gate = text::capacity_headline(&report.after);
        screen.verdict_line(report.after.verdict(), &gate.text);
    }
    if style.verbosity != Verbosity::Brief {
        screen.facts(&text::capacity_change_facts(report), 6);
        screen.line("");
        let mut columns = Columns::new(&[
            (TITLES_OF_BRACKETS[0], Align::Left),
            (TITLES_OF_BRACKETS[1], Align::Right),
            (TITLES_OF_BRACKETS[2], Align::Right),
            (TITLES_OF_BRACKETS[3], Align::Right),
            (TITLES_OF_BRACKETS[4], Align::Left),
        ]);
        for side in report.sides() {
            columns.push(bracket_row(side).map(Cell::plain).to_vec());
        }
        for line in columns.lines(screen.ink, style.width) {
            screen.line(&line);
        }
        screen.line("");
        for note in text::capacity_change_notes(report) {
            screen.prose(&note, 0);
        }
    }
    out.write_all(screen.text.as_bytes())
}

#[cfg(test)]
mod tests;
