//! Artillery: `run --output` writes a report with percentiles of a sketch and counters.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::percentile_summary::{PercentileSummary, add, count, nanoseconds};
use super::rank_bounds::RankBound;
use super::requests::{outcome_of_error, outcome_of_status};
use super::{FileFormat, ImportError, Imported, TimeUnit};
use crate::run::recording::Counts;
use crate::run::sample::{FailureKind, Outcome};

const FORMAT: FileFormat = FileFormat::ArtilleryJson;

/// The summary that is read, in ms.
const RESPONSE_TIME: &str = "http.response_time";

/// Artillery's percentiles, where its sketch looks for the value of rank ⌊fraction·(n − 1)⌋ + 1.
const PERCENTILES: [(&str, f64); 7] = [
    ("p50", 0.5),
    ("median", 0.5),
    ("p75", 0.75),
    ("p90", 0.9),
    ("p95", 0.95),
    ("p99", 0.99),
    ("p999", 0.999),
];

#[derive(Deserialize)]
#[serde(expecting = "an object")]
struct ArtilleryDocument {
    aggregate: Aggregate,
}

#[derive(Deserialize)]
#[serde(expecting = "an object")]
struct Aggregate {
    counters: Option<BTreeMap<String, f64>>,
    summaries: Option<BTreeMap<String, BTreeMap<String, Option<f64>>>>,
}

/// A range for every latency, all requests as one endpoint.
pub(super) fn read(text: &str) -> Result<Imported, ImportError> {
    let document: ArtilleryDocument =
        serde_json::from_str(text).map_err(|e| FORMAT.json_error(&e))?;
    let Aggregate {
        counters: Some(counters),
        summaries: Some(summaries),
    } = document.aggregate
    else {
        return Err(FORMAT.error(
            "this is a report of Artillery 1, which does not count requests without an answer",
            "use Artillery 2: artillery run --output report.json script.yml",
        ));
    };
    let summary = summaries.get(RESPONSE_TIME).ok_or_else(|| {
        FORMAT.error(
            format!("it has no {RESPONSE_TIME}: no request over HTTP was answered"),
            "check the counters of the report for errors",
        )
    })?;
    let answers = number(summary.get("count").copied().flatten(), "count")?;
    PercentileSummary {
        answers,
        bounds: bounds(summary, answers)?,
        counts: counts(&counters)?,
    }
    .into_imported(FORMAT)
}

fn number(value: Option<f64>, name: &str) -> Result<u64, ImportError> {
    let value = value.ok_or_else(|| FORMAT.damaged(format!("{RESPONSE_TIME} has no {name}")))?;
    count(FORMAT, name, value)
}

/// How every request ended: answers by status, and the others by the errors that Artillery names.
fn counts(counters: &BTreeMap<String, f64>) -> Result<Counts, ImportError> {
    let get = |name: &str| count(FORMAT, name, counters.get(name).copied().unwrap_or(0.0));
    let mut counts = Counts::default();
    for (name, &n) in counters {
        let status = name.strip_prefix("http.codes.");
        if let Some(status) = status.and_then(|status| status.parse().ok()) {
            add(
                &mut counts,
                outcome_of_status(status),
                count(FORMAT, name, n)?,
            );
        }
    }
    let (sent, answered) = (get("http.requests")?, get("http.responses")?);
    let mut unanswered = sent.saturating_sub(answered);
    for (name, &n) in counters {
        // Errors of scripts are words; errors of the network are in capitals.
        let code = name.strip_prefix("errors.E");
        if code.is_some_and(|code| !code.contains(|c: char| c.is_lowercase())) {
            let n = count(FORMAT, name, n)?.min(unanswered);
            add(&mut counts, outcome_of_error(&name["errors.".len()..]), n);
            unanswered -= n;
        }
    }
    add(&mut counts, Outcome::Failed(FailureKind::Reset), unanswered);
    Ok(counts)
}

fn bounds(summary: &BTreeMap<String, Option<f64>>, n: u64) -> Result<Vec<RankBound>, ImportError> {
    let ns = |key: &str| {
        let ms = summary.get(key).copied().flatten();
        ms.and_then(|ms| nanoseconds(ms, TimeUnit::Milliseconds))
    };
    // Minimum and maximum are exact, to within the rounding to 0.1 ms.
    let max = ns("max").ok_or_else(|| FORMAT.damaged(format!("{RESPONSE_TIME} has no max")))?;
    let mut bounds = vec![RankBound::at(n, max, 50_000)];
    bounds.extend(ns("min").map(|min| RankBound::at(1, min, 50_000)));
    for (key, fraction) in PERCENTILES {
        if let Some(value) = ns(key) {
            // The sketch keeps values to within 1 %.
            let within = value / 98 + 50_000;
            bounds.push(RankBound::percentile(n, fraction, value, within));
        }
    }
    Ok(bounds)
}
