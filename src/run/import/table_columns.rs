//! Refuses tables whose rows are not requests: percentile tables, histograms and summaries.

use super::column_title::ColumnRole;
use super::columns::{ChosenColumn, EACH_REQUEST, ListColumns};
use super::{ImportError, ListError};

impl ListColumns {
    /// A table of which a row is not one request.
    pub(super) fn summed_up(&self) -> ImportError {
        let figures = (0..self.columns.len()).filter(|&i| self.columns[i].sums_up());
        ListError::file(
            format!(
                "sums up several requests in each row: {}",
                self.names(figures)
            ),
            EACH_REQUEST,
        )
        .into()
    }

    /// Refuses percentile tables and histograms. Their rows are not requests, whatever column is named.
    pub(super) fn check_rows(&self, chosen: Option<usize>) -> Result<(), ImportError> {
        let table = |kind: &str, index: usize, hint: &str| {
            let what = format!("is {kind}: {} ({})", self.shown(index), self.look(index));
            Err(ListError::file(what, hint).into())
        };
        if let Some(index) = chosen.and_then(|i| self.tabulated(i)) {
            return table("a table with a row for each latency", index, EACH_REQUEST);
        }
        let chosen_rises = chosen.is_some_and(|i| self.columns[i].profile.rises());
        let is_open = |role| {
            matches!(
                role,
                ColumnRole::Other | ColumnRole::Counter | ColumnRole::Time
            )
        };
        let chosen_ranks = chosen.is_some_and(|i| {
            let column = &self.columns[i];
            column.profile.may_be_ranks() && is_open(column.role)
        });
        for (index, column) in self.columns.iter().enumerate() {
            let profile = &column.profile;
            let title = column.title.as_deref().unwrap_or("").to_lowercase();
            let ranks_latencies = chosen != Some(index)
                && is_open(column.role)
                && (chosen_rises && profile.may_be_ranks() || chosen_ranks && profile.rises());
            match column.role {
                ColumnRole::Rank if profile.numeric == 0 => {}
                ColumnRole::Rank if title.contains("served") => {
                    return table(
                        "ab's percentile table",
                        index,
                        "run ab with -g FILE, which writes a row for each request",
                    );
                }
                ColumnRole::Rank => return table("a percentile table", index, EACH_REQUEST),
                ColumnRole::Bucket if title == "le" => {
                    return table("a histogram of Prometheus", index, EACH_REQUEST);
                }
                ColumnRole::Bucket => return table("a histogram", index, EACH_REQUEST),
                ColumnRole::Count if profile.max > 1.0 && !profile.counting => {
                    return table("a histogram", index, EACH_REQUEST);
                }
                ColumnRole::Label
                | ColumnRole::Other
                | ColumnRole::Counter
                | ColumnRole::Statistic
                    if profile.names_figures() =>
                {
                    return table("a percentile table", index, EACH_REQUEST);
                }
                _ if ranks_latencies => return table("a percentile table", index, EACH_REQUEST),
                _ => {}
            }
        }
        Ok(())
    }

    /// The column of figures next to a column of latencies that are sorted: a histogram or a percentile table.
    fn tabulated(&self, chosen: usize) -> Option<usize> {
        if !self.columns[chosen].profile.is_sorted() {
            return None;
        }
        (0..self.columns.len()).find(|&i| {
            let column = &self.columns[i];
            let of_a_request = matches!(
                column.role,
                ColumnRole::Stamp
                    | ColumnRole::Time
                    | ColumnRole::Part
                    | ColumnRole::Latency
                    | ColumnRole::Status(_)
            );
            i != chosen
                && self.firm != Some(i)
                && column.profile.is_all_numbers()
                && !column.profile.counting
                && !of_a_request
                && !column.exceeds_all_latencies()
        })
    }

    /// Refuses a column that the user did not name and that rises as time stamps do.
    pub(super) fn check_not_stamps(&self, choice: ChosenColumn) -> Result<(), ImportError> {
        let column = &self.columns[choice.index];
        let title = column.title.as_deref().unwrap_or("");
        if column.title.is_none() && self.columns.len() > 1 && column.profile.rises() {
            return Err(ListError::inside(
                format!(
                    "{} rises from row to row, as time stamps and bucket bounds do",
                    self.shown(choice.index)
                ),
                EACH_REQUEST,
            )
            .into());
        }
        let open = column.role == ColumnRole::Time || column.words().contains(&"elapsed");
        if !choice.explicit && open && column.profile.rises() {
            Err(ListError::inside(
                format!("'{title}' rises from row to row, as time stamps do"),
                format!(
                    "if it holds latencies, name it: {}",
                    self.flags(choice.index)
                ),
            )
            .into())
        } else {
            Ok(())
        }
    }

    /// A column that shows that rows are not requests, although the user named another one.
    pub(super) fn sums(&self) -> Option<String> {
        let mut figures = (0..self.columns.len()).filter(|&i| self.columns[i].sums_up());
        figures
            .next()
            .map(|i| format!("{} ({})", self.shown(i), self.look(i)))
    }
}
