//! Finds the columns of a file that show whether a request ended ok.

use super::column_title::ColumnRole;
use super::columns::{ChosenColumn, ListColumns};
use super::list_rows::ListRow;
use super::status_column::StatusColumn;
use super::status_meaning::StatusMeaning;
use super::{ImportError, ImportOptions, ListError};

impl ListColumns {
    /// The columns that show success: as the options say, else by their titles.
    pub(super) fn statuses(
        &mut self,
        choice: ChosenColumn,
        options: &ImportOptions,
        sample: &[ListRow],
    ) -> Result<Vec<StatusColumn>, ImportError> {
        if let Some(name) = &options.status_column {
            return self.named_status(choice, name);
        }
        let meaning_of = |i: usize| match self.columns[i].role {
            ColumnRole::Status(meaning) if i != choice.index => Some((i, meaning)),
            _ => None,
        };
        let mut found: Vec<(usize, StatusMeaning)> =
            (0..self.columns.len()).filter_map(meaning_of).collect();
        // Fractions are other figures.
        found.retain(|&(i, meaning)| {
            let profile = &self.columns[i].profile;
            meaning != StatusMeaning::Code || profile.integers || profile.numeric < profile.filled
        });
        if found.iter().any(|&(i, _)| !self.is_text(i)) {
            found.retain(|&(i, _)| !self.is_text(i));
        }
        self.firm = self.firm.filter(|_| !found.is_empty());
        // A column that is not understood does not matter if there is a status that is.
        if self.firm.is_some() {
            found.retain(|&(i, meaning)| {
                let reading = self.reading(i, meaning, sample);
                // `available_memory` holds numbers of its own.
                let other = meaning == StatusMeaning::Positive && !self.is_plain(i);
                reading.is_clear() && !other
                    || self.is_error(i) && !self.columns[i].profile.is_all_numbers()
            });
        }
        let firm = |i: usize| self.firm.is_none() || self.is_firm(i, sample);
        Ok(found
            .into_iter()
            .map(|(i, meaning)| StatusColumn::new(i, self.name(i), meaning, firm(i)))
            .collect())
    }

    /// Finds the column that tells success beyond doubt.
    pub(super) fn find_firm(&mut self, sample: &[ListRow]) {
        self.firm = (0..self.columns.len()).find(|&i| !self.is_text(i) && self.is_firm(i, sample));
        self.settle_with_status();
    }

    /// Notes the columns that say of a request that it failed, although its status says that it ended ok.
    pub(super) fn add_contradictions(&mut self, row: &ListRow) {
        if self.firm.is_none() {
            return;
        }
        for (column, text) in self.columns.iter_mut().zip(&row.cells) {
            if column.may_contradict() && column.contradicts(text) {
                column.contradictions += 1;
                if column.contradiction.is_none() {
                    column.contradiction = Some(text.chars().take(24).collect());
                }
            }
        }
    }

    /// Whether title and values of a column leave no doubt that it tells success.
    fn is_firm(&self, index: usize, sample: &[ListRow]) -> bool {
        let column = &self.columns[index];
        let ColumnRole::Status(meaning) = column.role else {
            return false;
        };
        let title = column.words();
        let values = match meaning {
            StatusMeaning::Negative | StatusMeaning::ErrorCode => {
                column.profile.may_tell_failure() && !column.profile.is_partial()
            }
            _ => true,
        };
        let plain = StatusMeaning::is_plain(&title) || column.profile.is_statuses();
        plain && values && self.reading(index, meaning, sample).is_clear()
    }

    /// The first rows of a column, read as outcomes.
    fn reading(&self, index: usize, meaning: StatusMeaning, sample: &[ListRow]) -> StatusColumn {
        let mut status = StatusColumn::new(index, self.name(index), meaning, true);
        for row in sample {
            status.read(row.cells.get(index).unwrap_or(""));
        }
        status
    }

    fn is_plain(&self, index: usize) -> bool {
        StatusMeaning::is_plain(&self.columns[index].words())
    }

    fn is_error(&self, index: usize) -> bool {
        StatusMeaning::is_error(&self.columns[index].words())
    }

    fn named_status(
        &self,
        choice: ChosenColumn,
        name: &str,
    ) -> Result<Vec<StatusColumn>, ImportError> {
        let index = match self.named(name) {
            Err(_) if name.eq_ignore_ascii_case("none") => return Ok(Vec::new()),
            found => found?,
        };
        if index == choice.index {
            return Err(ListError::inside(
                format!("'{name}' is the latency column and cannot be the status column"),
                "name another column, or none: --status-column none",
            )
            .into());
        }
        let meaning = match self.columns[index].role {
            ColumnRole::Status(StatusMeaning::Code) => StatusMeaning::Named,
            ColumnRole::Status(meaning) => meaning,
            _ => StatusMeaning::Named,
        };
        Ok(vec![StatusColumn::new(
            index,
            self.name(index),
            meaning,
            true,
        )])
    }

    /// Refuses a column that may report failures although its title does not say so.
    pub(super) fn check_unnamed_failures(
        &self,
        choice: ChosenColumn,
        statuses: &[StatusColumn],
    ) -> Result<(), ImportError> {
        let read = |i: usize| i == choice.index || statuses.iter().any(|s| s.index() == i);
        let unnamed = self.columns.iter().enumerate().find(|&(i, column)| {
            !read(i)
                && match self.firm {
                    Some(_) => column.contradictions > 0,
                    None => !column.is_about_something_else(),
                }
        });
        let Some((index, column)) = unnamed else {
            return Ok(());
        };
        let examples = match &column.contradiction {
            Some(example) => example.clone(),
            None => column.profile.examples.join("', '"),
        };
        let otherwise = match statuses.iter().find(|status| status.is_understood()) {
            Some(status) => self.flag_name(status.index()),
            None => "none".to_owned(),
        };
        Err(ListError::inside(
            format!(
                "{} may be the status column: it has '{examples}'",
                self.shown(index)
            ),
            format!(
                "if it is, name it: --status-column {}; if not: --status-column {otherwise}",
                self.flag_name(index)
            ),
        )
        .into())
    }

    fn is_text(&self, index: usize) -> bool {
        StatusMeaning::is_text(&self.columns[index].words())
    }
}
