//! From a document on disk back to a run: nothing is believed that can be checked.

mod against_plan;
mod answers;
mod audit;
mod context;
mod endpoint;
mod exceedances;
mod lengths;
mod memory_budget;
mod numbers;
mod sequence;
mod shards;
mod traces;

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::error::Category;

use super::document::{EndpointDocument, RunDocument};
use super::error::Age;
use super::{EndpointRun, FORMAT, ProfileRecord, Run, RunFileError};
use crate::printable::one_line;
use crate::run::plan::StatusSet;

use against_plan::PlannedEndpoint;
use context::RestoreContext;
use memory_budget::MemoryBudget;
use shards::RecordingScope;

/// How much of a wrong text is shown, in characters.
const SHOWN: usize = 60;

/// Reads the text of a run file: names and numbers are checked before anything is decoded.
pub(super) fn run(bytes: &[u8]) -> Result<Run, RunFileError> {
    // Some editors and shells put a byte order mark in front.
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    check_format(bytes)?;
    let mut document: RunDocument<'_> = serde_json::from_slice(bytes)
        .map_err(|error| RunFileError::Field(without_backticks(&error)))?;
    lengths::check(&document)?;
    check_names(&document)?;
    if document.plan.hash() != document.plan_hash {
        return Err(RunFileError::inconsistent(
            "plan_hash is not that of the plan",
        ));
    }
    let budget = Rc::new(MemoryBudget::new());
    check_numbers(&document, &budget)?;
    shards::check(&document)?;
    let scope = RecordingScope::of(&document);
    let mut endpoints = Vec::new();
    for (place, endpoint) in std::mem::take(&mut document.endpoints)
        .into_iter()
        .enumerate()
    {
        let context = RestoreContext::new(&endpoint.name, &budget);
        endpoints.push(endpoint::restored(
            endpoint,
            &context,
            scope.of_endpoint(place),
        )?);
    }
    check_targets(&document, &endpoints, &budget)?;
    let id = parsed(&document.id, "id", "a UUID")?;
    traces::check(id, &document, &endpoints, &budget)?;
    Ok(with_printable_names(Run {
        id,
        started_at: parsed(&document.started_at, "started_at", "a time")?,
        ended: document.ended,
        aborted_by: document.aborted_by.map(|rule| one_line(&rule).into_owned()),
        environment: document.environment,
        instrument: document.instrument,
        gates: document.gates,
        implied_gates: document.implied_gates,
        gating: document.gating,
        judging: document.judging,
        turns: document.turns,
        baseline: document.baseline,
        shard: document.shard,
        merged: document.merged,
        endpoints,
        plan: document.plan,
    }))
}

/// The run as a whole, then every endpoint, by its numbers alone.
fn check_numbers(
    document: &RunDocument<'_>,
    budget: &Rc<MemoryBudget>,
) -> Result<(), RunFileError> {
    let plan = document.plan.endpoints.iter().enumerate();
    let plan: BTreeMap<&str, _> = plan
        .map(|(number, record)| {
            let stream = number as u64;
            (record.name.as_str(), PlannedEndpoint { stream, record })
        })
        .collect();
    for endpoint in &document.endpoints {
        let context = RestoreContext::new(&endpoint.name, budget);
        let Some(&planned) = plan.get(endpoint.name.as_str()) else {
            return context.wrong("the plan does not have it".to_owned());
        };
        let expected = StatusSet::parse(&planned.record.expect).map_err(RunFileError::Field)?;
        numbers::check(&context, endpoint, &expected)?;
        against_plan::endpoint(&context, endpoint, planned, document)?;
    }
    against_plan::check(document)
}

/// The targets of the plan were counted.
fn check_targets(
    document: &RunDocument<'_>,
    endpoints: &[EndpointRun],
    budget: &Rc<MemoryBudget>,
) -> Result<(), RunFileError> {
    let plan = document.plan.endpoints.iter();
    let plan: BTreeMap<&str, _> = plan
        .map(|planned| (planned.name.as_str(), planned))
        .collect();
    endpoints.iter().try_for_each(|endpoint| {
        let Some(planned) = plan.get(endpoint.name.as_str()) else {
            return Ok(());
        };
        let context = RestoreContext::new(&endpoint.name, budget);
        against_plan::targets(&context, planned, &endpoint.recording)
    })
}

/// A name from a file stands on one line, and shows its control characters.
fn with_printable_names(mut run: Run) -> Run {
    let segments = run.plan.endpoints.iter_mut();
    for segment in segments.filter_map(|endpoint| endpoint.segment.as_mut()) {
        segment.endpoint = one_line(&segment.endpoint).into_owned();
        if let ProfileRecord::Replay(replay) = &mut segment.profile {
            replay.file = one_line(&replay.file).into_owned();
        }
    }
    let own = run.endpoints.iter_mut().map(|endpoint| &mut endpoint.name);
    let planned = run
        .plan
        .endpoints
        .iter_mut()
        .map(|endpoint| &mut endpoint.name);
    let baseline = run.baseline.iter_mut().map(|baseline| &mut baseline.file);
    let gates = run.gates.iter_mut().chain(&mut run.implied_gates);
    for name in own.chain(planned).chain(gates).chain(baseline) {
        *name = one_line(name).into_owned();
    }
    run
}

/// All that every version has in common.
#[derive(Deserialize)]
struct Head {
    format: Option<serde_json::Value>,
}

fn check_format(bytes: &[u8]) -> Result<(), RunFileError> {
    match bytes.iter().find(|byte| !byte.is_ascii_whitespace()) {
        None => return Err(RunFileError::Empty),
        Some(b'{') => {}
        // serde would also accept an array of the right values.
        Some(_) => return Err(no_object(bytes)),
    }
    let head: Head = serde_json::from_slice(bytes).map_err(|error| syntax(&error))?;
    let format = head
        .format
        .ok_or_else(|| RunFileError::Foreign("it has no \"format\"".to_owned()))?;
    match format.as_str() {
        Some(FORMAT) => Ok(()),
        Some(other) => Err(other_format(other)),
        None => Err(RunFileError::Foreign(format!("its \"format\" is {format}"))),
    }
}

fn no_object(bytes: &[u8]) -> RunFileError {
    match serde_json::from_slice::<IgnoredAny>(bytes) {
        Ok(_) => RunFileError::Foreign("it is not a JSON object".to_owned()),
        // No run begins so, whole or cut short.
        Err(error) => RunFileError::NotJson(without_backticks(&error)),
    }
}

fn syntax(error: &serde_json::Error) -> RunFileError {
    match error.classify() {
        Category::Eof => RunFileError::Cut {
            line: error.line(),
            column: error.column(),
        },
        Category::Data | Category::Syntax | Category::Io => {
            RunFileError::NotJson(without_backticks(error))
        }
    }
}

fn other_format(found: &str) -> RunFileError {
    match (major(found), major(FORMAT)) {
        (Some(theirs), Some(ours)) => RunFileError::Version {
            found: found.to_owned(),
            age: if theirs > ours {
                Age::Newer
            } else {
                Age::Older
            },
        },
        _ => RunFileError::Foreign(format!("its \"format\" is {found:?}")),
    }
}

fn major(format: &str) -> Option<u64> {
    format.strip_prefix("a7probe.run/")?.parse().ok()
}

/// serde quotes names like code; messages quote them like text.
fn without_backticks(error: &serde_json::Error) -> String {
    error.to_string().replace('`', "'")
}

/// A field that is text of some form. The parser's own words are not repeated: they quote the text as code.
fn parsed<T: std::str::FromStr>(text: &str, field: &str, form: &str) -> Result<T, RunFileError> {
    text.parse().map_err(|_| {
        let beginning: String = text.chars().take(SHOWN).collect();
        let shown = one_line(&beginning);
        RunFileError::Field(format!("{field} is '{shown}', which is not {form}"))
    })
}

/// The plan and the recordings speak of the same endpoints, each once.
fn check_names(document: &RunDocument<'_>) -> Result<(), RunFileError> {
    if document.endpoints.is_empty() {
        return Err(RunFileError::inconsistent("it has no endpoints"));
    }
    let mut seen = BTreeSet::new();
    for EndpointDocument { name, .. } in &document.endpoints {
        if !seen.insert(name.as_str()) {
            return Err(RunFileError::inconsistent(format!(
                "endpoint {name} is there twice"
            )));
        }
    }
    let plan = &document.plan.endpoints;
    let planned: BTreeSet<&str> = plan.iter().map(|e| e.name.as_str()).collect();
    if planned == seen && planned.len() == plan.len() {
        Ok(())
    } else {
        Err(RunFileError::inconsistent(
            "the plan has other endpoints than the recordings",
        ))
    }
}
