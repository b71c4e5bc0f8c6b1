//! Rows of JSON lines: an object a line, whose keys are the columns.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::{DataFileError, DataProblem, DataRows, check_titles};

/// Reads all rows. The keys of the first one are the titles.
pub(super) fn read(text: &str, rows: &mut DataRows) -> Result<(), DataFileError> {
    let lines = (1..).zip(text.lines());
    let columns = rows.columns.clone();
    let mut is_first = true;
    for (number, line) in lines.filter(|(_, line)| !line.trim().is_empty()) {
        let RowObject(fields) =
            serde_json::from_str(line).map_err(|error| json_error(number, line, &error))?;
        if is_first {
            let titles: Vec<String> = fields.iter().map(|(key, _)| key.clone()).collect();
            let places = rows.places_in(&titles);
            places.map_err(|problem| DataFileError::at_line(number, problem))?;
            is_first = false;
        }
        push_row(&columns, &fields, rows)
            .map_err(|problem| DataFileError::at_line(number, problem))?;
    }
    Ok(())
}

fn push_row(
    columns: &[String],
    fields: &[(String, Box<RawValue>)],
    rows: &mut DataRows,
) -> Result<(), DataProblem> {
    for column in columns {
        let mut own = fields.iter().filter(|(key, _)| key == column);
        let Some((_, value)) = own.next() else {
            return Err(DataProblem::MissingKey(column.clone()));
        };
        if own.next().is_some() {
            // Names both places.
            let keys: Vec<String> = fields.iter().map(|(key, _)| key.clone()).collect();
            check_titles(&keys)?;
        }
        match value.get() {
            quoted if quoted.starts_with('"') => {
                // Half of a surrogate pair is seen only here.
                let text: Result<String, _> = serde_json::from_str(quoted);
                rows.push(&text.map_err(|_| DataProblem::NotJson)?);
            }
            text => rows.push(text),
        }
    }
    Ok(())
}

fn json_error(number: u64, line: &str, error: &serde_json::Error) -> DataFileError {
    let value = line.trim_start();
    match error.classify() {
        serde_json::error::Category::Data => {
            let is_array = value.starts_with('[');
            // The value itself is wrong, and not the place where it was seen.
            let column = line.chars().count() - value.chars().count() + 1;
            DataFileError::at(number, column, DataProblem::NotObject { is_array })
        }
        _ => DataFileError::at(number, error.column(), DataProblem::NotJson),
    }
}

/// The fields of an object in their order, with their values as they are written.
struct RowObject(Vec<(String, Box<RawValue>)>);

impl<'de> Deserialize<'de> for RowObject {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<RowObject, D::Error> {
        struct FieldsVisitor;

        impl<'de> Visitor<'de> for FieldsVisitor {
            type Value = RowObject;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<RowObject, A::Error> {
                let mut fields = Vec::new();
                while let Some(field) = map.next_entry()? {
                    fields.push(field);
                }
                Ok(RowObject(fields))
            }
        }

        deserializer.deserialize_map(FieldsVisitor)
    }
}
