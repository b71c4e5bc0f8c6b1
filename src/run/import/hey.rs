//! hey: `-o csv` has every answered request, rounded to tenths of milliseconds.

use std::time::Duration;

use super::ending::ending_of;
use super::import_remark::MissingRequests;
use super::requests::{ImportedRequest, outcome_of_status, recording};
use super::titled_rows::TitledRows;
use super::{FileFormat, ImportError, ImportRemark, Imported, TimeUnit};
use crate::run::recording::Failures;

/// How the file begins; older versions lack the last two columns.
pub(super) const HEADER: &str =
    "response-time,DNS+dialup,DNS,Request-write,Response-delay,Response-read";

/// Half of the last digit, 0.0001 s.
const ROUNDING: Duration = Duration::from_micros(50);

/// hey keeps this many results, and drops later ones.
const MOST_ROWS: usize = 1_000_000;

/// Every answered request.
pub(super) fn read(text: &str) -> Result<Imported, ImportError> {
    let format = FileFormat::HeyCsv;
    let rows = TitledRows::titled(format, text)?;
    let (has_status, has_offset) = (rows.has("status-code"), rows.has("offset"));
    if !has_status {
        return Err(format.error(
            "this version of hey writes no status, so the failed answers are unknown",
            "use a newer hey, whose CSV has the column status-code",
        ));
    }
    let mut requests = Vec::new();
    rows.for_each(|row| {
        let status = row.number("status-code")?;
        requests.push(ImportedRequest {
            start_ns: if has_offset {
                row.duration("offset", TimeUnit::Seconds)?.as_nanos() as i64
            } else {
                0
            },
            latency: row.duration("response-time", TimeUnit::Seconds)?,
            outcome: outcome_of_status(status),
            status: Some(status),
        });
        Ok(())
    })?;
    let rows = requests.len();
    let mut recording = recording(requests, ROUNDING);
    recording.failures = Failures::Incomplete;
    let mut remarks = vec![ImportRemark::Format(format)];
    if rows >= MOST_ROWS {
        remarks.push(ImportRemark::Missing(MissingRequests::Results));
    }
    remarks.extend(ImportRemark::of_ending(ending_of(text)));
    Ok(Imported::unnamed(format, recording, remarks))
}
