//! A capacity search as JSON, on stdout and in its file; the file can be read again.

pub(in crate::report) mod change;
mod restore;
mod trial;

use std::io::{self, Write};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::judge::capacity::{CapacityEnd, CapacityResult};
use crate::judge::gate::Severity;
use crate::report::capacity_report::{CapacityOutcome, CapacityReport};
use crate::report::text::capacity as text;
use crate::run::run_file::{Environment, PlanRecord};
use crate::verdict::Verdict;

pub use restore::{CapacityFileError, is_capacity_file};
use trial::{JsonTrial, verdict_code};

/// The JSON Schema of the file.
pub const CAPACITY_SCHEMA: &str = include_str!("capacity.schema.json");

/// The format's name and major version.
const SCHEMA: &str = "a7probe.capacity/1";

/// A capacity search. Rates are in requests per second.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(in crate::report) struct JsonCapacity {
    /// `a7probe.capacity/1`.
    schema: String,
    endpoint: String,
    method: String,
    url: String,
    /// What had to hold at a rate.
    gates: Vec<String>,
    /// The verdict that the exit code stands for.
    verdict: Verdict,
    /// Why the search ended; `tested` where a gate named the rate.
    ended: String,
    /// The search in one sentence.
    text: String,
    /// The highest rate that is shown to hold.
    lower_per_s: Option<f64>,
    /// The lowest rate that is shown to fail.
    upper_per_s: Option<f64>,
    /// The lowest rate that this machine could not offer.
    limited_at_per_s: Option<f64>,
    /// The rate after which the service did not recover.
    not_recovered_after_per_s: Option<f64>,
    /// The rate that a gate named.
    tested_per_s: Option<f64>,
    /// Of both blocks at the rate of the gate; as the verdict of a trial.
    tested_verdict: Option<String>,
    /// Whether the gate only warns.
    tested_warns: Option<bool>,
    /// The rate of a gate by which a saved search was judged; absent without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    asked_per_s: Option<f64>,
    /// Where the short trials ended: a direction, not a claim.
    searched: Option<JsonSearchedRange>,
    /// Rates whose blocks contradicted the short trials.
    not_repeatable_per_s: Vec<f64>,
    pair_tests: u32,
    from_per_s: f64,
    to_per_s: f64,
    width: f64,
    budget_s: f64,
    /// The length of a block, warm-up not included.
    block_s: f64,
    /// The slow spell that a PASS excludes; `null` where requests were taken as independent.
    spell_s: Option<f64>,
    recover_s: f64,
    /// When the first trial began.
    #[cfg_attr(test, schemars(with = "String"))]
    started_at: Timestamp,
    seconds: f64,
    interrupted: bool,
    trials: Vec<JsonTrial>,
    /// The plan of a block at the lowest rate; as in a saved run.
    plan: PlanRecord,
    /// Where it was sent from; as in a saved run.
    environment: Environment,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct JsonSearchedRange {
    low_per_s: f64,
    high_per_s: Option<f64>,
}

impl From<&CapacityReport> for JsonCapacity {
    fn from(report: &CapacityReport) -> JsonCapacity {
        let options = &report.options;
        let (result, tested) = match &report.outcome {
            CapacityOutcome::Searched(result) => (Some(result), None),
            CapacityOutcome::Tested { asked, verdict } => (None, Some((asked, verdict))),
        };
        let end = result.map(|result| result.end);
        let bracket = report.bracket();
        JsonCapacity {
            schema: SCHEMA.to_owned(),
            endpoint: report.endpoint.clone(),
            method: report.method.clone(),
            url: report.url.clone(),
            gates: report.gates.iter().map(ToString::to_string).collect(),
            verdict: report.verdict(),
            ended: end.map_or("tested", ended).to_owned(),
            text: text::capacity_headline(report).text,
            lower_per_s: bracket.lower,
            upper_per_s: bracket.upper,
            limited_at_per_s: match end {
                Some(CapacityEnd::ClientLimited { at }) => Some(at),
                _ => None,
            },
            not_recovered_after_per_s: match end {
                Some(CapacityEnd::DoesNotRecover { after }) => Some(after),
                _ => None,
            },
            tested_per_s: tested.map(|(asked, _)| asked.rate.as_per_second()),
            tested_verdict: tested.map(|(_, verdict)| verdict_code(*verdict)),
            tested_warns: tested.map(|(asked, _)| asked.severity == Severity::Warns),
            asked_per_s: report.asked.map(|asked| asked.rate.as_per_second()),
            searched: searched(result),
            not_repeatable_per_s: result.map(|r| r.not_repeatable.clone()).unwrap_or_default(),
            pair_tests: result.map_or(1, |result| result.pair_tests),
            from_per_s: options.from,
            to_per_s: options.to,
            width: options.width,
            budget_s: options.budget.as_secs_f64(),
            block_s: options.durations.block.as_secs_f64(),
            spell_s: options.goal.spell.map(|spell| spell.as_secs_f64()),
            recover_s: report.recover.as_secs_f64(),
            started_at: report.started_at,
            seconds: report.took.as_secs_f64(),
            interrupted: report.interrupted,
            trials: report.trials.iter().map(JsonTrial::from).collect(),
            plan: report.plan.clone(),
            environment: report.environment.clone(),
        }
    }
}

fn searched(result: Option<&CapacityResult>) -> Option<JsonSearchedRange> {
    let range = result?.searched?;
    Some(JsonSearchedRange {
        low_per_s: range.low,
        high_per_s: range.high,
    })
}

/// The code of an end.
fn ended(end: CapacityEnd) -> &'static str {
    match end {
        CapacityEnd::Claimed => "claimed",
        CapacityEnd::ClaimedWide => "claimed_wide",
        CapacityEnd::NeverFailed => "never_failed",
        CapacityEnd::ClientLimited { .. } => "client_limited",
        CapacityEnd::LessThanFrom => "less_than_from",
        CapacityEnd::UpperNotShown => "upper_not_shown",
        CapacityEnd::LowerNotShown => "lower_not_shown",
        CapacityEnd::Undecided => "undecided",
        CapacityEnd::Contradiction => "contradiction",
        CapacityEnd::DoesNotRecover { .. } => "does_not_recover",
    }
}

/// The text of a search, indented, and a newline.
pub(in crate::report) fn text_of(report: &CapacityReport) -> serde_json::Result<String> {
    let mut text = serde_json::to_string_pretty(&JsonCapacity::from(report))?;
    text.push('\n');
    Ok(text)
}

/// Writes a search as one JSON object.
pub(in crate::report) fn write(report: &CapacityReport, out: &mut dyn Write) -> io::Result<()> {
    out.write_all(text_of(report)?.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::JsonCapacity;

    #[test]
    fn the_committed_schema_is_that_of_the_code() {
        let schema = schemars::schema_for!(JsonCapacity).to_value();
        let text = serde_json::to_string_pretty(&schema).unwrap() + "\n";
        let committed = super::CAPACITY_SCHEMA;
        if text != committed {
            std::fs::write(std::env::temp_dir().join("capacity.schema.json"), &text).unwrap();
        }
        assert_eq!(
            text, committed,
            "copy capacity.schema.json from the temporary folder"
        );
    }
}
