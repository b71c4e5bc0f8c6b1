//! Fortio: `-json FILE` has the exact counts of a histogram of fixed steps, and the answers by status.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::endpoint_names::{EndpointKey, names};
use super::percentile_summary::{PercentileSummary, add, count, nanoseconds};
use super::rank_bounds::RankBound;
use super::requests::outcome_of_status;
use super::{FileFormat, ImportError, Imported, TimeUnit};
use crate::run::recording::Counts;
use crate::run::sample::{FailureKind, Outcome};

const FORMAT: FileFormat = FileFormat::FortioJson;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
#[serde(expecting = "an object")]
struct FortioDocument {
    duration_histogram: StepHistogram,
    /// HTTP statuses, or words of other protocols.
    ret_codes: Option<BTreeMap<String, f64>>,
    #[serde(rename = "URL")]
    url: Option<String>,
}

/// In seconds.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
#[serde(expecting = "an object")]
struct StepHistogram {
    count: f64,
    min: f64,
    max: f64,
    data: Option<Vec<HistogramStep>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
#[serde(expecting = "an object")]
struct HistogramStep {
    end: f64,
    count: f64,
}

/// A range for every latency.
pub(super) fn read(text: &str) -> Result<Imported, ImportError> {
    let document: FortioDocument = serde_json::from_str(text).map_err(|e| FORMAT.json_error(&e))?;
    let (answers, bounds) = document.duration_histogram.bounds()?;
    let counts = document.counts()?;
    if counts.total() != answers {
        return Err(FORMAT.damaged(format!(
            "its codes count {} requests, but its histogram {answers}",
            counts.total()
        )));
    }
    let summary = PercentileSummary {
        answers,
        bounds,
        counts,
    };
    let mut imported = summary.into_imported(FORMAT)?;
    let name = document.url.map(|url| names(&[EndpointKey::new("", &url)]));
    imported.endpoints[0].name = name.and_then(|names| names.into_iter().next());
    Ok(imported)
}

impl FortioDocument {
    fn counts(&self) -> Result<Counts, ImportError> {
        let codes = self.ret_codes.as_ref().ok_or_else(|| {
            FORMAT.error(
                "it does not say how the requests ended: it has no RetCodes",
                "give the file of fortio load -json FILE",
            )
        })?;
        let mut counts = Counts::default();
        for (code, &n) in codes {
            let outcome = match (code.as_str(), code.parse::<i64>()) {
                (_, Ok(status @ 1..)) => {
                    outcome_of_status(u16::try_from(status).unwrap_or(u16::MAX))
                }
                // No answer.
                (_, Ok(_)) => Outcome::Failed(FailureKind::Reset),
                ("OK" | "SERVING", _) => Outcome::Ok,
                _ => Outcome::Failed(FailureKind::Status),
            };
            add(&mut counts, outcome, count(FORMAT, code, n)?);
        }
        Ok(counts)
    }
}

impl StepHistogram {
    /// The number of latencies, and the bounds that the steps give them.
    fn bounds(&self) -> Result<(u64, Vec<RankBound>), ImportError> {
        let ns = |seconds: f64| {
            nanoseconds(seconds, TimeUnit::Seconds)
                .ok_or_else(|| FORMAT.damaged(format!("{seconds} is not a latency")))
        };
        let n = count(FORMAT, "Count", self.count)?;
        let steps = self.data.as_deref().unwrap_or_default();
        let mut bounds = vec![
            RankBound::at(n, ns(self.max)?, 1),
            RankBound::at(1, ns(self.min)?, 1),
        ];
        let mut below = 0;
        for (index, step) in steps.iter().enumerate() {
            below += count(FORMAT, "a step's Count", step.count)?;
            if index + 1 < steps.len() {
                let end = ns(step.end)?;
                // Fortio sorts a value into its step after reducing the value by 0.01 % of a step.
                bounds.push(RankBound::between(below, below + 1, end, end / 10_000 + 1));
            }
        }
        if below == n {
            Ok((n, bounds))
        } else {
            Err(FORMAT.damaged(format!("its steps count {below} of {n} requests")))
        }
    }
}
