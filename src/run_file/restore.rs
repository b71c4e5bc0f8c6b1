//! From a document on disk back to a run: nothing is believed that can be checked.

mod audit;
mod endpoint;

use std::collections::BTreeSet;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::error::Category;

use super::document::RunDocument;
use super::error::Age;
use super::{FORMAT, Run, RunFileError};
use crate::printable::one_line;

/// Reads the text of a run file.
pub(super) fn run(bytes: &[u8]) -> Result<Run, RunFileError> {
    // Some editors and shells put a byte order mark in front.
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    check_format(bytes)?;
    let document: RunDocument = serde_json::from_slice(bytes)
        .map_err(|error| RunFileError::Field(without_backticks(&error)))?;
    let own_error = document.instrument.calibration.own_error();
    let run = Run {
        id: parsed(&document.id, "id")?,
        started_at: parsed(&document.started_at, "started_at")?,
        ended: document.ended,
        environment: document.environment,
        instrument: document.instrument,
        gates: document.gates,
        judging: document.judging,
        turns: document.turns,
        endpoints: document
            .endpoints
            .into_iter()
            .map(|endpoint| endpoint::restored(endpoint, own_error))
            .collect::<Result<_, _>>()?,
        plan: document.plan,
    };
    check_names(&run)?;
    match run.plan.hash() == document.plan_hash {
        true => Ok(with_printable_names(run)),
        false => Err(inconsistent("plan_hash is not that of the plan")),
    }
}

/// A name from a file stands on one line, and shows its control characters.
fn with_printable_names(mut run: Run) -> Run {
    let own = run.endpoints.iter_mut().map(|endpoint| &mut endpoint.name);
    let planned = run
        .plan
        .endpoints
        .iter_mut()
        .map(|endpoint| &mut endpoint.name);
    for name in own.chain(planned).chain(&mut run.gates) {
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
        // An array of the right values would do for serde as well.
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
        Err(error) => syntax(&error),
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
            age: match theirs > ours {
                true => Age::Newer,
                false => Age::Older,
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

fn parsed<T: std::str::FromStr>(text: &str, field: &str) -> Result<T, RunFileError>
where
    T::Err: std::fmt::Display,
{
    text.parse()
        .map_err(|error| RunFileError::Field(format!("{field} is {text:?}: {error}")))
}

/// The plan and the recordings speak of the same endpoints, each once.
fn check_names(run: &Run) -> Result<(), RunFileError> {
    if run.endpoints.is_empty() {
        return Err(inconsistent("it has no endpoints"));
    }
    let mut seen = BTreeSet::new();
    for endpoint in &run.endpoints {
        if !seen.insert(endpoint.name.as_str()) {
            let name = &endpoint.name;
            return Err(inconsistent(&format!("endpoint {name} is there twice")));
        }
    }
    let planned: BTreeSet<&str> = run.plan.endpoints.iter().map(|e| e.name.as_str()).collect();
    match planned == seen && planned.len() == run.plan.endpoints.len() {
        true => Ok(()),
        false => Err(inconsistent(
            "the plan has other endpoints than the recordings",
        )),
    }
}

fn inconsistent(what: &str) -> RunFileError {
    RunFileError::Inconsistent(what.to_owned())
}
