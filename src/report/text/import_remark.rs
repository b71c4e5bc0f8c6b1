//! The words for what must be known of another tool's file.

use crate::run::import::{FileFormat, ImportRemark, ListRemark, MissingRequests, UnstatedFact};
use crate::units::Pretty;

/// The hint where failures cannot be distinguished from other requests.
const APART: &str = "measure with a7probe, which records each failure";

/// A remark on a file, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemarkWords {
    /// What is the matter.
    pub text: String,
    /// What to do about it, if it may mislead; else it is a note.
    pub hint: Option<String>,
}

fn note(text: impl Into<String>) -> RemarkWords {
    RemarkWords {
        text: text.into(),
        hint: None,
    }
}

fn warning(text: impl Into<String>, hint: impl Into<String>) -> RemarkWords {
    RemarkWords {
        text: text.into(),
        hint: Some(hint.into()),
    }
}

impl ImportRemark {
    /// Whether the numbers may mislead a reader who does not know it.
    pub(crate) fn may_mislead(&self) -> bool {
        self.words().iter().any(|words| words.hint.is_some())
    }

    /// The notes and warnings that say it.
    pub fn words(&self) -> Vec<RemarkWords> {
        match self {
            ImportRemark::Format(format) => of_format(*format),
            ImportRemark::FromIntendedStart => {
                vec![note("wrk2 counts latency from the intended start")]
            }
            ImportRemark::FailuresAmong { format, requests } => {
                vec![failures_among(*format, *requests)]
            }
            ImportRemark::List(remark) => vec![of_list(remark)],
            ImportRemark::Missing(requests) => vec![missing(*requests)],
            ImportRemark::Unstated(fact) => vec![unstated(*fact)],
            ImportRemark::MidLine => vec![warning(
                "the last line has no end, so the file may be cut",
                "check the last value; end the file with a newline",
            )],
        }
    }
}

fn of_list(remark: &ListRemark) -> RemarkWords {
    match remark {
        ListRemark::Heading { heading } => note(format!("'{heading}' is treated as the heading")),
        ListRemark::Statuses {
            column,
            failed,
            rows,
        } => note(format!(
            "'{column}' is the status column: {failed} of {rows} rows failed"
        )),
        ListRemark::Redirects { column, rows } => warning(
            format!("{rows} rows with a 3xx in '{column}' count as failed (expected 2xx)"),
            "to count every row as ok: --status-column none",
        ),
        ListRemark::NoStatuses => {
            note("every row counts as ok unless its value says otherwise (--status-column none)")
        }
        ListRemark::SummedRows { sign } => warning(
            format!("a row may stand for several requests: {sign}"),
            "give the file that has a row for each request",
        ),
    }
}

fn missing(requests: MissingRequests) -> RemarkWords {
    match requests {
        MissingRequests::Timeouts { timeouts } => warning(
            format!(
                "wrk2 counts {timeouts} timeouts and may count one request several times; each may exceed a limit"
            ),
            "measure with a7probe, which counts every request once",
        ),
        MissingRequests::Blocked { requests, longest } => warning(
            format!(
                "{requests} requests were blocked for 1 ms or more before their latency began, up to {}",
                Pretty(longest)
            ),
            "reuse connections, or measure with a7probe, which counts this time",
        ),
        MissingRequests::Iterations { iterations } => warning(
            format!(
                "k6 dropped {iterations} iterations because no virtual user was free; each counts as one unsent request to every endpoint"
            ),
            "raise preAllocatedVUs and maxVUs",
        ),
        MissingRequests::SequenceNumbers { missing } => warning(
            format!(
                "{missing} sequence numbers are missing, so requests were left out of the file"
            ),
            "encode all results of the attack together",
        ),
        MissingRequests::Details { missing } => warning(
            format!(
                "ghz writes the details of a million calls; those of {missing} others are missing"
            ),
            "send fewer calls",
        ),
        MissingRequests::Results => warning(
            "hey keeps a million results and drops the rest",
            "send fewer requests",
        ),
    }
}

fn unstated(fact: UnstatedFact) -> RemarkWords {
    match fact {
        UnstatedFact::Clock => note(
            "a percentile table does not say whether its latencies count from the intended start",
        ),
        UnstatedFact::Failures { format } => {
            let subject = if format == FileFormat::Hlog {
                "an HdrHistogram log"
            } else {
                "a percentile table"
            };
            warning(
                format!("{subject} has no failures, so a PASS is about the answered requests only"),
                "take the number of failures from the measuring tool",
            )
        }
        UnstatedFact::SentRequests => warning(
            "this version of autocannon does not say how many requests it sent, so some may have had no answer",
            "use a newer autocannon",
        ),
        UnstatedFact::ExitCodes => warning(
            "this version of hyperfine writes no exit codes, so failed runs count as ok",
            "use a newer hyperfine",
        ),
        UnstatedFact::Percentiles => warning(
            "the file has no percentiles, only the slowest request",
            "run bombardier with -l",
        ),
        UnstatedFact::WholeRun => warning(
            "the history's percentiles are of moving windows; only median, minimum and maximum are of the whole run",
            "give the file that ends in _stats.csv",
        ),
        UnstatedFact::Unit => note(
            "its values are treated as nanoseconds, the unit of HdrHistogram's own tools; for tools that log microseconds, such as YCSB, use --unit us",
        ),
    }
}

fn failures_among(format: FileFormat, count: u64) -> RemarkWords {
    let (whose, hint) = match format {
        FileFormat::OhaJson => (
            "answers with a failure status",
            "--output-format csv lists each one",
        ),
        FileFormat::K6Summary => ("failed requests", "k6 run --out json lists each one"),
        FileFormat::Hgrm | FileFormat::ArtilleryJson => ("answers with a failure status", APART),
        FileFormat::AutocannonJson => ("failed answers", APART),
        _ => ("failed requests", APART),
    };
    let times = if format == FileFormat::LocustCsv {
        "times"
    } else {
        "latencies"
    };
    let unknown = if matches!(format, FileFormat::Hgrm | FileFormat::K6Summary) {
        ""
    } else {
        ", and the file does not say which"
    };
    warning(
        format!("the {times} of {count} {whose} are among the others{unknown}"),
        hint,
    )
}

/// What every file of a format has lost.
fn of_format(format: FileFormat) -> Vec<RemarkWords> {
    match format {
        FileFormat::Run | FileFormat::Refused => Vec::new(),
        FileFormat::List => vec![note(
            "the file does not say whether its latencies count from the intended start; its order is treated as time order",
        )],
        FileFormat::OhaJson | FileFormat::OhaCsv | FileFormat::HeyCsv => of_oha_and_hey(format),
        FileFormat::K6Json | FileFormat::K6Csv | FileFormat::K6Summary => of_k6(format),
        FileFormat::VegetaJson | FileFormat::VegetaCsv => vec![late_sends("vegeta", "workers")],
        FileFormat::VegetaHdrplot => vec![
            note(
                "vegeta estimates these percentiles, so the rank of each is known only to within 3%; a verdict that depends on the difference is INCONCLUSIVE. The file has no time order, so slow spells cannot be seen",
            ),
            late_sends("vegeta", "workers"),
            warning(
                "the plot does not say how many requests failed, and their latencies are among the others, so no gate can pass",
                "give every result: vegeta encode --to csv results.bin > FILE",
            ),
        ],
        FileFormat::Hgrm => vec![note(
            "a percentile table has no time order, so slow spells cannot be seen; a latency between two of its lines is shown as the upper one",
        )],
        FileFormat::Hlog => vec![note(
            "an HdrHistogram log does not say whether its latencies count from the intended start; it has no time order within an interval, so slow spells cannot be seen",
        )],
        FileFormat::GhzJson => vec![late_sends("ghz", "workers")],
        FileFormat::HyperfineJson => vec![note(
            "hyperfine times runs of a command, one after the other; the numbers include start and end of the process",
        )],
        FileFormat::GatlingLog => vec![
            note("Gatling writes whole milliseconds"),
            late_sends("Gatling", "users"),
        ],
        FileFormat::JmeterCsv | FileFormat::JmeterXml => vec![
            note("JMeter writes whole milliseconds"),
            closed_model("JMeter counts", "threads", "samples"),
        ],
        FileFormat::LocustCsv
        | FileFormat::AutocannonJson
        | FileFormat::BombardierJson
        | FileFormat::ArtilleryJson
        | FileFormat::FortioJson => of_summary(format),
    }
}

fn of_oha_and_hey(format: FileFormat) -> Vec<RemarkWords> {
    let oha_clock = || {
        note(
            "oha counts latency from the send, unless it ran with -q and --latency-correction, which its file does not say; counted from the send, the delay that a stall causes for later requests is not in the numbers",
        )
    };
    match format {
        FileFormat::OhaJson => vec![
            few_percentiles("oha's JSON keeps nine percentiles and eleven steps"),
            oha_clock(),
        ],
        FileFormat::OhaCsv => vec![oha_clock(), unanswered("oha", "--output-format json")],
        _ => vec![
            closed_model("hey counts latency", "workers", "requests"),
            note(
                "hey rounds to 0.1 ms: a latency that may be on either side of a limit is counted on both",
            ),
            unanswered("hey", "its output without -o csv"),
        ],
    }
}

fn of_k6(format: FileFormat) -> Vec<RemarkWords> {
    let send = note(
        "k6's http_req_duration counts from the send: late starts, waits for a connection, connecting and TLS are not in the numbers",
    );
    if format != FileFormat::K6Summary {
        return vec![send];
    }
    vec![
        few_percentiles("k6's summary keeps a few percentiles"),
        send,
        note("all requests of the summary are one endpoint; --out json lists them by URL"),
    ]
}

/// Summaries with a few percentiles or steps.
fn of_summary(format: FileFormat) -> Vec<RemarkWords> {
    match format {
        FileFormat::LocustCsv => vec![
            few_percentiles("Locust keeps a few percentiles of times that it rounds to two digits"),
            closed_model("Locust counts", "users", "requests"),
        ],
        FileFormat::AutocannonJson => vec![
            few_percentiles("autocannon keeps a few percentiles in whole milliseconds"),
            closed_model("autocannon counts latency", "connections", "requests"),
        ],
        FileFormat::BombardierJson => vec![
            few_percentiles("bombardier keeps five percentiles"),
            closed_model("bombardier counts latency", "connections", "requests"),
        ],
        FileFormat::ArtilleryJson => vec![
            few_percentiles("Artillery keeps a few percentiles to within 1%"),
            note("Artillery's http.response_time ends with the first byte of the answer"),
            note("all requests of the report are one endpoint"),
        ],
        _ => vec![
            note(
                "Fortio keeps a histogram of fixed steps: a latency within a step is shown as its upper end, and a verdict that depends on the difference is INCONCLUSIVE. The file has no time order, so slow spells cannot be seen",
            ),
            late_sends("Fortio", "threads"),
        ],
    }
}

/// What a summary with a few percentiles has lost; `kept` says which ones it keeps.
fn few_percentiles(kept: &str) -> RemarkWords {
    note(format!(
        "{kept}: a latency between two of them is shown as the upper one, and a verdict that depends on the difference is INCONCLUSIVE. The file has no time order, so slow spells cannot be seen"
    ))
}

/// A tool with a schedule that does not count how late it was.
fn late_sends(tool: &str, senders: &str) -> RemarkWords {
    note(format!(
        "{tool} counts latency from the send: if its {senders} are late, that delay is not in the numbers"
    ))
}

/// A tool without a schedule; `counts` is what it counts.
fn closed_model(counts: &str, senders: &str, requests: &str) -> RemarkWords {
    note(format!(
        "{counts} from the send, with as many at a time as it has {senders}: {requests} that a stall kept from being sent are not in the numbers"
    ))
}

/// What is missing where only answered requests are written.
fn unanswered(tool: &str, instead: &str) -> RemarkWords {
    warning(
        format!(
            "{tool} leaves requests without an answer out of its CSV, so a PASS is about the answered ones only"
        ),
        format!(
            "compare the number of rows with the number of requests sent; {instead} counts them"
        ),
    )
}
