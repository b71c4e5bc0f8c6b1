//! The reason of a finding for programs: a code, and its numbers under names that say their unit.

use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::judge::comparison::EffectReason;
use crate::judge::gate::{ChangeReason, FindingReason};

/// A code and its numbers.
pub(in crate::report) struct CodedReason {
    pub(in crate::report) code: String,
    pub(in crate::report) values: Map<String, Value>,
}

impl CodedReason {
    /// Of a reason that is serialized with its `code` and `values`; a member beside them is one of the values.
    fn of(reason: &impl Serialize) -> CodedReason {
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
        CodedReason {
            code,
            values: members,
        }
    }
}

impl From<&FindingReason> for CodedReason {
    fn from(reason: &FindingReason) -> CodedReason {
        match reason {
            FindingReason::Tested(tested) => CodedReason::of(&tested.decision),
            FindingReason::Audit(reason) => CodedReason::of(reason),
            FindingReason::Change(reason) => CodedReason::of(reason),
            FindingReason::Cut { runs, otherwise } => {
                let otherwise = CodedReason::from(&**otherwise);
                CodedReason::of(&json!({
                    "code": "runs_cut",
                    "runs": runs,
                    "otherwise": otherwise.code,
                    "otherwise_values": otherwise.values,
                }))
            }
        }
    }
}

impl From<&EffectReason> for CodedReason {
    fn from(reason: &EffectReason) -> CodedReason {
        let values = match reason {
            EffectReason::Unresolved(lack) => {
                return CodedReason::of(&ChangeReason::Unresolved(*lack));
            }
            EffectReason::Undecided(compatible) => {
                let (low, high) = (compatible.ratio.low, compatible.ratio.high);
                return CodedReason::of(&ChangeReason::RatioBetween { low, high });
            }
            EffectReason::SentLate(compatible) => {
                let (low, high) = (compatible.ratio.low, compatible.ratio.high);
                return CodedReason::of(&ChangeReason::SentLate { low, high });
            }
            EffectReason::FailuresBefore => json!({"code": "failures_before"}),
            EffectReason::FailuresAfter => json!({"code": "failures_after"}),
            EffectReason::WithinNoise => json!({"code": "within_noise"}),
            EffectReason::AtMost(bound) => json!({
                "code": "change_at_most",
                "ratio_high": bound.ratio,
                "difference_high_ms": bound.difference_ns / 1e6,
            }),
            EffectReason::AtLeast(bound) => json!({
                "code": "change_at_least",
                "ratio_low": bound.ratio,
                "difference_low_ms": bound.difference_ns / 1e6,
            }),
        };
        CodedReason::of(&values)
    }
}

#[cfg(test)]
mod tests;
