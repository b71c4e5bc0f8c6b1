//! The report as one page: verdict, gates, charts, notes and data, without script or another file.
//!
//! Everything is written by [`markup::Markup`], where text from outside can only enter escaped. Sizes, colours and rules
//! of the charts stand in the file of each chart.

mod audit_panel;
mod axis;
mod backlog_chart;
pub(super) mod capacity;
mod change_table;
mod chapter;
mod chart;
mod colour;
mod course;
mod data_tables;
mod distribution_panel;
mod few_requests;
mod frame;
mod gate_view;
mod gates;
mod header;
mod headline;
mod heat_map;
mod label;
mod latency_panel;
mod latency_text;
mod load_panel;
mod load_strip;
mod load_text;
mod markup;
mod multiple_axis;
mod notes;
mod number;
mod page_facts;
mod panels;
mod percentile_panel;
mod phases_panel;
mod picture;
mod rate_axis;
mod slow_requests;
mod style_sheet;
mod verdict_glyph;

use std::io::{self, Write};
use std::path::Path;

use chapter::{Chapter, PanelHeight, RunOfEndpoint, RunRole};
use headline::PageHeadline;
use markup::{Markup, attrs};
use style_sheet::StyleSheet;

use super::model::Report;
use super::text;
use crate::verdict::Verdict;

/// Endpoints with a chapter of their own; the others have their line and their data.
const CHAPTERS: usize = 8;

/// A page from another place is not trusted with more than its own style.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'";

/// Writes the page, which will lie in this folder.
pub(super) fn write(report: &Report, folder: &Path, out: &mut dyn Write) -> io::Result<()> {
    out.write_all(page(report, folder).as_str().as_bytes())
}

/// Writes latency, errors and the percentile curve of every endpoint as one picture.
pub(super) fn write_picture(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    out.write_all(picture::of(report).as_str().as_bytes())
}

/// An endpoint with its run, or with the runs before and after.
struct EndpointRuns<'a> {
    name: &'a str,
    runs: Vec<RunOfEndpoint<'a>>,
}

/// The worst verdict first, as the chapters.
fn endpoints(report: &Report) -> Vec<EndpointRuns<'_>> {
    let mut endpoints: Vec<EndpointRuns<'_>> = match &report.comparison {
        Some(whole) => whole
            .sides
            .iter()
            .map(|sides| EndpointRuns {
                name: &sides.after.name,
                runs: vec![
                    RunOfEndpoint {
                        role: RunRole::Before,
                        endpoint: &sides.before,
                    },
                    RunOfEndpoint {
                        role: RunRole::After,
                        endpoint: &sides.after,
                    },
                ],
            })
            .collect(),
        None => report
            .endpoints
            .iter()
            .map(|endpoint| EndpointRuns {
                name: &endpoint.name,
                runs: vec![RunOfEndpoint {
                    role: RunRole::Only,
                    endpoint,
                }],
            })
            .collect(),
    };
    endpoints.sort_by_key(|endpoint| text::verdict_rank(text::of_verdict(report, endpoint.name).0));
    endpoints
}

fn page(report: &Report, folder: &Path) -> Markup {
    let headline = PageHeadline::of(report);
    let endpoints = endpoints(report);
    let chapters: Vec<Chapter<'_>> = endpoints
        .iter()
        .take(CHAPTERS)
        .filter_map(|endpoint| Chapter::of(report, &endpoint.runs))
        .collect();
    document(&headline.text, headline.verdict, |m| {
        header::write(m, report, &headline, &endpoints);
        m.node("main", attrs![], |m| {
            let order: Vec<&str> = endpoints.iter().map(|endpoint| endpoint.name).collect();
            gates::write(m, report, &order);
            change_table::write(m, report, &order);
            for (number, chapter) in chapters.iter().enumerate() {
                let height = if number == 0 {
                    PanelHeight::Tall
                } else {
                    PanelHeight::Low
                };
                panels::write(m, chapter, height);
            }
            notes::write(m, report, folder);
            data_tables::write(m, &endpoints);
        });
    })
}

/// A page with this content between its head and its footer.
fn document(title: &str, verdict: Option<Verdict>, content: impl FnOnce(&mut Markup)) -> Markup {
    let mut page = Markup::new();
    page.doctype();
    page.node("html", attrs!["lang" => "en"], |m| {
        m.line_break();
        head(m, title, verdict);
        m.node("body", attrs![], |m| {
            m.line_break();
            content(m);
            m.line_break();
            m.words(
                "footer",
                attrs![],
                format_args!(
                    "a7probe {} · one file, no script, no external resource",
                    env!("CARGO_PKG_VERSION")
                ),
            );
            m.line_break();
        });
        m.line_break();
    });
    page.line_break();
    page
}

fn head(m: &mut Markup, title: &str, verdict: Option<Verdict>) {
    m.node("head", attrs![], |m| {
        m.line_break();
        m.void("meta", attrs!["charset" => "utf-8"]);
        m.line_break();
        m.void(
            "meta",
            attrs!["http-equiv" => "Content-Security-Policy", "content" => POLICY],
        );
        m.line_break();
        m.void(
            "meta",
            attrs!["name" => "viewport", "content" => "width=device-width, initial-scale=1"],
        );
        m.line_break();
        m.words("title", attrs![], format_args!("{title} · a7probe"));
        m.line_break();
        let icon = verdict_glyph::icon(verdict);
        m.void("link", attrs!["rel" => "icon", "href" => icon]);
        m.line_break();
        m.style(&StyleSheet::of_page());
    });
    m.line_break();
}
