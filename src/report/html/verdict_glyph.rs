//! Verdicts as a shape and a word: a circle passes, a square fails, a diamond is inconclusive.

use super::colour::{self, PageColour};
use super::markup::{Markup, attrs};
use crate::verdict::Verdict;

/// The colour of a verdict.
pub(super) fn colour_of(verdict: Verdict) -> PageColour {
    match verdict {
        Verdict::Pass => colour::PASS,
        Verdict::Fail => colour::FAIL,
        Verdict::Inconclusive => colour::INCONCLUSIVE,
        Verdict::NotJudged => colour::SECONDARY,
    }
}

/// The class of its word.
fn class_of(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "st ok",
        Verdict::Fail => "st bad",
        Verdict::Inconclusive => "st inc",
        Verdict::NotJudged => "st not",
    }
}

/// The shape alone, next to words that say the same.
pub(super) fn glyph(m: &mut Markup, verdict: Verdict, size: u32) {
    m.node(
        "svg",
        attrs!["class" => "gl", "width" => size, "height" => size, "viewBox" => "0 0 16 16", "aria-hidden" => "true", "focusable" => "false"],
        |m| shape(m, verdict),
    );
}

/// The shape in a square of 16 by 16.
fn shape(m: &mut Markup, verdict: Verdict) {
    let own = colour_of(verdict);
    let sign = |m: &mut Markup, d: &'static str| {
        m.leaf(
            "path",
            attrs!["d" => d, "fill" => "none", "stroke" => colour::BACKGROUND, "stroke-width" => "1.8", "stroke-linecap" => "round", "stroke-linejoin" => "round"],
        );
    };
    match verdict {
        Verdict::Pass => {
            m.leaf(
                "circle",
                attrs!["cx" => 8, "cy" => 8, "r" => "7.5", "fill" => own],
            );
            sign(m, "M4.6 8.3l2.3 2.3 4.5-4.9");
        }
        Verdict::Fail => {
            m.leaf(
                "rect",
                attrs!["x" => 1, "y" => 1, "width" => 14, "height" => 14, "rx" => "2.5", "fill" => own],
            );
            sign(m, "M5.2 5.2l5.6 5.6M10.8 5.2l-5.6 5.6");
        }
        Verdict::Inconclusive => {
            m.leaf(
                "path",
                attrs!["d" => "M8 .9L15.1 8 8 15.1.9 8z", "fill" => colour::BACKGROUND, "stroke" => own, "stroke-width" => "1.5", "stroke-linejoin" => "round"],
            );
            m.leaf(
                "path",
                attrs!["d" => "M8 4.6v4.1", "stroke" => own, "stroke-width" => "1.7", "stroke-linecap" => "round"],
            );
            m.leaf(
                "circle",
                attrs!["cx" => 8, "cy" => "11.2", "r" => 1, "fill" => own],
            );
        }
        Verdict::NotJudged => {
            m.leaf(
                "circle",
                attrs!["cx" => 8, "cy" => 8, "r" => "6.75", "fill" => colour::BACKGROUND, "stroke" => own, "stroke-width" => "1.5"],
            );
            m.leaf(
                "path",
                attrs!["d" => "M5 8h6", "stroke" => own, "stroke-width" => "1.7", "stroke-linecap" => "round"],
            );
        }
    }
}

/// Shape and word.
pub(super) fn status(m: &mut Markup, verdict: Verdict) {
    m.node("span", attrs!["class" => class_of(verdict)], |m| {
        glyph(m, verdict, 14);
        m.space();
        m.text(verdict);
    });
}

/// The icon of the page: the shape of its verdict, as a `data:` address.
pub(super) fn icon(verdict: Option<Verdict>) -> String {
    let verdict = verdict.unwrap_or(Verdict::NotJudged);
    let mut m = Markup::new();
    m.node(
        "svg",
        attrs!["xmlns" => "http://www.w3.org/2000/svg", "viewBox" => "0 0 16 16"],
        |m| shape(m, verdict),
    );
    let mut address = "data:image/svg+xml,".to_owned();
    for c in m.as_str().chars() {
        match c {
            '<' => address.push_str("%3C"),
            '>' => address.push_str("%3E"),
            '#' => address.push_str("%23"),
            '"' => address.push('\''),
            ' ' => address.push_str("%20"),
            c => address.push(c),
        }
    }
    address
}
