//! What the file of a shard keeps of answers, for the audit that `merge` makes: 16 bytes an accepted request whose event
//! the service named.

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::borrowed_text::BorrowedText;
use crate::run::completion::{Accepted, Answers, EventKey, Resends};
use crate::run::recording::{deflate, unique_map};

/// The names of accepted events, and what became of requests that were sent twice.
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct AnswersDocument<'a> {
    /// zlib in base64 of 16 bytes for every accepted request, in the order of their indices: the UUID that the service gave
    /// to the event, or zeros for another name or none. Absent if there is none.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub(super) uuids: Option<BorrowedText<'a>>,
    /// Names that are not UUIDs, by the index of the request.
    #[serde(
        default,
        deserialize_with = "unique_map::deserialize",
        skip_serializing_if = "BTreeMap::is_empty"
    )]
    pub(super) names: BTreeMap<u64, String>,
    /// Indices of the requests that were accepted only when they were sent a second time on purpose, ascending.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) by_repeat: Vec<u64>,
    /// What became of requests that were sent twice on purpose; absent if none was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) resends: Option<Resends>,
}

impl AnswersDocument<'_> {
    /// Of the answers that a shard retained; `None` if it retained nothing.
    pub(super) fn of(answers: &Answers) -> Option<Self> {
        let named: HashMap<u64, &Accepted> = answers
            .accepted
            .iter()
            .map(|one| (one.index, one))
            .collect();
        let mut indices: Vec<u64> = named.keys().copied().collect();
        indices.sort_unstable();
        let keys = indices
            .iter()
            .map(|index| (*index, named[index].key.as_ref()));
        let mut names = BTreeMap::new();
        let mut uuids = Vec::with_capacity(indices.len());
        for (index, key) in keys {
            uuids.push(match key {
                Some(EventKey::Uuid(uuid)) if !uuid.is_nil() => *uuid,
                Some(other) => {
                    names.insert(index, other.to_string());
                    Uuid::nil()
                }
                None => Uuid::nil(),
            });
        }
        let has_uuids = uuids.iter().any(|uuid| !uuid.is_nil());
        let mut by_repeat = answers.by_repeat.clone();
        by_repeat.sort_unstable();
        let resends = (answers.resends.sent() > 0).then_some(answers.resends);
        let document = AnswersDocument {
            uuids: has_uuids
                .then(|| deflate(uuids.iter().flat_map(|uuid| *uuid.as_bytes())).into()),
            names,
            by_repeat,
            resends,
        };
        let is_empty = document.uuids.is_none()
            && document.names.is_empty()
            && document.by_repeat.is_empty()
            && document.resends.is_none();
        (!is_empty).then_some(document)
    }
}
