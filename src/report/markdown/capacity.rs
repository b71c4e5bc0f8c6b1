//! Capacity searches as GitHub tables.

use std::io::{self, Write};

use super::escape;
use crate::report::capacity_change::{CapacityChangeReport, LabelledSearch};
use crate::report::capacity_report::CapacityReport;
use crate::report::capacity_rows::{CapacityRows, TITLES_OF_BRACKETS, bracket_row};
use crate::report::style::Verbosity;
use crate::report::text::{self, capacity as words};
use crate::verdict::Verdict;

/// Writes the headline, every trial, and the notes.
pub(in crate::report) fn write(report: &CapacityReport, out: &mut dyn Write) -> io::Result<()> {
    let headline = words::capacity_headline(report);
    heading(headline.verdict, &headline.text, out)?;
    writeln!(
        out,
        "{}\n",
        escape(&words::capacity_facts(report).join(" · "))
    )?;
    trials(report, out)?;
    let traces = words::capacity_traces(report);
    if !traces.is_empty() {
        writeln!(out, "\nTraces:\n")?;
        for trace in traces {
            writeln!(out, "- {}", escape(&trace))?;
        }
    }
    writeln!(out)?;
    for note in words::capacity_notes(report) {
        writeln!(out, "> {}\n", escape(&note))?;
    }
    match words::capacity_next(report) {
        Some(next) => writeln!(out, "Next: {}\n", escape(&next)),
        None => Ok(()),
    }
}

/// Writes what both searches show of a change, and the trials of each.
pub(in crate::report) fn write_change(
    report: &CapacityChangeReport,
    out: &mut dyn Write,
) -> io::Result<()> {
    heading(None, &words::capacity_change_headline(report), out)?;
    if report.after.asked.is_some() {
        let gate = words::capacity_headline(&report.after);
        let word = gate.verdict.map_or("", Verdict::as_str);
        writeln!(out, "**{word}** {}\n", escape(&gate.text))?;
    }
    writeln!(out, "| {} |", TITLES_OF_BRACKETS.join(" | "))?;
    writeln!(out, "|---|---:|---:|---:|---|")?;
    for side in report.sides() {
        let cells = bracket_row(side).map(|cell| escape(&cell));
        writeln!(out, "| {} |", cells.join(" | "))?;
    }
    writeln!(out)?;
    for LabelledSearch { label, report } in report.sides() {
        writeln!(out, "**{label}**\n")?;
        trials(report, out)?;
        writeln!(out)?;
    }
    for note in words::capacity_change_notes(report) {
        writeln!(out, "> {}\n", escape(&note))?;
    }
    for warning in &report.warnings {
        let words = text::warnings::warning(warning);
        let (text, hint) = (escape(&words.text), escape(&words.hint));
        writeln!(out, "> **Warning:** {text}  \n> Hint: {hint}\n")?;
    }
    Ok(())
}

fn heading(verdict: Option<Verdict>, text: &str, out: &mut dyn Write) -> io::Result<()> {
    let sign = match verdict {
        Some(Verdict::Pass) => "✅ PASS: ",
        Some(Verdict::Fail) => "❌ FAIL: ",
        Some(Verdict::Inconclusive | Verdict::NotJudged) => "❔ INCONCLUSIVE: ",
        None => "",
    };
    writeln!(out, "### {sign}{}\n", escape(text))
}

fn trials(report: &CapacityReport, out: &mut dyn Write) -> io::Result<()> {
    let rows = CapacityRows::of(report, Verbosity::Normal);
    let titles: Vec<String> = rows.titles.iter().map(|title| escape(title)).collect();
    writeln!(out, "| {} |", titles.join(" | "))?;
    let sides: Vec<&str> = rows
        .numbers
        .iter()
        .map(|is_number| if *is_number { "---:" } else { "---" })
        .collect();
    writeln!(out, "|{}|", sides.join("|"))?;
    for row in rows.rows {
        let mut cells: Vec<String> = row.cells.iter().map(|cell| escape(cell)).collect();
        cells.push(escape(row.verdict.map_or(row.word, Verdict::as_str)));
        writeln!(out, "| {} |", cells.join(" | "))?;
    }
    Ok(())
}
