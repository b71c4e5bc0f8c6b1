//! Before and after: what changed, with its interval, on an axis of multiples.

use super::colour;
use super::gate_view::LimitMultiples;
use super::gates::scale;
use super::markup::{Markup, attrs};
use super::multiple_axis::{BeyondLine, OF_CHANGE};
use super::number;
use crate::judge::comparison::{Change, Comparison};
use crate::report::comparison;
use crate::report::model::Report;
use crate::report::style::Verbosity;
use crate::report::text;

/// A section with one row a percentile, the endpoints in the order of the chapters; nothing without a comparison.
pub(super) fn write(m: &mut Markup, report: &Report, order: &[&str]) {
    let comparisons: &[Comparison] = match &report.baseline {
        Some(baseline) => &baseline.comparisons,
        None => report.comparisons(),
    };
    if comparisons.is_empty() {
        return;
    }
    let mut comparisons: Vec<&Comparison> = comparisons.iter().collect();
    let place = |name: &str| order.iter().position(|known| *known == name);
    comparisons.sort_by_key(|comparison| place(&comparison.endpoint));
    m.node("section", attrs![], |m| {
        m.words("h2", attrs!["class" => "t3", "id" => "change"], "Change");
        m.words(
            "p",
            attrs!["class" => "say"],
            "After divided by before, log scale. The line marks no change.",
        );
        m.node(
            "table",
            attrs!["class" => "gates chgt", "aria-labelledby" => "change"],
            |m| {
                m.node("thead", attrs![], |m| m.node("tr", attrs![], head));
                m.node("tbody", attrs![], |m| {
                    for comparison in &comparisons {
                        for change in comparison::shown(report, comparison, Verbosity::Normal) {
                            row(m, comparison, change);
                        }
                    }
                });
            },
        );
        let remarks: Vec<String> = text::lacks(report, Verbosity::Normal);
        if !remarks.is_empty() && report.baseline.is_none() {
            m.words(
                "p",
                attrs!["class" => "say foot"],
                format_args!("{}.", remarks.join(". ")),
            );
        }
    });
}

fn head(m: &mut Markup) {
    m.words("th", attrs!["scope" => "col"], "Percentile");
    m.words("th", attrs!["scope" => "col", "class" => "r"], "Before");
    m.words("th", attrs!["scope" => "col", "class" => "r"], "After");
    m.words("th", attrs!["scope" => "col"], "Change");
    m.words("th", attrs!["scope" => "col"], "95% interval");
    m.node("th", attrs!["scope" => "col"], |m| {
        scale(m, "sc s4", &["÷ 1000", "÷ 10", "same", "× 10"]);
    });
}

fn row(m: &mut Markup, comparison: &Comparison, change: &Change) {
    let observed = change.observed.map(number::observed);
    m.node("tr", attrs![], |m| {
        m.words(
            "th",
            attrs!["scope" => "row"],
            format_args!("{} {}", comparison.endpoint, change.quantile),
        );
        m.words("td", attrs!["class" => "r b4"], &observed.before);
        m.node("td", attrs!["class" => "r af"], |m| {
            m.words(
                "span",
                attrs!["class" => "nar"],
                format_args!("{} → ", observed.before),
            );
            m.text(&observed.after);
        });
        m.words(
            "td",
            attrs!["class" => "s ch"],
            text::change::change_of(change),
        );
        let interval = change.ratio_interval().map(text::change::interval);
        let class = if interval.is_some() { "ci q" } else { "ci" };
        m.words(
            "td",
            attrs!["class" => class],
            interval.unwrap_or_else(|| "not resolved".to_owned()),
        );
        m.node("td", attrs!["class" => "g"], |m| {
            if let Some(place) = place(change) {
                OF_CHANGE.draw(m, place, colour::P95, BeyondLine::Plain);
            }
        });
    });
}

fn place(change: &Change) -> Option<LimitMultiples> {
    let range = change.ratio_interval()?;
    Some(LimitMultiples {
        value: change.ratio()?,
        low: (range.low > 0.0).then_some(range.low),
        high: range.high.is_finite().then_some(range.high),
    })
}
