//! k6's summary: percentiles of `http_req_duration` and the number of failures.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::dropped_remark;
use crate::run::import::percentile_summary::nanoseconds;
use crate::run::import::rank_bounds::{RankBound, ranges};
use crate::run::import::{FileFormat, ImportError, ImportRemark, Imported, TimeUnit};
use crate::run::recording::{Counts, Ranges, Recording};
use crate::run::sample::FailureKind;

/// Of the requests that ended as expected, where the summary tells them apart.
const EXPECTED: &str = "http_req_duration{expected_response:true}";

/// Metrics by name, in one of three shapes: numbers on the metric (`--summary-export`), one level deeper
/// (`handleSummary`), or in a list of metrics (`--new-machine-readable-summary`).
struct K6Metrics {
    metrics: BTreeMap<String, BTreeMap<String, Value>>,
}

/// The fields that are read from the JSON.
#[derive(Deserialize)]
#[serde(expecting = "an object")]
struct Outer {
    metrics: Option<BTreeMap<String, BTreeMap<String, Value>>>,
    results: Option<MetricList>,
}

#[derive(Deserialize)]
#[serde(expecting = "an object")]
struct MetricList {
    metrics: Vec<BTreeMap<String, Value>>,
}

/// A range for every latency, all requests as one endpoint.
pub(in crate::run::import) fn read_summary(text: &str) -> Result<Imported, ImportError> {
    let format = FileFormat::K6Summary;
    let outer: Outer = serde_json::from_str(text).map_err(|e| format.json_error(&e))?;
    let document = K6Metrics::of(format, outer)?;
    let total = document.count(format, "http_reqs", "count")?;
    let failed = document.failed(format, total)?;
    let dropped = document
        .count(format, "dropped_iterations", "count")
        .unwrap_or(0);
    if failed > total {
        return Err(format.damaged(format!("{failed} of {total} requests failed")));
    }
    let ok = total - failed;
    let (metric, n, failures_among) = if document.metrics.contains_key(EXPECTED) {
        (EXPECTED, ok, 0)
    } else {
        ("http_req_duration", total, failed)
    };
    let bounds = match n {
        0 => Vec::new(),
        n => document.bounds(format, metric, n)?,
    };
    let ranges = ranges(n, &bounds)
        .ok_or_else(|| format.damaged("its percentiles and counts contradict each other"))?;
    let mut counts = Counts {
        ok,
        unsent: dropped,
        ..Counts::default()
    };
    if failed > 0 {
        counts.failed.insert(FailureKind::Status, failed);
    }
    let recording = Recording::of_ranges(Ranges::new(ranges, failures_among), counts);
    let imported = Imported::unnamed(format, recording, remarks(failures_among, dropped));
    Ok(imported)
}

fn remarks(failures_among: u64, dropped: u64) -> Vec<ImportRemark> {
    let format = FileFormat::K6Summary;
    std::iter::once(ImportRemark::Format(format))
        .chain(ImportRemark::failures_among(format, failures_among))
        .chain(dropped_remark(dropped))
        .collect()
}

impl K6Metrics {
    fn of(format: FileFormat, outer: Outer) -> Result<K6Metrics, ImportError> {
        let named = |metric: BTreeMap<String, Value>| {
            let name = metric.get("name")?.as_str()?.to_owned();
            Some((name, metric))
        };
        let metrics = match (outer.metrics, outer.results) {
            (Some(metrics), _) => metrics,
            (None, Some(results)) => results.metrics.into_iter().filter_map(named).collect(),
            (None, None) => return Err(format.damaged("it has no metrics")),
        };
        Ok(K6Metrics { metrics })
    }

    /// Requests that failed. k6 counts them as passes of the metric, but its own example of the machine-readable
    /// summary has it the other way round, so the rate decides.
    fn failed(&self, format: FileFormat, total: u64) -> Result<u64, ImportError> {
        // Later versions call the same count `matches`.
        let matches = self.count(format, "http_req_failed", "matches");
        let passes = matches.or_else(|_| self.count(format, "http_req_failed", "passes"))?;
        let Ok(fails) = self.count(format, "http_req_failed", "fails") else {
            return Ok(passes);
        };
        let rate = self.number("http_req_failed", "rate");
        let rate = rate.or_else(|| self.number("http_req_failed", "value"));
        let expected = rate.map(|rate| rate * total as f64);
        let off = |count: u64| expected.map_or(0.0, |expected| (count as f64 - expected).abs());
        if off(passes) <= off(fails) {
            Ok(passes)
        } else {
            Ok(fails)
        }
    }

    /// `handleSummary` puts the numbers one level deeper.
    fn number(&self, metric: &str, key: &str) -> Option<f64> {
        let metric = self.metrics.get(metric)?;
        let inner = metric.get("values").and_then(|values| values.get(key));
        inner.or_else(|| metric.get(key))?.as_f64()
    }

    fn count(&self, format: FileFormat, metric: &str, key: &str) -> Result<u64, ImportError> {
        match self.number(metric, key) {
            Some(count) if (0.0..=1e12).contains(&count) => Ok(count as u64),
            Some(count) => Err(format.damaged(format!("{metric} has the {key} {count}"))),
            None => Err(format.error(
                format!("it does not say how many requests there were: {metric} has no {key}"),
                "give the summary of --summary-export, or of handleSummary, as k6 wrote it",
            )),
        }
    }

    fn bounds(
        &self,
        format: FileFormat,
        metric: &str,
        n: u64,
    ) -> Result<Vec<RankBound>, ImportError> {
        let at = |key: &str| {
            self.number(metric, key)
                .and_then(|ms| nanoseconds(ms, TimeUnit::Milliseconds))
        };
        let max_ns = at("max").ok_or_else(|| {
            format.error(
                format!("{metric} has no max, so nothing bounds its slowest requests"),
                "run k6 with --summary-trend-stats 'min,med,max,p(50),p(90),p(95),p(99),p(99.9)'",
            )
        })?;
        let mut bounds = vec![RankBound::at(n, max_ns, 1)];
        bounds.extend(at("min").map(|min_ns| RankBound::at(1, min_ns, 1)));
        for key in self.metrics[metric].keys().chain(self.inner_keys(metric)) {
            if let (Some(percentile), Some(value_ns)) = (percentile(key), at(key)) {
                // k6 interpolates between the two ranks around percentile · (n − 1), counted from 0.
                let position = percentile / 100.0 * (n - 1) as f64;
                let (below, above) = (position.floor() as u64 + 1, position.ceil() as u64 + 1);
                // Floating point may shift a whole position.
                let (below, above) = if (position - position.round()).abs() < 1e-6 {
                    (
                        below.min(position.round() as u64),
                        above.max(position.round() as u64 + 2),
                    )
                } else {
                    (below, above)
                };
                bounds.push(RankBound::between(below.max(1), above.min(n), value_ns, 1));
            }
        }
        Ok(bounds)
    }

    fn inner_keys(&self, metric: &str) -> impl Iterator<Item = &String> {
        let values = self.metrics[metric]
            .get("values")
            .and_then(Value::as_object);
        values.into_iter().flat_map(|values| values.keys())
    }
}

/// 95 of `p(95)`, 50 of `med`.
fn percentile(key: &str) -> Option<f64> {
    let percentile = match key {
        "med" => 50.0,
        key => key.strip_prefix("p(")?.strip_suffix(')')?.parse().ok()?,
    };
    (0.0..=100.0).contains(&percentile).then_some(percentile)
}
