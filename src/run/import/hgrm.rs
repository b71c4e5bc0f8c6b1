//! HdrHistogram's percentile distribution, as a `.hgrm` file or inside the output of wrk2.

use super::ending::content_lines;
use super::import_remark::{MissingRequests, UnstatedFact};
use super::rank_bounds::{RankBound, ranges};
use super::{FileFormat, ImportError, ImportRemark, Imported, TimeUnit};
use crate::run::recording::{Counts, Failures, Range, Ranges, Recording};
use crate::run::sample::FailureKind;

/// Titles of the table's columns.
const TITLES: [&str; 4] = ["Value", "Percentile", "TotalCount", "1/(1-Percentile)"];

/// What our own tables say of their unit.
pub const MILLISECONDS: &str = "#[Values in milliseconds]";

/// What stands above the table of wrk2, whose values are milliseconds.
const WRK2: &str = "Detailed Percentile spectrum:";

/// Whether a text has such a table.
pub(super) fn is_table(text: &str) -> bool {
    text.lines().any(is_titles)
}

fn is_titles(line: &str) -> bool {
    line.split_whitespace().eq(TITLES)
}

struct TableLine {
    value_ns: u64,
    /// Half of the last digit.
    within_ns: u64,
    total: u64,
}

/// Counts up to each value: a range for every latency.
pub(super) fn read(text: &str, unit: Option<TimeUnit>) -> Result<Imported, ImportError> {
    let wrk2 = text.contains(WRK2);
    let lines = table(text, unit_of(text, unit, wrk2)?)?;
    let n = lines.last().map_or(0, |line| line.total);
    let bounds: Vec<RankBound> = lines
        .iter()
        .map(|line| RankBound::between(line.total, line.total + 1, line.value_ns, line.within_ns))
        .collect();
    let ranges = ranges(n, &bounds)
        .ok_or_else(|| FileFormat::Hgrm.damaged("its values and counts contradict each other"))?;
    if wrk2 {
        of_wrk2(text, n, ranges)
    } else {
        Ok(of_hgrm(n, ranges))
    }
}

fn unit_of(text: &str, unit: Option<TimeUnit>, wrk2: bool) -> Result<TimeUnit, ImportError> {
    let own = wrk2 || text.contains(MILLISECONDS);
    let own = own.then_some(TimeUnit::Milliseconds);
    match (own, unit) {
        (Some(own), Some(unit)) if unit != own => Err(FileFormat::Hgrm.error(
            format!("--unit says {unit}, but this table is in ms"),
            "leave --unit out",
        )),
        (Some(unit), _) | (None, Some(unit)) => Ok(unit),
        (None, None) => Err(FileFormat::Hgrm.error(
            "the table does not name its unit",
            "name it with --unit, such as --unit ms",
        )),
    }
}

/// The first table: that of wrk2 with the intended starts, if there is a second one without.
fn table(text: &str, unit: TimeUnit) -> Result<Vec<TableLine>, ImportError> {
    let mut lines = Vec::new();
    let mut numbered = (1u64..)
        .zip(text.lines())
        .skip_while(|(_, line)| !is_titles(line));
    if numbered.next().is_none() {
        return Err(FileFormat::Hgrm
            .damaged("it has no table with the columns Value, Percentile, TotalCount"));
    }
    for (number, line) in numbered {
        if let Some(footer) = line.trim().strip_prefix("#[Max") {
            return check_footer(footer, lines);
        }
        if !line.trim().is_empty() && !line.trim().starts_with('#') {
            let damaged = || {
                FileFormat::Hgrm.damaged(format!(
                    "line {number} is not a line of the table: '{}'",
                    line.trim()
                ))
            };
            lines.push(parse(line, unit).ok_or_else(damaged)?);
        }
    }
    Err(FileFormat::Hgrm
        .cut("the line '#[Max …, Total count …]' at its end is missing: the file is cut"))
}

/// `    6.287     0.500000000000       500         2.00`.
fn parse(line: &str, unit: TimeUnit) -> Option<TableLine> {
    let cells: Vec<&str> = line.split_whitespace().collect();
    let (&value_text, &total) = (cells.first()?, cells.get(2)?);
    let (value_ns, within_ns) = value(value_text, unit)?;
    Some(TableLine {
        value_ns,
        within_ns,
        total: total.parse().ok().filter(|&total: &u64| total < 1 << 40)?,
    })
}

/// A value in ns, and half of its last digit.
pub(super) fn value(text: &str, unit: TimeUnit) -> Option<(u64, u64)> {
    let number: f64 = text
        .parse()
        .ok()
        .filter(|v: &f64| v.is_finite() && *v >= 0.0)?;
    let decimals = text
        .split_once('.')
        .map_or(0, |(_, decimals)| decimals.len());
    let step_ns = unit.nanoseconds() / 10f64.powi(decimals.min(18) as i32);
    let value_ns = (number * unit.nanoseconds()).round();
    (value_ns < 1e18).then_some((value_ns as u64, (step_ns / 2.0).ceil() as u64))
}

/// `     =      320.500, Total count    =          600]`: the table must reach its own total.
fn check_footer(footer: &str, lines: Vec<TableLine>) -> Result<Vec<TableLine>, ImportError> {
    let count = footer
        .rsplit('=')
        .next()
        .unwrap_or("")
        .trim_end_matches(']')
        .trim();
    // HdrHistogram for Python writes `500.000`.
    let whole = count.strip_suffix(".000").unwrap_or(count);
    let total: u64 = whole
        .parse()
        .map_err(|_| FileFormat::Hgrm.damaged(format!("'{count}' is not a total count")))?;
    match lines.last().map_or(0, |line| line.total) {
        reached if reached == total => Ok(lines),
        reached => Err(FileFormat::Hgrm.damaged(format!(
            "its last line counts {reached} of {total}: lines are missing"
        ))),
    }
}

fn of_hgrm(n: u64, ranges: Vec<Range>) -> Imported {
    let counts = Counts {
        ok: n,
        ..Counts::default()
    };
    let mut recording = Recording::of_ranges(Ranges::new(ranges, 0), counts);
    recording.failures = Failures::Incomplete;
    let remarks = vec![
        ImportRemark::Format(FileFormat::Hgrm),
        ImportRemark::Unstated(UnstatedFact::Clock),
        ImportRemark::Unstated(UnstatedFact::Failures {
            format: FileFormat::Hgrm,
        }),
    ];
    Imported::unnamed(FileFormat::Hgrm, recording, remarks)
}

/// wrk2 says below the table how many requests failed.
fn of_wrk2(text: &str, n: u64, mut ranges: Vec<Range>) -> Result<Imported, ImportError> {
    let failures = Wrk2Failures::of(text);
    let max_ns = ranges.last().map_or(0, |range| range.high_ns);
    let mut remarks = vec![
        ImportRemark::Format(FileFormat::Hgrm),
        ImportRemark::FromIntendedStart,
    ];
    if failures.timeouts > 0 {
        // Slower than the time limit or answered late, and counted again every two seconds.
        ranges.push(Range {
            low_ns: 0,
            shown_ns: max_ns,
            high_ns: u64::MAX,
            count: failures.timeouts,
        });
        remarks.push(ImportRemark::Missing(MissingRequests::Timeouts {
            timeouts: failures.timeouts,
        }));
    }
    if failures.bad_status > n {
        return Err(FileFormat::Hgrm.damaged("more answers failed than there were"));
    }
    remarks.extend(ImportRemark::failures_among(
        FileFormat::Hgrm,
        failures.bad_status,
    ));
    let mut counts = Counts {
        ok: n + failures.timeouts - failures.bad_status,
        ..Counts::default()
    };
    let kinds = [
        (FailureKind::Status, failures.bad_status),
        (FailureKind::Connect, failures.connect),
        (FailureKind::Reset, failures.broken),
    ];
    counts
        .failed
        .extend(kinds.into_iter().filter(|&(_, n)| n > 0));
    let recording = Recording::of_ranges(Ranges::new(ranges, failures.bad_status), counts);
    Ok(Imported::unnamed(FileFormat::Hgrm, recording, remarks))
}

/// What wrk2 says below the table.
#[derive(Default)]
struct Wrk2Failures {
    connect: u64,
    /// Reads and writes.
    broken: u64,
    timeouts: u64,
    /// `Non-2xx or 3xx responses`: answered, so among the latencies.
    bad_status: u64,
}

impl Wrk2Failures {
    fn of(text: &str) -> Wrk2Failures {
        let mut failures = Wrk2Failures::default();
        for (_, line) in content_lines(text) {
            if let Some(list) = line.strip_prefix("Socket errors:") {
                let count = |name: &str| {
                    let mut parts = list.split(',');
                    let part = parts.find_map(|part| part.trim().strip_prefix(name));
                    part.and_then(|n| n.trim().parse().ok())
                        .map_or(0, |n: u64| n.min(1 << 40))
                };
                failures.connect = count("connect");
                failures.broken = count("read") + count("write");
                failures.timeouts = count("timeout");
            } else if let Some(count) = line.strip_prefix("Non-2xx or 3xx responses:") {
                failures.bad_status = count.trim().parse().unwrap_or(0);
            }
        }
        failures
    }
}
