//! Checks what a file says of shards, and what follows from it for its recordings.

use std::time::Duration;

use super::super::RunFileError;
use super::super::document::RunDocument;
use super::super::shard_record::MergedRecord;
use crate::run::recording::{MOST_IN_SEQUENCE, PresentRequests};
use crate::run::shard::Shard;

/// A shard is part of a whole, and the shards of a merged run are each there once with every endpoint.
pub(super) fn check(document: &RunDocument<'_>) -> Result<(), RunFileError> {
    let nonsense = |error: crate::run::shard::ShardError| {
        let text = error.to_string();
        let (first, _) = text.split_once('\n').unwrap_or((&text, ""));
        RunFileError::inconsistent(first)
    };
    if let Some(record) = &document.shard {
        record.shard().map_err(nonsense)?;
        if document.merged.is_some() || document.turns.is_some() {
            return Err(RunFileError::inconsistent(
                "a shard is neither a merged run nor a side of a comparison",
            ));
        }
    }
    let Some(merged) = &document.merged else {
        return Ok(());
    };
    for one in &merged.shards {
        Shard::new(one.index.into(), merged.of.into()).map_err(nonsense)?;
    }
    let names: Vec<&str> = document.endpoints.iter().map(|e| e.name.as_str()).collect();
    let of_each = merged
        .shards
        .iter()
        .map(|one| one.endpoints.iter().map(|e| e.name.as_str()));
    if merged.shards.is_empty()
        || !merged.shards.is_sorted_by(|a, b| a.index < b.index)
        || !of_each.into_iter().all(|own| own.eq(names.iter().copied()))
    {
        return Err(RunFileError::inconsistent(
            "merged does not have each of its shards once, with every endpoint",
        ));
    }
    requests(document, merged)
}

/// The requests of the shards are those of the run.
fn requests(document: &RunDocument<'_>, merged: &MergedRecord) -> Result<(), RunFileError> {
    for (place, endpoint) in document.endpoints.iter().enumerate() {
        let own = merged
            .shards
            .iter()
            .map(|one| one.endpoints[place].requests);
        let sum = own.into_iter().try_fold(0u64, |sum, n| sum.checked_add(n));
        if sum != Some(endpoint.planned) {
            return Err(RunFileError::inconsistent(format!(
                "{}: the requests of its shards do not add up to planned",
                endpoint.name
            )));
        }
    }
    Ok(())
}

/// What the recordings of a file have in common.
pub(super) struct RecordingScope {
    shard: Shard,
    merged: Option<MergedRecord>,
    own_errors: OwnErrors,
}

/// The measurement overhead: of a merged run, that of every shard is within a range.
#[derive(Clone, Copy, Debug)]
pub(super) struct OwnErrors {
    pub(super) least: Duration,
    pub(super) most: Duration,
}

/// What is known of one recording before it is read.
#[derive(Clone, Copy, Debug)]
pub(super) struct EndpointScope {
    pub(super) own_errors: OwnErrors,
    /// Requests that its sequence may hold.
    pub(super) most_in_sequence: u64,
}

impl RecordingScope {
    /// Of a document that was checked.
    pub(super) fn of(document: &RunDocument<'_>) -> RecordingScope {
        let most = document.instrument.calibration.own_error();
        let of_shards = document.merged.as_ref().and_then(MergedRecord::own_errors);
        let (least, most) = of_shards.unwrap_or((most, most));
        let shard = document.shard.and_then(|record| record.shard().ok());
        RecordingScope {
            shard: shard.unwrap_or_default(),
            merged: document.merged.clone(),
            own_errors: OwnErrors { least, most },
        }
    }

    /// Of the endpoint at this place.
    pub(super) fn of_endpoint(&self, place: usize) -> EndpointScope {
        let merged = self.merged.as_ref();
        let present = merged.and_then(|merged| merged.present(place).ok());
        EndpointScope {
            own_errors: self.own_errors,
            most_in_sequence: match &present {
                Some(present) => in_sequence(present),
                None => self.shard.own_below(MOST_IN_SEQUENCE),
            },
        }
    }
}

fn in_sequence(present: &PresentRequests) -> u64 {
    present.place(MOST_IN_SEQUENCE)
}
