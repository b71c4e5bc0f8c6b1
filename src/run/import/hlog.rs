//! HdrHistogram's interval log: one compressed histogram a line, with an optional tag.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::ending::ending_of;
use super::endpoint_names::gate_name;
use super::import_remark::UnstatedFact;
use super::{FileFormat, ImportError, ImportRemark, Imported, ImportedEndpoint, TimeUnit};
use crate::run::histogram::{Bucket, DecodeError, Histogram, Precision, decode_buckets};
use crate::run::recording::{
    Counts, Failures, Range, Ranges, Recording, RunInterval, RunIntervals,
};

/// Most bytes that all histograms of a file may inflate to: a day of V0 intervals of 5 s has 3 GB.
const MOST_INFLATED: u64 = 4 << 30;

/// Most different buckets of all tags; five digits over an hour in ns have 3.2 million.
const MOST_BUCKETS: usize = 4 << 20;

/// Most tags of a file.
const MOST_TAGS: usize = 64;

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
struct TagCounts {
    /// Lower and upper bound → count.
    buckets: BTreeMap<(u64, u64), u64>,
    intervals: RunIntervals,
}

/// Counts by bucket and interval, each tag as an endpoint.
pub(super) fn read(text: &str, unit: Option<TimeUnit>) -> Result<Imported, ImportError> {
    let unit_ns = unit.unwrap_or(TimeUnit::Nanoseconds).nanoseconds() as u64;
    let lines = lines(text)?;
    // Time stamps are relative to a base that the file may name, and tags need not be in the order of time.
    let began_s = lines.iter().map(|(_, line)| line.start_s);
    let began_s = began_s.fold(f64::INFINITY, f64::min);
    let mut tags: Vec<(Option<String>, TagCounts)> = Vec::new();
    let mut inflated = 0;
    for (number, line) in lines {
        let index = match tags.iter().position(|(name, _)| *name == line.tag) {
            Some(index) => index,
            None if tags.len() == MOST_TAGS => {
                return Err(FileFormat::Hlog.error(
                    format!("it has more than {MOST_TAGS} tags"),
                    "log the requests of one endpoint under one tag",
                ));
            }
            None => {
                tags.push((line.tag, TagCounts::default()));
                tags.len() - 1
            }
        };
        let held: usize = tags.iter().map(|(_, tag)| tag.buckets.len()).sum();
        let tag = &mut tags[index].1;
        let most = MOST_BUCKETS - (held - tag.buckets.len());
        inflated += tag
            .add(line.start_s - began_s, line.histogram, unit_ns, most)
            .map_err(|error| {
                FileFormat::Hlog.damaged(format!("line {number} is damaged: {error}"))
            })?;
        if inflated > MOST_INFLATED {
            return Err(FileFormat::Hlog.error(
                "its histograms inflate to more than 4 GiB",
                "split the log, or record with fewer significant digits",
            ));
        }
    }
    let endpoints = tags.into_iter().map(|(name, tag)| ImportedEndpoint {
        name,
        recording: tag.into_recording(),
    });
    Ok(Imported {
        format: FileFormat::Hlog,
        endpoints: endpoints.collect(),
        remarks: remarks(text, unit),
    })
}

/// Every line with a histogram, and its number.
fn lines(text: &str) -> Result<Vec<(u64, LogLine<'_>)>, ImportError> {
    let lines = (1u64..).zip(text.lines().map(str::trim));
    let lines = lines.filter(|(_, line)| {
        !(line.is_empty() || line.starts_with('#') || line.starts_with("\"StartTimestamp\""))
    });
    lines
        .map(|(number, line)| match LogLine::parse(line) {
            Ok(line) => Ok((number, line)),
            Err(what) => Err(FileFormat::Hlog.damaged(format!("line {number} {what}"))),
        })
        .collect()
}

fn remarks(text: &str, unit: Option<TimeUnit>) -> Vec<ImportRemark> {
    let mut remarks = vec![
        ImportRemark::Format(FileFormat::Hlog),
        ImportRemark::Unstated(UnstatedFact::Failures {
            format: FileFormat::Hlog,
        }),
    ];
    if unit.is_none() {
        remarks.push(ImportRemark::Unstated(UnstatedFact::Unit));
    }
    remarks.extend(ImportRemark::of_ending(ending_of(text)));
    remarks
}

/// `Tag=health,0.127,1.007,2.769,HISTFAAA…`: start and length in seconds, maximum, histogram.
struct LogLine<'a> {
    tag: Option<String>,
    start_s: f64,
    histogram: &'a str,
}

impl LogLine<'_> {
    fn parse(line: &str) -> Result<LogLine<'_>, String> {
        let (tag, rest) = match line.strip_prefix("Tag=") {
            Some(tagged) => {
                let (tag, rest) = tagged.split_once(',').ok_or("has a tag alone")?;
                (Some(gate_name(tag)), rest)
            }
            None => (None, line),
        };
        let cells: Vec<&str> = rest.split(',').collect();
        let [start, _length, _max, histogram] = cells[..] else {
            return Err(format!("has {} columns where a log has 4", cells.len()));
        };
        let start_s: f64 = start
            .parse()
            .ok()
            .filter(|start: &f64| start.is_finite())
            .ok_or_else(|| format!("begins at '{start}', which is not a time"))?;
        Ok(LogLine {
            tag,
            start_s,
            histogram,
        })
    }
}

impl TagCounts {
    /// Adds a histogram, up to a total of `most` different buckets. Gives the number of inflated bytes.
    fn add(
        &mut self,
        start_s: f64,
        histogram: &str,
        unit_ns: u64,
        most: usize,
    ) -> Result<u64, DecodeError> {
        let mut interval = Histogram::new(Precision::Two);
        let inflated = decode_buckets(histogram, unit_ns, |bucket| {
            let Bucket {
                low_ns,
                high_ns,
                count,
            } = bucket;
            if self.buckets.len() >= most && !self.buckets.contains_key(&(low_ns, high_ns)) {
                let why = "the log has too many different buckets";
                return Err(DecodeError::Encoding(why.to_owned()));
            }
            let sum = self.buckets.entry((low_ns, high_ns)).or_default();
            *sum = sum.saturating_add(count);
            interval.record_n(low_ns + (high_ns - low_ns) / 2, count);
            Ok(())
        })?;
        if (0.0..MAX_SECONDS).contains(&start_s) {
            // Differences of decimals may be slightly below a whole second.
            let second = (start_s + 1e-6) as u64;
            self.intervals
                .holding(second)
                .merge(&RunInterval::from_histogram(&interval, 0));
        }
        Ok(inflated)
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
        recording.intervals = Arc::new(self.intervals);
        recording
    }
}
