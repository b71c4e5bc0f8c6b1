//! Settings of a broker that lose or hold up messages, asked of the broker itself at the start.

use std::fmt;

/// A setting that an operator should know of. Nothing accepted is lost by it: the sweeper dispatches again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advice {
    /// What is unsafe about it.
    pub what: String,
    /// How to fix it.
    pub hint: String,
}

impl Advice {
    /// A setting, and the way to a better one.
    pub fn new(what: impl Into<String>, hint: impl Into<String>) -> Advice {
        Advice {
            what: what.into(),
            hint: hint.into(),
        }
    }
}

impl fmt::Display for Advice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\nhint: {}", self.what, self.hint)
    }
}
