//! bombardier: `-o json` has five percentiles and the classes of the statuses.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::import_remark::UnstatedFact;
use super::percentile_summary::{PercentileSummary, add, count, nanoseconds};
use super::rank_bounds::RankBound;
use super::requests::outcome_of_error;
use super::{FileFormat, ImportError, ImportRemark, Imported, TimeUnit};
use crate::run::recording::Counts;
use crate::run::sample::{FailureKind, Outcome};

const FORMAT: FileFormat = FileFormat::BombardierJson;

/// bombardier cuts latencies to whole microseconds.
const WITHIN_NS: u64 = 1_000;

#[derive(Deserialize)]
#[serde(expecting = "an object")]
struct BombardierDocument {
    result: RunResult,
}

/// Every request has a latency, whether it was answered or not.
#[derive(Deserialize)]
#[serde(expecting = "an object")]
struct RunResult {
    req1xx: f64,
    req2xx: f64,
    req3xx: f64,
    req4xx: f64,
    req5xx: f64,
    /// Other statuses, and requests without an answer.
    others: f64,
    #[serde(default)]
    errors: Vec<ErrorCount>,
    latency: Option<LatencyPercentiles>,
}

#[derive(Deserialize)]
#[serde(expecting = "an object")]
struct ErrorCount {
    description: String,
    count: f64,
}

/// In µs.
#[derive(Deserialize)]
#[serde(expecting = "an object")]
struct LatencyPercentiles {
    max: f64,
    #[serde(default)]
    percentiles: BTreeMap<String, f64>,
}

/// A range for every latency.
pub(super) fn read(text: &str) -> Result<Imported, ImportError> {
    let document: BombardierDocument =
        serde_json::from_str(text).map_err(|e| FORMAT.json_error(&e))?;
    let results = document.result;
    let counts = results.counts()?;
    let answers = counts.total();
    let latency = results.latency.as_ref().ok_or_else(|| {
        FORMAT.error("it has no latencies", "run bombardier with -l -p r -o json")
    })?;
    let summary = PercentileSummary {
        answers,
        bounds: latency.bounds(answers)?,
        counts,
    };
    let mut imported = summary.into_imported(FORMAT)?;
    if latency.percentiles.is_empty() {
        let unstated = ImportRemark::Unstated(UnstatedFact::Percentiles);
        imported.remarks.insert(1, unstated);
    }
    Ok(imported)
}

impl RunResult {
    fn counts(&self) -> Result<Counts, ImportError> {
        let number = |name: &str, value: f64| count(FORMAT, name, value);
        let ok = number("req2xx", self.req2xx)? + number("req3xx", self.req3xx)?;
        let status = number("req1xx", self.req1xx)?
            + number("req4xx", self.req4xx)?
            + number("req5xx", self.req5xx)?;
        let mut others = number("others", self.others)?;
        let mut counts = Counts::default();
        add(&mut counts, Outcome::Ok, ok);
        for error in &self.errors {
            let n = number("an error's count", error.count)?.min(others);
            add(&mut counts, outcome_of_error(&error.description), n);
            others -= n;
        }
        let status = status + others;
        add(&mut counts, Outcome::Failed(FailureKind::Status), status);
        Ok(counts)
    }
}

impl LatencyPercentiles {
    fn bounds(&self, n: u64) -> Result<Vec<RankBound>, ImportError> {
        let ns = |us: f64| {
            nanoseconds(us, TimeUnit::Microseconds)
                .ok_or_else(|| FORMAT.damaged(format!("{us} is not a latency")))
        };
        let mut bounds = vec![RankBound::at(n, ns(self.max)?, WITHIN_NS)];
        for (percent, &value) in &self.percentiles {
            let fraction = percent.trim().parse().ok().map(|p: f64| p / 100.0);
            let fraction = fraction.filter(|fraction| (0.0..=1.0).contains(fraction));
            let fraction = fraction
                .ok_or_else(|| FORMAT.damaged(format!("'{percent}' is not a percentile")))?;
            bounds.push(RankBound::percentile(n, fraction, ns(value)?, WITHIN_NS));
        }
        Ok(bounds)
    }
}
