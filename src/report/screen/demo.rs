//! The screen of the demo: its verdicts, both modes, the change, the price; at most two screens of 24 lines.

use std::io::{self, Write};

use super::Screen;
use super::columns::{Align, Cell, Columns};
use crate::judge::gate::Finding;
use crate::report::comparison::{self, TITLES};
use crate::report::demo_report::DemoReport;
use crate::report::drawn_limit::DrawnLimit;
use crate::report::endpoint_report::EndpointReport;
use crate::report::model::Report;
use crate::report::style::{Style, Verbosity};
use crate::report::text::{self, demo as words};
use crate::stats::rank::Quantile;
use crate::units::Pretty;

/// Where the text of a part begins, behind its number.
const INDENT: usize = 3;

const PERCENTILES: [Quantile; 3] = [Quantile::P50, Quantile::P95, Quantile::P99];

/// Writes the verdicts, the four parts, and what to do next.
pub(in crate::report) fn write(
    demo: &DemoReport,
    style: &Style,
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut screen = Screen::new(style);
    let lead = screen.leads(&words::demo_headlines(demo));
    screen.facts(&words::demo_facts(demo), lead);
    screen.line("");
    let modes = [(words::BEFORE, &demo.before), (words::AFTER, &demo.after)];
    let shown_of = modes.map(|(_, report)| subject(report).map(shown));
    let widths = shown_of
        .iter()
        .flatten()
        .flatten()
        .map(|text| text.chars().count());
    let widest = widths.max().unwrap_or(0);
    for ((heading, report), shown) in modes.iter().zip(&shown_of) {
        screen.prose(heading, INDENT);
        if let Some(shown) = shown {
            screen.mode(report, shown, widest);
        }
        if *heading == words::BEFORE {
            screen.chart(report);
        }
        screen.line("");
    }
    screen.demo_change(&demo.comparison);
    screen.prose(&words::price(&demo.completion), INDENT);
    screen.line("");
    screen.prose(&format!("Report: {}", demo.file), INDENT);
    screen.prose("Next: a7probe https://your.service/path", INDENT);
    out.write_all(screen.text.as_bytes())
}

fn subject(report: &Report) -> Option<&EndpointReport> {
    let mut endpoints = report.endpoints.iter();
    endpoints.find(|endpoint| endpoint.name == words::SUBJECT)
}

/// The percentiles, one unit for all.
fn shown(endpoint: &EndpointReport) -> [String; 3] {
    let scale = endpoint.scale();
    PERCENTILES.map(|quantile| scale.observed(endpoint.summary.percentile(quantile).value))
}

impl Screen<'_> {
    /// `ingest   P50 167 ms   P95 323 ms   P99 424 ms      FAIL (limit 150 ms)`.
    fn mode(&mut self, report: &Report, latencies: &[String; 3], widest: usize) {
        let cells = PERCENTILES.iter().zip(latencies);
        let cells = cells.map(|(quantile, value)| format!("{quantile} {value:widest$}"));
        let cells: Vec<String> = cells.collect();
        let line = format!("{:INDENT$}{}   {}", "", words::SUBJECT, cells.join("  "));
        let line = self.ink.glyphs(&line).into_owned();
        let (verdict, decisive) = text::of_verdict(report, words::SUBJECT);
        let verdict = verdict.map_or_else(String::new, |verdict| {
            let word = self.ink.verdict(verdict, verdict.as_str());
            format!("{word}{}", limit_of(&decisive))
        });
        self.line(&format!("{line}     {verdict}"));
    }

    /// The bars of a mode, one column further in than on a screen of its own.
    fn chart(&mut self, report: &Report) {
        let Some(endpoint) = subject(report).filter(|_| self.style.width.is_some()) else {
            return;
        };
        let limit = DrawnLimit::of(report, endpoint);
        for line in self.chart_lines(endpoint, limit.as_ref()) {
            self.line(&format!(" {line}"));
        }
    }

    /// P50, P95 and P99 where they can be compared.
    fn demo_change(&mut self, report: &Report) {
        let [_, before, after, _, interval, effect] = TITLES;
        let mut columns = Columns::new(&[
            (words::CHANGE, Align::Left),
            (before, Align::Right),
            (after, Align::Right),
            (interval, Align::Left),
            (effect, Align::Left),
        ]);
        let comparisons = report.comparisons().iter();
        for own in comparisons.filter(|c| c.endpoint == words::SUBJECT) {
            for row in comparison::rows(report, own, Verbosity::Normal) {
                let of_quantile = own
                    .changes
                    .iter()
                    .find(|c| Some(c.quantile) == row.quantile);
                let is_shown = of_quantile.is_some_and(|change| {
                    change.ratio_interval().is_some() || change.quantile < Quantile::P99
                });
                if is_shown {
                    let [metric, before, after, _, interval, effect] = row.cells;
                    let cells = [metric, before, after, interval, effect];
                    columns.push(cells.map(Cell::plain).to_vec());
                }
            }
        }
        let width = self.style.width.map(|width| width.saturating_sub(1));
        for (at, line) in columns.lines(self.ink, width).iter().enumerate() {
            match at {
                0 => self.line(&format!("3  {}", line.trim_start())),
                _ => self.line(&format!(" {line}")),
            }
        }
        self.line("");
    }
}

/// ` (limit 150 ms)`, where the gates that made the verdict have one limit.
fn limit_of(decisive: &[&Finding]) -> String {
    let mut limits = decisive.iter().map(|f| f.gate.condition.latency_limit());
    let first = limits.next().flatten();
    match first {
        Some(limit) if limits.all(|other| other == first) => format!(" (limit {})", Pretty(limit)),
        _ => String::new(),
    }
}
