//! The two sides of a comparison.

use std::time::Duration;

use crate::run::plan::Guard;
use crate::run::recording::Recording;

/// A value of the run before and the same of the run after.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pair<T> {
    /// Of the run before.
    pub before: T,
    /// Of the run after.
    pub after: T,
}

/// What one endpoint's run left behind, on one side.
#[derive(Clone, Copy, Debug)]
pub struct Side<'a> {
    /// Latencies and counts.
    pub recording: &'a Recording,
    /// How long its run waited for an answer, where that is known.
    pub timeout: Option<Duration>,
    /// Whether its slow spells are allowed for.
    pub guard: Guard,
}

impl<T> Pair<T> {
    /// The same function of both sides.
    pub fn map<U>(self, of: impl Fn(T) -> U) -> Pair<U> {
        Pair {
            before: of(self.before),
            after: of(self.after),
        }
    }
}
