//! The grammar of gates: text to [`Gate`].
//!
//! ```text
//! gate      = [ endpoint | "*" | "http_req_duration" ] condition [ "warn" ]
//! condition = percentile ("<=" | "<") duration
//!           | "error_rate" ("<=" | "<") percentage
//!           | "done." percentile ("<=" | "<") duration
//!           | "backlog" [ "." percentile ] ("<=" | "<") count
//!           | ("lost" | "duplicated" | "dead" | "unexpected") ("<=" | "<") count
//!           | percentile "reduction" ">=" percentage
//!           | percentile "<=" "baseline" [ "+" allowance ]
//! allowance = percentage | duration | percentage "or" duration
//! ```

mod limit;

use super::condition::AuditCount;
use super::parse_error::{ParseError, ParseErrorKind, did_you_mean};
use super::spec::{Gate, GateOrigin, Selector, Severity};
use crate::stats::rank::Quantile;
use crate::units::{parse_duration, parse_percentage};

/// Words that may stand where a metric is wanted; any percentile may.
const METRICS: [&str; 15] = [
    "p50",
    "p90",
    "p95",
    "p99",
    "p99.9",
    "error_rate",
    "done.p50",
    "done.p95",
    "done.p99",
    "backlog.p95",
    "lost",
    "duplicated",
    "dead",
    "unexpected",
    "reduction",
];

/// Other names for the rate of errors.
const ERROR_RATES: [&str; 7] = [
    "error",
    "errors",
    "error-rate",
    "errorrate",
    "failed",
    "failure_rate",
    "http_req_failed",
];

impl Gate {
    /// Reads `health p95 <= 150ms`, `p95 <= 150ms`, `* p95 < 150ms`, `ingest error_rate <= 0.1%`,
    /// `ingest done.p95 <= 2s`, `ingest backlog.p95 <= 200`, `lost <= 0`, `duplicated <= 0`, `dead <= 0`, `unexpected <= 0`, `p95 reduction >= 70%`, `p95 <= baseline + 10% or 1ms`, k6's `p(95)<150ms`, and a suffix ` warn`.
    ///
    /// # Errors
    /// [`ParseError`] names the part that cannot be read, and what may be meant.
    ///
    /// ```
    /// use a7probe::judge::gate::{Gate, Selector};
    ///
    /// let gate = Gate::parse("health p95 <= 150ms").unwrap();
    /// assert_eq!(gate.selector, Selector::Named("health".to_owned()));
    /// assert_eq!(gate.to_string(), "health p95 <= 150ms");
    /// // k6's spelling is the same gate on every endpoint.
    /// assert_eq!(Gate::parse("p(95)<150ms").unwrap(), Gate::parse("* p95 < 150ms").unwrap());
    /// assert!(Gate::parse("health p95 <= 150").is_err(), "a limit needs its unit");
    /// ```
    pub fn parse(text: &str) -> Result<Gate, ParseError> {
        parse_kind(text).map_err(|kind| ParseError {
            gate: text.trim().to_owned(),
            kind,
        })
    }
}

impl std::str::FromStr for Gate {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Gate, ParseError> {
        Gate::parse(text)
    }
}

fn parse_kind(text: &str) -> Result<Gate, ParseErrorKind> {
    let (metric, symbol, limit) = split(text)?;
    let (limit, severity) = severity_of(limit)?;
    let gated = GatedMetric::parse(metric, symbol)?;
    let condition = match gated.metric {
        Metric::Percentile(quantile) => limit::percentile(quantile, symbol, limit)?,
        Metric::Done(quantile) => limit::done(quantile, symbol, limit)?,
        Metric::Backlog(quantile) => limit::backlog(quantile, symbol, limit)?,
        Metric::Count(what) => limit::count(what, symbol, limit)?,
        Metric::ErrorRate => limit::error_rate(symbol, limit)?,
        Metric::Reduction(quantile) => limit::reduction(quantile, symbol, limit)?,
    };
    Ok(Gate {
        selector: gated.selector,
        condition,
        severity,
        origin: GateOrigin::Asked,
    })
}

/// What stands before, at and after the operator.
fn split(text: &str) -> Result<(&str, &str, &str), ParseErrorKind> {
    let is_operator = |c: char| "<>=!≤≥".contains(c);
    let start = text.find(is_operator).ok_or(ParseErrorKind::NoOperator)?;
    let tail = &text[start..];
    let length = tail.find(|c| !is_operator(c)).unwrap_or(tail.len());
    Ok((text[..start].trim(), &tail[..length], tail[length..].trim()))
}

/// Splits a trailing `warn` off.
fn severity_of(limit: &str) -> Result<(&str, Severity), ParseErrorKind> {
    let Some((rest, word)) = limit.rsplit_once(char::is_whitespace) else {
        return Ok((limit, Severity::Decides));
    };
    if word.eq_ignore_ascii_case("warn") {
        return Ok((rest.trim_end(), Severity::Warns));
    }
    // A word that is neither a unit nor part of 'baseline + 10% or 1ms' was meant as a suffix.
    let is_word = word.chars().all(char::is_alphabetic) && !word.eq_ignore_ascii_case("or");
    let is_limit = parse_duration(limit).is_ok() || rest.trim_end().ends_with('+');
    if is_word && !is_limit && is_a_limit(rest) {
        return Err(ParseErrorKind::Trailing {
            found: word.to_owned(),
            suggestion: did_you_mean(word, ["warn"]),
        });
    }
    Ok((limit, Severity::Decides))
}

/// Whether a limit may end here; of a baseline, its last number tells.
fn is_a_limit(text: &str) -> bool {
    let last = match text.rsplit_once(['+', ' ']) {
        Some((baseline, last)) if limit::is_baseline(baseline) => last,
        _ => text,
    };
    parse_duration(last).is_ok() || parse_percentage(last).is_ok()
}

/// What stands before the operator.
struct GatedMetric {
    selector: Selector,
    metric: Metric,
}

enum Metric {
    Percentile(Quantile),
    ErrorRate,
    Done(Quantile),
    Backlog(Quantile),
    Count(AuditCount),
    Reduction(Quantile),
}

impl GatedMetric {
    fn parse(text: &str, symbol: &str) -> Result<GatedMetric, ParseErrorKind> {
        let text = close_parentheses(text);
        let mut words: Vec<&str> = text.split_whitespace().collect();
        let no_metric = || ParseErrorKind::NoMetric(symbol.to_owned());
        let last = words.pop().ok_or_else(no_metric)?;
        let metric = if last.eq_ignore_ascii_case("reduction") {
            Metric::Reduction(quantile(words.pop().ok_or_else(no_metric)?)?)
        } else if last.eq_ignore_ascii_case("error_rate") {
            Metric::ErrorRate
        } else if let Some(metric) = meant_error_rate(&words, last) {
            return Err(ParseErrorKind::UnknownMetric {
                metric,
                suggestion: Some("error_rate".to_owned()),
            });
        } else if let Some(percentile) = percentile_of("done.", last) {
            Metric::Done(quantile(percentile)?)
        } else if let Some(percentile) = percentile_of("backlog.", last) {
            Metric::Backlog(quantile(percentile)?)
        } else if last.eq_ignore_ascii_case("backlog") {
            Metric::Backlog(Quantile::P95)
        } else if let Some(what) = counted(last) {
            Metric::Count(what)
        } else {
            Metric::Percentile(quantile(last)?)
        };
        Ok(GatedMetric {
            selector: selector(&words.join(" ")),
            metric,
        })
    }
}

/// `error rate`, `errors`, k6's `http_req_failed`: other names for the rate of errors.
fn meant_error_rate(before: &[&str], last: &str) -> Option<String> {
    let last = last.to_ascii_lowercase();
    match before.last().map(|word| word.to_ascii_lowercase()) {
        Some(error) if last == "rate" && matches!(error.as_str(), "error" | "errors") => {
            Some(format!("{error} {last}"))
        }
        _ => ERROR_RATES.contains(&last.as_str()).then_some(last),
    }
}

/// `p95` of `done.p95`, whose prefix is `done.`.
fn percentile_of<'a>(prefix: &str, word: &'a str) -> Option<&'a str> {
    let (start, percentile) = word.split_at_checked(prefix.len())?;
    let is_percentile = percentile.starts_with(['p', 'P']) && percentile.len() > 1;
    (start.eq_ignore_ascii_case(prefix) && is_percentile).then_some(percentile)
}

fn counted(word: &str) -> Option<AuditCount> {
    AuditCount::ALL
        .into_iter()
        .find(|what| word.eq_ignore_ascii_case(what.as_str()))
}

/// `p( 95 )` becomes one word.
fn close_parentheses(text: &str) -> String {
    let mut depth = 0usize;
    text.chars()
        .filter(|&c| {
            match c {
                '(' => depth += 1,
                ')' => depth = depth.saturating_sub(1),
                _ => {}
            }
            depth == 0 || !c.is_whitespace()
        })
        .collect()
}

fn selector(name: &str) -> Selector {
    // k6 says `http_req_duration p(95)<150ms`, with or without a colon.
    match name.trim_end_matches(':').trim_end() {
        "" | "*" | "http_req_duration" => Selector::Every,
        name => Selector::Named(name.to_owned()),
    }
}

fn quantile(word: &str) -> Result<Quantile, ParseErrorKind> {
    let refused = |why| Err(ParseErrorKind::Refused(why));
    match word.to_ascii_lowercase().as_str() {
        "med" | "median" => return Ok(Quantile::P50),
        "max" => {
            return refused(
                "the maximum cannot be gated; it grows with the number of requests\nhint: gate a percentile, such as 'p99.9 <= 1s'",
            );
        }
        "avg" | "mean" => {
            return refused(
                "the mean cannot be gated; it hides the tail\nhint: gate a percentile, such as 'p95 <= 150ms'",
            );
        }
        "capacity" => {
            return refused(
                "a run does not measure the capacity\nhint: use a7probe capacity URL --gate 'p95 <= 150ms' --gate 'capacity >= 400/s'",
            );
        }
        "rps" | "qps" | "rate" | "throughput" => {
            return refused(
                "the rate cannot be gated; the plan sets it\nhint: find the highest rate with: a7probe capacity URL --gate 'p95 <= 150ms'",
            );
        }
        _ => {}
    }
    let looks_like_one = word
        .strip_prefix(['p', 'P'])
        .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit() || c == '('));
    match word.parse() {
        Ok(quantile) => Ok(quantile),
        Err(error) if looks_like_one => Err(ParseErrorKind::Percentile(error)),
        Err(_) => Err(ParseErrorKind::UnknownMetric {
            metric: word.to_owned(),
            suggestion: did_you_mean(word, METRICS),
        }),
    }
}

#[cfg(test)]
mod tests;
