//! Two capacity searches as JSON.

use std::io::{self, Write};

use serde::Serialize;

use super::JsonCapacity;
use crate::report::capacity_change::CapacityChangeReport;
use crate::report::json::JsonWarning;
use crate::report::text::capacity as text;
use crate::verdict::Verdict;

/// The JSON Schema of the comparison of two searches.
pub const CAPACITY_CHANGE_SCHEMA: &str = include_str!("../capacity-change.schema.json");

/// The format's name and major version.
const SCHEMA: &str = "a7probe.capacity-change/1";

/// Two capacity searches.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct JsonCapacityChange {
    /// `a7probe.capacity-change/1`.
    schema: String,
    /// Both in one sentence.
    text: String,
    /// `rose`, `fell` or `not_shown`.
    change: String,
    /// Of the gate on the later search; `null` without one.
    verdict: Option<Verdict>,
    exit_code: u8,
    before: JsonCapacity,
    after: JsonCapacity,
    warnings: Vec<JsonWarning>,
}

/// Writes two searches as one JSON object.
pub(in crate::report) fn write(
    report: &CapacityChangeReport,
    out: &mut dyn Write,
) -> io::Result<()> {
    let json = JsonCapacityChange {
        schema: SCHEMA.to_owned(),
        text: text::capacity_change_headline(report),
        change: text::change_word(report.change()).to_owned(),
        verdict: report.verdict(),
        exit_code: report.exit().code(),
        before: JsonCapacity::from(&report.before),
        after: JsonCapacity::from(&report.after),
        warnings: report.warnings.iter().map(JsonWarning::from).collect(),
    };
    serde_json::to_writer_pretty(&mut *out, &json)?;
    writeln!(out)
}

#[cfg(test)]
mod tests {
    use super::{CAPACITY_CHANGE_SCHEMA, JsonCapacityChange};

    #[test]
    fn the_committed_schema_is_that_of_the_code() {
        let schema = schemars::schema_for!(JsonCapacityChange).to_value();
        let text = serde_json::to_string_pretty(&schema).unwrap() + "\n";
        if text != CAPACITY_CHANGE_SCHEMA {
            std::fs::write(
                std::env::temp_dir().join("capacity-change.schema.json"),
                &text,
            )
            .unwrap();
        }
        assert_eq!(
            text, CAPACITY_CHANGE_SCHEMA,
            "copy capacity-change.schema.json from the temporary folder"
        );
    }
}
