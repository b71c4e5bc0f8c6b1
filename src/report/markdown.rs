//! The report as GitHub tables, for a comment on a pull request.

pub(super) mod capacity;

use std::io::{self, Write};

use super::comparison;
use super::endpoint_report::EndpointReport;
use super::model::Report;
use super::row::TITLES;
use super::rows;
use super::screen;
use super::shard_table;
use super::style::Verbosity;
use super::text;
use crate::judge::comparison::Comparison;
use crate::verdict::Verdict;

/// Writes the verdict first, then tables, reasons, notes and warnings.
pub(super) fn write(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    write_verdict(report, out)?;
    for run in &report.runs {
        writeln!(out, "{}\n", escape(&text::run(run)))?;
    }
    for facts in text::baseline::facts(report) {
        writeln!(out, "{}\n", escape(&facts.join(" · ")))?;
    }
    for endpoint in &report.endpoints {
        write_endpoint(report, endpoint, out)?;
    }
    write_shards(report, out)?;
    for comparison in report.comparisons() {
        write_comparison(report, comparison, out)?;
    }
    if let Some(diagnosis) = &report.diagnosis {
        diagnosis.write_markdown(escape, out)?;
    }
    write_reasons(report, out)?;
    for note in text::notes(report) {
        writeln!(out, "> {}\n", escape(&note))?;
    }
    for warning in &report.warnings {
        let words = text::warnings::warning(warning);
        let (text, hint) = (escape(&words.text), escape(&words.hint));
        writeln!(out, "> **Warning:** {text}  \n> Hint: {hint}\n")?;
    }
    Ok(())
}

fn write_shards(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let rows = shard_table::rows(report);
    if rows.is_empty() {
        return Ok(());
    }
    writeln!(out, "**Shards**\n")?;
    writeln!(out, "| {} |", shard_table::TITLES.join(" | "))?;
    writeln!(out, "|---|---|---:|---:|---:|---:|---:|---:|")?;
    for row in rows {
        let cells = row.cells.map(|cell| escape(&cell));
        writeln!(out, "| {} |", cells.join(" | "))?;
    }
    writeln!(out)
}

fn write_verdict(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let title = escape(&report.title);
    let Some(line) = text::verdict_line(report) else {
        return writeln!(out, "### {title}\n");
    };
    let word = report.verdict().map_or("", Verdict::as_str);
    let rest = line.strip_prefix(word).unwrap_or(&line).trim_start();
    let sign = match report.verdict() {
        Some(Verdict::Pass) => "✅",
        Some(Verdict::Fail) => "❌",
        Some(Verdict::Inconclusive | Verdict::NotJudged) | None => "❔",
    };
    writeln!(out, "### {sign} {word}: {title}\n")?;
    writeln!(out, "{}\n", escape(rest))
}

fn write_endpoint(
    report: &Report,
    endpoint: &EndpointReport,
    out: &mut dyn Write,
) -> io::Result<()> {
    writeln!(out, "**{}**\n", escape(&text::heading(endpoint)))?;
    writeln!(out, "| {} |", TITLES.join(" | "))?;
    writeln!(out, "|---|---:|---|---:|---|")?;
    for row in rows::rows(report, endpoint) {
        let cells = row.cells().map(escape);
        writeln!(out, "| {} |", cells.join(" | "))?;
    }
    writeln!(out, "\n{}", escape(&text::counts(endpoint)))?;
    if let Some(traffic) = &endpoint.traffic {
        writeln!(out, "<br>{}", text::traffic(traffic))?;
    }
    for line in text::audit::lines(endpoint) {
        writeln!(out, "<br>{}", escape(&line))?;
    }
    for list in text::trace_lists(endpoint, Verbosity::Full) {
        writeln!(out, "<br>{}:", escape(&list.title))?;
        for line in list.lines {
            writeln!(out, "<br>`{line}`")?;
        }
    }
    writeln!(out)?;
    write_pictures(report, endpoint, out)
}

/// P95 over time and the histogram with its limit, as the terminal shows them.
fn write_pictures(
    report: &Report,
    endpoint: &EndpointReport,
    out: &mut dyn Write,
) -> io::Result<()> {
    let pictures = screen::pictures(report, endpoint);
    if pictures.is_empty() {
        return Ok(());
    }
    writeln!(out, "```text")?;
    // A name cannot end the block: its fence is at the start of a line, and every line here is indented.
    out.write_all(pictures.as_bytes())?;
    writeln!(out, "```\n")
}

fn write_comparison(
    report: &Report,
    comparison: &Comparison,
    out: &mut dyn Write,
) -> io::Result<()> {
    writeln!(
        out,
        "**{}**\n",
        escape(&text::comparison::heading(comparison))
    )?;
    writeln!(out, "| {} |", comparison::TITLES.join(" | "))?;
    writeln!(out, "|---|---:|---:|---|---|---|")?;
    for row in comparison::rows(report, comparison, Verbosity::Full) {
        let cells = row.cells.map(|cell| escape(&cell));
        writeln!(out, "| {} |", cells.join(" | "))?;
    }
    writeln!(out)
}

fn write_reasons(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let findings = text::listed(report);
    for finding in &findings {
        let reason = escape(&text::reason(finding));
        writeln!(
            out,
            "- **{}** `{}`: {reason}",
            finding.verdict,
            finding.gate.to_string().replace('`', "'")
        )?;
        if let Some(step) = text::next_step(finding) {
            writeln!(out, "  - next: {}", escape(&step))?;
        }
    }
    if findings.is_empty() {
        return Ok(());
    }
    writeln!(out)
}

/// Keeps names and messages from being read as markup.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '|' | '*' | '_' | '`' | '[' | ']' | '\\' => out.extend(['\\', c]),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\n' | '\r' => out.push(' '),
            c => out.push(c),
        }
    }
    out
}
