//! The endpoint that is being read: errors name it, and the memory of its decoded parts is counted.

use std::rc::Rc;

use super::super::RunFileError;
use super::super::histogram_document::HistogramDocument;
use super::memory_budget::MemoryBudget;
use crate::run::histogram::{Histogram, Precision};
use crate::run::recording::{Bits, Counts};

/// A part of the file and its name in messages.
pub(super) struct RestoreContext {
    name: String,
    budget: Rc<MemoryBudget>,
}

impl RestoreContext {
    pub(super) fn new(endpoint: &str, budget: &Rc<MemoryBudget>) -> RestoreContext {
        RestoreContext {
            name: endpoint.to_owned(),
            budget: Rc::clone(budget),
        }
    }

    /// A part of it.
    pub(super) fn part(&self, name: &str) -> RestoreContext {
        RestoreContext::new(&format!("{name} of {}", self.name), &self.budget)
    }

    /// Sets memory aside.
    pub(super) fn take(&self, bytes: u64) -> Result<(), RunFileError> {
        self.budget.take(bytes)
    }

    pub(super) fn at(&self, field: &str) -> String {
        format!("{field} of {}", self.name)
    }

    pub(super) fn wrong<T>(&self, what: String) -> Result<T, RunFileError> {
        Err(RunFileError::Inconsistent(format!("{}: {what}", self.name)))
    }

    /// An error with these words unless the condition holds.
    pub(super) fn holds(
        &self,
        condition: bool,
        what: impl FnOnce() -> String,
    ) -> Result<(), RunFileError> {
        if condition {
            Ok(())
        } else {
            self.wrong(what())
        }
    }

    pub(super) fn equal(
        &self,
        what: &str,
        found: u64,
        as_is: &str,
        due: u64,
    ) -> Result<(), RunFileError> {
        self.holds(found == due, || {
            format!("{what} is {found} where {as_is} is {due}")
        })
    }

    pub(super) fn no_more_than(
        &self,
        what: &str,
        found: u64,
        most: &str,
        due: u64,
    ) -> Result<(), RunFileError> {
        self.holds(found <= due, || {
            format!("{what} is {found} where {most} is {due}")
        })
    }

    /// A sum of counts; a damaged file may hold numbers whose sum does not fit.
    pub(super) fn sum(
        &self,
        what: &str,
        numbers: impl IntoIterator<Item = u64>,
    ) -> Result<u64, RunFileError> {
        let sum = numbers
            .into_iter()
            .try_fold(0u64, |sum, n| sum.checked_add(n));
        match sum {
            Some(sum) => Ok(sum),
            None => self.wrong(format!("{what} add up to more than a number holds")),
        }
    }

    /// The sum over all outcomes.
    pub(super) fn total(&self, what: &str, counts: &Counts) -> Result<u64, RunFileError> {
        let outcomes = [counts.ok, counts.timeout, counts.unsent];
        self.sum(
            what,
            outcomes.into_iter().chain(counts.failed.values().copied()),
        )
    }

    pub(super) fn bits(&self, what: &str, text: &str, planned: u64) -> Result<Bits, RunFileError> {
        self.take(planned / 8)?;
        Bits::decode(text, planned).map_err(|source| RunFileError::Bits {
            place: self.at(what),
            source,
        })
    }

    /// A histogram of at most `most` values.
    pub(super) fn histogram(
        &self,
        what: &str,
        document: &HistogramDocument<'_>,
        precision: Precision,
        most: u64,
    ) -> Result<Histogram, RunFileError> {
        self.no_more_than(
            &format!("count of {what}"),
            document.count,
            "the number of requests",
            most,
        )?;
        let extremes = document.min_ns.zip(document.max_ns);
        let decoded = Histogram::decode_of(&document.hdr, precision, extremes, most);
        let histogram = decoded.map_err(|source| RunFileError::Histogram {
            place: self.at(what),
            source,
        })?;
        self.take(histogram.footprint())?;
        self.equal(
            &format!("count of {what}"),
            document.count,
            "its histogram's",
            histogram.count(),
        )?;
        // Decoding limits them to the outermost buckets, so a difference shows that they are wrong.
        let extremes = (document.min_ns, document.max_ns);
        self.holds((histogram.min_ns(), histogram.max_ns()) == extremes, || {
            format!("minimum and maximum of {what} are not those of its histogram")
        })?;
        Ok(histogram)
    }
}
