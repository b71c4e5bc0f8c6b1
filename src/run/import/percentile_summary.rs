//! Percentiles of all answers and counts of how the requests ended, as most summaries have them: one recording.

use super::rank_bounds::{RankBound, ranges};
use super::{FileFormat, ImportError, ImportRemark, Imported, TimeUnit};
use crate::run::recording::{Counts, Ranges, Recording};
use crate::run::sample::Outcome;

/// More requests than any run has.
pub(super) const MOST: u64 = 1 << 40;

/// The figures of one endpoint in a summary.
pub(super) struct PercentileSummary {
    /// Answers that the percentiles cover.
    pub(super) answers: u64,
    pub(super) bounds: Vec<RankBound>,
    /// The outcomes of all requests, including those without an answer.
    pub(super) counts: Counts,
}

impl PercentileSummary {
    /// A range for every answer's latency.
    pub(super) fn into_recording(self, format: FileFormat) -> Result<Recording, ImportError> {
        let among = self.failures_among(format)?;
        if self.counts.total() > MOST || self.answers > MOST {
            return Err(format.damaged("a count is larger than any run's"));
        }
        let ranges = ranges(self.answers, &self.bounds).ok_or_else(|| {
            format.damaged("its percentiles, extremes and counts contradict each other")
        })?;
        Ok(Recording::of_ranges(
            Ranges::new(ranges, among),
            self.counts,
        ))
    }

    /// The file, all requests as one endpoint.
    pub(super) fn into_imported(self, format: FileFormat) -> Result<Imported, ImportError> {
        let among = self.failures_among(format)?;
        let remarks = std::iter::once(ImportRemark::Format(format))
            .chain(ImportRemark::failures_among(format, among));
        let remarks = remarks.collect();
        Ok(Imported::unnamed(
            format,
            self.into_recording(format)?,
            remarks,
        ))
    }

    /// Answers that failed, so that their latencies are among the others.
    fn failures_among(&self, format: FileFormat) -> Result<u64, ImportError> {
        let (ok, answers) = (self.counts.ok, self.answers);
        answers.checked_sub(ok).ok_or_else(|| {
            format.damaged(format!("it has {ok} ok answers, but {answers} latencies"))
        })
    }
}

/// Counts `n` requests of the same outcome.
pub(super) fn add(counts: &mut Counts, outcome: Outcome, n: u64) {
    match outcome {
        _ if n == 0 => {}
        Outcome::Ok => counts.ok += n,
        Outcome::Failed(kind) => *counts.failed.entry(kind).or_default() += n,
        Outcome::Timeout => counts.timeout += n,
        Outcome::Unsent => counts.unsent += n,
    }
}

/// A count of a JSON file, which some tools write as a floating-point number.
pub(super) fn count(format: FileFormat, name: &str, number: f64) -> Result<u64, ImportError> {
    if number.fract() == 0.0 && (0.0..=MOST as f64).contains(&number) {
        Ok(number as u64)
    } else {
        Err(format.damaged(format!("{name} is {number}, which is not a count")))
    }
}

/// A duration in ns; `None` if the value cannot be one.
pub(super) fn nanoseconds(number: f64, unit: TimeUnit) -> Option<u64> {
    let ns = (number * unit.nanoseconds()).round();
    (0.0..1e18).contains(&ns).then_some(ns as u64)
}
