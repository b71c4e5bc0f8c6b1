//! What stands after a gate's operator: a duration, a percentage, a count or a baseline.

mod baseline;

use std::time::Duration;

pub(super) use baseline::is_baseline;

use crate::judge::gate::condition::{AuditCount, Condition, LimitOperator};
use crate::judge::gate::parse_error::ParseErrorKind;
use crate::judge::gate::percentage::Percentage;
use crate::stats::rank::Quantile;
use crate::units::{parse_duration, parse_percentage, trimmed};

/// The smallest error rate that can be judged, as the largest percentile: p99.9999999 allows this share.
const SMALLEST_RATE: f64 = 1e-9;

/// `<= 150ms`, `<= baseline + 10% or 1ms`.
pub(super) fn percentile(
    quantile: Quantile,
    symbol: &str,
    limit: &str,
) -> Result<Condition, ParseErrorKind> {
    let operator = upper_bound(symbol, || String::from(quantile))?;
    if limit.is_empty() {
        return Err(no_limit(symbol, "150ms"));
    }
    if let Some(allowance) = baseline::allowance(quantile, limit)? {
        return Ok(Condition::Baseline {
            quantile,
            allowance,
        });
    }
    if limit.ends_with('%') {
        return Err(ParseErrorKind::Unreachable(
            "the limit of a percentile is a duration\nhint: write '150ms', or 'baseline + 10%'",
        ));
    }
    Ok(Condition::Latency {
        quantile,
        operator,
        limit: duration(
            limit,
            "the limit must be above zero\nhint: write for example 150ms",
        )?,
    })
}

pub(super) fn done(
    quantile: Quantile,
    symbol: &str,
    limit: &str,
) -> Result<Condition, ParseErrorKind> {
    let operator = upper_bound(symbol, || format!("done.{}", String::from(quantile)))?;
    if limit.is_empty() {
        return Err(no_limit(symbol, "2s"));
    }
    if limit.ends_with('%') || is_baseline(limit) {
        return Err(ParseErrorKind::Unreachable(
            "the limit of the time to completion is a duration\nhint: write '2s'",
        ));
    }
    Ok(Condition::Done {
        quantile,
        operator,
        limit: duration(
            limit,
            "the limit must be above zero\nhint: write for example 150ms",
        )?,
    })
}

fn duration(limit: &str, if_zero: &'static str) -> Result<Duration, ParseErrorKind> {
    let limit = parse_duration(limit)?;
    if limit > Duration::from_nanos(1) {
        Ok(limit)
    } else {
        Err(ParseErrorKind::Unreachable(if_zero))
    }
}

pub(super) fn count(
    what: AuditCount,
    symbol: &str,
    limit: &str,
) -> Result<Condition, ParseErrorKind> {
    let operator = upper_bound(symbol, || what.as_str().to_owned())?;
    if limit.is_empty() {
        return Err(no_limit(symbol, "0"));
    }
    let at_most = largest_count(operator, limit)?;
    Ok(Condition::Count { what, at_most })
}

pub(super) fn backlog(
    quantile: Quantile,
    symbol: &str,
    limit: &str,
) -> Result<Condition, ParseErrorKind> {
    let operator = upper_bound(symbol, || format!("backlog.{}", String::from(quantile)))?;
    if limit.is_empty() {
        return Err(no_limit(symbol, "200"));
    }
    let at_most = largest_count(operator, limit)?;
    Ok(Condition::Backlog { quantile, at_most })
}

fn largest_count(operator: LimitOperator, limit: &str) -> Result<u64, ParseErrorKind> {
    let number: u64 = limit
        .parse()
        .map_err(|_| ParseErrorKind::NoCount(limit.to_owned()))?;
    let at_most = match operator {
        LimitOperator::AtMost => Some(number),
        LimitOperator::Below => number.checked_sub(1),
    };
    at_most.ok_or(ParseErrorKind::Unreachable(
        "a count cannot be below zero\nhint: write '<= 0'",
    ))
}

pub(super) fn error_rate(symbol: &str, limit: &str) -> Result<Condition, ParseErrorKind> {
    let operator = upper_bound(symbol, || "error_rate".to_owned())?;
    if limit.is_empty() {
        return Err(no_limit(symbol, "0.1%"));
    }
    let is_zero = limit.trim_end_matches('%').trim().parse() == Ok(0.0);
    if is_zero {
        return Err(ParseErrorKind::Unreachable(
            "no number of requests can show an error rate of 0\nhint: write the smallest rate that matters, such as 0.1% (needs 2,995 requests)",
        ));
    }
    let limit = percentage(limit)?;
    if limit.as_fraction() >= 1.0 {
        return Err(ParseErrorKind::Unreachable(
            "the limit must be below 100%\nhint: write a lower one, such as 1%",
        ));
    }
    // The limit is a decimal: 0.0000001 / 100 may be a little less than 1e-9.
    if limit.as_fraction() < SMALLEST_RATE * (1.0 - 1e-9) {
        return Err(ParseErrorKind::Unreachable(
            "the limit is too small to be shown\nhint: use at least 0.0000001%",
        ));
    }
    if limit.as_fraction() > 1.0 - SMALLEST_RATE * (1.0 - 1e-6) {
        return Err(ParseErrorKind::Unreachable(
            "the limit is too close to 100%\nhint: use at most 99.9999999%",
        ));
    }
    Ok(Condition::ErrorRate { operator, limit })
}

pub(super) fn reduction(
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
            "a reduction must be above 0% and below 100%\nhint: write for example 70%",
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
        let percent = trimmed(number * 100.0, 6);
        return Err(ParseErrorKind::NoPercent {
            text: text.to_owned(),
            corrected: if (0.0..1.0).contains(&number) {
                format!("{text}%, or {percent}% if {text} is a fraction")
            } else {
                format!("{text}%")
            },
        });
    }
    parse_percentage(text)?;
    let number = text.trim_end_matches('%').trim().parse().ok();
    number
        .and_then(Percentage::of)
        .ok_or_else(|| ParseErrorKind::NoPercent {
            text: text.to_owned(),
            corrected: "a number and a '%'".to_owned(),
        })
}
