//! Percentiles and error rates as series of benchmark trackers.

use std::io::{self, Write};

use serde_json::{Map, Value, json};

use crate::judge::summary::{Observed, PERCENTILES, Percentile};
use crate::report::endpoint_report::EndpointReport;
use crate::report::model::Report;
use crate::units::millis;

/// Bencher Metric Format: `{"health p95": {"latency": {"value": …, "lower_value": …, "upper_value": …}}}` in nanoseconds,
/// and `{"health": {"error-rate": {"value": …}}}` as a fraction.
///
/// A percentile that lies among failures has no value and is left out; the error rate shows it.
pub(in crate::report) fn write_bmf(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let mut benchmarks = Map::new();
    for endpoint in &report.endpoints {
        for percentile in percentiles(endpoint) {
            let Some(value) = nanos(Some(percentile.value)) else {
                continue;
            };
            let mut metric = Map::from_iter([("value".to_owned(), json!(value))]);
            let ends = [
                ("lower_value", percentile.interval.lower),
                ("upper_value", percentile.interval.upper),
            ];
            for (name, end) in ends {
                if let Some(end) = nanos(end) {
                    metric.insert(name.to_owned(), json!(end));
                }
            }
            benchmarks.insert(series(endpoint, &percentile), json!({ "latency": metric }));
        }
        let rate = json!({ "error-rate": { "value": error_rate(endpoint) } });
        benchmarks.insert(endpoint.name.clone(), rate);
    }
    write_json(&Value::Object(benchmarks), out)
}

/// What `benchmark-action/github-action-benchmark` reads as `customSmallerIsBetter`: milliseconds and percent.
pub(in crate::report) fn write_gab(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let mut entries = Vec::new();
    for endpoint in &report.endpoints {
        for percentile in percentiles(endpoint) {
            let Some(value) = percentile.value.value() else {
                continue;
            };
            let end = |end: Option<Observed>| end.and_then(Observed::value).map(millis);
            let ends = (
                end(percentile.interval.lower),
                end(percentile.interval.upper),
            );
            let mut entry = json!({
                "name": series(endpoint, &percentile),
                "unit": "ms",
                "value": millis(value),
            });
            if let (Some(low), Some(high)) = ends {
                entry["range"] = json!(format!("{low} to {high}"));
            }
            entries.push(entry);
        }
        entries.push(json!({
            "name": format!("{} error rate", endpoint.name),
            "unit": "%",
            "value": 100.0 * error_rate(endpoint),
        }));
    }
    write_json(&Value::Array(entries), out)
}

fn series(endpoint: &EndpointReport, percentile: &Percentile) -> String {
    format!("{} {}", endpoint.name, String::from(percentile.quantile))
}

fn percentiles(endpoint: &EndpointReport) -> impl Iterator<Item = Percentile> {
    PERCENTILES
        .iter()
        .map(|&quantile| endpoint.summary.percentile(quantile))
}

fn nanos(observed: Option<Observed>) -> Option<u64> {
    let value = observed?.value()?;
    u64::try_from(value.as_nanos()).ok()
}

/// Planned requests that did not end ok, as a fraction; 0 without any.
fn error_rate(endpoint: &EndpointReport) -> f64 {
    let counts = &endpoint.summary.counts;
    counts.not_ok() as f64 / counts.total().max(1) as f64
}

fn write_json(value: &Value, out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, value)?;
    writeln!(out)
}
