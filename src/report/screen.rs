//! The result of one run for people: headline, facts, table, pictures, next step, notes, in this order.

pub(super) mod capacity;
mod columns;
pub(super) mod comparison;
pub(super) mod demo;
pub(super) mod demo_capacity;
pub(super) mod diagnosis;
mod distribution;
mod glyphs;
mod ink;
mod over_time;
pub(super) mod page;
pub(super) mod panel;
mod percentiles;
mod profile_chart;
pub(super) mod selftest;
mod wrapped;

use std::io::{self, Write};

pub(crate) use self::profile_chart::profile_chart;
pub(crate) use self::wrapped::at_words;

use self::distribution::{ChartLine, DistributionChart};
use self::ink::Ink;
use super::drawn_limit::DrawnLimit;
use super::endpoint_report::EndpointReport;
use super::model::Report;
use super::shard_table;
use super::style::{Style, Verbosity};
use super::text::{self, Headline, ScreenNote};
use crate::judge::summary::Observed;
use crate::printable;
use crate::stats::rank::Quantile;
use crate::verdict::Verdict;

/// Longer tables of shards are for `-v`.
const MOST_SHARD_LINES: usize = 20;

/// A chart of fewer latencies shows nothing.
const FEWEST_FOR_A_CHART: u64 = 30;

/// Writes the screen of `measure` and `judge`.
pub(super) fn write(report: &Report, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    let mut screen = Screen::new(style);
    screen.headlines(report);
    if style.verbosity != Verbosity::Brief {
        let endpoints = in_order_of_verdict(report);
        for endpoint in &endpoints {
            screen.endpoint(report, endpoint, endpoints.len());
        }
        screen.shards(report);
        screen.next(report, &endpoints);
        screen.notes(text::screen_notes(report));
    }
    out.write_all(screen.text.as_bytes())
}

/// The pictures of an endpoint alone, without colours; empty where it has none.
pub(super) fn pictures(report: &Report, endpoint: &EndpointReport) -> String {
    let style = Style::default();
    let mut screen = Screen::new(&style);
    screen.pictures(endpoint, DrawnLimit::of(report, endpoint).as_ref());
    screen.text.trim_start_matches('\n').to_owned()
}

/// The worst verdict first, as the headlines.
fn in_order_of_verdict(report: &Report) -> Vec<&EndpointReport> {
    let mut endpoints: Vec<&EndpointReport> = report.endpoints.iter().collect();
    endpoints.sort_by_key(|e| text::verdict_rank(text::of_verdict(report, &e.name).0));
    endpoints
}

/// Whether its latencies are those of many loads.
fn is_ramp(endpoint: &EndpointReport) -> bool {
    endpoint.summary.percentile(Quantile::P50).value == Observed::AcrossRamp
}

/// A screen as it grows.
struct Screen<'a> {
    style: &'a Style,
    ink: Ink,
    text: String,
}

impl Screen<'_> {
    fn new(style: &Style) -> Screen<'_> {
        Screen {
            style,
            ink: Ink::of(style),
            text: String::new(),
        }
    }

    /// A line as it is; colours are in it already.
    fn line(&mut self, line: &str) {
        self.text.push_str(line.trim_end());
        self.text.push('\n');
    }

    /// Prose, wrapped at words to the width of the terminal; its later lines are indented.
    fn prose(&mut self, line: &str, indent: usize) {
        let line = printable::one_line(line);
        let line = self.ink.glyphs(&line).into_owned();
        for line in wrapped::at_words(&line, self.style.width, indent) {
            self.line(&line);
        }
    }

    fn headlines(&mut self, report: &Report) {
        let lead = self.leads(&text::headlines(report));
        if self.style.verbosity == Verbosity::Brief {
            return;
        }
        self.facts(&text::facts(report), lead);
        for facts in text::baseline::facts(report) {
            self.facts(&facts, lead);
        }
        self.line("");
    }

    /// The first lines: a word, an endpoint and its parts; answers with the column after the word.
    fn leads(&mut self, headlines: &[Headline]) -> usize {
        let widest = headlines.iter().map(|line| line.word.chars().count()).max();
        let lead = widest.filter(|&w| w > 0).map_or(0, |width| width + 2);
        for headline in headlines {
            let name = self.ink.glyphs(&headline.endpoint).into_owned();
            let parts: Vec<String> = headline
                .parts
                .iter()
                .map(|part| self.ink.glyphs(part).into_owned())
                .collect();
            let separator = self.ink.glyphs(" · ").into_owned();
            let indent = lead + name.chars().count() + 2;
            let lines = wrapped::at_parts(&parts, &separator, self.style.width, indent);
            for (at, line) in lines.iter().enumerate() {
                if at > 0 {
                    self.line(&format!("{:indent$}{line}", ""));
                    continue;
                }
                let space = " ".repeat(lead - headline.word.chars().count().min(lead));
                let word = match headline.verdict {
                    Some(verdict) => self.ink.verdict(verdict, &headline.word),
                    None => headline.word.clone(),
                };
                self.line(&format!("{word}{space}{name}  {line}"));
            }
        }
        lead
    }

    /// A verdict and what it is about.
    fn verdict_line(&mut self, verdict: Verdict, words: &str) {
        let words = printable::one_line(words);
        let words = self.ink.glyphs(&words).into_owned();
        let indent = verdict.as_str().len() + 2;
        let width = self
            .style
            .width
            .map(|width| width.saturating_sub(indent as u16));
        for (at, line) in wrapped::at_words(&words, width, 0).iter().enumerate() {
            let shown = match at {
                0 => format!("{}  ", self.ink.verdict(verdict, verdict.as_str())),
                _ => " ".repeat(indent),
            };
            self.line(&format!("{shown}{line}"));
        }
    }

    /// Facts that stand back, between dots, broken between them.
    fn facts(&mut self, facts: &[String], indent: usize) {
        let facts: Vec<String> = facts
            .iter()
            .map(|fact| self.ink.glyphs(&printable::one_line(fact)).into_owned())
            .collect();
        let separator = self.ink.glyphs(" · ").into_owned();
        for line in wrapped::at_parts(&facts, &separator, self.style.width, indent) {
            let line = self.ink.dim(&line);
            self.line(&format!("{:indent$}{line}", ""));
        }
    }

    fn endpoint(&mut self, report: &Report, endpoint: &EndpointReport, of: usize) {
        if of > 1 {
            let heading = text::endpoint_heading(endpoint);
            self.prose(&heading, 2);
        }
        let table = percentiles::table(report, endpoint, self.style.verbosity);
        for line in table.lines(self.ink, self.style.width) {
            self.line(&line);
        }
        self.line("");
        self.prose(&format!("  {}", text::status_line(endpoint)), 4);
        let failures = text::failures(endpoint, report.runs.first());
        for (at, failure) in failures.iter().enumerate() {
            let lead = if at == 0 { "failed" } else { "" };
            self.prose(&format!("  {lead:6}  {failure}"), 12);
        }
        for list in text::trace_lists(endpoint, self.style.verbosity) {
            self.prose(&format!("  {}", list.title), 4);
            for line in list.lines {
                self.line(&self.ink.glyphs(&format!("    {line}")));
            }
        }
        if self.style.verbosity == Verbosity::Full {
            self.details(report, endpoint);
        }
        let limit = DrawnLimit::of(report, endpoint);
        self.spells(endpoint, limit.as_ref());
        for line in text::audit::folded_lines(endpoint, self.style.verbosity) {
            self.prose(&format!("  {line}"), 4);
        }
        if self.style.width.is_some() {
            self.pictures(endpoint, limit.as_ref());
        } else if is_ramp(endpoint) {
            // In place of percentiles, which a ramp has none of.
            self.over_time(endpoint);
        }
        self.line("");
    }

    /// What `-v` adds to an endpoint: its connections and send lag, and the reason of every gate.
    fn details(&mut self, report: &Report, endpoint: &EndpointReport) {
        if let Some(traffic) = &endpoint.traffic {
            self.prose(&format!("  {}", text::traffic(traffic)), 4);
            self.prose(&format!("  {}", text::statuses(traffic)), 4);
        }
        let own = report.findings.iter();
        for finding in own.filter(|f| f.endpoint == endpoint.name) {
            self.prose(&format!("  {}", text::explained(finding)), 4);
        }
    }

    /// How slow requests were spread, of a limit that failed.
    fn spells(&mut self, endpoint: &EndpointReport, limit: Option<&DrawnLimit>) {
        if let Some(limit) = limit.filter(|l| l.verdict == Verdict::Fail && l.slow > 0) {
            let line = text::slow_requests(endpoint, limit.slow, limit.chart.limit);
            let spells = limit.spells.map(text::in_spells);
            self.prose(&format!("  {line}{}", spells.unwrap_or_default()), 4);
        }
    }

    fn over_time(&mut self, endpoint: &EndpointReport) {
        if let Some(line) = over_time::line(&endpoint.distribution.seconds) {
            self.prose(&format!("  {line}"), 4);
        }
    }

    fn pictures(&mut self, endpoint: &EndpointReport, limit: Option<&DrawnLimit>) {
        self.over_time(endpoint);
        let lines = self.chart_lines(endpoint, limit);
        if !lines.is_empty() {
            self.line("");
        }
        for line in lines {
            self.line(&line);
        }
    }

    /// The bars over the response times; none of too few requests.
    fn chart_lines(&self, endpoint: &EndpointReport, limit: Option<&DrawnLimit>) -> Vec<String> {
        let summary = &endpoint.summary;
        let chart = DistributionChart::of(
            summary.ranked_values(),
            summary.counts.not_ok(),
            limit.map(|limit| limit.chart),
        );
        // The latencies of a ramp are those of many loads.
        let chart = chart.filter(|_| !is_ramp(endpoint) && summary.planned() >= FEWEST_FOR_A_CHART);
        let glyphs = |text: &str| self.ink.glyphs(text).into_owned();
        let line = |line: ChartLine| match &line {
            ChartLine::Within(text) => glyphs(text),
            ChartLine::Beyond(before, bar, after) => format!(
                "{}{}{}",
                glyphs(before),
                self.ink.beyond(&glyphs(bar)),
                glyphs(after)
            ),
            ChartLine::Limit(text) => self.ink.dim(&glyphs(text)),
        };
        let lines = chart.map(|chart| chart.lines(endpoint.scale()));
        lines.into_iter().flatten().map(line).collect()
    }

    /// The shards of a merged run: all of a few, else only with `-v`.
    fn shards(&mut self, report: &Report) {
        let lines = shard_table::lines(report);
        let is_long = lines.len() > MOST_SHARD_LINES && self.style.verbosity != Verbosity::Full;
        if is_long {
            let line = format!("  {} shards, each with -v", lines.len() - 1);
            self.prose(&line, 4);
        }
        for line in lines.iter().filter(|_| !is_long) {
            let line = printable::one_line(line);
            self.line(&format!("  {line}"));
        }
        if !lines.is_empty() {
            self.line("");
        }
    }

    /// One step a verdict that is not PASS.
    fn next(&mut self, report: &Report, endpoints: &[&EndpointReport]) {
        for endpoint in endpoints {
            let (verdict, decisive) = text::of_verdict(report, &endpoint.name);
            let lines = verdict
                .and_then(|verdict| text::next_line(report, endpoint, verdict, &decisive))
                .unwrap_or_default();
            for (at, line) in lines.iter().enumerate() {
                let lead = if at == 0 { "next" } else { "" };
                let name = match (at, endpoints.len()) {
                    (0, 2..) => format!("{}: ", endpoint.name),
                    _ => String::new(),
                };
                self.prose(&format!("{lead:4}  {name}{line}"), 6);
            }
        }
    }

    /// What must be known to read the numbers: in short where that says it, in full with `-v`.
    fn notes(&mut self, notes: Vec<ScreenNote>) {
        let full = self.style.verbosity == Verbosity::Full;
        let mut folded = Vec::new();
        for note in notes {
            match note.short {
                Some(short) if !full => folded.push(short),
                _ => self.prose(&format!("note: {}", note.long), 6),
            }
        }
        if folded.is_empty() {
            return;
        }
        let count = match folded.len() {
            1 => "1 note".to_owned(),
            n => format!("{n} notes"),
        };
        folded[0] = format!("{count} (-v): {}", folded[0]);
        let folded: Vec<String> = folded
            .iter()
            .map(|note| self.ink.glyphs(note).into_owned())
            .collect();
        let separator = self.ink.glyphs(" · ").into_owned();
        for line in wrapped::at_parts(&folded, &separator, self.style.width, 0) {
            self.line(&line);
        }
    }
}
