//! What must be known of another tool's file to read its numbers. The words stand in `report`.

use std::time::Duration;

use serde::Serialize;

use super::FileFormat;
use super::ending::Ending;
use crate::units::serialize_ms;

/// What must be known of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(tag = "code", content = "values")]
pub enum ImportRemark {
    /// What every file of the format has lost.
    #[serde(rename = "import_format")]
    Format(
        #[serde(with = "FormatValues")]
        #[cfg_attr(test, schemars(with = "FormatValues"))]
        FileFormat,
    ),
    /// wrk2 counts latency from the intended start.
    #[serde(rename = "import_from_intended_start")]
    FromIntendedStart,
    /// Requests failed, and their latencies are among the others.
    #[serde(rename = "import_failures_among_latencies")]
    FailuresAmong {
        /// The tool's format.
        #[cfg_attr(test, schemars(with = "String"))]
        format: FileFormat,
        /// Requests that failed.
        requests: u64,
    },
    /// How the columns of a list were read.
    #[serde(rename = "import_columns")]
    List(ListRemark),
    /// Requests that the tool did not send, measure or write.
    #[serde(rename = "import_missing_requests")]
    Missing(MissingRequests),
    /// What the file does not say.
    #[serde(rename = "import_unstated")]
    Unstated(UnstatedFact),
    /// The last line has no end.
    #[serde(rename = "import_cut_mid_line")]
    MidLine,
}

/// A format as an object, so that every remark has its values by name.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(remote = "FileFormat")]
struct FormatValues {
    #[serde(getter = "FileFormat::to_string")]
    format: String,
}

/// How the columns of a list were read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum ListRemark {
    /// The first row is the heading.
    Heading {
        /// What it says.
        heading: String,
    },
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
    SummedRows {
        /// What shows it, such as a column of counts.
        sign: String,
    },
}

/// Requests that the tool did not send, measure or write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum MissingRequests {
    /// wrk2's timeouts, one request perhaps several times.
    Timeouts {
        /// Timeouts that it counted.
        timeouts: u64,
    },
    /// k6 held requests back before their latency began.
    Blocked {
        /// How many, for 1 ms or more.
        requests: u64,
        /// The longest of these times.
        #[serde(rename = "longest_ms", serialize_with = "serialize_ms")]
        longest: Duration,
    },
    /// Iterations that k6 dropped.
    Iterations {
        /// Iterations, each one request.
        iterations: u64,
    },
    /// Gaps in vegeta's sequence numbers.
    SequenceNumbers {
        /// Numbers that are missing.
        missing: u64,
    },
    /// Calls whose details ghz left out.
    Details {
        /// Calls without details.
        missing: u64,
    },
    /// hey keeps a million results.
    Results,
}

/// What the file does not say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case", tag = "fact")]
pub enum UnstatedFact {
    /// From where the latencies of a percentile table count.
    Clock,
    /// How many requests failed.
    Failures {
        /// The format of the file.
        #[cfg_attr(test, schemars(with = "String"))]
        format: FileFormat,
    },
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
    pub(super) fn failures_among(format: FileFormat, requests: u64) -> Option<ImportRemark> {
        (requests > 0).then_some(ImportRemark::FailuresAmong { format, requests })
    }
}
