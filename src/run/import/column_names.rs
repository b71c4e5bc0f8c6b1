//! The names of a file's columns in messages and hints.

use super::columns::Columns;
use super::title::Role;

/// How many columns an error lists.
const LISTED: usize = 8;

impl Columns {
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
        match name.chars().all(plain) {
            true => name,
            false => format!("'{name}'"),
        }
    }

    /// The flag that chooses a column. Its unit is asked for when it is chosen.
    pub(super) fn flags(&self, index: usize) -> String {
        format!("--column {}", self.flag_name(index))
    }

    pub(super) fn names(&self, indexes: impl IntoIterator<Item = usize>) -> String {
        let names: Vec<String> = indexes.into_iter().map(|i| self.name(i)).collect();
        match names.len() > LISTED {
            true => format!(
                "{} and {} more",
                names[..LISTED].join(", "),
                names.len() - LISTED
            ),
            false => names.join(", "),
        }
    }

    pub(super) fn looks(&self, indexes: &[usize]) -> String {
        let looks: Vec<String> = indexes
            .iter()
            .take(LISTED)
            .map(|&i| format!("{}: {}", self.name(i), self.look(i)))
            .collect();
        looks.join("; ")
    }

    /// The appearance of a column.
    pub(super) fn look(&self, index: usize) -> String {
        let column = &self.columns[index];
        let range = column.profile.range();
        match (column.role.what(), column.profile.rises()) {
            (Some(what), _) => format!("{what}, {range}"),
            (None, true) => format!("rising, {range}"),
            (None, false) => range,
        }
    }
}

impl Role {
    /// The content of a column that does not hold latencies.
    pub(super) fn what(self) -> Option<&'static str> {
        match self {
            Role::Latency | Role::Time | Role::Part | Role::Label | Role::Other => None,
            Role::Status(_) => Some("status"),
            Role::FailureTotal => Some("a failure rate"),
            Role::SuccessTotal => Some("a success rate"),
            Role::Rate => Some("a rate"),
            Role::Statistic => Some("a statistic"),
            Role::Rank => Some("percentiles"),
            Role::Bucket => Some("bucket bounds"),
            Role::Count => Some("counts"),
            Role::Requests => Some("request counts"),
            Role::Stamp => Some("time stamps"),
            Role::Size => Some("sizes"),
            Role::Counter => Some("row numbers"),
        }
    }
}
