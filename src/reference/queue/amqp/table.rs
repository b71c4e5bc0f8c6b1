//! AMQP field tables from JSON, and texts in them, for queue arguments and Celery's headers.

use std::borrow::Cow;

use lapin::types::{AMQPValue, FieldArray, FieldTable};
use serde_json::Value;

/// The table of a JSON object; empty for anything else.
pub(super) fn table_from(value: &Value) -> FieldTable {
    let mut table = FieldTable::default();
    for (name, value) in value.as_object().into_iter().flatten() {
        table.insert(name.as_str().into(), field_from(value));
    }
    table
}

fn field_from(value: &Value) -> AMQPValue {
    match value {
        Value::Null => AMQPValue::Void,
        Value::Bool(yes) => AMQPValue::Boolean(*yes),
        Value::Number(number) => match number.as_i64() {
            Some(integer) => {
                i32::try_from(integer).map_or(AMQPValue::LongLongInt(integer), AMQPValue::LongInt)
            }
            None => AMQPValue::Double(number.as_f64().unwrap_or_default()),
        },
        Value::String(text) => AMQPValue::LongString(text.as_str().into()),
        Value::Array(values) => {
            let mut array = FieldArray::default();
            values
                .iter()
                .for_each(|value| array.push(field_from(value)));
            AMQPValue::FieldArray(array)
        }
        Value::Object(_) => AMQPValue::FieldTable(table_from(value)),
    }
}

/// A text of this name. Nested tables are not searched.
pub(super) fn text_in<'a>(table: &'a FieldTable, name: &str) -> Option<Cow<'a, str>> {
    match table.inner().get(name)? {
        AMQPValue::ShortString(text) => Some(text.as_str().into()),
        AMQPValue::LongString(text) => Some(String::from_utf8_lossy(text.as_bytes())),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use lapin::types::AMQPValue;

    use super::{table_from, text_in};

    #[test]
    fn what_json_can_say_has_its_type_in_the_table() {
        let headers = serde_json::json!({
            "task": "a7probe.process_event", "retries": 0, "big": 5_000_000_000_i64, "share": 0.5,
            "eta": null, "ignore_result": false, "timelimit": [null, null], "stamps": {},
        });
        let table = table_from(&headers);
        assert_eq!(
            text_in(&table, "task").as_deref(),
            Some("a7probe.process_event")
        );
        assert_eq!(text_in(&table, "retries"), None);
        assert_eq!(text_in(&table, "absent"), None);
        for (name, expected) in [
            ("retries", AMQPValue::LongInt(0)),
            ("big", AMQPValue::LongLongInt(5_000_000_000)),
            ("share", AMQPValue::Double(0.5)),
            ("eta", AMQPValue::Void),
            ("ignore_result", AMQPValue::Boolean(false)),
            ("stamps", AMQPValue::FieldTable(Default::default())),
        ] {
            assert_eq!(table.inner().get(name), Some(&expected), "{name}");
        }
    }
}
