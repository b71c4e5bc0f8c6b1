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

use super::parse_error::{ParseError, ParseErrorKind, did_you_mean};
use super::{Comparison, Condition, Counted, Gate, Percentage, Selector, Severity};
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

pub(super) fn parse(text: &str) -> Result<Gate, ParseError> {
    parse_kind(text).map_err(|kind| ParseError {
        gate: text.trim().to_owned(),
        kind,
    })
}

fn parse_kind(text: &str) -> Result<Gate, ParseErrorKind> {
    let (subject, comparison, limit) = split(text)?;
    let (limit, severity) = severity_of(limit)?;
    let subject = Subject::parse(subject, comparison)?;
    let condition = match subject.metric {
        Metric::Percentile(quantile) => percentile_condition(quantile, comparison, limit)?,
        Metric::Done(quantile) => done_condition(quantile, comparison, limit)?,
        Metric::Count(what) => count_condition(what, comparison, limit)?,
        Metric::ErrorRate => error_rate_condition(comparison, limit)?,
        Metric::Reduction(quantile) => reduction_condition(quantile, comparison, limit)?,
    };
    Ok(Gate {
        selector: subject.selector,
        condition,
        severity,
    })
}

/// What stands before, at and after the comparison.
fn split(text: &str) -> Result<(&str, &str, &str), ParseErrorKind> {
    let is_operator = |c: char| "<>=!≤≥".contains(c);
    let start = text.find(is_operator).ok_or(ParseErrorKind::NoComparison)?;
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

/// What stands before the comparison.
struct Subject {
    selector: Selector,
    metric: Metric,
}

enum Metric {
    Percentile(Quantile),
    ErrorRate,
    Done(Quantile),
    Count(Counted),
    Reduction(Quantile),
}

impl Subject {
    fn parse(text: &str, comparison: &str) -> Result<Subject, ParseErrorKind> {
        let text = close_parentheses(text);
        let mut words: Vec<&str> = text.split_whitespace().collect();
        let no_metric = || ParseErrorKind::NoMetric(comparison.to_owned());
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
        Ok(Subject {
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

fn counted(word: &str) -> Option<Counted> {
    Counted::ALL
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
    comparison: &str,
    limit: &str,
) -> Result<Condition, ParseErrorKind> {
    let at_most = upper_bound(comparison, || String::from(quantile))?;
    if limit.is_empty() {
        return Err(no_limit(comparison, "150ms"));
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
            comparison: at_most,
            limit,
        }),
        false => Err(ParseErrorKind::Unreachable(
            "no answer takes no time; the limit must be above zero",
        )),
    }
}

fn done_condition(
    quantile: Quantile,
    comparison: &str,
    limit: &str,
) -> Result<Condition, ParseErrorKind> {
    let kind = upper_bound(comparison, || format!("done.{}", String::from(quantile)))?;
    if limit.is_empty() {
        return Err(no_limit(comparison, "2s"));
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
            comparison: kind,
            limit,
        }),
        false => Err(ParseErrorKind::Unreachable(
            "nothing is done in no time; the limit must be above zero",
        )),
    }
}

fn count_condition(
    what: Counted,
    comparison: &str,
    limit: &str,
) -> Result<Condition, ParseErrorKind> {
    let kind = upper_bound(comparison, || what.as_str().to_owned())?;
    if limit.is_empty() {
        return Err(no_limit(comparison, "0"));
    }
    let number: u64 = limit
        .parse()
        .map_err(|_| ParseErrorKind::NoCount(limit.to_owned()))?;
    let at_most = match kind {
        Comparison::AtMost => Some(number),
        Comparison::Below => number.checked_sub(1),
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

fn error_rate_condition(comparison: &str, limit: &str) -> Result<Condition, ParseErrorKind> {
    let comparison_kind = upper_bound(comparison, || "error_rate".to_owned())?;
    if limit.is_empty() {
        return Err(no_limit(comparison, "0.1%"));
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
    Ok(Condition::ErrorRate {
        comparison: comparison_kind,
        limit,
    })
}

fn reduction_condition(
    quantile: Quantile,
    comparison: &str,
    limit: &str,
) -> Result<Condition, ParseErrorKind> {
    if !matches!(comparison, ">=" | "≥") {
        return Err(ParseErrorKind::Comparison {
            found: comparison.to_owned(),
            metric: "a reduction".to_owned(),
            wanted: ">=",
        });
    }
    if limit.is_empty() {
        return Err(no_limit(comparison, "70%"));
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
    comparison: &str,
    metric: impl FnOnce() -> String,
) -> Result<Comparison, ParseErrorKind> {
    match comparison {
        "<=" | "≤" => Ok(Comparison::AtMost),
        "<" => Ok(Comparison::Below),
        _ => Err(ParseErrorKind::Comparison {
            found: comparison.to_owned(),
            metric: metric(),
            wanted: "<=",
        }),
    }
}

fn no_limit(comparison: &str, example: &'static str) -> ParseErrorKind {
    ParseErrorKind::NoLimit {
        comparison: comparison.to_owned(),
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
mod tests {
    use std::time::Duration;

    use proptest::prelude::{Just, Strategy, any, prop_oneof, proptest};

    use super::{Comparison, Condition, Counted, Gate, Percentage, Selector, Severity};
    use crate::stats::rank::Quantile;

    fn latency(quantile: Quantile, comparison: Comparison, limit_ms: u64) -> Condition {
        Condition::Latency {
            quantile,
            comparison,
            limit: Duration::from_millis(limit_ms),
        }
    }

    fn read(text: &str) -> Gate {
        Gate::parse(text).unwrap_or_else(|error| panic!("{error}"))
    }

    fn refusal(text: &str) -> String {
        Gate::parse(text).expect_err(text).kind.to_string()
    }

    #[test]
    fn shares_that_no_run_can_show_are_refused_with_the_nearest_that_it_can() {
        for (text, told) in [
            (
                "error_rate <= 1e-18%",
                "the smallest that can be judged is 0.0000001%",
            ),
            ("error_rate <= 0.00000009%", "0.0000001%"),
            ("error_rate <= 1e-300%", "0.0000001%"),
            ("error_rate <= 1e-400%", "a rate of zero"),
            (
                "error_rate <= 99.99999999%",
                "the largest that can be judged is 99.9999999%",
            ),
            ("error_rate <= 1e300%", "within 100%"),
            ("error_rate <= nan%", "0% or more"),
            ("error_rate <= inf%", "0% or more"),
            ("p95 <= baseline + 1e300%", "the largest is 1000000%"),
            ("p99.99999999999999 <= 1s", "at most 7"),
            ("p100 <= 1s", "above 0 and below 100"),
            ("p95 <= 0s", "above zero"),
            ("p95 <= 1000000000000000000s", "at most 7 days"),
            ("p95 <= nans", "not a duration"),
        ] {
            let refused = refusal(text);
            assert!(refused.contains(told), "{text}: {refused}");
        }
        for text in [
            "error_rate <= 0.0000001%",
            "error_rate <= 99.9999999%",
            "p99.9999999 <= 1s",
            "p0.0000001 <= 1s",
            "p95 <= baseline + 1000000%",
        ] {
            read(text);
        }
    }

    #[test]
    fn every_spelling_of_a_percentile_gate_is_read() {
        let p95 = latency(Quantile::P95, Comparison::AtMost, 150);
        for text in [
            "health p95 <= 150ms",
            "health p95<=150ms",
            "  health   P95   ≤ 0.15 s  ",
            "health p(95) <= 150ms",
            "health p( 95 )<=150ms",
            "health: p95 <= 150ms",
        ] {
            let gate = read(text);
            assert_eq!(gate.selector, Selector::Named("health".into()), "{text}");
            assert_eq!(gate.condition, p95, "{text}");
            assert_eq!(gate.severity, Severity::Decides, "{text}");
        }
        for text in [
            "p95 <= 150ms",
            "* p95 <= 150ms",
            "http_req_duration p(95) <= 150ms",
            "http_req_duration: p(95)<=150ms",
        ] {
            assert_eq!(read(text).selector, Selector::Every, "{text}");
            assert_eq!(read(text).condition, p95, "{text}");
        }
        assert_eq!(
            read("med < 1s").condition,
            latency(Quantile::P50, Comparison::Below, 1000)
        );
        assert_eq!(
            read("my api p99.9 <= 1s").selector,
            Selector::Named("my api".into())
        );
    }

    #[test]
    fn shares_reductions_and_baselines_are_read() {
        let percent = |number| Percentage::of(number).expect("a percentage");
        let limit = percent(0.1);
        assert_eq!(
            read("ingest error_rate <= 0.1%").condition,
            Condition::ErrorRate {
                comparison: Comparison::AtMost,
                limit
            }
        );
        assert_eq!(limit.as_fraction(), 0.001);
        let quantile = Quantile::P95;
        assert_eq!(
            read("p95 reduction >= 70 %").condition,
            Condition::Reduction {
                quantile,
                at_least: percent(70.0)
            }
        );
        for (text, allowance) in [
            ("p95 <= baseline + 10%", 10.0),
            ("p95 <= baseline +10%", 10.0),
            ("p95<=baseline+10 %", 10.0),
            ("p95 <= baseline", 0.0),
        ] {
            let allowance = percent(allowance);
            assert_eq!(
                read(text).condition,
                Condition::Baseline {
                    quantile,
                    allowance
                },
                "{text}"
            );
        }
    }

    #[test]
    fn a_warning_is_told_by_its_suffix() {
        for text in [
            "health p95 <= 150ms warn",
            "p95 <= 150 ms warn",
            "p95 reduction >= 70% warn",
            "p95 <= baseline + 10% WARN",
            "error_rate <= 1% warn",
        ] {
            assert_eq!(read(text).severity, Severity::Warns, "{text}");
        }
    }

    #[test]
    fn below_is_one_nanosecond_less() {
        assert_eq!(
            read("p95 < 150ms").condition.target(),
            Some(Duration::from_nanos(149_999_999))
        );
        assert_eq!(
            read("p95 <= 150ms").condition.target(),
            Some(Duration::from_millis(150))
        );
    }

    #[test]
    fn what_cannot_be_read_is_told_with_its_mend() {
        for (text, message) in [
            ("p95 <= 150", "'150' has no unit; write 150ms or 150s"),
            (
                "p95 <= 150mz",
                "'150mz' has an unknown unit 'mz'; use ns, us, ms, s, m or h",
            ),
            (
                "p95 <= fast",
                "'fast' is not a duration, such as 150ms or 1.5s",
            ),
            (
                "p95",
                "there is no '<=' in it; write for example 'health p95 <= 150ms'",
            ),
            (
                "",
                "there is no '<=' in it; write for example 'health p95 <= 150ms'",
            ),
            (
                "p95 <=",
                "there is no limit after '<='; write for example '<= 150ms'",
            ),
            ("p95 >= 150ms", "'>=' is no comparison for p95; write '<='"),
            ("p95 == 150ms", "'==' is no comparison for p95; write '<='"),
            (
                "p95 reduction <= 70%",
                "'<=' is no comparison for a reduction; write '>='",
            ),
            (
                "<= 150ms",
                "there is no metric before '<='; write a percentile or error_rate, as in 'health p95 <= 150ms'",
            ),
            (
                "health eror_rate <= 1%",
                "unknown metric 'eror_rate'; did you mean 'error_rate'?",
            ),
            (
                "health p_95 <= 1s",
                "unknown metric 'p_95'; did you mean 'p95'?",
            ),
            (
                "p95 reducton >= 70%",
                "unknown metric 'reducton'; did you mean 'reduction'?",
            ),
            (
                "ingest done <= 2s",
                "unknown metric 'done'; there are percentiles (p50, p95, p99.9 …), error_rate, of an audit done.p95, lost, duplicated, dead and unexpected, and, between two runs, 'p95 reduction'",
            ),
            (
                "ingest done.p59x <= 2s",
                "'p59x' is not a percentile; write p50, p95, p99.9 or p(95)",
            ),
            (
                "ingest don.p95 <= 2s",
                "unknown metric 'don.p95'; did you mean 'done.p95'?",
            ),
            (
                "ingest duplicates <= 0",
                "unknown metric 'duplicates'; did you mean 'duplicated'?",
            ),
            (
                "lost <= 0%",
                "'0%' is no count; write a whole number, such as 'lost <= 0'",
            ),
            ("lost < 0", "no count is below zero; write '<= 0'"),
            (
                "lost <=",
                "there is no limit after '<='; write for example '<= 0'",
            ),
            ("lost >= 0", "'>=' is no comparison for lost; write '<='"),
            ("done.p95 <= 2", "'2' has no unit; write 2ms or 2s"),
            (
                "done.p95 <= 5%",
                "the time until an event is done is compared with a duration such as 2s",
            ),
            (
                "max <= 1s",
                "'max' cannot be gated: a maximum grows with the number of requests; gate a percentile, such as p99.9",
            ),
            (
                "p100 <= 1s",
                "'p100' is outside the percentiles: the number must be above 0 and below 100 (P99.9 is written p99.9)",
            ),
            (
                "error_rate <= 0.01",
                "'0.01' has no '%'; write 0.01%, or 1% if 0.01 is a fraction",
            ),
            ("error_rate <= 1", "'1' has no '%'; write 1%"),
            (
                "error_rate <= 100%",
                "every rate is within 100%; write a limit below it",
            ),
            (
                "error_rate <= 0%",
                "no number of requests can show a rate of zero; write the smallest rate that matters, such as 0.1%, which 2995 requests without a failure show",
            ),
            (
                "p95 <= 0ms",
                "no answer takes no time; the limit must be above zero",
            ),
            (
                "p95 <= 10%",
                "a percentile is compared with a duration such as 150ms, or with 'baseline + 10%'",
            ),
            (
                "p95 reduction >= 100%",
                "a reduction must be above 0% and below 100%",
            ),
            (
                "p95 <= baseline * 2",
                "'baseline * 2' is no baseline; write 'baseline' or 'baseline + 10%'",
            ),
            (
                "p95 <= 150ms wran",
                "'wran' after the limit is not understood; only 'warn' may stand there; did you mean 'warn'?",
            ),
        ] {
            assert_eq!(refusal(text), message, "{text}");
        }
    }

    fn any_quantile() -> impl Strategy<Value = Quantile> {
        prop_oneof![
            (1u32..100).prop_map(|p| format!("p{p}")),
            (1u32..100_000_000).prop_map(|p| format!("p{}.{:06}", p / 1_000_000, p % 1_000_000)),
        ]
        .prop_map(|text| text.parse().expect("a percentile"))
    }

    fn any_percentage(most: f64) -> impl Strategy<Value = Percentage> {
        (1e-9..most).prop_map(|number| Percentage::of(number).expect("a percentage"))
    }

    fn any_gate() -> impl Strategy<Value = Gate> {
        let comparison = prop_oneof![Just(Comparison::AtMost), Just(Comparison::Below)];
        let limit_ns = prop_oneof![2u64..10_000_000_000, 2u64..604_800_000_000_000];
        let condition = prop_oneof![
            (any_quantile(), comparison.clone(), limit_ns).prop_map(
                |(quantile, comparison, limit_ns)| Condition::Latency {
                    quantile,
                    comparison,
                    limit: Duration::from_nanos(limit_ns),
                }
            ),
            (any_quantile(), comparison.clone(), 2u64..10_000_000_000).prop_map(
                |(quantile, comparison, limit_ns)| Condition::Done {
                    quantile,
                    comparison,
                    limit: Duration::from_nanos(limit_ns),
                }
            ),
            (any::<bool>(), any::<u64>()).prop_map(|(lost, at_most)| Condition::Count {
                what: if lost {
                    Counted::Lost
                } else {
                    Counted::Duplicated
                },
                at_most,
            }),
            (comparison, any_percentage(99.0))
                .prop_map(|(comparison, limit)| Condition::ErrorRate { comparison, limit }),
            (any_quantile(), any_percentage(99.0))
                .prop_map(|(quantile, at_least)| Condition::Reduction { quantile, at_least }),
            (any_quantile(), any_percentage(500.0)).prop_map(|(quantile, allowance)| {
                Condition::Baseline {
                    quantile,
                    allowance,
                }
            }),
        ];
        let selector = prop_oneof![
            Just(Selector::Every),
            "[a-z][a-z0-9_.-]{0,12}( [a-z0-9]{1,5})?".prop_map(Selector::Named),
        ];
        let severity = prop_oneof![Just(Severity::Decides), Just(Severity::Warns)];
        (selector, condition, severity).prop_map(|(selector, condition, severity)| Gate {
            selector,
            condition,
            severity,
        })
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(gate in any_gate()) {
            assert_eq!(read(&gate.to_string()), gate);
        }

        #[test]
        fn no_text_makes_the_parser_panic(text in any::<String>()) {
            let _ = Gate::parse(&text);
        }

        #[test]
        fn no_gate_like_text_makes_the_parser_panic(
            text in "(\\*|health|p95|warn| |<=|<|≤|>=|=|baseline|reduction|error_rate|done\\.|lost|duplicated|p\\(|\\)|\\+|%|µs|ms|[0-9.e-]{1,4}){0,8}"
        ) {
            if let Ok(gate) = Gate::parse(&text) {
                assert_eq!(read(&gate.to_string()), gate);
            }
        }
    }
}
