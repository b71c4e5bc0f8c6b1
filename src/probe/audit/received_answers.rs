//! How state URLs have answered, and the state of an event in one answer.

use serde_json::Value;

use super::reported_state::{ReportedStage, ReportedState, Time};
use super::see_other::RedirectTargets;
use super::state_answer::StateAnswer;
use crate::run::completion::{AuditTrouble, PollTrouble, StateContainer, text_of};
use crate::run::plan::{Field, Polls};

/// What answers there were.
#[derive(Clone, Debug, Default)]
pub(super) struct ReceivedAnswers {
    pub(super) documents: u64,
    /// Answers that there is no such event.
    pub(super) unknown: u64,
    /// The number of those that show the event existed.
    pub(super) gone: u64,
    /// Documents that have a field which says whether the event is done, or given up.
    pub(super) with_field: u64,
    /// A state that is neither done, given up nor under way.
    pub(super) unclear: Option<AuditTrouble>,
    /// What 303 pointed to.
    pub(super) results: RedirectTargets,
}

impl ReceivedAnswers {
    /// The state of the event in an answer; `None` if the answer says that there is no such event.
    pub(super) fn state(&mut self, polls: &Polls, answer: StateAnswer) -> Option<ReportedState> {
        let (status, document) = match answer {
            StateAnswer::Document { status, document } => (status, document),
            StateAnswer::SeeOther {
                id,
                location,
                shows,
            } => {
                self.documents += 1;
                self.with_field += 1;
                self.results.insert(id, location, shows);
                return Some(ReportedState::bare(ReportedStage::Done));
            }
            StateAnswer::NotFound | StateAnswer::Gone => {
                self.unknown += 1;
                self.gone += u64::from(answer == StateAnswer::Gone);
                return None;
            }
        };
        let stage = self.stage(polls, status, &document);
        Some(reported(polls, stage, &document))
    }

    /// How far the event of a document is.
    fn stage(&mut self, polls: &Polls, status: u16, document: &Value) -> ReportedStage {
        self.documents += 1;
        // A service that only has the field of the dead says nothing of who is done.
        let is_dead = polls.dead.as_ref().is_some_and(|dead| dead.holds(document));
        let value = document.pointer(&polls.done.pointer);
        let tells = is_dead || value.is_some() || status == 202;
        self.with_field += u64::from(tells);
        let is_pending = |value: &Value| match &polls.pending {
            Some(pending) => pending.holds(document) || text_of(value).is_none(),
            None => true,
        };
        match value {
            _ if polls.done.holds(document) => ReportedStage::Done,
            _ if is_dead => ReportedStage::GivenUp,
            Some(value @ (Value::Object(_) | Value::Array(_))) => {
                self.unclear = Some(nested(name_of(&polls.done), value).into());
                ReportedStage::Unclear
            }
            Some(value) if !is_pending(value) => {
                let unknown = PollTrouble::UnknownState {
                    field: name_of(&polls.done),
                    state: text_of(value).unwrap_or_default().to_string(),
                };
                self.unclear = Some(unknown.into());
                ReportedStage::Unclear
            }
            _ => ReportedStage::Pending,
        }
    }
}

/// The state of an event at this stage, with the figures that its document has.
fn reported(polls: &Polls, stage: ReportedStage, document: &Value) -> ReportedState {
    let count = |name: &str| document.get(name).and_then(Value::as_u64);
    let time = |pointer: &Option<String>| {
        let value = document.pointer(pointer.as_deref()?);
        value.and_then(Time::of)
    };
    ReportedState {
        stage,
        inserts: count("inserts"),
        notifications: count("notifications"),
        notify_unknown: count("notify_unknown").unwrap_or(0),
        accepted_at: time(&polls.accepted_at),
        done_at: time(&polls.done_at),
    }
}

impl Field {
    /// Whether the field is there with a value that counts.
    pub(super) fn holds(&self, document: &Value) -> bool {
        let Some(value) = document.pointer(&self.pointer) else {
            return false;
        };
        if self.values.is_empty() {
            return !matches!(value, Value::Null | Value::Bool(false));
        }
        text_of(value).is_some_and(|text| {
            let is_it = |own: &String| own.trim().to_lowercase() == text.trim().to_lowercase();
            self.values.iter().any(is_it)
        })
    }
}

/// As it is typed: `data.status` for `/data/status`.
pub(super) fn name_of(field: &Field) -> String {
    field.pointer.trim_start_matches('/').replace('/', ".")
}

/// A state that is itself a document: the field inside of it that says the state has to be named.
fn nested(field: String, value: &Value) -> PollTrouble {
    let (container, inner) = match value {
        Value::Object(fields) => {
            let usual = ["name", "status", "state", "value", "code", "phase"];
            let of_text = |field: &&String| fields[field.as_str()].is_string();
            let inner = { usual.iter().map(|&usual| usual.to_owned()) }
                .find(|usual| fields.contains_key(usual))
                .or_else(|| fields.keys().find(of_text).cloned());
            (
                StateContainer::Object,
                inner.unwrap_or_else(|| "name".to_owned()),
            )
        }
        _ => (StateContainer::List, "0".to_owned()),
    };
    PollTrouble::NestedState {
        field,
        container,
        inner,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::run::plan::Field;

    #[test]
    fn a_field_counts_by_its_value_or_by_being_there() {
        let field = |pointer: &str, values: &[&str]| Field {
            pointer: pointer.to_owned(),
            values: values.iter().map(|v| (*v).to_owned()).collect(),
        };
        let document = json!({"state": "done", "n": 1, "ok": true, "error": null, "a": {"b": "x"}});
        assert!(field("/state", &["done", "sent"]).holds(&document));
        assert!(field("/state", &["DONE"]).holds(&json!({"state": " Done "})));
        assert!(!field("/state", &["failed"]).holds(&document));
        assert!(field("/n", &["1"]).holds(&document) && field("/ok", &["true"]).holds(&document));
        assert!(field("/a/b", &[]).holds(&document));
        assert!(!field("/error", &[]).holds(&document) && !field("/none", &[]).holds(&document));
    }
}
