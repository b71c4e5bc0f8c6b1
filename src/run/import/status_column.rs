//! One column that shows success, row by row.

use super::import_remark::ListRemark;
use super::status_meaning::{StatusMeaning, StatusReading};
use super::{ImportError, ImportRemark, ListError};

/// Most values that an error lists.
const LISTED: usize = 5;

/// A column that shows whether each request ended ok.
#[derive(Clone, Debug)]
pub(super) struct StatusColumn {
    index: usize,
    name: String,
    meaning: StatusMeaning,
    /// Whether a row without a value in it has failed, whatever another status says.
    firm: bool,
    rows: u64,
    failed: u64,
    redirects: u64,
    /// Values such as 0, which mean no answer where other values are statuses.
    unanswered: Vec<String>,
    /// Whether a value was a status or a word for success or failure.
    understood: bool,
    unknown: Vec<String>,
}

impl StatusColumn {
    pub(super) fn new(
        index: usize,
        name: String,
        meaning: StatusMeaning,
        firm: bool,
    ) -> StatusColumn {
        StatusColumn {
            index,
            name,
            meaning,
            firm,
            rows: 0,
            failed: 0,
            redirects: 0,
            unanswered: Vec::new(),
            understood: false,
            unknown: Vec::new(),
        }
    }

    pub(super) fn index(&self) -> usize {
        self.index
    }

    /// Whether a value was a status or a word for success or failure.
    pub(super) fn is_understood(&self) -> bool {
        self.understood
    }

    /// Whether every value was understood.
    pub(super) fn is_clear(&self) -> bool {
        self.understood && self.unknown.is_empty()
    }

    /// Whether a value decides, or leaves it to another status: the status of a server that was not asked is empty.
    pub(super) fn leaves_open(&self, reading: StatusReading) -> bool {
        !self.firm && reading == StatusReading::NoAnswer
    }

    /// Reads the value of a row.
    pub(super) fn read(&mut self, text: &str) -> StatusReading {
        let reading = self.meaning.read(text);
        self.rows += 1;
        match reading {
            StatusReading::Unknown => keep(&mut self.unknown, text),
            StatusReading::NoAnswer => keep(&mut self.unanswered, text),
            StatusReading::Ok | StatusReading::Failed | StatusReading::Redirect => {
                self.understood = true
            }
        }
        self.redirects += u64::from(reading == StatusReading::Redirect);
        let failed = !matches!(reading, StatusReading::Ok | StatusReading::Unknown)
            && !self.leaves_open(reading);
        self.failed += u64::from(failed);
        reading
    }

    /// Whether the request of a row failed.
    pub(super) fn is_failure(&mut self, text: &str) -> bool {
        let reading = self.read(text);
        !matches!(reading, StatusReading::Ok | StatusReading::Unknown) && !self.leaves_open(reading)
    }

    /// Refuses a column if some of its values have no meaning.
    pub(super) fn check(&self, otherwise: &str) -> Result<(), ImportError> {
        let named = self.meaning == StatusMeaning::Named;
        let unclear = if self.understood || named {
            self.unknown.clone()
        } else {
            [self.unknown.clone(), self.unanswered.clone()].concat()
        };
        if unclear.is_empty() {
            return Ok(());
        }
        Err(ListError::inside(
            format!(
                "'{}' has '{}', which is neither success nor failure",
                self.name,
                unclear.join("', '")
            ),
            match otherwise {
                "none" => "write ok or failed in the column, or count every row as ok with --status-column none".to_owned(),
                name => format!("write ok or failed in the column, or leave it out: --status-column {name}"),
            },
        )
        .into())
    }

    /// The result of reading the column.
    pub(super) fn remarks(&self) -> Vec<ImportRemark> {
        let mut remarks = vec![ImportRemark::List(ListRemark::Statuses {
            column: self.name.clone(),
            failed: self.failed,
            rows: self.rows,
        })];
        if self.redirects > 0 {
            remarks.push(ImportRemark::List(ListRemark::Redirects {
                column: self.name.clone(),
                rows: self.redirects,
            }));
        }
        remarks
    }
}

fn keep(values: &mut Vec<String>, text: &str) {
    if values.len() < LISTED && !values.iter().any(|value| value == text) {
        values.push(text.chars().take(24).collect());
    }
}
