//! The table of gates: name, value, interval, place against the limit, verdict; and a line for each that did not pass.

use super::gate_view::{GateInterval, GateView};
use super::markup::{Markup, attrs};
use super::multiple_axis::{BeyondLine, OF_LIMIT};
use super::verdict_glyph::{colour_of, glyph, status};
use crate::report::model::Report;
use crate::report::text;
use crate::verdict::Verdict;

/// The gates, the worst endpoint first; `order` names the endpoints.
pub(super) fn write(m: &mut Markup, report: &Report, order: &[&str]) {
    if report.findings.is_empty() {
        return;
    }
    let mut views: Vec<GateView<'_>> = report.findings.iter().map(GateView::of).collect();
    views.sort_by_key(|view| {
        let place = order.iter().position(|name| *name == view.finding.endpoint);
        let rank = text::verdict_rank(Some(view.finding.verdict));
        (place.unwrap_or(order.len()), rank)
    });
    m.node("section", attrs![], |m| {
        m.words("h2", attrs!["class" => "t3", "id" => "gates"], "Gates");
        if views.iter().any(|view| view.place.is_some()) {
            m.words(
                "p",
                attrs!["class" => "say"],
                "Each interval is drawn as a multiple of its limit. Left of the line is within the limit.",
            );
        }
        table(m, &views);
        reasons(m, &views);
    });
}

fn table(m: &mut Markup, views: &[GateView<'_>]) {
    m.node(
        "table",
        attrs!["class" => "gates", "aria-labelledby" => "gates"],
        |m| {
            m.node("thead", attrs![], |m| m.node("tr", attrs![], head));
            m.node("tbody", attrs![], |m| {
                views.iter().for_each(|view| row(m, view))
            });
        },
    );
}

fn head(m: &mut Markup) {
    m.words("th", attrs!["scope" => "col"], "Gate");
    m.words("th", attrs!["scope" => "col", "class" => "r"], "Measured");
    m.words("th", attrs!["scope" => "col"], "95% interval");
    m.node("th", attrs!["scope" => "col"], |m| {
        scale(m, "sc", &["× 0.01", "× 0.1", "limit", "× 10"]);
    });
    m.words("th", attrs!["scope" => "col", "class" => "r"], "Limit");
    m.words("th", attrs!["scope" => "col"], "Status");
}

/// The labels of an axis in the head of its column.
pub(super) fn scale(m: &mut Markup, class: &'static str, labels: &[&'static str]) {
    m.node("span", attrs!["class" => class], |m| {
        for (number, label) in labels.iter().enumerate() {
            if number > 0 {
                m.space();
            }
            m.words("span", attrs![], label);
        }
    });
}

fn row(m: &mut Markup, view: &GateView<'_>) {
    m.node("tr", attrs![], |m| {
        m.words(
            "th",
            attrs!["scope" => "row"],
            format_args!("{} {}", view.subject, view.demand),
        );
        m.words("td", attrs!["class" => "me r"], &view.measured);
        match &view.interval {
            GateInterval::Shown(interval) => m.words("td", attrs!["class" => "ci q"], interval),
            GateInterval::ExactCount => m.words("td", attrs!["class" => "ci"], "exact count"),
            GateInterval::Unknown => m.words("td", attrs!["class" => "ci"], "not resolved"),
        }
        m.node("td", attrs!["class" => "g"], |m| {
            // An interval without an end has no place.
            if let Some(place) = view.place.filter(|p| p.low.or(p.high).is_some()) {
                let colour = colour_of(view.finding.verdict);
                OF_LIMIT.draw(m, place, colour, BeyondLine::Marked);
            }
        });
        m.words("td", attrs!["class" => "li r"], &view.limit);
        m.node("td", attrs!["class" => "s"], |m| {
            status(m, view.finding.verdict)
        });
    });
}

/// Evidence, confidence and what to do next, of every gate that did not pass.
fn reasons(m: &mut Markup, views: &[GateView<'_>]) {
    let open: Vec<&GateView<'_>> = views
        .iter()
        .filter(|view| view.finding.verdict != Verdict::Pass)
        .collect();
    if open.is_empty() {
        return;
    }
    m.node("ul", attrs!["class" => "why"], |m| {
        for view in open {
            m.node("li", attrs![], |m| {
                glyph(m, view.finding.verdict, 16);
                m.space();
                m.words("b", attrs![], &view.subject);
                m.text(format_args!(": {}.", text::reason(view.finding)));
                if let Some(step) = text::next_step(view.finding) {
                    m.text(format_args!(" Next: {step}."));
                }
            });
            m.line_break();
        }
    });
}
