//! `baseline + 10% or 1ms`: how much a percentile may exceed its baseline, and the correction of other spellings.

use std::time::Duration;

use super::percentage;
use crate::judge::gate::allowance::Allowance;
use crate::judge::gate::parse_error::{ParseErrorKind, did_you_mean};
use crate::judge::gate::percentage::Percentage;
use crate::stats::rank::Quantile;
use crate::units::{UnitError, parse_duration, parse_percentage, trimmed};

const WORD: &str = "baseline";

/// The largest allowance over a baseline, as a fraction: 10,000 times as long.
const LARGEST_ALLOWANCE: f64 = 10_000.0;

/// The correct spellings, where the text is ambiguous.
const EXAMPLES: &str = "'baseline + 10%', 'baseline + 1ms' or 'baseline + 10% or 1ms'";

/// Whether a limit begins with the word.
pub(in super::super) fn is_baseline(limit: &str) -> bool {
    after_word(limit).is_some()
}

fn after_word(limit: &str) -> Option<&str> {
    let (word, rest) = limit.split_at_checked(WORD.len())?;
    word.eq_ignore_ascii_case(WORD).then(|| rest.trim())
}

/// The allowance of a limit that names a baseline; `None` for any other limit.
pub(super) fn allowance(
    quantile: Quantile,
    limit: &str,
) -> Result<Option<Allowance>, ParseErrorKind> {
    let Some(rest) = after_word(limit) else {
        return misspelled(limit).map_or(Ok(None), Err);
    };
    if rest.is_empty() {
        return Ok(Percentage::of(0.0).map(Allowance::Share));
    }
    let Some(text) = rest.strip_prefix('+') else {
        return Err(wrong(limit, other_operation(quantile, rest)));
    };
    let parts: Vec<Part> = split_or(text)
        .into_iter()
        .map(|part| Part::parse(part.trim(), limit))
        .collect::<Result<_, _>>()?;
    match *parts.as_slice() {
        [Part::Share(share)] => Ok(Some(Allowance::Share(share))),
        [Part::Time(time)] => Ok(Some(Allowance::Time(time))),
        [Part::Share(share), Part::Time(time)] | [Part::Time(time), Part::Share(share)] => {
            Ok(Some(Allowance::Larger { share, time }))
        }
        _ => Err(wrong(
            limit,
            "one percentage and one time, such as 'baseline + 10% or 1ms'".to_owned(),
        )),
    }
}

/// `10% or 1ms` in two.
fn split_or(text: &str) -> Vec<&str> {
    const OR: &str = " or ";
    match text.to_ascii_lowercase().find(OR) {
        Some(at) => {
            let mut parts = vec![&text[..at]];
            parts.extend(split_or(&text[at + OR.len()..]));
            parts
        }
        None => vec![text],
    }
}

#[derive(Clone, Copy)]
enum Part {
    Share(Percentage),
    Time(Duration),
}

impl Part {
    fn parse(text: &str, limit: &str) -> Result<Part, ParseErrorKind> {
        if text.ends_with('%') && parse_percentage(text).is_ok() {
            let share = percentage(text)?;
            if share.as_fraction() > LARGEST_ALLOWANCE {
                return Err(ParseErrorKind::Unreachable(
                    "the allowance is too large; the largest is 1000000%",
                ));
            }
            return Ok(Part::Share(share));
        }
        match parse_duration(text) {
            Ok(time) => Ok(Part::Time(time)),
            Err(UnitError::NoUnit(number)) if number.parse::<f64>().is_ok() => Err(wrong(
                limit,
                format!("'baseline + {number}%' or 'baseline + {number}ms'"),
            )),
            Err(_) => Err(wrong(
                limit,
                with_or(text).unwrap_or_else(|| EXAMPLES.to_owned()),
            )),
        }
    }
}

/// Two allowances with something other than `or` between them.
fn with_or(text: &str) -> Option<String> {
    let joints = [",", "|", "&", "/", ";", " and ", "+"];
    let (first, second) = joints.iter().find_map(|joint| text.split_once(joint))?;
    let is_allowance = |part: &str| parse_percentage(part).is_ok() || parse_duration(part).is_ok();
    let [first, second] = [first, second].map(|part| part.trim_matches(['|', '&', ' ']));
    (is_allowance(first) && is_allowance(second))
        .then(|| format!("'baseline + {first} or {second}'; the larger of the two counts"))
}

/// `* 1.1` is meant as `+ 10%`, and `- 10%` as a reduction.
fn other_operation(quantile: Quantile, rest: &str) -> String {
    let factor = rest.strip_prefix(['*', '×', 'x']).map(str::trim);
    let factor = factor.and_then(|factor| factor.parse::<f64>().ok());
    if let Some(factor) = factor.filter(|factor| (1.0..LARGEST_ALLOWANCE).contains(factor)) {
        return format!("'baseline + {}%'", trimmed((factor - 1.0) * 100.0, 6));
    }
    let less = rest.strip_prefix(['-', '−']).map(str::trim);
    let share =
        less.filter(|text| parse_percentage(text).is_ok_and(|share| share > 0.0 && share < 1.0));
    match share {
        Some(share) => format!("'{} reduction >= {share}'", String::from(quantile)),
        None => EXAMPLES.to_owned(),
    }
}

/// A slip in the word itself, or the word in another place.
fn misspelled(limit: &str) -> Option<ParseErrorKind> {
    let end = limit
        .find(|c: char| !c.is_alphabetic())
        .unwrap_or(limit.len());
    let (word, rest) = limit.split_at(end);
    if did_you_mean(word, [WORD]).is_some() {
        return Some(wrong(limit, format!("'{WORD}{rest}'")));
    }
    let elsewhere = limit.to_ascii_lowercase().contains(WORD);
    elsewhere.then(|| wrong(limit, EXAMPLES.to_owned()))
}

fn wrong(text: &str, corrected: String) -> ParseErrorKind {
    ParseErrorKind::Baseline {
        text: text.to_owned(),
        corrected,
    }
}
