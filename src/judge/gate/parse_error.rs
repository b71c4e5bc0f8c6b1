//! What is wrong with a gate's text, and how to fix it.

use crate::stats::rank::QuantileError;
use crate::units::UnitError;

/// A gate that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("gate '{gate}': {kind}")]
pub struct ParseError {
    /// What was typed.
    pub gate: String,
    /// What is wrong with it.
    pub(crate) kind: ParseErrorKind,
}

/// What is wrong with a gate's text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ParseErrorKind {
    /// No `<=`, `<` or `>=`.
    #[error("there is no '<=' in it; write for example 'health p95 <= 150ms'")]
    NoOperator,
    /// An operator that the metric does not have.
    #[error("'{found}' is no comparison for {metric}; write '{wanted}'")]
    Operator {
        found: String,
        metric: String,
        /// What should stand there.
        wanted: &'static str,
    },
    /// Nothing before the operator.
    #[error(
        "there is no metric before '{0}'; write a percentile or error_rate, as in 'health p95 <= 150ms'"
    )]
    NoMetric(String),
    #[error("unknown metric '{metric}'{}", suggestion_or_list(.suggestion))]
    UnknownMetric {
        metric: String,
        /// What may be meant.
        suggestion: Option<String>,
    },
    /// A metric of other tools that would mislead here.
    #[error("'{metric}' cannot be gated: {reason}")]
    Refused {
        metric: String,
        /// Why, and what to use.
        reason: &'static str,
    },
    /// A percentile out of range.
    #[error(transparent)]
    Percentile(#[from] QuantileError),
    /// Nothing after the operator.
    #[error("there is no limit after '{symbol}'; write for example '{symbol} {example}'")]
    NoLimit {
        /// The operator that stands last.
        symbol: String,
        /// One that would do.
        example: &'static str,
    },
    /// A limit that is no duration or percentage.
    #[error(transparent)]
    Limit(#[from] UnitError),
    /// A share without its sign.
    #[error("'{text}' has no '%'; write {corrected}")]
    NoPercent {
        text: String,
        /// As it should be.
        corrected: String,
    },
    /// A limit that is no whole number.
    #[error("'{0}' is no count; write a whole number, such as 'lost <= 0'")]
    NoCount(String),
    /// A limit that no measurement can show or refute.
    #[error("{0}")]
    Unreachable(&'static str),
    /// Something other than `warn` after the limit.
    #[error("'{found}' after the limit is not understood; only 'warn' may stand there{}", suggested(.suggestion))]
    Trailing {
        found: String,
        /// What may be meant.
        suggestion: Option<String>,
    },
    /// `baseline` with something else than a percentage.
    #[error("'{0}' is no baseline; write 'baseline' or 'baseline + 10%'")]
    Baseline(String),
}

fn suggested(suggestion: &Option<String>) -> String {
    match suggestion {
        Some(word) => format!("; did you mean '{word}'?"),
        None => String::new(),
    }
}

fn suggestion_or_list(suggestion: &Option<String>) -> String {
    match suggestion {
        Some(_) => suggested(suggestion),
        None => {
            "; there are percentiles (p50, p95, p99.9 …), error_rate, of an audit done.p95, lost, \
                 duplicated, dead and unexpected, and, between two runs, 'p95 reduction'"
                .to_owned()
        }
    }
}

/// The one of `candidates` that `word` may be a slip of.
pub(super) fn did_you_mean<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<String> {
    let word = word.to_lowercase();
    candidates
        .into_iter()
        .map(|candidate| {
            let distance = strsim::damerau_levenshtein(&word, &candidate.to_lowercase());
            (distance, candidate)
        })
        // A third of the letters may be wrong, and never all of them.
        .filter(|&(distance, candidate)| {
            let letters = candidate.chars().count();
            distance <= letters.div_ceil(3) && distance < letters
        })
        .min_by_key(|&(distance, _)| distance)
        .map(|(_, candidate)| candidate.to_owned())
}
