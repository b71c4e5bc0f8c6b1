//! The page of capacity searches: percentiles, errors and sent requests over the rate, every trial, notes.

mod charts;

use std::io::{self, Write};

use super::chapter::panel;
use super::chart::ChartWidth;
use super::document;
use super::markup::{Markup, attrs};
use super::picture::{self, MARGIN, at};
use super::verdict_glyph::{glyph, status};
use crate::printable::one_line;
use crate::report::capacity_change::LabelledSearch;
use crate::report::capacity_rows::{CapacityRows, TITLES_OF_BRACKETS, bracket_row};
use crate::report::style::Verbosity;
use crate::report::text::capacity as text;
use crate::report::text::page::sentence;
use crate::verdict::Verdict;

use charts::{RateCharts, STRIP_HEIGHT, TIMES_HEIGHT};

/// Titles of the strips.
const ERRORS: &str = "Errors by rate";
const ACHIEVED: &str = "Achieved of the offered rate";

/// What the page says first.
pub(in crate::report) struct PageHead {
    pub(in crate::report) verdict: Option<Verdict>,
    pub(in crate::report) text: String,
    pub(in crate::report) lede: String,
}

impl PageHead {
    fn title(&self) -> String {
        let text = one_line(&self.text);
        match self.verdict {
            Some(verdict) => format!("{verdict} — {text}"),
            None => text.into_owned(),
        }
    }
}

/// Writes the page of one search, or of two that are compared.
pub(in crate::report) fn write(
    searches: &[LabelledSearch<'_>],
    head: &PageHead,
    out: &mut dyn Write,
) -> io::Result<()> {
    let verdict = head.verdict.or(Some(Verdict::Pass));
    let page = document(&head.title(), verdict, |m| {
        header(m, searches, head);
        m.node("main", attrs![], |m| main(m, searches));
    });
    out.write_all(page.as_str().as_bytes())
}

/// Writes the charts alone, for a README or a chat.
pub(in crate::report) fn write_picture(
    searches: &[LabelledSearch<'_>],
    head: &PageHead,
    out: &mut dyn Write,
) -> io::Result<()> {
    let charts = RateCharts::of(searches);
    let height = 2.0 * MARGIN + 60.0 + TIMES_HEIGHT + 2.0 * (STRIP_HEIGHT + MARGIN);
    let m = picture::framed(&head.title(), 16, height, |m| {
        let mut y = MARGIN + 50.0;
        at(m, y, TIMES_HEIGHT, |m| charts.times(m, ChartWidth::Column));
        y += TIMES_HEIGHT + MARGIN;
        picture::title(m, y - 4.0, 11, ERRORS);
        at(m, y, STRIP_HEIGHT, |m| charts.errors(m, ChartWidth::Column));
        y += STRIP_HEIGHT + MARGIN;
        picture::title(m, y - 4.0, 11, ACHIEVED);
        at(m, y, STRIP_HEIGHT, |m| charts.sent(m, ChartWidth::Column));
    });
    out.write_all(m.as_str().as_bytes())
}

fn header(m: &mut Markup, searches: &[LabelledSearch<'_>], head: &PageHead) {
    m.node("header", attrs![], |m| {
        m.node("p", attrs!["class" => "meta"], |m| {
            m.node("span", attrs![], |m| {
                m.words("b", attrs![], "a7probe");
                m.text(format_args!(" {} capacity", env!("CARGO_PKG_VERSION")));
            });
            for search in searches {
                let facts = text::capacity_facts(search.report);
                let began = search.report.started_at.strftime("%Y-%m-%d %H:%M:%S UTC");
                for fact in facts.into_iter().chain([began.to_string()]) {
                    m.space();
                    let label = search.label;
                    let gap = if label.is_empty() { "" } else { " " };
                    m.words("span", attrs![], format_args!("{label}{gap}{fact}"));
                }
            }
        });
        m.line_break();
        m.node("h1", attrs![], |m| {
            if let Some(verdict) = head.verdict {
                glyph(m, verdict, 30);
                m.space();
            }
            m.words("span", attrs![], head.title());
        });
        m.words("p", attrs!["class" => "lede"], &head.lede);
    });
    m.line_break();
}

fn main(m: &mut Markup, searches: &[LabelledSearch<'_>]) {
    let charts = RateCharts::of(searches);
    let say = |of: fn(&crate::report::CapacityReport) -> String| {
        let sentences: Vec<String> = searches
            .iter()
            .map(|search| labelled(search.label, &of(search.report)))
            .collect();
        sentences.join(" ")
    };
    panel(m, charts.title(), &say(text::latency_sentence), |m| {
        charts.times(m, ChartWidth::Page);
    });
    panel(m, ERRORS, &say(text::errors_sentence), |m| {
        charts.errors(m, ChartWidth::Page);
    });
    panel(m, ACHIEVED, &say(text::achieved_sentence), |m| {
        charts.sent(m, ChartWidth::Page);
    });
    if searches.len() > 1 {
        m.words("h2", attrs!["class" => "t3"], "Shown rates");
        brackets(m, searches);
    }
    for search in searches {
        m.words(
            "h2",
            attrs!["class" => "t3"],
            labelled(search.label, "Trials"),
        );
        trials(m, search, Verbosity::Normal);
    }
    m.words("h2", attrs![], "Notes and method");
    m.node("ol", attrs!["class" => "notes"], |m| {
        for search in searches {
            let report = search.report;
            let notes = text::capacity_notes(report).into_iter();
            let next = text::capacity_next(report).map(|next| format!("Next: {next}"));
            let facts = [text::capacity_method(report)];
            for note in notes.chain(next).chain(facts) {
                let note = sentence(&note);
                m.words("li", attrs![], labelled(search.label, &note));
                m.line_break();
            }
            for trace in text::capacity_traces(report) {
                m.words("li", attrs![], format_args!("Trace: {trace}"));
                m.line_break();
            }
        }
    });
    m.node("section", attrs!["class" => "data"], |m| {
        m.words("h2", attrs!["class" => "t3"], "Data");
        for search in searches {
            m.node("details", attrs![], |m| {
                m.words(
                    "summary",
                    attrs![],
                    labelled(search.label, "Every trial"),
                );
                let name = labelled(search.label, "every trial");
                let attributes = attrs!["class" => "w", "tabindex" => 0, "role" => "region", "aria-label" => name];
                m.node("div", attributes, |m| trials(m, search, Verbosity::Full));
            });
            m.line_break();
        }
    });
}

fn labelled(label: &str, text: &str) -> String {
    if label.is_empty() {
        text.to_owned()
    } else {
        format!("{label}: {text}")
    }
}

fn brackets(m: &mut Markup, searches: &[LabelledSearch<'_>]) {
    m.node("table", attrs![], |m| {
        m.node("thead", attrs![], |m| {
            m.node("tr", attrs![], |m| {
                for title in TITLES_OF_BRACKETS {
                    m.words("th", attrs!["scope" => "col"], title);
                }
            });
        });
        m.node("tbody", attrs![], |m| {
            for search in searches {
                m.node("tr", attrs![], |m| {
                    for cell in bracket_row(*search) {
                        m.words("td", attrs![], cell);
                    }
                });
            }
        });
    });
}

fn trials(m: &mut Markup, search: &LabelledSearch<'_>, verbosity: Verbosity) {
    let rows = CapacityRows::of(search.report, verbosity);
    let class = |is_number: bool| if is_number { "r" } else { "" };
    m.node("table", attrs![], |m| {
        m.node("thead", attrs![], |m| {
            m.node("tr", attrs![], |m| {
                for (title, is_number) in rows.titles.iter().zip(&rows.numbers) {
                    let attributes = attrs!["scope" => "col", "class" => class(*is_number)];
                    m.words("th", attributes, title);
                }
            });
        });
        m.node("tbody", attrs![], |m| {
            for row in &rows.rows {
                m.node("tr", attrs![], |m| {
                    for (cell, is_number) in row.cells.iter().zip(&rows.numbers) {
                        m.words("td", attrs!["class" => class(*is_number)], cell);
                    }
                    m.node("td", attrs![], |m| match row.verdict {
                        Some(verdict) => status(m, verdict),
                        None => m.text(row.word),
                    });
                });
            }
        });
    });
}
