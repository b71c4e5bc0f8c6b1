//! What a shard retained of answers, decoded and checked against how its requests ended.

use uuid::Uuid;

use super::super::RunFileError;
use super::super::answers_document::AnswersDocument;
use super::context::RestoreContext;
use crate::run::completion::{Accepted, Answers, EventKey};
use crate::run::recording::{Recording, inflate};

/// Memory that an accepted request takes.
const BYTES_EACH: u64 = 56;

impl RestoreContext {
    /// The answers of an endpoint whose recording is restored.
    pub(super) fn answers(
        &self,
        document: Option<AnswersDocument<'_>>,
        recording: &Recording,
    ) -> Result<Answers, RunFileError> {
        let Some(document) = document else {
            return Ok(Answers::default());
        };
        let is_rest = |index: &u64| *index < recording.ok.len() && !recording.ok.get(*index);
        let by_repeat = document.by_repeat;
        self.holds(
            by_repeat.is_sorted_by(|a, b| a < b) && by_repeat.iter().all(is_rest),
            || "by_repeat is not an ascending list of requests that did not end ok".to_owned(),
        )?;
        let mut accepted = recording.ok.clone();
        by_repeat
            .iter()
            .for_each(|&index| accepted.set(index, true));
        let count = accepted.count_ones();
        self.take(count * BYTES_EACH)?;
        let uuids = match &document.uuids {
            None => None,
            Some(text) => Some(self.uuids(text, count)?),
        };
        let mut names = document.names;
        let accepted: Vec<Accepted> = { accepted.ones().enumerate() }
            .map(|(place, index)| {
                let uuid = uuids.as_ref().map(|uuids| uuids[place]);
                let uuid = uuid.filter(|uuid| !uuid.is_nil()).map(EventKey::Uuid);
                let name = names.remove(&index).map(|name| EventKey::of(&name));
                Accepted {
                    index,
                    answered_ns: None,
                    key: name.or(uuid),
                }
            })
            .collect();
        self.holds(names.is_empty(), || {
            "names has a request that was not accepted".to_owned()
        })?;
        Ok(Answers {
            accepted,
            by_repeat,
            resends: document.resends.unwrap_or_default(),
        })
    }

    fn uuids(&self, text: &str, count: u64) -> Result<Vec<Uuid>, RunFileError> {
        let Some(bytes) = inflate(text, count.saturating_mul(16)) else {
            return self.wrong(format!(
                "uuids are not 16 bytes for {count} accepted requests"
            ));
        };
        let (each, _) = bytes.as_chunks::<16>();
        Ok(each.iter().map(|bytes| Uuid::from_bytes(*bytes)).collect())
    }
}
