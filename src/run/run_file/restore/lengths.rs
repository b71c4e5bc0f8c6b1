//! How long the lists and the names of a file may be: each gate of a file is judged, and each name is printed.

use super::super::RunFileError;
use super::super::document::RunDocument;

/// Most entries of a list that a person writes.
const MOST: usize = 1_000;

/// Longest name or gate, in bytes.
const LONGEST: usize = 4_096;

/// Checks the lists of a document before any of them is looked at.
pub(super) fn check(document: &RunDocument<'_>) -> Result<(), RunFileError> {
    most("gates", document.gates.len())?;
    most("implied gates", document.implied_gates.len())?;
    for gate in document.gates.iter().chain(&document.implied_gates) {
        longest("a gate", gate)?;
    }
    if let Some(rule) = &document.aborted_by {
        longest("aborted_by", rule)?;
    }
    for planned in &document.plan.endpoints {
        longest("the name of an endpoint", &planned.name)?;
        most("headers of an endpoint", planned.headers.len())?;
        most("targets of an endpoint", planned.targets_ns.len())?;
        let placeholders = planned.body.iter().flat_map(|body| &body.placeholders);
        most("placeholders of a body", placeholders.count())?;
    }
    for endpoint in &document.endpoints {
        longest("the name of an endpoint", &endpoint.name)?;
        most("statuses of an endpoint", endpoint.statuses.len())?;
        most("exceedances of an endpoint", endpoint.exceedances.len())?;
        if let Some(audit) = &endpoint.audit {
            let (remarks, exceedances) = audit.lengths();
            most("remarks of an audit", remarks)?;
            most("exceedances of an audit", exceedances)?;
        }
    }
    Ok(())
}

fn most(what: &str, length: usize) -> Result<(), RunFileError> {
    if length <= MOST {
        Ok(())
    } else {
        Err(RunFileError::inconsistent(format!(
            "the number of {what} is {length}, and a file has at most {MOST}"
        )))
    }
}

fn longest(what: &str, text: &str) -> Result<(), RunFileError> {
    if text.len() <= LONGEST {
        Ok(())
    } else {
        Err(RunFileError::inconsistent(format!(
            "{what} has {} bytes, and it may have {LONGEST}",
            text.len()
        )))
    }
}
