//! The appearance of a column's values, independent of its title.

use super::column_title::is_percentile;
use super::status_meaning::{Guess, guess};
use super::word_list::listed;
use super::{numbers, value};
use crate::units::trimmed;

/// Names of statistics, as in the first column of a statistics table.
const FIGURES: &str = "min max mean avg average median stddev stdev minimum maximum";

/// Most different values that are kept as examples.
const EXAMPLES: usize = 3;

/// A column with more different values than this does not sort requests into a few classes.
const FEW: usize = 12;

/// The values of one column, one after the other.
#[derive(Clone, Debug)]
pub(super) struct ColumnProfile {
    /// All cells.
    pub(super) rows: u64,
    /// Cells that hold something.
    pub(super) filled: u64,
    /// Cells that are numbers, or durations with a unit.
    pub(super) numeric: u64,
    /// Durations with a unit.
    pub(super) with_unit: u64,
    /// Whether every number is one.
    pub(super) integers: bool,
    pub(super) min: f64,
    pub(super) max: f64,
    /// Whether no number is below the one before it.
    pub(super) ascending: bool,
    /// Whether every number is the one before it and 1.
    pub(super) counting: bool,
    last: Option<f64>,
    /// Cells such as `p99`, `50%` and `max`.
    pub(super) figures: u64,
    statuses: u64,
    failing_statuses: u64,
    failing_words: u64,
    truths: u64,
    /// Numbers that are 0, 200 or -1, as codes mostly are.
    usual_codes: u64,
    /// The first different values, up to one more than [`FEW`].
    distinct: Vec<String>,
    /// Whether one of those came again.
    repeats: bool,
    /// The last value as a number or a duration, and whether all rise or fall from row to row.
    order: RowOrder,
    /// Some of its values.
    pub(super) examples: Vec<String>,
}

impl ColumnProfile {
    pub(super) fn new() -> ColumnProfile {
        ColumnProfile {
            rows: 0,
            filled: 0,
            numeric: 0,
            with_unit: 0,
            integers: true,
            min: f64::INFINITY,
            max: f64::NEG_INFINITY,
            ascending: true,
            counting: true,
            last: None,
            figures: 0,
            statuses: 0,
            failing_statuses: 0,
            failing_words: 0,
            truths: 0,
            usual_codes: 0,
            distinct: Vec::new(),
            repeats: false,
            order: RowOrder::default(),
            examples: Vec::new(),
        }
    }

    /// Adds a cell.
    pub(super) fn add(&mut self, text: &str) {
        self.rows += 1;
        if text.is_empty() {
            return;
        }
        self.filled += 1;
        self.add_distinct(text);
        match numbers::roughly(text) {
            Some(number) => {
                self.add_number(number);
                self.order.add(number);
                if number.fract() == 0.0 {
                    self.add_guess(text);
                }
            }
            None if value::has_unit(text) => {
                self.numeric += 1;
                self.with_unit += 1;
                self.integers = false;
                if let Ok(Some(duration)) = value::parse(text, None) {
                    self.order.add(duration.as_secs_f64());
                }
            }
            None => {
                self.figures += u64::from(is_figure(text));
                self.add_guess(text);
            }
        }
        if self.examples.len() < EXAMPLES && !self.examples.iter().any(|e| e == text) {
            self.examples.push(text.chars().take(24).collect());
        }
    }

    fn add_distinct(&mut self, text: &str) {
        if self.distinct.iter().any(|known| known == text) {
            self.repeats = true;
        } else if self.distinct.len() <= FEW {
            self.distinct.push(text.to_owned());
        }
    }

    fn add_guess(&mut self, text: &str) {
        match guess(text) {
            Guess::Status { fails } => {
                self.statuses += 1;
                self.failing_statuses += u64::from(fails);
            }
            Guess::Word { fails } => self.failing_words += u64::from(fails),
            Guess::Truth => self.truths += 1,
            Guess::Nothing => {}
        }
    }

    fn add_number(&mut self, number: f64) {
        self.numeric += 1;
        self.integers &= number.fract() == 0.0;
        self.usual_codes += u64::from([0.0, 200.0, -1.0].contains(&number));
        self.min = self.min.min(number);
        self.max = self.max.max(number);
        if let Some(last) = self.last {
            self.ascending &= number >= last;
            self.counting &= number == last + 1.0;
        }
        self.last = Some(number);
    }

    /// Whether it holds nothing but numbers and durations, some words for failures aside.
    pub(super) fn is_numeric(&self) -> bool {
        self.numeric > 0 && self.numeric + self.failing_words >= self.filled
    }

    /// Whether its numbers rise as time stamps, ranks and counters do.
    pub(super) fn rises(&self) -> bool {
        self.numeric >= 3 && self.ascending && self.max > self.min
    }

    /// Whether its values look like outcomes, some of them failures.
    pub(super) fn may_tell_failure(&self) -> bool {
        self.is_bits()
            || self.truths > 0
            || self.failing_words > 0 && self.numeric * 2 < self.filled
            || self.has_failing_codes()
    }

    /// Whether it holds nothing but 0 and 1.
    pub(super) fn is_bits(&self) -> bool {
        self.is_all_numbers()
            && self.integers
            && self.min >= 0.0
            && self.max <= 1.0
            && !(self.counting && self.filled > 2)
    }

    /// Whether all its values are statuses of HTTP, some of them of failures.
    pub(super) fn has_failing_codes(&self) -> bool {
        self.failing_statuses > 0 && self.statuses == self.filled
    }

    /// Whether all its values are statuses of HTTP, some of them of failures and some not.
    pub(super) fn mixes_codes(&self) -> bool {
        self.has_failing_codes() && self.failing_statuses < self.statuses
    }

    /// Whether every row has a status of HTTP.
    pub(super) fn is_statuses(&self) -> bool {
        self.filled > 0 && self.statuses == self.rows
    }

    /// Whether some values are words for failures.
    pub(super) fn has_failing_words(&self) -> bool {
        self.failing_words > 0
    }

    /// Whether every cell that holds something is a number.
    pub(super) fn is_all_numbers(&self) -> bool {
        self.filled > 0 && self.numeric == self.filled
    }

    /// Whether some cells are empty and some are not.
    pub(super) fn is_partial(&self) -> bool {
        self.filled > 0 && self.filled < self.rows
    }

    /// Whether it has more different values than classes of outcomes.
    pub(super) fn has_many_values(&self) -> bool {
        self.distinct.len() > FEW
    }

    /// Whether it has one value in every row.
    pub(super) fn is_constant(&self) -> bool {
        self.distinct.len() == 1 && self.filled == self.rows
    }

    /// Whether one of its first values came again.
    pub(super) fn repeats(&self) -> bool {
        self.repeats
    }

    /// Whether it may be codes of which 0 or 200 is the usual one.
    pub(super) fn may_be_codes(&self) -> bool {
        self.integers && self.usual_codes * 2 >= self.numeric && self.numeric > 0
    }

    /// Whether all its first values are of a kind.
    pub(super) fn all(&self, of_kind: impl Fn(&str) -> bool) -> bool {
        !self.distinct.is_empty() && self.distinct.iter().all(|value| of_kind(value))
    }

    /// Whether its values rise, or fall, from each row to the next over ten rows and more.
    pub(super) fn is_sorted(&self) -> bool {
        let RowOrder {
            count,
            rises,
            falls,
            ..
        } = self.order;
        count >= 10 && count == self.rows && (rises || falls)
    }

    /// Whether it names the figures of a statistics table.
    pub(super) fn names_figures(&self) -> bool {
        self.filled > 0 && self.figures == self.filled
    }

    /// Whether it can be the ranks of a percentile table, in percent or as fractions of one.
    pub(super) fn may_be_ranks(&self) -> bool {
        let top = (0.9..=1.0).contains(&self.max) || (90.0..=100.0).contains(&self.max);
        self.rises() && self.min >= 0.0 && top && self.with_unit == 0
    }

    /// Its lowest and highest value.
    pub(super) fn range(&self) -> String {
        if !self.min.is_finite() {
            format!("such as {}", self.examples.first().map_or("", |e| e))
        } else if self.max > self.min {
            format!("{} to {}", trimmed(self.min, 4), trimmed(self.max, 4))
        } else {
            format!("{} in every row", trimmed(self.min, 4))
        }
    }
}

/// Whether numbers rise or fall strictly.
#[derive(Clone, Copy, Debug)]
struct RowOrder {
    last: Option<f64>,
    count: u64,
    rises: bool,
    falls: bool,
}

impl Default for RowOrder {
    fn default() -> RowOrder {
        RowOrder {
            last: None,
            count: 0,
            rises: true,
            falls: true,
        }
    }
}

impl RowOrder {
    fn add(&mut self, number: f64) {
        if let Some(last) = self.last {
            self.rises &= number > last;
            self.falls &= number < last;
        }
        self.last = Some(number);
        self.count += 1;
    }
}

fn is_figure(text: &str) -> bool {
    let lower = text.to_lowercase();
    let first = lower.split([' ', ':', '_']).next().unwrap_or("");
    is_percentile(first) || listed(FIGURES, first)
}
