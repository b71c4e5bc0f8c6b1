//! What stands after a gate's operator: a duration, a percentage, a count or a baseline.

use std::time::Duration;

use crate::judge::gate::condition::{AuditCount, Condition, LimitOperator, Percentage};
use crate::judge::gate::parse_error::ParseErrorKind;
use crate::stats::rank::Quantile;
use crate::units::{parse_duration, parse_percentage, trimmed};

/// The smallest error rate that can be judged, as the largest percentile: p99.9999999 allows this share.
const SMALLEST_RATE: f64 = 1e-9;

/// The largest allowance over a baseline, as a fraction: 10,000 times as long.
const LARGEST_ALLOWANCE: f64 = 10_000.0;

/// `<= 150ms`, `<= baseline + 10%`.
pub(super) fn percentile(
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
    Ok(Condition::Latency {
        quantile,
        operator,
        limit: duration(
            limit,
            "no answer takes no time; the limit must be above zero",
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
    if limit.ends_with('%') || limit.to_ascii_lowercase().starts_with("baseline") {
        return Err(ParseErrorKind::Unreachable(
            "the time until an event is done is compared with a duration such as 2s",
        ));
    }
    Ok(Condition::Done {
        quantile,
        operator,
        limit: duration(
            limit,
            "nothing is done in no time; the limit must be above zero",
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
    if allowance.as_fraction() > LARGEST_ALLOWANCE {
        return Err(ParseErrorKind::Unreachable(
            "an allowance that large limits nothing; the largest is 1000000%",
        ));
    }
    Ok(allowance)
}

pub(super) fn error_rate(symbol: &str, limit: &str) -> Result<Condition, ParseErrorKind> {
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
