//! The grammar of gates: text to [`Gate`].
//!
//! ```text
//! gate      = [ endpoint | "*" | "http_req_duration" ] condition [ "warn" ]
//! condition = percentile ("<=" | "<") duration
//!           | "error_rate" ("<=" | "<") percentage
//!           | "done." percentile ("<=" | "<") duration
//!           | ("lost" | "duplicated" | "dead" | "unexpected") ("<=" | "<") count
//!           | percentile "reduction" ">=" percentage
//!           | percentile "<=" "baseline" [ "+" percentage ]
//! ```

use std::time::Duration;

use super::condition::{AuditCount, Condition, LimitOperator, Percentage};
use super::parse_error::{ParseError, ParseErrorKind, did_you_mean};
use super::spec::{Gate, Selector, Severity};
use crate::stats::rank::Quantile;
use crate::units::{parse_duration, parse_percentage};

/// The smallest error rate that can be judged, as the largest percentile: p99.9999999 allows this share.
const SMALLEST_RATE: f64 = 1e-9;

/// The largest allowance over a baseline, as a fraction: 10,000 times as long.
const LARGEST_ALLOWANCE: f64 = 10_000.0;

/// Words that may stand where a metric is wanted; any percentile may.
const METRICS: [&str; 14] = [
    "p50",
    "p90",
    "p95",
    "p99",
    "p99.9",
    "error_rate",
    "done.p50",
    "done.p95",
    "done.p99",
    "lost",
    "duplicated",
    "dead",
    "unexpected",
    "reduction",
];

impl Gate {
    /// Reads `health p95 <= 150ms`, `p95 <= 150ms`, `* p95 < 150ms`, `ingest error_rate <= 0.1%`,
    /// `ingest done.p95 <= 2s`, `lost <= 0`, `duplicated <= 0`, `dead <= 0`, `unexpected <= 0`, `p95 reduction >= 70%`, `p95 <= baseline + 10%`, k6's `p(95)<150ms`, and a suffix ` warn`.
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
        Metric::Percentile(quantile) => percentile_condition(quantile, symbol, limit)?,
        Metric::Done(quantile) => done_condition(quantile, symbol, limit)?,
        Metric::Count(what) => count_condition(what, symbol, limit)?,
        Metric::ErrorRate => error_rate_condition(symbol, limit)?,
        Metric::Reduction(quantile) => reduction_condition(quantile, symbol, limit)?,
    };
    Ok(Gate {
        selector: gated.selector,
        condition,
        severity,
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
    // A word that is no unit and no part of 'baseline + 10%' was meant as a suffix.
    let is_word = word.chars().all(char::is_alphabetic);
    let is_limit = parse_duration(limit).is_ok() || rest.trim_end().ends_with('+');
    let follows_limit = parse_duration(rest).is_ok() || parse_percentage(rest).is_ok();
    match is_word && !is_limit && follows_limit {
        true => Err(ParseErrorKind::Trailing {
            found: word.to_owned(),
            suggestion: did_you_mean(word, ["warn"]),
        }),
        false => Ok((limit, Severity::Decides)),
    }
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
        } else if let Some(percentile) = after_done(last) {
            Metric::Done(quantile(percentile)?)
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

/// `p95` of `done.p95`.
fn after_done(word: &str) -> Option<&str> {
    let (done, percentile) = word.split_at_checked("done.".len())?;
    let is_percentile = percentile.starts_with(['p', 'P']) && percentile.len() > 1;
    (done.eq_ignore_ascii_case("done.") && is_percentile).then_some(percentile)
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
    let refused = |reason| {
        Err(ParseErrorKind::Refused {
            metric: word.to_owned(),
            reason,
        })
    };
    match word.to_ascii_lowercase().as_str() {
        "med" | "median" => return Ok(Quantile::P50),
        "max" => {
            return refused(
                "a maximum grows with the number of requests; gate a percentile, such as p99.9",
            );
        }
        "avg" | "mean" => {
            return refused("a mean hides the tail; gate a percentile, such as p50 and p95");
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

fn percentile_condition(
    quantile: Quantile,
    symbol: &str,
    limit: &str,
) -> Result<Condition, ParseErrorKind> {
    let operator = upper_bound(symbol, || String::from(quantile))?;
    if limit.is_empty() {
        return Err(no_limit(symbol, "150ms"));
    }
    if limit.to_ascii_lowercase().starts_with("baseline") {
        return Ok(Condition::Baseline {
            quantile,
            allowance: baseline_allowance(limit)?,
        });
    }
    if limit.ends_with('%') {
        return Err(ParseErrorKind::Unreachable(
            "a percentile is compared with a duration such as 150ms, or with 'baseline + 10%'",
        ));
    }
    let limit = parse_duration(limit)?;
    match limit > Duration::from_nanos(1) {
        true => Ok(Condition::Latency {
            quantile,
            operator,
            limit,
        }),
        false => Err(ParseErrorKind::Unreachable(
            "no answer takes no time; the limit must be above zero",
        )),
    }
}

fn done_condition(
    quantile: Quantile,
    symbol: &str,
    limit: &str,
) -> Result<Condition, ParseErrorKind> {
    let operator = upper_bound(symbol, || format!("done.{}", String::from(quantile)))?;
    if limit.is_empty() {
        return Err(no_limit(symbol, "2s"));
    }
    if limit.ends_with('%') || limit.to_ascii_lowercase().starts_with("baseline") {
        return Err(ParseErrorKind::Unreachable(
            "the time until an event is done is compared with a duration such as 2s",
        ));
    }
    let limit = parse_duration(limit)?;
    match limit > Duration::from_nanos(1) {
        true => Ok(Condition::Done {
            quantile,
            operator,
            limit,
        }),
        false => Err(ParseErrorKind::Unreachable(
            "nothing is done in no time; the limit must be above zero",
        )),
    }
}

fn count_condition(
    what: AuditCount,
    symbol: &str,
    limit: &str,
) -> Result<Condition, ParseErrorKind> {
    let operator = upper_bound(symbol, || what.as_str().to_owned())?;
    if limit.is_empty() {
        return Err(no_limit(symbol, "0"));
    }
    let number: u64 = limit
        .parse()
        .map_err(|_| ParseErrorKind::NoCount(limit.to_owned()))?;
    let at_most = match operator {
        LimitOperator::AtMost => Some(number),
        LimitOperator::Below => number.checked_sub(1),
    };
    let at_most = at_most.ok_or(ParseErrorKind::Unreachable(
        "no count is below zero; write '<= 0'",
    ))?;
    Ok(Condition::Count { what, at_most })
}

fn baseline_allowance(limit: &str) -> Result<Percentage, ParseErrorKind> {
    let wrong = || ParseErrorKind::Baseline(limit.to_owned());
    let rest = limit["baseline".len()..].trim();
    if rest.is_empty() {
        return Percentage::of(0.0).ok_or_else(wrong);
    }
    let text = rest.strip_prefix('+').ok_or_else(wrong)?.trim();
    let allowance = percentage(text).map_err(|_| wrong())?;
    match allowance.as_fraction() <= LARGEST_ALLOWANCE {
        true => Ok(allowance),
        false => Err(ParseErrorKind::Unreachable(
            "an allowance that large limits nothing; the largest is 1000000%",
        )),
    }
}

fn error_rate_condition(symbol: &str, limit: &str) -> Result<Condition, ParseErrorKind> {
    let operator = upper_bound(symbol, || "error_rate".to_owned())?;
    if limit.is_empty() {
        return Err(no_limit(symbol, "0.1%"));
    }
    let limit = percentage(limit)?;
    if limit.as_fraction() <= 0.0 {
        return Err(ParseErrorKind::Unreachable(
            "no number of requests can show a rate of zero; write the smallest rate that matters, \
             such as 0.1%, which 2995 requests without a failure show",
        ));
    }
    if limit.as_fraction() >= 1.0 {
        return Err(ParseErrorKind::Unreachable(
            "every rate is within 100%; write a limit below it",
        ));
    }
    // The limit is a decimal: 0.0000001 / 100 may be a little less than 1e-9.
    if limit.as_fraction() < SMALLEST_RATE * (1.0 - 1e-9) {
        return Err(ParseErrorKind::Unreachable(
            "no run can show a rate that small; the smallest that can be judged is 0.0000001%",
        ));
    }
    if limit.as_fraction() > 1.0 - SMALLEST_RATE * (1.0 - 1e-6) {
        return Err(ParseErrorKind::Unreachable(
            "no run can tell a rate that large from 100%; the largest that can be judged is 99.9999999%",
        ));
    }
    Ok(Condition::ErrorRate { operator, limit })
}

fn reduction_condition(
    quantile: Quantile,
    symbol: &str,
    limit: &str,
) -> Result<Condition, ParseErrorKind> {
    if !matches!(symbol, ">=" | "≥") {
        return Err(ParseErrorKind::Operator {
            found: symbol.to_owned(),
            metric: "a reduction".to_owned(),
            wanted: ">=",
        });
    }
    if limit.is_empty() {
        return Err(no_limit(symbol, "70%"));
    }
    let at_least = percentage(limit)?;
    match at_least.as_fraction() {
        fraction if fraction > 0.0 && fraction < 1.0 => {
            Ok(Condition::Reduction { quantile, at_least })
        }
        _ => Err(ParseErrorKind::Unreachable(
            "a reduction must be above 0% and below 100%",
        )),
    }
}

fn upper_bound(
    symbol: &str,
    metric: impl FnOnce() -> String,
) -> Result<LimitOperator, ParseErrorKind> {
    match symbol {
        "<=" | "≤" => Ok(LimitOperator::AtMost),
        "<" => Ok(LimitOperator::Below),
        _ => Err(ParseErrorKind::Operator {
            found: symbol.to_owned(),
            metric: metric(),
            wanted: "<=",
        }),
    }
}

fn no_limit(symbol: &str, example: &'static str) -> ParseErrorKind {
    ParseErrorKind::NoLimit {
        symbol: symbol.to_owned(),
        example,
    }
}

fn percentage(text: &str) -> Result<Percentage, ParseErrorKind> {
    if let Ok(number) = text.parse::<f64>() {
        // k6 writes a rate as a fraction: 0.01 is 1%.
        let percent = crate::units::trimmed(number * 100.0, 6);
        return Err(ParseErrorKind::NoPercent {
            text: text.to_owned(),
            mend: match number.is_finite() && (0.0..1.0).contains(&number) {
                true => format!("{text}%, or {percent}% if {text} is a fraction"),
                false => format!("{text}%"),
            },
        });
    }
    parse_percentage(text)?;
    let number = text.trim_end_matches('%').trim().parse().ok();
    number
        .and_then(Percentage::of)
        .ok_or_else(|| ParseErrorKind::NoPercent {
            text: text.to_owned(),
            mend: "a number and a '%'".to_owned(),
        })
}

#[cfg(test)]
mod tests;
