//! AMQP field tables from JSON and back, for queue arguments and Celery's headers.

use lapin::types::{AMQPValue, FieldArray, FieldTable};
use serde_json::{Map, Value};

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

/// The JSON object of a table. What JSON lacks (decimals, timestamps, bytes) becomes null: Celery's headers have none.
pub(super) fn json_from(table: &FieldTable) -> Value {
    let fields = table.inner().iter();
    let object: Map<String, Value> = fields
        .map(|(name, value)| (name.to_string(), json_of(value)))
        .collect();
    Value::Object(object)
}

fn json_of(value: &AMQPValue) -> Value {
    match value {
        AMQPValue::Boolean(yes) => (*yes).into(),
        AMQPValue::ShortShortInt(n) => (*n).into(),
        AMQPValue::ShortShortUInt(n) => (*n).into(),
        AMQPValue::ShortInt(n) => (*n).into(),
        AMQPValue::ShortUInt(n) => (*n).into(),
        AMQPValue::LongInt(n) => (*n).into(),
        AMQPValue::LongUInt(n) => (*n).into(),
        AMQPValue::LongLongInt(n) => (*n).into(),
        AMQPValue::Float(n) => (*n).into(),
        AMQPValue::Double(n) => (*n).into(),
        AMQPValue::ShortString(text) => text.as_str().into(),
        AMQPValue::LongString(text) => String::from_utf8_lossy(text.as_bytes()).into(),
        AMQPValue::FieldArray(array) => array.as_slice().iter().map(json_of).collect(),
        AMQPValue::FieldTable(table) => json_from(table),
        _ => Value::Null,
    }
}

#[cfg(test)]
mod tests {
    use super::{json_from, table_from};

    #[test]
    fn what_json_can_say_survives_the_table() {
        let headers = serde_json::json!({
            "task": "a7probe.process_event", "retries": 0, "big": 5_000_000_000_i64, "share": 0.5,
            "eta": null, "ignore_result": false, "timelimit": [null, null], "stamps": {},
        });
        assert_eq!(json_from(&table_from(&headers)), headers);
    }
}
