//! autocannon: `--json` has percentiles of whole milliseconds and counts.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::import_remark::UnstatedFact;
use super::percentile_summary::{PercentileSummary, add, count, nanoseconds};
use super::rank_bounds::RankBound;
use super::{FileFormat, ImportError, ImportRemark, Imported, TimeUnit};
use crate::run::recording::Counts;
use crate::run::sample::{FailureKind, Outcome};

const FORMAT: FileFormat = FileFormat::AutocannonJson;

/// The fields that are read from the JSON.
#[derive(Deserialize)]
#[serde(expecting = "an object")]
struct AutocannonDocument {
    /// In ms.
    latency: BTreeMap<String, Value>,
    requests: RequestTotals,
    errors: f64,
    #[serde(default)]
    timeouts: f64,
    #[serde(default)]
    mismatches: f64,
    #[serde(rename = "1xx", default)]
    informational: f64,
    #[serde(rename = "2xx")]
    successful: f64,
    #[serde(rename = "3xx", default)]
    redirects: f64,
    #[serde(rename = "4xx", default)]
    client_errors: f64,
    #[serde(rename = "5xx", default)]
    server_errors: f64,
    connections: Option<f64>,
    pipelining: Option<f64>,
}

#[derive(Deserialize)]
#[serde(expecting = "an object")]
struct RequestTotals {
    sent: Option<f64>,
}

/// A range for every latency.
pub(super) fn read(text: &str) -> Result<Imported, ImportError> {
    let document: AutocannonDocument =
        serde_json::from_str(text).map_err(|e| FORMAT.json_error(&e))?;
    let (answers, counts) = document.counts()?;
    let summary = PercentileSummary {
        answers,
        bounds: document.bounds(answers)?,
        counts,
    };
    let mut imported = summary.into_imported(FORMAT)?;
    if document.requests.sent.is_none() {
        let unstated = ImportRemark::Unstated(UnstatedFact::SentRequests);
        imported.remarks.push(unstated);
    }
    Ok(imported)
}

impl AutocannonDocument {
    /// The number of answers, and how every request ended.
    fn counts(&self) -> Result<(u64, Counts), ImportError> {
        let number = |name: &str, value: f64| count(FORMAT, name, value);
        let expected = number("2xx", self.successful)? + number("3xx", self.redirects)?;
        let unexpected = number("1xx", self.informational)?
            + number("4xx", self.client_errors)?
            + number("5xx", self.server_errors)?;
        let mismatches = number("mismatches", self.mismatches)?.min(expected);
        let timeouts = number("timeouts", self.timeouts)?;
        let errors = number("errors", self.errors)?.max(timeouts);
        let answers = expected + unexpected;
        let mut counts = Counts::default();
        add(&mut counts, Outcome::Ok, expected - mismatches);
        add(
            &mut counts,
            Outcome::Failed(FailureKind::Status),
            unexpected,
        );
        add(&mut counts, Outcome::Failed(FailureKind::Body), mismatches);
        add(&mut counts, Outcome::Timeout, timeouts);
        let connections = Outcome::Failed(FailureKind::Connect);
        add(&mut counts, connections, errors - timeouts);
        if let Some(sent) = self.requests.sent {
            let missing = number("sent", sent)?.saturating_sub(answers + errors);
            // As many may have been in flight at the end. A closed connection does not count as an error.
            let in_flight = self.connections.unwrap_or(0.0) * self.pipelining.unwrap_or(1.0);
            let cut = missing.min(in_flight.max(0.0) as u64);
            add(&mut counts, Outcome::Unsent, cut);
            add(
                &mut counts,
                Outcome::Failed(FailureKind::Reset),
                missing - cut,
            );
        }
        Ok((answers, counts))
    }

    fn bounds(&self, n: u64) -> Result<Vec<RankBound>, ImportError> {
        let at = |key: &str| self.latency.get(key).and_then(Value::as_f64);
        let ns = |key: &str| at(key).and_then(|ms| nanoseconds(ms, TimeUnit::Milliseconds));
        let max = ns("max").ok_or_else(|| FORMAT.damaged("latency has no max"))?;
        let mut bounds = vec![RankBound::at(n, max, within_ns(max))];
        bounds.extend(ns("min").map(|min| RankBound::at(1, min, within_ns(min))));
        for key in self.latency.keys() {
            if let (Some(fraction), Some(value)) = (fraction(key), ns(key)) {
                bounds.push(RankBound::percentile(n, fraction, value, within_ns(value)));
            }
        }
        Ok(bounds)
    }
}

/// autocannon cuts the decimals of each latency, and its histogram keeps three digits.
fn within_ns(value_ns: u64) -> u64 {
    1_000_000 + value_ns / 1_000
}

/// 0.975 of `p97_5`.
fn fraction(key: &str) -> Option<f64> {
    let percent: f64 = key.strip_prefix('p')?.replace('_', ".").parse().ok()?;
    (0.0..=100.0).contains(&percent).then_some(percent / 100.0)
}
