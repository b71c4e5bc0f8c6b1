//! Finds the columns of a file that hold latencies and success.

use csv::StringRecord;

use super::column::{Column, free_lone_minimum};
use super::column_title::{ColumnRole, is_of_times, is_period};
use super::status_meaning::StatusMeaning;
use super::{ImportError, ImportOptions, ListError};

/// The hint where a row is not a request.
pub(super) const EACH_REQUEST: &str = "give the file that has a row for each request";

/// All columns of a file, as far as its rows have been seen.
pub(super) struct ListColumns {
    pub(super) columns: Vec<Column>,
    /// A column that tells success beyond doubt.
    pub(super) firm: Option<usize>,
}

/// The column of the latencies.
#[derive(Clone, Copy, Debug)]
pub(super) struct ChosenColumn {
    pub(super) index: usize,
    /// Whether it was named with `--column`.
    pub(super) explicit: bool,
}

impl ListColumns {
    /// Columns with the titles of a heading, or as many without.
    pub(super) fn new(first: &StringRecord, titled: bool) -> ListColumns {
        let columns = first.iter().map(|cell| Column::new(cell, titled));
        let mut columns: Vec<Column> = columns.collect();
        free_lone_minimum(&mut columns);
        ListColumns {
            columns,
            firm: None,
        }
    }

    /// Takes a column of texts for what its title means apart from numbers.
    pub(super) fn settle(&mut self) {
        for column in &mut self.columns {
            let words = column.words();
            let profile = &column.profile;
            let figures = matches!(
                column.role,
                ColumnRole::Statistic
                    | ColumnRole::Rate
                    | ColumnRole::FailureTotal
                    | ColumnRole::SuccessTotal
                    | ColumnRole::Rank
                    | ColumnRole::Count
                    | ColumnRole::Requests
            ) || column.role == ColumnRole::Bucket
                && profile.all(|text| !text.starts_with(|c: char| c.is_ascii_digit()));
            if figures && profile.filled > 0 && profile.numeric == 0 && !profile.names_figures() {
                column.role = match StatusMeaning::of_title(&words) {
                    Some(meaning) if column.unit.is_none() => ColumnRole::Status(meaning),
                    _ => ColumnRole::Other,
                };
            }
        }
    }

    /// Counts and ranks next to a status in each row are figures of one request.
    pub(super) fn settle_with_status(&mut self) {
        if self.firm.is_none() {
            return;
        }
        for column in &mut self.columns {
            let table = matches!(
                column.role,
                ColumnRole::Rank | ColumnRole::Bucket | ColumnRole::Count | ColumnRole::Requests
            );
            let words = column.words();
            // `peak_memory` of one request.
            if column.role == ColumnRole::Statistic && column.unit.is_none() && !is_of_times(&words)
            {
                column.role = ColumnRole::Other;
            }
            if table && (column.profile.repeats() || column.profile.is_constant()) {
                column.role = ColumnRole::Other;
            }
        }
    }

    /// Adds a row.
    pub(super) fn add(&mut self, cells: &StringRecord) {
        for (column, cell) in self.columns.iter_mut().zip(cells) {
            column.profile.add(cell);
        }
    }

    /// The column that the options name, or the only one that certainly holds latencies.
    pub(super) fn choose(&self, options: &ImportOptions) -> Result<ChosenColumn, ImportError> {
        self.check_rows(None)?;
        if let Some(name) = &options.column {
            let index = self.named(name)?;
            self.check_role(index)?;
            let explicit = true;
            return Ok(ChosenColumn { index, explicit });
        }
        let index = match self.columns.len() {
            1 => {
                self.check_role(0)?;
                0
            }
            _ => self
                .surest(options)
                .ok_or_else(|| self.which_column(options))?,
        };
        let explicit = false;
        Ok(ChosenColumn { index, explicit })
    }

    /// The only column that holds latencies by its name and with a unit.
    fn surest(&self, options: &ImportOptions) -> Option<usize> {
        let is_period = |column: &Column| is_period(&column.words());
        if self.columns.iter().any(|c| c.sums_up() || is_period(c)) {
            return None;
        }
        let with_unit = |i: &usize| self.columns[*i].has_unit();
        let whole = self.with_role(|role| role == ColumnRole::Latency);
        match whole.as_slice() {
            [only] => (with_unit(only) || options.unit.is_some()).then_some(*only),
            _ => None,
        }
    }

    fn with_role(&self, wanted: impl Fn(ColumnRole) -> bool) -> Vec<usize> {
        (0..self.columns.len())
            .filter(|&i| wanted(self.columns[i].role))
            .collect()
    }

    /// Index of a column by title or by number from 1.
    pub(super) fn named(&self, name: &str) -> Result<usize, ImportError> {
        let matching = |exact: bool| -> Vec<usize> {
            let same = |title: &str| {
                if exact {
                    title == name
                } else {
                    title.eq_ignore_ascii_case(name)
                }
            };
            (0..self.columns.len())
                .filter(|&i| self.columns[i].title.as_deref().is_some_and(same))
                .collect()
        };
        let mut found = matching(true);
        if found.is_empty() {
            found = matching(false);
        }
        match found.as_slice() {
            [only] => return Ok(*only),
            [] => {}
            [first, ..] => {
                return Err(ListError::file(
                    format!("has {} columns called '{name}'", found.len()),
                    format!("name one by its number: --column {}", first + 1),
                )
                .into());
            }
        }
        let number = name.parse::<usize>().ok();
        number
            .filter(|number| (1..=self.columns.len()).contains(number))
            .map(|number| number - 1)
            .ok_or_else(|| self.unknown(name))
    }

    fn unknown(&self, name: &str) -> ImportError {
        let lower = name.to_lowercase();
        let titles = self.columns.iter().filter_map(|c| c.title.as_deref());
        let near = titles
            .map(|t| (strsim::damerau_levenshtein(&t.to_lowercase(), &lower), t))
            .filter(|&(distance, title)| distance <= title.chars().count().div_ceil(3))
            .min_by_key(|&(distance, _)| distance);
        let hint = match near {
            Some((_, title)) => format!("did you mean '{title}'?"),
            None => format!("columns: {}", self.names(0..self.columns.len())),
        };
        ListError::file(format!("has no column '{name}'"), hint).into()
    }

    /// Refuses a column whose title says that it holds something else.
    fn check_role(&self, index: usize) -> Result<(), ImportError> {
        let column = &self.columns[index];
        let Some(what) = column.role.what() else {
            return Ok(());
        };
        Err(ListError::inside(
            format!("{} has {what}, not latencies", self.shown(index)),
            self.way_out(),
        )
        .into())
    }

    /// The best column to name instead, or the file to give instead.
    fn way_out(&self) -> String {
        match self.candidates().first() {
            Some(&best) => format!("use {}", self.flags(best)),
            None => EACH_REQUEST.to_owned(),
        }
    }

    /// Columns that may hold latencies, the likeliest first.
    fn candidates(&self) -> Vec<usize> {
        let rank = |column: &Column| {
            let unit = !column.has_unit();
            let rises = column.profile.rises() || column.exceeds_all_latencies();
            match column.role {
                ColumnRole::Latency => Some((0, unit, false)),
                ColumnRole::Time | ColumnRole::Part | ColumnRole::Other => Some((1, rises, unit)),
                _ => None,
            }
        };
        let mut found: Vec<_> = (0..self.columns.len())
            .filter(|&i| self.columns[i].profile.is_numeric())
            .filter_map(|i| rank(&self.columns[i]).map(|rank| (rank, i)))
            .collect();
        found.sort_unstable();
        found.into_iter().map(|(_, i)| i).collect()
    }

    fn which_column(&self, options: &ImportOptions) -> ImportError {
        let numeric: Vec<usize> = (0..self.columns.len())
            .filter(|&i| self.columns[i].profile.is_numeric())
            .collect();
        let candidates = self.candidates();
        if let (&[only], &[best]) = (numeric.as_slice(), candidates.as_slice())
            && self.columns[only].role == ColumnRole::Latency
            && !self.columns[best].has_unit()
        {
            return self.no_unit(best);
        }
        if let Some(Err(error)) = candidates.first().map(|&i| self.check_rows(Some(i))) {
            return error;
        }
        // Whichever column is named, the rows that failed in part are refused.
        if options.status_column.is_none() && self.columns.iter().any(Column::has_failures) {
            return self.summed_up();
        }
        let unknown = |i: &usize| self.columns[*i].role == ColumnRole::Other;
        if candidates.first().is_some_and(unknown) && self.columns.iter().any(Column::sums_up) {
            return self.summed_up();
        }
        let Some(&best) = candidates.first() else {
            return if self.columns.iter().any(Column::sums_up) {
                self.summed_up()
            } else {
                self.no_latencies(&numeric)
            };
        };
        let what = match numeric.as_slice() {
            [_] => format!("has one numeric column: {}", self.names(numeric.clone())),
            _ => format!(
                "has {} numeric columns, and which holds the latencies is not clear",
                numeric.len()
            ),
        };
        ListError::file(
            what,
            format!(
                "use {}, or another of: {}",
                self.flags(best),
                self.looks(&numeric)
            ),
        )
        .into()
    }

    /// A column of latencies of unknown unit.
    pub(super) fn no_unit(&self, index: usize) -> ImportError {
        ListError::inside(
            format!("{} has no unit", self.shown(index)),
            "add --unit s, ms, us or ns",
        )
        .into()
    }

    fn no_latencies(&self, numeric: &[usize]) -> ImportError {
        let error = if numeric.is_empty() {
            ListError::file(
                "has several columns, none with numbers",
                "one value per line, such as 163.2ms, or 'failed'",
            )
        } else {
            ListError::file(
                format!("has no column of latencies: {}", self.looks(numeric)),
                EACH_REQUEST,
            )
        };
        error.into()
    }
}
