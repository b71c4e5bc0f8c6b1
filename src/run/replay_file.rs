//! Reads the file of `--rate-file`: planned offsets, one a line, or an access log.

mod combined;
mod csv_log;
mod log_time;
mod ndjson_log;
mod offset_list;
mod replay_file_error;
mod request_line;

use std::borrow::Cow;
use std::io::Read as _;
use std::str::FromStr;

use flate2::read::MultiGzDecoder;
use serde::{Deserialize, Serialize};

use crate::redact;
use crate::run::import::to_utf8;

pub use log_time::LogTime;
pub use replay_file_error::{ReplayFileError, ReplayFileProblem};
pub use request_line::LoggedRequest;

/// Longest text that a file may have, unpacked: 4 GiB are about 20 million lines.
const MOST_BYTES: u64 = 4 << 30;

/// Share of lines without a time from which the file is refused.
const MOST_UNREADABLE: f64 = 0.5;

/// The form of a file of `--rate-file`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReplayFormat {
    /// Offsets from the start of the run, one a line.
    Offsets,
    /// The common and the combined log format of Apache and nginx.
    Combined,
    /// One JSON object a line.
    Ndjson,
    /// CSV under a line of titles.
    Csv,
}

impl ReplayFormat {
    /// All of them.
    pub const ALL: [ReplayFormat; 4] = [
        ReplayFormat::Offsets,
        ReplayFormat::Combined,
        ReplayFormat::Ndjson,
        ReplayFormat::Csv,
    ];

    /// As in `--format`.
    pub fn as_str(self) -> &'static str {
        match self {
            ReplayFormat::Offsets => "offsets",
            ReplayFormat::Combined => "combined",
            ReplayFormat::Ndjson => "ndjson",
            ReplayFormat::Csv => "csv",
        }
    }

    /// By the end of the file's name, else by its first line.
    fn detected(name: &str, text: &str) -> ReplayFormat {
        let name = name.to_ascii_lowercase();
        let name = name.strip_suffix(".gz").unwrap_or(&name);
        let first = text.lines().find(|line| !line.trim().is_empty());
        let first = first.unwrap_or_default().trim();
        if name.ends_with(".csv") {
            ReplayFormat::Csv
        } else if name.ends_with(".ndjson") || name.ends_with(".jsonl") || first.starts_with('{') {
            ReplayFormat::Ndjson
        } else if combined::line(first).is_some() {
            ReplayFormat::Combined
        } else if csv_log::is_head(first) {
            ReplayFormat::Csv
        } else {
            ReplayFormat::Offsets
        }
    }
}

impl FromStr for ReplayFormat {
    type Err = String;

    fn from_str(text: &str) -> Result<ReplayFormat, String> {
        let mut all = ReplayFormat::ALL.into_iter();
        let found = all.find(|format| format.as_str() == text);
        found.ok_or_else(|| {
            format!("'{text}' is not a format of --rate-file; use combined, ndjson, csv or offsets")
        })
    }
}

/// A line with a time.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct LogLine {
    time: LogTime,
    request: LoggedRequest,
}

/// What a file says, in the order of time.
#[derive(Clone, Debug, PartialEq)]
pub struct ReadReplayFile {
    /// Its form.
    pub format: ReplayFormat,
    /// The first 16 bits of the SHA-256 of the file, in hexadecimal.
    pub sha256: String,
    /// Requests in the order of time; at least one. Times of a log count from its first request.
    pub requests: Vec<TimedRequest>,
    /// Lines that hold no request, or none that can be read.
    pub unreadable: u64,
    /// Whether the last line is one of them, and ends without a line break.
    pub is_cut: bool,
    /// Lines that stood behind one of a later time.
    pub out_of_order: u64,
    /// Whether all times were whole seconds, so that requests of a second were spread over it.
    pub is_spread: bool,
}

/// A request at its time.
#[derive(Clone, Debug, PartialEq)]
pub struct TimedRequest {
    /// From the start, in ns.
    pub at_ns: u64,
    /// Method and path, where the file has them.
    pub request: LoggedRequest,
}

impl ReadReplayFile {
    /// Reads the bytes of a file, packed by gzip or not. Without a format, name and content say what it is.
    ///
    /// # Errors
    /// [`ReplayFileError`] if the file is empty or damaged, or has no times.
    pub fn read(
        name: &str,
        bytes: &[u8],
        format: Option<ReplayFormat>,
    ) -> Result<ReadReplayFile, ReplayFileError> {
        let unpacked = unpacked(bytes)?;
        let decoded = to_utf8(&unpacked);
        let text = String::from_utf8_lossy(&decoded);
        if text.trim().is_empty() {
            return Err(ReplayFileProblem::Empty.into());
        }
        let format = format.unwrap_or_else(|| ReplayFormat::detected(name, &text));
        let mut read = ReadLines::default();
        match format {
            ReplayFormat::Offsets => offset_list::read(&text, &mut read)?,
            ReplayFormat::Combined => read.lines(&text, combined::line),
            ReplayFormat::Ndjson => read.lines(&text, ndjson_log::line),
            ReplayFormat::Csv => csv_log::read(&text, &mut read)?,
        }
        let sha256 = redact::fingerprint(bytes);
        read.finished(format, sha256, text.ends_with(['\n', '\r']))
    }
}

fn unpacked(bytes: &[u8]) -> Result<Cow<'_, [u8]>, ReplayFileError> {
    if !bytes.starts_with(&[0x1f, 0x8b]) {
        return Ok(Cow::Borrowed(bytes));
    }
    let mut text = Vec::new();
    let read = MultiGzDecoder::new(bytes)
        .take(MOST_BYTES + 1)
        .read_to_end(&mut text);
    read.map_err(|_| ReplayFileProblem::CutGzip)?;
    if text.len() as u64 > MOST_BYTES {
        return Err(ReplayFileProblem::TooLong.into());
    }
    Ok(Cow::Owned(text))
}

/// Lines as they are read.
#[derive(Default)]
struct ReadLines {
    lines: Vec<LogLine>,
    unreadable: u64,
    /// The number of the first line that cannot be read, from 1.
    first_unreadable: Option<u64>,
    is_last_unreadable: bool,
}

impl ReadLines {
    fn lines(&mut self, text: &str, line: impl Fn(&str) -> Option<LogLine>) {
        let lines = (1..).zip(text.lines());
        for (number, text) in lines.filter(|(_, text)| !text.trim().is_empty()) {
            self.push(number, line(text.trim()));
        }
    }

    fn push(&mut self, number: u64, line: Option<LogLine>) {
        self.is_last_unreadable = line.is_none();
        match line {
            Some(line) => self.lines.push(line),
            None => {
                self.unreadable += 1;
                self.first_unreadable.get_or_insert(number);
            }
        }
    }

    fn finished(
        self,
        format: ReplayFormat,
        sha256: String,
        ends_with_break: bool,
    ) -> Result<ReadReplayFile, ReplayFileError> {
        let all = self.unreadable + self.lines.len() as u64;
        if self.lines.is_empty() || self.unreadable as f64 > all as f64 * MOST_UNREADABLE {
            return Err(ReplayFileError::at(
                self.first_unreadable.unwrap_or(1),
                ReplayFileProblem::Unreadable {
                    format,
                    unreadable: self.unreadable,
                    lines: all,
                },
            ));
        }
        let has_zone = |line: &LogLine| line.time.has_zone;
        let (zoned, all_zoned) = (
            self.lines.iter().any(has_zone),
            self.lines.iter().all(has_zone),
        );
        if zoned && !all_zoned {
            return Err(ReplayFileProblem::MixedZones.into());
        }
        let times = self.lines.windows(2);
        let out_of_order = times
            .filter(|pair| pair[1].time.at_ns < pair[0].time.at_ns)
            .count();
        let mut lines = self.lines;
        // Stable: requests of one time stay in the order of the file.
        lines.sort_by_key(|line| line.time.at_ns);
        let first_ns = match format {
            ReplayFormat::Offsets => 0,
            _ => lines[0].time.at_ns,
        };
        let is_whole = |line: &LogLine| line.time.at_ns % 1_000_000_000 == 0;
        let is_spread = format != ReplayFormat::Offsets && lines.iter().all(is_whole);
        let mut requests: Vec<TimedRequest> = lines
            .into_iter()
            .map(|line| TimedRequest {
                at_ns: u64::try_from(line.time.at_ns - first_ns).unwrap_or(u64::MAX),
                request: line.request,
            })
            .collect();
        if is_spread {
            spread(&mut requests);
        }
        Ok(ReadReplayFile {
            format,
            sha256,
            requests,
            unreadable: self.unreadable,
            is_cut: self.is_last_unreadable && !ends_with_break,
            out_of_order: out_of_order as u64,
            is_spread,
        })
    }
}

/// A log in whole seconds has lost when in its second a request was: they are spread evenly, in their order.
fn spread(requests: &mut [TimedRequest]) {
    for second in requests.chunk_by_mut(|a, b| a.at_ns == b.at_ns) {
        let count = second.len() as u64;
        for (number, request) in (0..).zip(second) {
            request.at_ns = request.at_ns.saturating_add(number * 1_000_000_000 / count);
        }
    }
}

#[cfg(test)]
mod tests;
