//! What a file of another tool gives: recordings by endpoint, and what must be known of them.

use super::FileFormat;
use super::ending::Ending;
use crate::run::recording::Recording;

/// The hint where failures cannot be told from other requests.
const APART: &str = "measure with a7probe, which tells them apart";

/// A file of another tool, as far as it tells.
#[derive(Clone, Debug)]
pub struct Imported {
    /// What it is.
    pub format: FileFormat,
    /// At least one; names unique.
    pub endpoints: Vec<ImportedEndpoint>,
    /// What must be known to read the numbers.
    pub remarks: Vec<ImportRemark>,
}

/// One endpoint of a file.
#[derive(Clone, Debug)]
pub struct ImportedEndpoint {
    /// As the file calls it, if it does: a path without its leading slash, or a name that the tool was given.
    pub name: Option<String>,
    /// What was measured.
    pub recording: Recording,
}

/// What must be known of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ImportRemark {
    /// How its numbers are to be read.
    Note(String),
    /// What may mislead, and how to mend it.
    Warning {
        /// What is the matter.
        text: String,
        /// What to do about it.
        hint: String,
    },
}

impl ImportRemark {
    pub(super) fn note(text: impl Into<String>) -> ImportRemark {
        ImportRemark::Note(text.into())
    }

    pub(super) fn warning(text: impl Into<String>, hint: impl Into<String>) -> ImportRemark {
        ImportRemark::Warning {
            text: text.into(),
            hint: hint.into(),
        }
    }

    /// What a summary with a few percentiles has lost; `kept` says which ones it keeps.
    pub(super) fn few_percentiles(kept: &str) -> ImportRemark {
        ImportRemark::Note(format!(
            "{kept}: a latency between two of them is shown as the upper one, a verdict that hangs on the rest is \
             INCONCLUSIVE, and the order, so every burst, is lost"
        ))
    }

    /// A tool with a schedule that does not count how late it was.
    pub(super) fn late_sends(tool: &str, senders: &str) -> ImportRemark {
        ImportRemark::Note(format!(
            "{tool} counts latency from the send: when its {senders} are late, the delay before the send is not in the \
             numbers"
        ))
    }

    /// A tool without a schedule; `counts` is what it counts.
    pub(super) fn closed_model(counts: &str, senders: &str) -> ImportRemark {
        ImportRemark::Note(format!(
            "{counts} from the send, with as many at a time as it has {senders}: what a stall costs the requests that \
             were not sent because of it is not in the numbers"
        ))
    }

    /// `times` (latencies) of requests that failed, if there are any; `whose` names them.
    pub(super) fn failures_among(count: u64, times: &str, whose: &str) -> Option<ImportRemark> {
        (count > 0).then(|| {
            ImportRemark::warning(
                format!("the {times} of {count} {whose} are among the others, and it is not known which they are"),
                APART,
            )
        })
    }

    /// What warns of a text file that may be cut.
    pub(super) fn of_ending(ending: Ending) -> Option<ImportRemark> {
        (ending == Ending::MidLine).then(|| {
            ImportRemark::warning(
                "the last line has no end, so the file may be cut",
                "check the last value; end the file with a newline",
            )
        })
    }
}

impl Imported {
    /// One endpoint that the file does not name.
    pub(super) fn unnamed(
        format: FileFormat,
        recording: Recording,
        remarks: Vec<ImportRemark>,
    ) -> Imported {
        Imported {
            format,
            endpoints: vec![ImportedEndpoint {
                name: None,
                recording,
            }],
            remarks,
        }
    }
}
