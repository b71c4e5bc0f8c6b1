//! oha: `--output-format json` is a summary, `--output-format csv` has every answered request.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::ending::{Ending, ending_of};
use super::percentile_summary::{MOST, PercentileSummary, add, nanoseconds};
use super::rank_bounds::RankBound;
use super::requests::{ImportedRequest, outcome_of_error, outcome_of_status, recording};
use super::titled_rows::TitledRows;
use super::{FileFormat, ImportError, ImportRemark, Imported, TimeUnit};
use crate::run::recording::{Counts, Failures};
use crate::run::sample::Outcome;

/// How the CSV begins.
pub(super) const CSV_HEADER: &str = "request-start,DNS,DNS+dialup,Response-delay,request-duration";

/// Relative rounding of oha's sums when it makes the steps of its histogram.
const STEP_ERROR: f64 = 1e-9;

/// Upper bound of a step in seconds → count.
type StepCounts = BTreeMap<String, u64>;

/// `p95` → seconds; null where there are too few requests for oha's index.
type Percentiles = BTreeMap<String, Option<f64>>;

/// What is read of the JSON; times in seconds.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
#[serde(expecting = "an object")]
struct OhaDocument {
    summary: Extremes,
    response_time_histogram: StepCounts,
    latency_percentiles: Percentiles,
    /// Of answers with a status from 200 to 299, with --stats-success-breakdown.
    response_time_histogram_successful: Option<StepCounts>,
    latency_percentiles_successful: Option<Percentiles>,
    status_code_distribution: BTreeMap<String, u64>,
    error_distribution: BTreeMap<String, u64>,
}

#[derive(Deserialize)]
#[serde(expecting = "an object")]
struct Extremes {
    slowest: Option<f64>,
    fastest: Option<f64>,
}

/// Percentiles, a coarse histogram and counts: a range for every latency.
pub(super) fn read_json(text: &str) -> Result<Imported, ImportError> {
    let format = FileFormat::OhaJson;
    let document: OhaDocument = serde_json::from_str(text).map_err(|e| format.json_error(&e))?;
    let counts = document.counts(format)?;
    let (n, bounds) = document.bounds();
    if counts.ok > n {
        return Err(format.damaged("it has more ok answers than latencies"));
    }
    PercentileSummary {
        answers: n,
        bounds,
        counts,
    }
    .into_imported(format)
}

impl OhaDocument {
    /// Answers whose status this counts.
    fn answered(&self, counted: impl Fn(u16) -> bool) -> u64 {
        let statuses = self.status_code_distribution.iter();
        let counted = statuses.filter(|(status, _)| status.parse().is_ok_and(&counted));
        counted.map(|(_, n)| n).sum()
    }

    fn counts(&self, format: FileFormat) -> Result<Counts, ImportError> {
        let numbers = self
            .status_code_distribution
            .values()
            .chain(self.error_distribution.values());
        if numbers.copied().any(|n| n > MOST) {
            return Err(format.damaged("a count is larger than any run's"));
        }
        let mut counts = Counts::default();
        for (status, &n) in &self.status_code_distribution {
            let status: u16 = status
                .parse()
                .map_err(|_| format.damaged(format!("'{status}' is not a status")))?;
            add(&mut counts, outcome_of_status(status), n);
        }
        for (error, &n) in &self.error_distribution {
            let outcome = match error.as_str() {
                // In flight at the end of -z, and cut.
                "aborted due to deadline" => Outcome::Unsent,
                error => outcome_of_error(error),
            };
            add(&mut counts, outcome, n);
        }
        Ok(counts)
    }

    /// How many latencies the percentiles are about, and what they say: those of the answers that are ok, where the
    /// file tells them apart, else those of all.
    fn bounds(&self) -> (u64, Vec<RankBound>) {
        let slowest = self.summary.slowest.and_then(seconds);
        let fastest = self.summary.fastest.and_then(seconds);
        let redirects = self.answered(|status| (300..400).contains(&status));
        match (
            &self.response_time_histogram_successful,
            &self.latency_percentiles_successful,
        ) {
            (Some(histogram), Some(of_ok)) if redirects == 0 => {
                let n = self.answered(|status| (200..300).contains(&status));
                // The slowest of all may be one that failed.
                let slowest = slowest.map(|ns| RankBound::between(n, n + 1, ns, 1));
                let bounds = percentiles(of_ok, n).into_iter().chain(steps(histogram, n));
                (n, bounds.chain(slowest).collect())
            }
            _ => {
                let n = self.answered(|_| true);
                let slowest = slowest.map(|ns| RankBound::at(n, ns, 1));
                let fastest = fastest.map(|ns| RankBound::at(1, ns, 1));
                let bounds = percentiles(&self.latency_percentiles, n).into_iter();
                let bounds = bounds.chain(steps(&self.response_time_histogram, n));
                (n, bounds.chain(slowest).chain(fastest).collect())
            }
        }
    }
}

fn percentiles(percentiles: &Percentiles, n: u64) -> Vec<RankBound> {
    let bounds = percentiles.iter().filter_map(|(name, &value)| {
        let percentile: f64 = name.strip_prefix('p')?.parse().ok()?;
        // oha's own index, from 0.
        let index = (percentile / 100.0 * n as f64) as u64;
        let value_ns = seconds(value?)?;
        (index < n).then(|| RankBound::at(index + 1, value_ns, 1))
    });
    bounds.collect()
}

/// A step is the upper bound of its count; together they hold every latency, but for equal ones, whose steps
/// coincide and are lost.
fn steps(histogram: &StepCounts, n: u64) -> Vec<RankBound> {
    let steps = histogram.iter();
    let mut steps: Vec<(u64, u64)> = steps
        .filter_map(|(bound, &count)| Some((seconds(bound.parse().ok()?)?, count)))
        .collect();
    steps.sort_unstable();
    if steps
        .iter()
        .try_fold(0u64, |sum, (_, count)| sum.checked_add(*count))
        != Some(n)
    {
        return Vec::new();
    }
    let mut below = 0;
    let bounds = steps.into_iter().map(|(bound_ns, count)| {
        below += count;
        let within_ns = (bound_ns as f64 * STEP_ERROR) as u64 + 1;
        RankBound::between(below, below + 1, bound_ns, within_ns)
    });
    bounds.collect()
}

fn seconds(seconds: f64) -> Option<u64> {
    nanoseconds(seconds, TimeUnit::Seconds)
}

/// Every answered request.
pub(super) fn read_csv(text: &str) -> Result<Imported, ImportError> {
    let format = FileFormat::OhaCsv;
    let mut requests = Vec::new();
    TitledRows::titled(format, text)?.for_each(|row| {
        let status = row.number("status")?;
        requests.push(ImportedRequest {
            start_ns: row.duration("request-start", TimeUnit::Seconds)?.as_nanos() as i64,
            latency: row.duration("request-duration", TimeUnit::Seconds)?,
            outcome: outcome_of_status(status),
            status: Some(status),
        });
        Ok(())
    })?;
    let mut recording = recording(requests, std::time::Duration::ZERO);
    recording.failures = Failures::Incomplete;
    let mut remarks = vec![ImportRemark::Format(format)];
    remarks.extend(ImportRemark::of_ending(if text.ends_with('\n') {
        Ending::Whole
    } else {
        ending_of(text)
    }));
    Ok(Imported::unnamed(format, recording, remarks))
}
