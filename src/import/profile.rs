//! The appearance of a column's values, independent of its title.

use super::status::{Guess, guess};
use super::title::{is_percentile, listed};
use super::{numbers, value};
use crate::units::trimmed;

/// Names of statistics, as in the first column of a statistics table.
const FIGURES: &str = "min max mean avg average median stddev stdev minimum maximum";

/// Most different values that are kept as examples.
const EXAMPLES: usize = 3;

/// The values of one column, one after the other.
#[derive(Clone, Debug)]
pub(super) struct Profile {
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
    /// Some of its values.
    pub(super) examples: Vec<String>,
}

impl Profile {
    pub(super) fn new() -> Profile {
        Profile {
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
            examples: Vec::new(),
        }
    }

    /// Adds a cell.
    pub(super) fn add(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        self.filled += 1;
        match numbers::roughly(text) {
            Some(number) => {
                self.add_number(number);
                if number.fract() == 0.0 {
                    self.add_guess(text);
                }
            }
            None if value::has_unit(text) => {
                self.numeric += 1;
                self.with_unit += 1;
                self.integers = false;
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

    /// Whether it may tell that some requests failed.
    pub(super) fn may_tell_failure(&self) -> bool {
        let bits = self.numeric == self.filled
            && self.integers
            && self.min == 0.0
            && self.max == 1.0
            && !self.counting;
        bits || self.truths > 0
            || self.failing_words > 0 && self.numeric * 2 < self.filled
            || self.failing_statuses > 0 && self.statuses == self.filled
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
        match (self.max > self.min, self.min.is_finite()) {
            (true, true) => format!("{} to {}", trimmed(self.min, 4), trimmed(self.max, 4)),
            (_, true) => format!("{} in every row", trimmed(self.min, 4)),
            _ => format!("such as {}", self.examples.first().map_or("", |e| e)),
        }
    }
}

fn is_figure(text: &str) -> bool {
    let lower = text.to_lowercase();
    let first = lower.split([' ', ':', '_']).next().unwrap_or("");
    is_percentile(first) || listed(FIGURES, first)
}
