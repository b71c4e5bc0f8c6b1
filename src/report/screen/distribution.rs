//! How the response times are distributed: bars on a logarithmic scale, with the limit on a border.

use std::time::Duration;

use crate::report::drawn_limit::ChartLimit;
use crate::report::figures::{LatencyScale, thousands};
use crate::run::histogram::RankedValues;
use crate::units::{Pretty, trimmed};

/// Rows of latencies at most; failures add one.
const ROWS: usize = 9;
/// Two borders are at least this factor apart.
const STEP: f64 = 1.35;
/// The last two borders are at least this factor apart.
const NARROW: f64 = 1.15;
/// Cells of the longest bar.
const BAR: usize = 40;
/// Eighths of a cell.
const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];

/// Bars over the response times of one endpoint.
#[derive(Debug, PartialEq)]
pub(super) struct DistributionChart {
    rows: Vec<DistributionRow>,
    /// Rows within the limit; `None` without a limit.
    within: Option<(usize, Duration)>,
    /// Requests that did not end ok.
    failed: u64,
}

/// Requests up to a border, above the one before.
#[derive(Debug, PartialEq)]
struct DistributionRow {
    border: Duration,
    count: u64,
}

/// A line of the chart, in parts that are coloured differently.
#[derive(Debug, PartialEq)]
pub(super) enum ChartLine {
    /// Requests within the limit, or without one.
    Within(String),
    /// Requests beyond it: what stands before the bar, the bar, what stands after it.
    Beyond(String, String, String),
    Limit(String),
}

impl DistributionChart {
    /// `None` without a single latency.
    pub(super) fn of(
        values: &RankedValues,
        failed: u64,
        limit: Option<ChartLimit>,
    ) -> Option<DistributionChart> {
        let lowest = values.at_rank(1)?.max(1);
        let highest = values.at_rank(values.count())?.max(lowest);
        let limit_ns = limit.map(|l| l.limit.as_nanos() as u64);
        let borders = borders(lowest, highest, limit_ns);
        let mut rows: Vec<DistributionRow> = borders
            .iter()
            .map(|&border| DistributionRow {
                border: Duration::from_nanos(border),
                count: 0,
            })
            .collect();
        for (value, count) in values.counts() {
            let at = borders.partition_point(|&border| border < value);
            rows[at.min(borders.len() - 1)].count += count;
        }
        let within = limit_ns.map(|limit_ns| borders.partition_point(|&b| b <= limit_ns));
        if let (Some(within), Some(limit)) = (within, limit) {
            settle(&mut rows, within, limit.beyond);
        }
        Some(DistributionChart {
            rows,
            within: within.zip(limit.map(|l| l.limit)),
            failed,
        })
    }

    pub(super) fn lines(&self, scale: LatencyScale) -> Vec<ChartLine> {
        let most = self.rows.iter().map(|row| row.count).chain([self.failed]);
        let most = most.max().unwrap_or(0).max(1);
        let mut labels: Vec<String> = self
            .rows
            .iter()
            .map(|row| label(row.border, scale))
            .collect();
        if self.failed > 0 {
            labels.push("failed".to_owned());
        }
        let wide = |texts: &[String]| texts.iter().map(|t| t.chars().count()).max().unwrap_or(0);
        let label_width = wide(&labels);
        let counts = self.rows.iter().map(|row| row.count);
        let counts: Vec<u64> = counts
            .chain((self.failed > 0).then_some(self.failed))
            .collect();
        let numbers: Vec<String> = counts.iter().map(|&count| thousands(count)).collect();
        let number_width = wide(&numbers);
        let (within, limit) = match self.within {
            Some((within, limit)) => (within, Some(limit)),
            None => (self.rows.len(), None),
        };
        let width = label_width + 2 + BAR + 3 + number_width;
        let mut lines = Vec::new();
        for (at, count) in counts.iter().enumerate() {
            if at == within {
                lines.extend(limit.map(|limit| ChartLine::Limit(rule(limit, width, ""))));
            }
            let bar = bar(*count, most);
            let pad = " ".repeat(BAR - bar.chars().count());
            let before = format!("  {:label_width$}  ", labels[at]);
            let after = format!("{pad}   {:>number_width$}", numbers[at]);
            lines.push(if at < within {
                ChartLine::Within(format!("{before}{bar}{after}"))
            } else {
                ChartLine::Beyond(before, bar, after)
            });
        }
        if within >= counts.len() {
            let nothing = " (nothing slower)";
            lines.extend(limit.map(|limit| ChartLine::Limit(rule(limit, width, nothing))));
        }
        lines
    }
}

/// Puts the exact count beyond the limit: a bucket of the histogram may lie on both sides of it.
fn settle(rows: &mut [DistributionRow], within: usize, beyond: Option<u64>) {
    let (below, above) = rows.split_at_mut(within);
    let (Some(below), Some(beyond)) = (below.last_mut(), beyond) else {
        return;
    };
    let seen: u64 = above.iter().map(|row| row.count).sum();
    let Some(above) = above.first_mut() else {
        return;
    };
    if beyond > seen {
        let moved = (beyond - seen).min(below.count);
        below.count -= moved;
        above.count += moved;
    } else {
        let moved = (seen - beyond).min(above.count);
        above.count -= moved;
        below.count += moved;
    }
}

/// `≤ 13 ms`, in the unit of the endpoint's table and with two digits, as borders have.
fn label(border: Duration, scale: LatencyScale) -> String {
    let border_ms = border.as_secs_f64() * 1e3;
    match scale {
        LatencyScale::Millis if border < Duration::from_millis(1) => {
            let decimals = (1.0 - border_ms.log10().floor()) as usize;
            format!("≤ {} ms", trimmed(border_ms, decimals))
        }
        LatencyScale::Millis if border >= Duration::from_secs(1) => {
            format!("≤ {}", scale.latency(border))
        }
        LatencyScale::Micros | LatencyScale::Millis | LatencyScale::AsGiven => {
            format!("≤ {}", Pretty(border))
        }
    }
}

/// A line as wide as the chart that ends in the limit.
fn rule(limit: Duration, width: usize, remark: &str) -> String {
    let text = format!(" limit {}{remark}", Pretty(limit));
    let dashes = width.saturating_sub(text.chars().count()).max(8);
    format!("  {}{text}", "─".repeat(dashes))
}

/// A bar in eighths of a cell; a count that is not zero shows at least one.
fn bar(count: u64, most: u64) -> String {
    let eighths = (count as f64 / most as f64 * (BAR * 8) as f64).round() as usize;
    let eighths = eighths.clamp(usize::from(count > 0), BAR * 8);
    format!("{}{}", "█".repeat(eighths / 8), EIGHTHS[eighths % 8])
}

/// Ascending borders in ns, about equal steps on a logarithmic scale, the last at or above the highest value; the limit
/// is one of them if values lie on both sides.
fn borders(lowest: u64, highest: u64, limit: Option<u64>) -> Vec<u64> {
    let (low, high) = (lowest as f64, highest as f64);
    let rows = ((high / low).ln() / STEP.ln()).round() as usize;
    let rows = rows.clamp(1, ROWS);
    let inside = limit.filter(|&limit| lowest <= limit && limit < highest);
    let mut borders: Vec<u64> = match inside {
        None => steps(low, high, rows).map(rounded).collect(),
        Some(limit) => {
            let middle = limit as f64;
            let part = (middle / low).ln() / (high / low).ln();
            let below = ((rows as f64 * part).round() as usize).clamp(1, rows.max(2) - 1);
            let above = rows.saturating_sub(below).max(1);
            let inner = steps(low, middle, below).map(rounded);
            let inner = inner.filter(|&border| border < limit);
            let outer = steps(middle, high, above).map(rounded);
            let outer = outer.filter(|&border| border > limit);
            inner.chain([limit]).chain(outer).collect()
        }
    };
    // A last row as narrow as that says nothing.
    while borders
        .last()
        .is_some_and(|&last| Some(last) != inside && last as f64 * NARROW >= high)
    {
        borders.pop();
    }
    borders.push(rounded_up(highest).max(highest));
    borders.dedup();
    borders
}

fn steps(from: f64, to: f64, parts: usize) -> impl Iterator<Item = f64> {
    (1..=parts).map(move |part| from * (to / from).powf(part as f64 / parts as f64))
}

/// To two significant digits.
fn rounded(ns: f64) -> u64 {
    let unit = 10f64.powf(ns.max(10.0).log10().floor() - 1.0);
    ((ns / unit).round() * unit).round() as u64
}

fn rounded_up(ns: u64) -> u64 {
    let value = ns as f64;
    let unit = 10f64.powf(value.max(10.0).log10().floor() - 1.0);
    ((value / unit - 1e-9).ceil() * unit).round() as u64
}

#[cfg(test)]
mod tests;
