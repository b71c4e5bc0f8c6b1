//! The screen of two runs: a verdict for each gate or the largest effect, a table for each endpoint, what decided.

use std::io::{self, Write};

use super::Screen;
use super::columns::{Align, Cell, Columns, aligned};
use crate::judge::comparison::Comparison;
use crate::judge::gate::Finding;
use crate::printable::one_line;
use crate::report::comparison::{self, TITLES};
use crate::report::comparison_report::ComparisonReport;
use crate::report::model::Report;
use crate::report::style::{Style, Verbosity};
use crate::report::text::{self, Headline};

/// From here on a name is cut in tables.
const LONGEST_NAME: usize = 20;

/// Writes the screen of `compare` and `ab`.
pub(in crate::report) fn write(
    report: &Report,
    whole: &ComparisonReport,
    style: &Style,
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut screen = Screen::new(style);
    let headlines = text::comparison_headlines(report, whole);
    let lead = screen.leads(&headlines);
    if style.verbosity != Verbosity::Brief {
        screen.facts(&text::comparison_facts(report, whole), lead);
        screen.line("");
        screen.changes(report, &in_order_of(&headlines, whole));
        for line in text::mark_lines(report) {
            screen.prose(&line, 2);
        }
        for line in text::lacks(report, style.verbosity) {
            screen.prose(&line, 2);
        }
        for line in text::comparison_next(report) {
            screen.prose(&format!("next  {line}"), 6);
        }
        screen.notes(text::comparison_notes(report, style.verbosity));
    }
    out.write_all(screen.text.as_bytes())
}

/// Endpoints in the order of their headlines, then those without one.
fn in_order_of<'a>(headlines: &[Headline], whole: &'a ComparisonReport) -> Vec<&'a Comparison> {
    let place = |comparison: &Comparison| {
        let name = one_line(&comparison.endpoint);
        let found = headlines.iter().position(|line| line.endpoint == name);
        found.unwrap_or(headlines.len())
    };
    let mut comparisons: Vec<&Comparison> = whole.comparisons.iter().collect();
    comparisons.sort_by_key(|comparison| place(comparison));
    comparisons
}

impl Screen<'_> {
    /// A table an endpoint, all with the same columns.
    fn changes(&mut self, report: &Report, comparisons: &[&Comparison]) {
        let verbosity = self.style.verbosity;
        let marked = text::deciding_changes(report);
        let tables = comparisons.iter().map(|comparison| {
            let name = shortened(&comparison.endpoint);
            let mut columns = titled(&name, &marked);
            for row in comparison::rows(report, comparison, verbosity) {
                let is_marked = marked.iter().any(|f| {
                    f.endpoint == comparison.endpoint && f.gate.condition.quantile() == row.quantile
                });
                let mut cells: Vec<Cell> = row.cells.map(Cell::plain).to_vec();
                if !marked.is_empty() {
                    let mark = if is_marked { "*" } else { "" };
                    cells.insert(TITLES.len() - 1, Cell::plain(mark));
                }
                columns.push(cells);
            }
            columns
        });
        let tables: Vec<Columns> = tables.collect();
        let tables = aligned(&tables, self.ink, self.style.width);
        for (lines, comparison) in tables.iter().zip(comparisons) {
            for line in lines {
                self.line(line);
            }
            if let Some(line) = text::pair_line(report, comparison) {
                self.prose(&format!("      {line}"), 6);
            }
            if verbosity == Verbosity::Full {
                for reason in text::comparison::reasons(report, comparison) {
                    self.prose(&format!("  {reason}"), 4);
                }
                let own = report.findings.iter();
                for finding in own.filter(|f| f.endpoint == comparison.endpoint) {
                    self.prose(&format!("  {}", text::explained(finding)), 4);
                }
            }
            self.line("");
        }
    }
}

/// Columns under the name of an endpoint, with one for marks if there are any.
fn titled(name: &str, marked: &[&Finding]) -> Columns {
    let [_, before, after, change, interval, effect] = TITLES;
    let mut titles = vec![
        (before, Align::Right),
        (after, Align::Right),
        (change, Align::Left),
        (interval, Align::Left),
        (effect, Align::Left),
    ];
    if !marked.is_empty() {
        titles.insert(titles.len() - 1, ("", Align::Mark));
    }
    Columns::named(name, &titles)
}

/// `checkout-with-coup…`: whole in headlines.
pub(super) fn shortened(name: &str) -> String {
    let name = one_line(name);
    if name.chars().count() <= LONGEST_NAME {
        return name.into_owned();
    }
    let start: String = name.chars().take(LONGEST_NAME - 2).collect();
    format!("{start}…")
}
