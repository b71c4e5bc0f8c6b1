//! vegeta: `report -type=hdrplot` is a table of percentiles that a digest estimates.

use std::f64::consts::PI;

use crate::run::import::hgrm;
use crate::run::import::rank_bounds::{RankBound, ranges};
use crate::run::import::{FileFormat, ImportError, ImportRemark, Imported};
use crate::run::recording::{Counts, Failures, Ranges, Recording};

const FORMAT: FileFormat = FileFormat::VegetaHdrplot;

/// Titles of the table's columns.
const TITLES: [&str; 4] = ["Value(ms)", "Percentile", "TotalCount", "1/(1-Percentile)"];

/// How many clusters the digest aims at.
const COMPRESSION: f64 = 100.0;

pub(in crate::run::import) fn is_titles(line: &str) -> bool {
    line.split_whitespace().eq(TITLES)
}

/// A range for every latency.
pub(in crate::run::import) fn read(text: &str) -> Result<Imported, ImportError> {
    let mut lines = (1u64..)
        .zip(text.lines())
        .filter(|(_, line)| !line.trim().is_empty());
    if !lines.next().is_some_and(|(_, line)| is_titles(line)) {
        return Err(FORMAT.damaged(format!("its first line is not {}", TITLES.join(" "))));
    }
    let mut rows = Vec::new();
    for (number, line) in lines {
        let row = PlotLine::parse(line).ok_or_else(|| {
            FORMAT.damaged(format!(
                "line {number} is not a line of the table: '{}'",
                line.trim()
            ))
        })?;
        rows.push(row);
    }
    let n = match rows.last() {
        Some(row) if row.fraction == 1.0 => row.total,
        _ => {
            return Err(
                FORMAT.cut("the line of percentile 1 at its end is missing: the file is cut")
            );
        }
    };
    let bounds: Vec<RankBound> = rows.iter().map(|row| row.bound(n)).collect();
    let mut ranges = ranges(n, &bounds)
        .ok_or_else(|| FORMAT.damaged("its values and counts contradict each other"))?;
    // The latencies of failed requests are included, so any latency may be that of a failure, which has no upper bound.
    ranges.iter_mut().for_each(|range| range.high_ns = u64::MAX);
    let counts = Counts {
        ok: n,
        ..Counts::default()
    };
    let mut recording = Recording::of_ranges(Ranges::new(ranges, 0), counts);
    recording.failures = Failures::Incomplete;
    Ok(Imported::unnamed(
        FORMAT,
        recording,
        vec![ImportRemark::Format(FORMAT)],
    ))
}

/// One line of the table.
struct PlotLine {
    value_ns: u64,
    within_ns: u64,
    fraction: f64,
    total: u64,
}

impl PlotLine {
    fn parse(line: &str) -> Option<PlotLine> {
        let cells: Vec<&str> = line.split_whitespace().collect();
        let &[value, fraction, total, _inverse] = cells.as_slice() else {
            return None;
        };
        let (value_ns, within_ns) = hgrm::value(value, crate::run::import::TimeUnit::Milliseconds)?;
        Some(PlotLine {
            value_ns,
            within_ns: within_ns.max(1),
            fraction: fraction.parse().ok().filter(|f| (0.0..=1.0).contains(f))?,
            total: total.parse().ok().filter(|&total: &u64| total < 1 << 40)?,
        })
    }

    /// Minimum and maximum are exact. In between the value is the middle of a cluster or lies between two of them, and a
    /// cluster of the digest has at most n·π·√(q(1 − q)) / 100 values.
    fn bound(&self, n: u64) -> RankBound {
        let PlotLine {
            value_ns,
            within_ns,
            fraction: q,
            ..
        } = *self;
        if q == 0.0 || q == 1.0 {
            return RankBound::at(if q == 0.0 { 1 } else { n }, value_ns, within_ns);
        }
        let cluster = n as f64 * PI * (q * (1.0 - q)).sqrt() / COMPRESSION;
        let slack = (2.0 * cluster).ceil() as u64 + 1;
        let rank = (q * n as f64) as u64;
        let below = rank.saturating_sub(slack);
        let above = (rank + 1).saturating_add(slack);
        RankBound::between(below, above, value_ns, within_ns)
    }
}
