//! What is wrong with a gate's text, and how to fix it.

use crate::stats::rank::QuantileError;
use crate::units::UnitError;

/// A gate that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("gate '{gate}': {}", explained(.gate, .kind))]
pub struct ParseError {
    /// The typed text.
    pub gate: String,
    /// What is wrong with it.
    pub(crate) kind: ParseErrorKind,
}

/// What is wrong with a gate's text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ParseErrorKind {
    /// No `<=`, `<` or `>=`.
    #[error("no '<='\nhint: write it as in 'health p95 <= 150ms'")]
    NoOperator,
    /// An operator that the metric does not have.
    #[error("'{found}' does not fit {metric}\nhint: write '{wanted}'")]
    Operator {
        found: String,
        metric: String,
        /// What should stand there.
        wanted: &'static str,
    },
    /// Nothing before the operator.
    #[error(
        "no metric before '{0}'\nhint: write a percentile or error_rate, as in 'health p95 <= 150ms'"
    )]
    NoMetric(String),
    #[error("unknown metric '{metric}'\nhint: {}", metric_hint(.suggestion))]
    UnknownMetric {
        metric: String,
        /// What may be meant.
        suggestion: Option<String>,
    },
    /// A metric of other tools that would mislead here.
    #[error("{0}")]
    Refused(&'static str),
    /// A percentile out of range.
    #[error(transparent)]
    Percentile(#[from] QuantileError),
    /// Nothing after the operator.
    #[error("no limit after '{symbol}'\nhint: write it as in '{symbol} {example}'")]
    NoLimit {
        /// The operator that stands last.
        symbol: String,
        /// A valid example.
        example: &'static str,
    },
    /// A limit that is neither a duration nor a percentage.
    #[error(transparent)]
    Limit(#[from] UnitError),
    /// A share without its sign.
    #[error("'{text}' has no '%'\nhint: write {corrected}")]
    NoPercent {
        text: String,
        /// As it should be.
        corrected: String,
    },
    /// A limit that is not a whole number.
    #[error("'{0}' is not a count\nhint: write a whole number, such as 'lost <= 0'")]
    NoCount(String),
    /// A limit that no measurement can show or refute.
    #[error("{0}")]
    Unreachable(&'static str),
    /// Something other than `warn` after the limit.
    #[error("unknown word '{found}' after the limit\nhint: {}", word_hint(.suggestion))]
    Trailing {
        found: String,
        /// What may be meant.
        suggestion: Option<String>,
    },
    /// `baseline` with something else than an allowance.
    #[error("'{text}' is not an allowance over a baseline\nhint: write {corrected}")]
    Baseline {
        text: String,
        /// As it should be.
        corrected: String,
    },
}

/// A number without a unit is corrected within the whole gate.
fn explained(gate: &str, kind: &ParseErrorKind) -> String {
    match kind {
        ParseErrorKind::Limit(UnitError::NoUnit(number)) => {
            let at = gate
                .rfind(number.as_str())
                .map_or(gate.len(), |at| at + number.len());
            let (before, after) = gate.split_at(at);
            format!("the limit has no unit\nhint: write '{before}ms{after}'")
        }
        ParseErrorKind::Limit(UnitError::NotANumber {
            text,
            what,
            example,
        }) => format!("'{text}' is not a {what}\nhint: write a {what}, such as {example}"),
        ParseErrorKind::Limit(error) => error.to_string().replacen("; ", "\nhint: ", 1),
        ParseErrorKind::Operator {
            found,
            metric,
            wanted,
        } => format!(
            "'{found}' does not fit {metric}\nhint: write '{}'",
            gate.replacen(found.as_str(), wanted, 1)
        ),
        ParseErrorKind::NoOperator if gate.is_empty() => {
            "it is empty\nhint: write it as in 'health p95 <= 150ms'".to_owned()
        }
        kind => kind.to_string(),
    }
}

fn word_hint(suggestion: &Option<String>) -> String {
    match suggestion {
        Some(word) => format!("did you mean '{word}'?"),
        None => "only 'warn' may follow the limit".to_owned(),
    }
}

fn metric_hint(suggestion: &Option<String>) -> String {
    match suggestion {
        Some(word) => format!("did you mean '{word}'?"),
        None => {
            "use a percentile (p50, p95, p99.9 …) or error_rate; after an audit done.p95, lost, duplicated, dead or unexpected; between two runs 'p95 reduction'"
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
