//! What must be known of another tool's file to read its numbers. The words stand in `report`.

use std::time::Duration;

use super::FileFormat;
use super::ending::Ending;

/// What must be known of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ImportRemark {
    /// What every file of the format has lost.
    Format(FileFormat),
    /// wrk2 counts latency from the intended start.
    FromIntendedStart,
    /// So many requests failed, and their latencies are among the others.
    FailuresAmong(FileFormat, u64),
    /// How the columns of a list were read.
    List(ListRemark),
    /// Requests that the tool did not send, measure or write.
    Missing(MissingRequests),
    /// What the file does not say.
    Unstated(UnstatedFact),
    /// The last line has no end.
    MidLine,
}

impl ImportRemark {
    /// The remark for programs.
    pub fn code(&self) -> &'static str {
        match self {
            ImportRemark::Format(_) => "import_format",
            ImportRemark::FromIntendedStart => "import_from_intended_start",
            ImportRemark::FailuresAmong(..) => "import_failures_among_latencies",
            ImportRemark::List(_) => "import_columns",
            ImportRemark::Missing(_) => "import_missing_requests",
            ImportRemark::Unstated(_) => "import_unstated",
            ImportRemark::MidLine => "import_cut_mid_line",
        }
    }
}

/// How the columns of a list were read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListRemark {
    /// The first row is the heading.
    Heading(String),
    /// A column shows which requests failed.
    Statuses {
        /// Its title or number.
        column: String,
        /// Rows that failed.
        failed: u64,
        /// All rows.
        rows: u64,
    },
    /// Statuses from 300 to 399 count as failed.
    Redirects {
        /// The title or number of the column.
        column: String,
        /// Rows with such a status.
        rows: u64,
    },
    /// The user wants every row to count as ok.
    NoStatuses,
    /// A column shows that a row may stand for several requests.
    SummedRows(String),
}

/// Requests that the tool did not send, measure or write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MissingRequests {
    /// wrk2's timeouts, one request perhaps several times.
    Timeouts(u64),
    /// k6 held requests back before their latency began.
    Blocked {
        /// How many, for 1 ms or more.
        requests: u64,
        /// The longest of these times.
        longest: Duration,
    },
    /// Iterations that k6 dropped.
    Iterations(u64),
    /// Gaps in vegeta's sequence numbers.
    SequenceNumbers(u64),
    /// Calls whose details ghz left out.
    Details(u64),
    /// hey keeps a million results.
    Results,
}

/// What the file does not say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnstatedFact {
    /// From where the latencies of a percentile table count.
    Clock,
    /// How many requests failed.
    Failures(FileFormat),
    /// How many requests autocannon sent.
    SentRequests,
    /// The exit codes of hyperfine's commands.
    ExitCodes,
    /// bombardier's percentiles.
    Percentiles,
    /// Percentiles of the whole run: those of Locust's history are of moving windows.
    WholeRun,
    /// The unit of a log; nanoseconds are assumed.
    Unit,
}

impl ImportRemark {
    /// What warns of a text file that may be cut.
    pub(super) fn of_ending(ending: Ending) -> Option<ImportRemark> {
        (ending == Ending::MidLine).then_some(ImportRemark::MidLine)
    }

    /// Latencies of requests that failed, if there are any.
    pub(super) fn failures_among(format: FileFormat, count: u64) -> Option<ImportRemark> {
        (count > 0).then_some(ImportRemark::FailuresAmong(format, count))
    }
}
