//! Latency, errors and percentiles of every endpoint as one picture, for a README or a chat.

use super::chapter::{Chapter, PanelHeight};
use super::chart::ChartWidth;
use super::headline::PageHeadline;
use super::markup::{Markup, Px, attrs};
use super::style_sheet::{SANS, StyleSheet};
use super::{
    CHAPTERS, colour, endpoints, latency_panel, latency_text, load_panel, percentile_panel,
};
use crate::report::model::Report;

/// Width of the picture in px.
const WIDTH: f64 = 960.0;

/// Space around the charts.
pub(super) const MARGIN: f64 = 24.0;

/// Height of the name of an endpoint, and of the title of a chart.
const TITLE: f64 = 30.0;

/// The picture of a report.
pub(super) fn of(report: &Report) -> Markup {
    let headline = PageHeadline::of(report);
    let endpoints = endpoints(report);
    let chapters: Vec<Chapter<'_>> = endpoints
        .iter()
        .take(CHAPTERS)
        .filter_map(|endpoint| Chapter::of(report, &endpoint.runs))
        .collect();
    let heights = chapters.iter().map(|chapter| Panels::of(chapter).height());
    let height = 2.0 * MARGIN + 40.0 + heights.sum::<f64>();
    framed(&headline.text, 20, height, |m| {
        let mut y = MARGIN + 40.0;
        for chapter in &chapters {
            let panels = Panels::of(chapter);
            panels.draw(m, chapter, y);
            y += panels.height();
        }
    })
}

/// A picture of this height, with its title in this size above its charts.
pub(super) fn framed(
    title_text: &str,
    size: u32,
    height: f64,
    charts: impl FnOnce(&mut Markup),
) -> Markup {
    let mut m = Markup::new();
    let view = format!("0 0 {} {}", Px(WIDTH), Px(height));
    m.node(
        "svg",
        attrs![
            "xmlns" => "http://www.w3.org/2000/svg", "width" => WIDTH, "height" => Px(height),
            "viewBox" => view, "role" => "img", "aria-labelledby" => "title",
            "font-family" => SANS, "font-size" => 11, "fill" => colour::SECONDARY
        ],
        |m| {
            m.words("title", attrs!["id" => "title"], title_text);
            m.style(&StyleSheet::of_picture());
            m.leaf(
                "rect",
                attrs!["width" => "100%", "height" => "100%", "fill" => colour::BACKGROUND],
            );
            title(m, MARGIN + 18.0, size, title_text);
            charts(m);
        },
    );
    m.line_break();
    m
}

/// The charts of one endpoint, below each other.
struct Panels {
    /// `None` where there is too little for a chart over time.
    over_time: Option<OverTime>,
}

#[derive(Clone, Copy)]
struct OverTime {
    latency: f64,
    load: f64,
}

impl Panels {
    fn of(chapter: &Chapter<'_>) -> Panels {
        let has_course = chapter.runs.iter().any(|run| run.course.is_some());
        Panels {
            over_time: has_course.then(|| OverTime {
                latency: latency_panel::height_of(chapter, PanelHeight::Low) + 46.0,
                load: load_panel::height_of(chapter),
            }),
        }
    }

    fn height(&self) -> f64 {
        let over_time = self
            .over_time
            .map_or(TITLE, |t| t.latency + t.load + 2.0 * TITLE);
        TITLE + over_time + TITLE + percentile_panel::HEIGHT + MARGIN
    }

    fn draw(&self, m: &mut Markup, chapter: &Chapter<'_>, top: f64) {
        let mut y = top + TITLE;
        let name = format!("{} {}", chapter.name, chapter.subject());
        title(m, y - 10.0, 15, &name);
        match self.over_time {
            Some(charts) => {
                y += TITLE;
                title(m, y - 10.0, 13, "Latency over time");
                at(m, y, charts.latency, |m| {
                    latency_panel::draw(m, chapter, PanelHeight::Low, ChartWidth::Column);
                });
                y += charts.latency + TITLE;
                at(m, y - TITLE + 4.0, charts.load, |m| {
                    load_panel::draw(m, chapter, ChartWidth::Column);
                });
                y += charts.load;
            }
            None => {
                y += TITLE;
                title(m, y - 10.0, 11, &latency_text::absent(chapter));
            }
        }
        y += TITLE;
        title(m, y - 10.0, 13, "Percentiles");
        at(m, y, percentile_panel::HEIGHT, |m| {
            percentile_panel::draw(m, chapter)
        });
    }
}

/// A title at the left margin.
pub(super) fn title(m: &mut Markup, y: f64, size: u32, text: &str) {
    m.words(
        "text",
        attrs!["x" => Px(MARGIN), "y" => Px(y), "font-size" => size, "font-weight" => 600, "fill" => colour::INK],
        text,
    );
}

/// A chart of the width of the picture.
pub(super) fn at(m: &mut Markup, y: f64, height: f64, inside: impl FnOnce(&mut Markup)) {
    m.node(
        "svg",
        attrs!["x" => Px(MARGIN), "y" => Px(y), "width" => Px(WIDTH - 2.0 * MARGIN), "height" => Px(height), "overflow" => "visible"],
        inside,
    );
}
