//! k6: `--out csv=FILE` has every request in rows of metrics.

use std::borrow::Cow;
use std::collections::HashMap;

use jiff::Timestamp;

use super::{Data, MetricLine, Points};
use crate::run::import::imported::Imported;
use crate::run::import::titled_rows::{TitledRow, TitledRows};
use crate::run::import::{FileFormat, ImportError};

const FORMAT: FileFormat = FileFormat::K6Csv;

/// Tags that are read.
const TAGS: [&str; 7] = [
    "expected_response",
    "status",
    "error_code",
    "error",
    "name",
    "url",
    "method",
];

/// Whether a line has the titles of such a file.
pub(in crate::run::import) fn is_titles(line: &str) -> bool {
    line.starts_with("metric_name,timestamp,metric_value,")
}

/// Every request.
pub(in crate::run::import) fn read_csv(text: &str) -> Result<Imported, ImportError> {
    let rows = TitledRows::titled(FORMAT, text)?;
    let named = ["metric_name", "timestamp", "metric_value"];
    if !named.iter().all(|title| rows.has(title)) {
        return Err(
            FORMAT.damaged("its first line has no columns metric_name, timestamp and metric_value")
        );
    }
    let tags: Vec<&str> = TAGS.into_iter().filter(|tag| rows.has(tag)).collect();
    let mut points = Points::of(FORMAT);
    let mut number = 1;
    rows.for_each(|row| {
        number += 1;
        let value = row.number("metric_value")?;
        let (time, is_end) = time(row, number)?;
        let tags = tags.iter().map(|&tag| (tag, row.get(tag)));
        let tags = tags.filter(|(_, value)| !value.is_empty());
        let line = MetricLine {
            kind: "Point".into(),
            metric: Some(row.get("metric_name").into()),
            data: Data {
                time: Some(time),
                is_end,
                value: Some(value),
                tags: Some(
                    tags.map(|(tag, v)| (Cow::from(tag), Cow::from(v)))
                        .collect::<HashMap<_, _>>(),
                ),
            },
        };
        points
            .add(&line)
            .map_err(|fault| fault.into_error(FORMAT, number))
    })?;
    points.into_imported(text)
}

/// The end of a request, and whether it is precise enough to give the start. In whole seconds the order of the file is
/// more precise than the difference of the two.
fn time(row: &TitledRow<'_>, number: u64) -> Result<(Timestamp, bool), ImportError> {
    let text = row.get("timestamp");
    let of_number = |n: i64| match text.len() {
        ..=11 => Timestamp::from_second(n).map(|t| (t, false)),
        12..=14 => Timestamp::from_millisecond(n).map(|t| (t, true)),
        15..=17 => Timestamp::from_microsecond(n).map(|t| (t, true)),
        _ => Timestamp::from_nanosecond(n.into()).map(|t| (t, true)),
    };
    let time = match text.parse::<i64>() {
        Ok(n) => of_number(n).ok(),
        // K6_CSV_TIME_FORMAT=rfc3339, in whole seconds, or rfc3339_nano.
        Err(_) => text
            .parse()
            .ok()
            .map(|t: Timestamp| (t, t.subsec_nanosecond() != 0)),
    };
    time.ok_or_else(|| FORMAT.damaged(format!("line {number}: '{text}' is not a time")))
}
