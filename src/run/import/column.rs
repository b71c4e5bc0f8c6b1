//! One column of a list or CSV file: its title, and what its values look like.

use super::column_profile::ColumnProfile;
use super::column_title::{ColumnRole, ColumnTitle, is_data_rate, words};
use super::{TimeUnit, numbers};
use crate::units::MAX_DURATION;

pub(super) struct Column {
    pub(super) title: Option<String>,
    /// The words of the title.
    words: Vec<String>,
    pub(super) role: ColumnRole,
    pub(super) unit: Option<TimeUnit>,
    pub(super) profile: ColumnProfile,
    /// Rows that ended ok by another column and failed by this one, and a value of one of them.
    pub(super) contradictions: u64,
    pub(super) contradiction: Option<String>,
}

impl Column {
    /// A column with this cell as its title, or without a title.
    pub(super) fn new(cell: &str, titled: bool) -> Column {
        let title = titled.then(|| cell.to_owned());
        let text = title.as_deref().unwrap_or("");
        let read = ColumnTitle::read(text);
        // A sentence above a list is not a title.
        let sentence = words(cell).len() > 6;
        Column {
            role: if sentence {
                ColumnRole::Other
            } else {
                read.role
            },
            unit: read.unit,
            words: words(text),
            title,
            profile: ColumnProfile::new(),
            contradictions: 0,
            contradiction: None,
        }
    }

    /// The words of the title, none without one.
    pub(super) fn words(&self) -> Vec<&str> {
        self.words.iter().map(String::as_str).collect()
    }

    /// Whether the title or every value has a unit.
    pub(super) fn has_unit(&self) -> bool {
        self.unit.is_some()
            || self.profile.with_unit > 0 && self.profile.with_unit == self.profile.numeric
    }

    /// Whether it holds numbers that are too large for a latency, as seconds since 1970 are.
    pub(super) fn exceeds_all_latencies(&self) -> bool {
        let ns = self.unit.map_or(1.0, TimeUnit::nanoseconds);
        self.profile.max * ns > MAX_DURATION.as_nanos() as f64
    }

    /// Whether it says that some requests of a row failed.
    pub(super) fn has_failures(&self) -> bool {
        self.profile.examples.iter().any(|e| self.tells_failures(e))
    }

    /// Whether a value says that some requests of its row failed: a share of failures above 0, or of successes below 1.
    pub(super) fn tells_failures(&self, text: &str) -> bool {
        let number = numbers::roughly(text.trim_end_matches('%').trim());
        match self.role {
            _ if text.is_empty() => false,
            ColumnRole::FailureTotal => number != Some(0.0),
            ColumnRole::SuccessTotal => number != Some(1.0) && number != Some(100.0),
            _ => false,
        }
    }

    /// Whether it says that a row stands for several requests.
    pub(super) fn sums_up(&self) -> bool {
        let counts = self.profile.max > 1.0 && !self.profile.counting;
        match self.role {
            ColumnRole::Rate => !is_data_rate(&self.words()),
            ColumnRole::Statistic
            | ColumnRole::FailureTotal
            | ColumnRole::SuccessTotal
            | ColumnRole::Rank
            | ColumnRole::Bucket => true,
            ColumnRole::Requests | ColumnRole::Count => counts,
            _ => false,
        }
    }
}

/// `min` next to other figures is a minimum; alone it may be minutes, so that only `--column` chooses it.
pub(super) fn free_lone_minimum(columns: &mut [Column]) {
    let statistics = columns.iter().filter(|c| c.role == ColumnRole::Statistic);
    if statistics.count() != 1 {
        return;
    }
    for column in columns {
        let words = column.words();
        if column.role == ColumnRole::Statistic && words.len() > 1 && words.contains(&"min") {
            column.role = ColumnRole::Time;
        }
    }
}
