//! Logs in CSV under a line of titles.

use csv::{ReaderBuilder, StringRecord};

use super::log_time::LogTime;
use super::ndjson_log::{METHODS, PATHS, TIMES};
use super::request_line::LoggedRequest;
use super::{LogLine, ReadLines, ReplayFileError, ReplayFileProblem};

/// Whether a line may be the titles of such a log.
pub(super) fn is_head(line: &str) -> bool {
    let mut titles = line.split(',').map(|title| title.trim().trim_matches('"'));
    line.contains(',') && titles.any(|title| is_one_of(title, &TIMES))
}

fn is_one_of(title: &str, names: &[&str]) -> bool {
    names.iter().any(|name| name.eq_ignore_ascii_case(title))
}

/// Reads all rows below the titles. A row of another length, or without a time, counts as a line that cannot be read.
pub(super) fn read(text: &str, read: &mut ReadLines) -> Result<(), ReplayFileError> {
    let mut reader = ReaderBuilder::new()
        .flexible(true)
        .from_reader(text.as_bytes());
    let titles = reader.headers().cloned();
    let titles = titles.map_err(|_| ReplayFileError::at(1, ReplayFileProblem::NoTimeColumn))?;
    let column = |names: &[&str]| {
        let mut own = names.iter();
        own.find_map(|name| {
            titles
                .iter()
                .position(|title| title.trim().eq_ignore_ascii_case(name))
        })
    };
    let Some(time) = column(&TIMES) else {
        return Err(ReplayFileError::at(1, ReplayFileProblem::NoTimeColumn));
    };
    let (method, path, line) = (column(&METHODS), column(&PATHS), column(&["request"]));
    let mut record = StringRecord::new();
    loop {
        let number = reader.position().line();
        match reader.read_record(&mut record) {
            Ok(false) => return Ok(()),
            Ok(true) if record.len() == titles.len() => {}
            Ok(true) | Err(_) => {
                read.push(number, None);
                continue;
            }
        }
        let field = |column: Option<usize>| column.and_then(|column| record.get(column));
        let request = match (field(path), field(line)) {
            (Some(path), _) => {
                LoggedRequest::of(field(method).unwrap_or_default().trim(), path.trim())
            }
            (None, Some(line)) => LoggedRequest::of_line(line.trim()),
            (None, None) => LoggedRequest::Unstated,
        };
        let time = record.get(time).and_then(LogTime::parse);
        read.push(number, time.map(|time| LogLine { time, request }));
    }
}
