//! The JSON Schema of reports.

/// The schema of `--output json`, as `a7probe schema report` prints it; a test holds it to the code.
pub const REPORT_SCHEMA: &str = include_str!("report.schema.json");

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::REPORT_SCHEMA;
    use crate::report::json::JsonReport;

    #[test]
    fn the_committed_schema_is_that_of_the_code() {
        let mut schema = schemars::schema_for!(JsonReport).to_value();
        // Durations are written as numbers, in the unit of the field's name.
        schema["$defs"]["Duration"] = json!({"type": "number"});
        let text = serde_json::to_string_pretty(&schema).expect("a schema") + "\n";
        if text != REPORT_SCHEMA {
            let made = std::env::temp_dir().join("report.schema.json");
            std::fs::write(&made, &text).expect("a temporary file");
            panic!(
                "look at the difference, then copy {} over src/report/json/report.schema.json",
                made.display()
            );
        }
    }
}
