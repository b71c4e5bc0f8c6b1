//! Capacity searches as CSV: a row a trial.

use std::io::{self, Write};

use serde::Serialize;

use super::write_without_formulas;
use crate::judge::summary::Observed;
use crate::report::capacity_change::LabelledSearch;
use crate::report::capacity_trial::{CapacityTrial, TrialRecovery};
use crate::report::json::JsonObserved;
use crate::report::text::capacity as text;
use crate::units::millis;

/// One trial. A cell is empty where there is no number.
#[derive(Serialize)]
struct TrialRow<'a> {
    search: &'a str,
    endpoint: &'a str,
    trial: usize,
    purpose: &'static str,
    rate_per_s: f64,
    achieved_per_s: Option<f64>,
    requests: u64,
    sent: u64,
    failed: u64,
    p50_ms: Option<f64>,
    p99_ms: Option<f64>,
    metric: String,
    observed_ms: Option<f64>,
    observed: JsonObserved,
    verdict: &'static str,
    pair_test: Option<u32>,
    pair_verdict: Option<&'static str>,
    recovered_s: Option<f64>,
    accepted: Option<u64>,
    processed: Option<u64>,
    drained_s: Option<f64>,
    holds_at_per_s: Option<f64>,
    fails_at_per_s: Option<f64>,
}

/// Writes a header and the rows of all searches.
pub(in crate::report) fn write(
    searches: &[LabelledSearch<'_>],
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut csv = csv::Writer::from_writer(Vec::new());
    for search in searches {
        let trials = search.report.trials.iter().enumerate();
        trials
            .map(|(number, trial)| row(search, number + 1, trial))
            .try_for_each(|row| csv.serialize(row))?;
    }
    let rows = csv.into_inner().map_err(|e| e.into_error())?;
    write_without_formulas(&rows, out)
}

fn row<'a>(search: &LabelledSearch<'a>, number: usize, trial: &CapacityTrial) -> TrialRow<'a> {
    let bracket = search.report.bracket();
    let ms = |observed: Observed| observed.value().map(millis);
    TrialRow {
        search: search.label,
        endpoint: &search.report.endpoint,
        trial: number,
        purpose: text::purpose(trial.purpose),
        rate_per_s: trial.rate,
        achieved_per_s: trial.achieved,
        requests: trial.requests,
        sent: trial.sent,
        failed: trial.failed,
        p50_ms: ms(trial.median),
        p99_ms: ms(trial.p99),
        metric: trial.metric.shown(),
        observed_ms: ms(trial.value),
        observed: trial.value.into(),
        verdict: text::trial_verdict(trial.purpose, trial.verdict),
        pair_test: trial.pair.map(|pair| pair.number),
        pair_verdict: trial
            .pair
            .map(|pair| text::trial_verdict(trial.purpose, pair.verdict)),
        recovered_s: match trial.recovered {
            Some(TrialRecovery::After(took)) => Some(took.as_secs_f64()),
            Some(TrialRecovery::NotWithin { .. }) | None => None,
        },
        accepted: trial.work.map(|work| work.accepted),
        processed: trial.work.map(|work| work.processed),
        drained_s: trial
            .work
            .and_then(|work| work.drained)
            .map(|drained| drained.as_secs_f64()),
        holds_at_per_s: bracket.lower,
        fails_at_per_s: bracket.upper,
    }
}
