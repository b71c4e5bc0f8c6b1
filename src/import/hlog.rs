//! HdrHistogram's interval log: one compressed histogram a line, with an optional tag.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::hgrm::no_failures_remark;
use super::imported::{Endpoint, Imported, Remark};
use super::names::sayable;
use super::{Format, ImportError, Unit, ending_of};
use crate::histogram::{Bucket, Histogram, Precision, decode_buckets};
use crate::recording::{Counts, Failures, Interval, Range, Ranges, Recording};

/// How a histogram in the V2 compressed encoding begins in base64.
const V2: &str = "HISTF";

/// More seconds than any log covers; what begins later is not shown by second.
const MAX_SECONDS: f64 = 1e9;

/// Whether a text is such a log.
pub(super) fn is_hlog(text: &str) -> bool {
    text.lines().take(64).any(|line| {
        line.starts_with("#[Histogram log format version")
            || line.starts_with("\"StartTimestamp\",\"Interval_Length\"")
            || line
                .rsplit(',')
                .next()
                .is_some_and(|last| last.starts_with("HIST"))
                && line.matches(',').count() >= 3
    })
}

/// What a tag gathers.
#[derive(Default)]
struct Tag {
    /// Lower and upper bound → count.
    buckets: BTreeMap<(u64, u64), u64>,
    intervals: BTreeMap<u64, Histogram>,
}

/// Counts by bucket and interval, each tag as an endpoint.
pub(super) fn read(text: &str, unit: Option<Unit>) -> Result<Imported, ImportError> {
    let unit_ns = unit.unwrap_or(Unit::Nanoseconds).nanoseconds() as u64;
    let mut tags: Vec<(Option<String>, Tag)> = Vec::new();
    let mut began = None;
    for (number, line) in (1u64..).zip(text.lines()) {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') || line.starts_with("\"StartTimestamp\"") {
            continue;
        }
        let line = Line::parse(line, unit_ns).map_err(|what| {
            Format::Hlog.damaged(format!("line {number} {what}; the file may be cut"))
        })?;
        let began = *began.get_or_insert(line.start_s);
        let index = match tags.iter().position(|(name, _)| *name == line.tag) {
            Some(index) => index,
            None => {
                tags.push((line.tag, Tag::default()));
                tags.len() - 1
            }
        };
        tags[index].1.add(line.start_s - began, &line.buckets);
    }
    let endpoints = tags.into_iter().map(|(name, tag)| Endpoint {
        name,
        recording: tag.into_recording(),
    });
    Ok(Imported {
        format: Format::Hlog,
        endpoints: endpoints.collect(),
        remarks: remarks(text, unit),
    })
}

fn remarks(text: &str, unit: Option<Unit>) -> Vec<Remark> {
    let mut remarks = vec![
        Remark::note(
            "an HdrHistogram log does not say from where its latencies count, and within an interval their order, so \
             every burst, is lost",
        ),
        no_failures_remark("an HdrHistogram log"),
    ];
    if unit.is_none() {
        remarks.push(Remark::note(
            "its values are taken as nanoseconds, as HdrHistogram's own tools log them; --unit us reads those of tools \
             that log microseconds, such as YCSB",
        ));
    }
    remarks.extend(Remark::of_ending(ending_of(text)));
    remarks
}

/// `Tag=health,0.127,1.007,2.769,HISTFAAA…`: start and length in seconds, maximum, histogram.
struct Line {
    tag: Option<String>,
    start_s: f64,
    buckets: Vec<Bucket>,
}

impl Line {
    fn parse(line: &str, unit_ns: u64) -> Result<Line, String> {
        let (tag, rest) = match line.strip_prefix("Tag=") {
            Some(tagged) => {
                let (tag, rest) = tagged.split_once(',').ok_or("has a tag alone")?;
                (Some(sayable(tag)), rest)
            }
            None => (None, line),
        };
        let cells: Vec<&str> = rest.split(',').collect();
        let [start, _length, _max, histogram] = cells[..] else {
            return Err(format!("has {} columns where a log has 4", cells.len()));
        };
        let start_s: f64 = start
            .parse()
            .map_err(|_| format!("begins at '{start}', which is no time"))?;
        if !histogram.starts_with(V2) && histogram.starts_with("HIST") {
            return Err("holds a histogram of another encoding than V2 compressed".to_owned());
        }
        let buckets =
            decode_buckets(histogram, unit_ns).map_err(|error| format!("is damaged: {error}"))?;
        Ok(Line {
            tag,
            start_s,
            buckets,
        })
    }
}

impl Tag {
    fn add(&mut self, start_s: f64, buckets: &[Bucket]) {
        for bucket in buckets {
            let count = self
                .buckets
                .entry((bucket.low_ns, bucket.high_ns))
                .or_default();
            *count = count.saturating_add(bucket.count);
        }
        if (0.0..MAX_SECONDS).contains(&start_s) {
            let interval = self.intervals.entry(start_s as u64);
            let interval = interval.or_insert_with(|| Histogram::new(Precision::Two));
            let middle = |b: &Bucket| b.low_ns + (b.high_ns - b.low_ns) / 2;
            buckets
                .iter()
                .for_each(|b| interval.record_n(middle(b), b.count));
        }
    }

    fn into_recording(self) -> Recording {
        let ranges: Vec<Range> = self
            .buckets
            .into_iter()
            .map(|((low_ns, high_ns), count)| Range {
                low_ns,
                shown_ns: low_ns + (high_ns - low_ns) / 2,
                high_ns,
                count,
            })
            .collect();
        let ranges = Ranges::new(ranges, 0);
        let counts = Counts {
            ok: ranges.ok(),
            ..Counts::default()
        };
        let mut recording = Recording::of_ranges(ranges, counts);
        recording.failures = Failures::Incomplete;
        let intervals = self.intervals.iter();
        let intervals =
            intervals.map(|(&second, histogram)| (second, Interval::from_histogram(histogram, 0)));
        recording.intervals = Arc::new(intervals.collect());
        recording
    }
}
