//! Why one value of a file cannot be read.

use super::TimeUnit;

/// A value that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ValueError {
    /// A number of unknown unit.
    #[error("'{0}' has no unit")]
    NoUnit(String),
    /// Not a time that can pass.
    #[error("'{0}' is not a latency")]
    NotALatency(String),
    /// Neither a number nor a known word.
    #[error("'{text}' is not a latency")]
    Unknown {
        /// What stands there.
        text: String,
        /// What may be meant.
        suggestion: Option<&'static str>,
    },
    /// A number before an unknown unit.
    #[error("'{text}' has an unknown unit '{unit}'")]
    UnknownUnit {
        /// The number and its unit.
        text: String,
        /// The unit.
        unit: String,
    },
    /// More than one number.
    #[error("'{text}' has {count} values")]
    Several {
        /// The line.
        text: String,
        /// How many.
        count: usize,
    },
    /// A comma that may separate decimals or values.
    #[error("'{text}' could be {} or two fields", one_number(.text))]
    TwoFields {
        /// The number with its comma.
        text: String,
    },
    /// A point or comma that may separate thousands or decimals.
    #[error("'{text}' could be {} or {}", .text.replace(',', "."), .text.replace([',', '.'], ""))]
    AmbiguousNumber {
        /// The number.
        text: String,
    },
    /// A decimal sign that contradicts the other numbers.
    #[error("'{0}' has a different decimal sign than other numbers of the file")]
    MixedDecimals(String),
    /// Nothing at all.
    #[error("the value is missing")]
    Missing,
    /// Longer than a week: the unit must be wrong.
    #[error("'{text}' in {unit} is longer than 7 days")]
    TooLong {
        /// The number.
        text: String,
        /// Its supposed unit.
        unit: TimeUnit,
    },
}

/// A number with its decimal comma or its thousands separators, in the way of code.
fn one_number(text: &str) -> String {
    if text.contains('.') {
        text.replace(',', "")
    } else {
        text.replace(',', ".")
    }
}
