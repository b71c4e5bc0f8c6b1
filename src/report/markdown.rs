//! The report as GitHub tables, for a comment on a pull request.

use std::io::{self, Write};

use super::comparison;
use super::endpoint_report::EndpointReport;
use super::model::Report;
use super::row::TITLES;
use super::rows;
use super::text;
use crate::judge::comparison::Comparison;
use crate::verdict::Verdict;

/// Writes the verdict first, then tables, reasons, notes and warnings.
pub(super) fn write(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    write_verdict(report, out)?;
    for run in &report.runs {
        writeln!(out, "{}\n", escape(&text::run(run)))?;
    }
    for endpoint in &report.endpoints {
        write_endpoint(report, endpoint, out)?;
    }
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

fn write_verdict(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let title = escape(&report.title);
    let Some(line) = text::verdict_line(report) else {
        return writeln!(out, "### {title}\n");
    };
    let (word, rest) = line.split_once(' ').unwrap_or((&line, ""));
    let sign = match report.verdict() {
        Some(Verdict::Pass) => "✅",
        Some(Verdict::Fail) => "❌",
        Some(Verdict::Inconclusive) | None => "❔",
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
    writeln!(out)
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
    let rows = comparison::rows(comparison);
    let audited = comparison::audit_rows(report, comparison);
    for row in rows.into_iter().chain(audited) {
        let cells = row.map(|cell| escape(&cell));
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
