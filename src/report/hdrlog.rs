//! HdrHistogram's interval log, version 1.3: what its own tools read and plot.
//!
//! One line per endpoint and second, with the endpoint as the tag; a recording without time is one line. Values are
//! nanoseconds, times are seconds since the start, the interval's maximum is in ms. The log has no place for failures:
//! a comment counts them.

use std::io::{self, Write};

use jiff::Timestamp;

use super::endpoint_report::{EndpointReport, LatencyDistribution};
use super::model::Report;
use crate::run::histogram::{Histogram, Precision, RankedValues};
use crate::run::recording::RunInterval;

/// One line of the log.
struct IntervalLine<'a> {
    tag: &'a str,
    start_s: f64,
    length_s: f64,
    values: IntervalValues<'a>,
}

/// The latencies of a line. Those of a second become a histogram when they are written: a long run has many seconds.
enum IntervalValues<'a> {
    Second(&'a RunInterval),
    Whole(&'a RankedValues),
}

impl IntervalValues<'_> {
    fn histogram(&self) -> Histogram {
        match self {
            IntervalValues::Second(interval) => interval.histogram(),
            IntervalValues::Whole(levels) => whole(levels),
        }
    }
}

/// Writes the log, in the order of time.
pub(super) fn write(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let starts = report
        .endpoints
        .iter()
        .filter_map(|e| e.distribution.started_at);
    let began = starts.min();
    writeln!(
        out,
        "#[Logged with a7probe {}; values in nanoseconds]",
        env!("CARGO_PKG_VERSION")
    )?;
    writeln!(out, "#[Histogram log format version 1.3]")?;
    if let Some(began) = began {
        let seconds = began.as_millisecond() as f64 / 1e3;
        writeln!(
            out,
            "#[StartTime: {seconds:.3} (seconds since epoch), {began}]"
        )?;
    }
    let tags = tags(report);
    for (endpoint, tag) in report.endpoints.iter().zip(&tags) {
        let counts = &endpoint.summary.counts;
        writeln!(
            out,
            "#[Tag {tag}: {} of {} requests ended ok and are in this log; {} did not and are not]",
            counts.ok,
            counts.total(),
            counts.not_ok()
        )?;
    }
    writeln!(
        out,
        "\"StartTimestamp\",\"Interval_Length\",\"Interval_Max\",\"Interval_Compressed_Histogram\""
    )?;
    let endpoints = report.endpoints.iter().zip(&tags);
    let mut lines: Vec<IntervalLine<'_>> = endpoints
        .flat_map(|(endpoint, tag)| lines(&endpoint.distribution, tag, began))
        .collect();
    lines.sort_by(|a, b| a.start_s.total_cmp(&b.start_s));
    lines.iter().try_for_each(|line| line.write(out))
}

impl IntervalLine<'_> {
    fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        let histogram = self.values.histogram();
        let top_ns = histogram
            .buckets()
            .last()
            .map_or(0, |bucket| bucket.high_ns);
        writeln!(
            out,
            "Tag={},{:.3},{:.3},{:.3},{}",
            self.tag,
            self.start_s,
            self.length_s,
            top_ns as f64 / 1e6,
            histogram.encode()
        )
    }
}

fn lines<'a>(
    distribution: &'a LatencyDistribution,
    tag: &'a str,
    began: Option<Timestamp>,
) -> Vec<IntervalLine<'a>> {
    let offset = distribution.started_at.zip(began);
    let offset_s = offset.map_or(0.0, |(own, first)| own.duration_since(first).as_secs_f64());
    if distribution.seconds.is_empty() {
        return vec![IntervalLine {
            tag,
            start_s: offset_s,
            length_s: 0.0,
            values: IntervalValues::Whole(&distribution.highest),
        }];
    }
    let seconds = distribution
        .seconds
        .iter()
        .map(|(second, interval)| IntervalLine {
            tag,
            start_s: offset_s + second as f64,
            length_s: distribution.seconds.width_s() as f64,
            values: IntervalValues::Second(interval),
        });
    seconds.collect()
}

fn whole(levels: &RankedValues) -> Histogram {
    let mut histogram = Histogram::new(Precision::Four);
    levels
        .counts()
        .for_each(|(value_ns, count)| histogram.record_n(value_ns, count));
    histogram
}

/// A tag ends at a comma, and readers split at white space; two endpoints must not become one.
fn tags(report: &Report) -> Vec<String> {
    let mut tags: Vec<String> = Vec::new();
    for EndpointReport { name, .. } in &report.endpoints {
        let separates = |c: char| c == ',' || c.is_whitespace() || c.is_control();
        let mut tag = name.replace(separates, "_");
        while tags.contains(&tag) {
            tag.push('_');
        }
        tags.push(tag);
    }
    tags
}
