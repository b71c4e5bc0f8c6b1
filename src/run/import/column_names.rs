//! The names of a file's columns in messages and hints.

use super::column_title::ColumnRole;
use super::columns::ListColumns;

/// How many columns an error lists.
const LISTED: usize = 8;

impl ListColumns {
    /// The title, or the number where there is none.
    pub(super) fn name(&self, index: usize) -> String {
        match &self.columns[index].title {
            Some(title) if !title.is_empty() => title.clone(),
            _ => (index + 1).to_string(),
        }
    }

    /// The name in a message.
    pub(super) fn shown(&self, index: usize) -> String {
        match &self.columns[index].title {
            Some(title) if !title.is_empty() => format!("'{title}'"),
            _ => format!("column {}", index + 1),
        }
    }

    /// The name as a shell takes it.
    pub(super) fn flag_name(&self, index: usize) -> String {
        let name = self.name(index);
        let unique = self.columns.iter().filter(|c| {
            c.title
                .as_deref()
                .is_some_and(|t| t.eq_ignore_ascii_case(&name))
        });
        let odd = |c: char| c.is_control() || matches!(c, '\'' | '\u{200e}'..='\u{202e}');
        if unique.count() != 1 || name.contains(odd) || name.starts_with('-') || name.len() > 60 {
            return (index + 1).to_string();
        }
        let plain = |c: char| c.is_alphanumeric() || "_-.:/".contains(c);
        if name.chars().all(plain) {
            name
        } else {
            format!("'{name}'")
        }
    }

    /// The flag that chooses a column. Its unit is asked for when it is chosen.
    pub(super) fn flags(&self, index: usize) -> String {
        format!("--column {}", self.flag_name(index))
    }

    pub(super) fn names(&self, indexes: impl IntoIterator<Item = usize>) -> String {
        let names: Vec<String> = indexes.into_iter().map(|i| self.name(i)).collect();
        if names.len() > LISTED {
            format!(
                "{} and {} more",
                names[..LISTED].join(", "),
                names.len() - LISTED
            )
        } else {
            names.join(", ")
        }
    }

    pub(super) fn looks(&self, indexes: &[usize]) -> String {
        let looks: Vec<String> = indexes
            .iter()
            .take(LISTED)
            .map(|&i| format!("{} ({})", self.name(i), self.look(i)))
            .collect();
        looks.join(", ")
    }

    /// The appearance of a column.
    pub(super) fn look(&self, index: usize) -> String {
        let column = &self.columns[index];
        let range = column.profile.range();
        match (column.role.what(), column.profile.rises()) {
            (Some(what), _) => format!("{range}, {what}"),
            (None, true) => format!("{range}, rising"),
            (None, false) => range,
        }
    }
}

impl ColumnRole {
    /// The content of a column that does not hold latencies.
    pub(super) fn what(self) -> Option<&'static str> {
        match self {
            ColumnRole::Latency
            | ColumnRole::Time
            | ColumnRole::Part
            | ColumnRole::Label
            | ColumnRole::Other => None,
            ColumnRole::Status(_) => Some("status"),
            ColumnRole::FailureTotal => Some("a failure rate"),
            ColumnRole::SuccessTotal => Some("a success rate"),
            ColumnRole::Rate => Some("a rate"),
            ColumnRole::Statistic => Some("a statistic"),
            ColumnRole::Rank => Some("percentiles"),
            ColumnRole::Bucket => Some("bucket bounds"),
            ColumnRole::Count => Some("counts"),
            ColumnRole::Requests => Some("request counts"),
            ColumnRole::Stamp => Some("time stamps"),
            ColumnRole::Size => Some("sizes"),
            ColumnRole::Counter => Some("row numbers"),
        }
    }
}
