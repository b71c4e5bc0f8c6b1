//! The reason of a finding for programs: a code, and its numbers under names that say their unit.

use serde::Serialize;
use serde_json::{Map, Value, json};

/// A code and its numbers.
#[derive(Serialize)]
pub(in crate::report) struct CodedReason {
    pub(in crate::report) code: String,
    pub(in crate::report) values: Map<String, Value>,
}

impl CodedReason {
    /// Of a reason that is serialized with its `code` and `values`; a member next to them is one of the values.
    pub(in crate::report) fn of(reason: &impl Serialize) -> CodedReason {
        let mut members = match json!(reason) {
            Value::Object(members) => members,
            _ => Map::new(),
        };
        let code = match members.remove("code") {
            Some(Value::String(code)) => code,
            _ => String::new(),
        };
        if let Some(Value::Object(values)) = members.remove("values") {
            members.extend(values);
        }
        if let Some(otherwise) = members.get_mut("otherwise") {
            *otherwise = json!(CodedReason::of(otherwise));
        }
        CodedReason {
            code,
            values: members,
        }
    }
}

#[cfg(test)]
mod tests;
