//! The words for what must be known of another tool's file.

use crate::run::import::{FileFormat, ImportRemark, ListRemark, MissingRequests, UnstatedFact};
use crate::units::Pretty;

/// The hint where failures cannot be told from other requests.
const APART: &str = "measure with a7probe, which tells them apart";

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
            ImportRemark::FromIntendedStart => vec![note(
                "wrk2 counts latency from the intended start, as it should",
            )],
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
        ListRemark::Heading { heading } => note(format!("'{heading}' is taken as the heading")),
        ListRemark::Statuses {
            column,
            failed,
            rows,
        } => note(format!(
            "'{column}' tells success: {failed} of {rows} rows failed"
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
                "wrk2 counts {timeouts} timeouts, one request perhaps several times; each may exceed a target"
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
                "k6 dropped {iterations} iterations because no virtual user was free; each counts as one request that \
                 was never sent, to every endpoint"
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
        UnstatedFact::Clock => {
            note("a percentile table does not say from where its latencies count")
        }
        UnstatedFact::Failures { format } => {
            let subject = if format == FileFormat::Hlog {
                "an HdrHistogram log"
            } else {
                "a percentile table"
            };
            warning(
                format!(
                    "{subject} holds no failures, so a pass holds for the answered requests only"
                ),
                "take the number of failures from the tool that measured",
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
            "the history's percentiles are of moving windows; median, minimum and maximum alone are of the whole run",
            "give the file that ends in _stats.csv",
        ),
        UnstatedFact::Unit => note(
            "its values are taken as nanoseconds, as HdrHistogram's own tools log them; --unit us reads those of tools \
             that log microseconds, such as YCSB",
        ),
    }
}

fn failures_among(format: FileFormat, count: u64) -> RemarkWords {
    let (whose, hint) = match format {
        FileFormat::OhaJson => (
            "answers with a failure status",
            "--output-format csv tells them apart",
        ),
        FileFormat::K6Summary => ("failed requests", "k6 run --out json tells them apart"),
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
        ", and it is not known which they are"
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
            "from where these latencies count is as given, and the order of the file is taken as the order of time",
        )],
        FileFormat::OhaJson | FileFormat::OhaCsv | FileFormat::HeyCsv => of_oha_and_hey(format),
        FileFormat::K6Json | FileFormat::K6Csv | FileFormat::K6Summary => of_k6(format),
        FileFormat::VegetaJson | FileFormat::VegetaCsv => vec![late_sends("vegeta", "workers")],
        FileFormat::VegetaHdrplot => vec![
            note(
                "vegeta estimates these percentiles, so the rank of each is known to within 3 % at most; a verdict that \
                 hangs on that is INCONCLUSIVE, and the order, so every burst, is lost",
            ),
            late_sends("vegeta", "workers"),
            warning(
                "the plot does not say how many requests failed, and their latencies are among the others, so nothing can pass",
                "give every result: vegeta encode --to csv results.bin > FILE",
            ),
        ],
        FileFormat::Hgrm => vec![note(
            "a percentile table keeps the order of size and not of time, so every burst is lost; a latency between two of \
             its lines is shown as the upper one",
        )],
        FileFormat::Hlog => vec![note(
            "an HdrHistogram log does not say from where its latencies count, and within an interval their order, so \
             every burst, is lost",
        )],
        FileFormat::GhzJson => vec![late_sends("ghz", "workers")],
        FileFormat::HyperfineJson => vec![note(
            "hyperfine times runs of a command, one after the other: start and end of the process are in the numbers",
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
            "oha counts latency from the send, unless it ran with -q and --latency-correction, which its file does not \
             say; from the send, what a stall costs the requests behind it is not in the numbers",
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
            note("hey rounds to 0.1 ms: what may lie on either side of a target counts as both"),
            unanswered("hey", "its output without -o csv"),
        ],
    }
}

fn of_k6(format: FileFormat) -> Vec<RemarkWords> {
    let send = note(
        "k6's http_req_duration counts from the send: neither a late start, nor waiting for a connection, nor \
         connecting, nor TLS is in the numbers",
    );
    if format != FileFormat::K6Summary {
        return vec![send];
    }
    vec![
        few_percentiles("k6's summary keeps a few percentiles"),
        send,
        note("all requests of the summary are one endpoint; --out json tells them apart"),
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
            few_percentiles("Artillery keeps a few percentiles to within 1 %"),
            note("Artillery's http.response_time ends with the first byte of the answer"),
            note("all requests of the report are one endpoint"),
        ],
        _ => vec![
            note(
                "Fortio keeps a histogram of fixed steps: a latency within a step is shown as its upper end, a verdict that \
                 hangs on the rest is INCONCLUSIVE, and the order, so every burst, is lost",
            ),
            late_sends("Fortio", "threads"),
        ],
    }
}

/// What a summary with a few percentiles has lost; `kept` says which ones it keeps.
fn few_percentiles(kept: &str) -> RemarkWords {
    note(format!(
        "{kept}: a latency between two of them is shown as the upper one, a verdict that hangs on the rest is \
         INCONCLUSIVE, and the order, so every burst, is lost"
    ))
}

/// A tool with a schedule that does not count how late it was.
fn late_sends(tool: &str, senders: &str) -> RemarkWords {
    note(format!(
        "{tool} counts latency from the send: when its {senders} are late, the delay before the send is not in the \
         numbers"
    ))
}

/// A tool without a schedule; `counts` is what it counts.
fn closed_model(counts: &str, senders: &str, requests: &str) -> RemarkWords {
    note(format!(
        "{counts} from the send, with as many at a time as it has {senders}: what a stall costs the {requests} that \
         were not sent because of it is not in the numbers"
    ))
}

/// What is missing where only answered requests are written.
fn unanswered(tool: &str, instead: &str) -> RemarkWords {
    warning(
        format!(
            "{tool} leaves requests without an answer out of its CSV, so a pass holds for the answered ones only"
        ),
        format!("compare the number of rows with what was sent; {instead} counts them"),
    )
}
