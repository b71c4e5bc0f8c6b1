//! The rows of a data file in a plan: which request is filled from which row.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::run::rows::DataRows;

/// What happens when there are more requests than rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum RowUse {
    /// After the last row comes the first one.
    #[default]
    Cycle,
    /// Every row fills at most one request of an endpoint; the file has enough of them.
    Once,
}

/// The rows of a plan. The n-th request of an endpoint is filled from the n-th row, whichever thread sends it.
#[derive(Clone, Debug, PartialEq)]
pub struct PlannedRows {
    /// Shared by all that send.
    pub rows: Arc<DataRows>,
    /// What happens when there are more requests than rows.
    pub usage: RowUse,
    /// Requests before the run proper take the rows behind these: the most requests that the plan sends to an endpoint.
    /// `None` where time alone bounds them, as in a closed model.
    pub planned: Option<u64>,
    /// The most requests that the warm-up sends to an endpoint, where it is known.
    pub warmup: u64,
}

impl PlannedRows {
    /// Rows of a plan whose requests are not counted yet.
    pub fn uncounted(rows: Arc<DataRows>, usage: RowUse) -> PlannedRows {
        PlannedRows {
            rows,
            usage,
            planned: None,
            warmup: 0,
        }
    }

    /// The rows of the run proper.
    pub fn of_run(&self) -> RowWindow {
        self.window(FirstRow::Forward(0))
    }

    /// The rows of the warm-up: those behind the plan's, or from the last row backwards where the plan has no known end.
    pub fn of_warmup(&self) -> RowWindow {
        self.window(self.planned.map_or(FirstRow::Backward, FirstRow::Forward))
    }

    /// The row of the request before the run: the one behind the warm-up's.
    pub fn of_preflight(&self) -> RowWindow {
        let behind = |planned: u64| FirstRow::Forward(planned.saturating_add(self.warmup));
        self.window(self.planned.map_or(FirstRow::Backward, behind))
    }

    fn window(&self, first: FirstRow) -> RowWindow {
        RowWindow {
            rows: Arc::clone(&self.rows),
            first,
        }
    }
}

/// The rows of one part of a run.
#[derive(Clone)]
pub struct RowWindow {
    rows: Arc<DataRows>,
    first: FirstRow,
}

/// The row of the request with the number 0, and the direction of the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum FirstRow {
    Forward(u64),
    /// The last row.
    Backward,
}

impl fmt::Debug for RowWindow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RowWindow").field(&self.first).finish()
    }
}

impl RowWindow {
    /// The number of a column; `None` if the rows do not have it.
    pub fn column(&self, title: &str) -> Option<usize> {
        self.rows.column(title)
    }

    /// The value of a column in the row of the request with this number, from 0.
    pub fn value(&self, number: u64, column: usize) -> &str {
        self.rows.value(self.row(number), column)
    }

    /// The row of the request with this number, both from 0.
    fn row(&self, number: u64) -> usize {
        let rows = self.rows.len() as u64;
        let row = match self.first {
            // Remainders first, so that nothing overflows.
            FirstRow::Forward(first) => (first % rows + number % rows) % rows,
            FirstRow::Backward => rows - 1 - number % rows,
        };
        row as usize
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::proptest;

    use super::{PlannedRows, RowUse};
    use crate::run::rows::DataRows;

    /// Rows with the column `n`, which holds the row's number from 0.
    fn rows(count: usize) -> Arc<DataRows> {
        let lines: String = (0..count).map(|n| format!("{n}\n")).collect();
        let used = ["n".to_owned()];
        Arc::new(DataRows::read("r.csv".as_ref(), format!("n\n{lines}").as_bytes(), &used).unwrap())
    }

    fn planned(count: usize, planned: Option<u64>, warmup: u64) -> PlannedRows {
        PlannedRows {
            planned,
            warmup,
            ..PlannedRows::uncounted(rows(count), RowUse::Cycle)
        }
    }

    fn first(window: &super::RowWindow, requests: u64) -> Vec<String> {
        (0..requests)
            .map(|number| window.value(number, 0).to_owned())
            .collect()
    }

    #[test]
    fn the_run_begins_with_the_first_row_and_cycles() {
        let rows = planned(3, Some(5), 2);
        assert_eq!(first(&rows.of_run(), 5), ["0", "1", "2", "0", "1"]);
        // The plan ends within the second cycle, and the warm-up continues it.
        assert_eq!(first(&rows.of_warmup(), 2), ["2", "0"]);
        assert_eq!(first(&rows.of_preflight(), 1), ["1"]);
    }

    #[test]
    fn without_a_known_end_the_warm_up_takes_the_last_rows() {
        let rows = planned(4, None, 0);
        assert_eq!(first(&rows.of_warmup(), 5), ["3", "2", "1", "0", "3"]);
        assert_eq!(first(&rows.of_preflight(), 1), ["3"]);
    }

    #[test]
    fn with_enough_rows_no_two_requests_share_one() {
        let rows = planned(8, Some(5), 2);
        let mut all = first(&rows.of_run(), 5);
        all.extend(first(&rows.of_warmup(), 2));
        all.extend(first(&rows.of_preflight(), 1));
        assert_eq!(all, ["0", "1", "2", "3", "4", "5", "6", "7"]);
    }

    proptest! {
        #[test]
        fn a_request_has_the_row_of_its_number(count in 1usize..40, number: u64, behind: u64) {
            let rows = planned(count, Some(behind), 0);
            let expected = |at: u128| (at % count as u128).to_string();
            let (run, warmup) = (rows.of_run(), rows.of_warmup());
            proptest::prop_assert_eq!(run.value(number, 0), expected(number.into()));
            let warm = u128::from(behind) + u128::from(number);
            proptest::prop_assert_eq!(warmup.value(number, 0), expected(warm));
        }
    }
}
