//! Finds the columns of a file that show whether a request ended ok.

use super::columns::{Choice, Column, Columns};
use super::status::Meaning;
use super::status_column::StatusColumn;
use super::title::{Role, listed, words};
use super::{ImportError, ListError, Options};

impl Columns {
    /// The columns that show success: as the options say, else by their titles.
    pub(super) fn statuses(
        &self,
        choice: Choice,
        options: &Options,
    ) -> Result<Vec<StatusColumn>, ImportError> {
        if let Some(name) = &options.status_column {
            return self.named_status(choice, name);
        }
        let told = |i: usize| match self.columns[i].role {
            Role::Status(meaning) if i != choice.index => Some((i, meaning)),
            _ => None,
        };
        let mut found: Vec<(usize, Meaning)> = (0..self.columns.len()).filter_map(told).collect();
        // Fractions are other figures.
        found.retain(|&(i, meaning)| {
            let profile = &self.columns[i].profile;
            meaning != Meaning::Code || profile.integers || profile.numeric < profile.filled
        });
        if found.iter().any(|&(i, _)| !self.is_text(i)) {
            found.retain(|&(i, _)| !self.is_text(i));
        }
        Ok(found
            .into_iter()
            .map(|(i, meaning)| StatusColumn::new(i, self.name(i), meaning))
            .collect())
    }

    fn named_status(&self, choice: Choice, name: &str) -> Result<Vec<StatusColumn>, ImportError> {
        let index = match self.named(name) {
            Err(_) if name.eq_ignore_ascii_case("none") => return Ok(Vec::new()),
            found => found?,
        };
        if index == choice.index {
            return Err(ListError::inside(
                format!("'{name}' is the column of the latencies and cannot tell success"),
                "name another column, or none: --status-column none",
            )
            .into());
        }
        let meaning = match self.columns[index].role {
            Role::Status(Meaning::Code) => Meaning::Named,
            Role::Status(meaning) => meaning,
            _ => Meaning::Named,
        };
        Ok(vec![StatusColumn::new(index, self.name(index), meaning)])
    }

    /// Refuses a column that may report failures although its title does not say so.
    pub(super) fn check_untold(
        &self,
        choice: Choice,
        statuses: &[StatusColumn],
    ) -> Result<(), ImportError> {
        let untold = self.columns.iter().enumerate().find(|&(i, column)| {
            i != choice.index
                && column.role == Role::Other
                && column.profile.may_tell_failure()
                && (statuses.is_empty() || !self.is_text(i))
                && !column.is_harmless_flag()
        });
        let Some((index, column)) = untold else {
            return Ok(());
        };
        let examples = column.profile.examples.join("', '");
        Err(ListError::inside(
            format!(
                "{} may tell whether requests ended ok: it holds '{examples}'",
                self.shown(index)
            ),
            format!(
                "if it does, name it: --status-column {}; if not: --status-column none",
                self.flag_name(index)
            ),
        )
        .into())
    }

    fn is_text(&self, index: usize) -> bool {
        let words = words(self.columns[index].title.as_deref().unwrap_or(""));
        Meaning::is_text(&words.iter().map(String::as_str).collect::<Vec<_>>())
    }
}

impl Column {
    /// Whether true and false are known to mean something other than success.
    fn is_harmless_flag(&self) -> bool {
        const FLAGS: &str = "cached cache hit reused keepalive tls https warmup cold secure compressed gzip sampled new \
        retried proxied chunked encrypted";
        let title = words(self.title.as_deref().unwrap_or(""));
        title.iter().any(|word| listed(FLAGS, word))
    }
}
