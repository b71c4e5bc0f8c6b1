//! Planned offsets from the start of the run, one a line: `1.5`, `1500ms`. Numbers without a unit are seconds.

use super::log_time::LogTime;
use super::request_line::LoggedRequest;
use super::{LogLine, ReadLines, ReplayFileError, ReplayFileProblem};
use crate::units::{MAX_DURATION, parse_duration};

/// Reads all lines; `#` begins a comment. A wrong line is an error: a plan is not guessed.
pub(super) fn read(text: &str, read: &mut ReadLines) -> Result<(), ReplayFileError> {
    for (number, line) in (1..).zip(text.lines()) {
        let offset = line.split('#').next().unwrap_or_default().trim();
        if offset.is_empty() {
            continue;
        }
        let at_ns = offset_ns(offset)
            .ok_or_else(|| ReplayFileError::at(number, ReplayFileProblem::NotAnOffset))?;
        if at_ns > MAX_DURATION.as_nanos() as i128 {
            return Err(ReplayFileError::at(
                number,
                ReplayFileProblem::NoOffsetButATime,
            ));
        }
        let time = LogTime {
            at_ns,
            has_zone: true,
        };
        read.push(
            number,
            Some(LogLine {
                time,
                request: LoggedRequest::Unstated,
            }),
        );
    }
    if read.lines.is_empty() {
        return Err(ReplayFileProblem::Empty.into());
    }
    Ok(())
}

fn offset_ns(text: &str) -> Option<i128> {
    if let Ok(seconds) = text.parse::<f64>() {
        let is_offset = (0.0..1e12).contains(&seconds);
        return is_offset.then(|| (seconds * 1e9).round() as i128);
    }
    let offset = parse_duration(text).ok()?;
    Some(offset.as_nanos() as i128)
}
