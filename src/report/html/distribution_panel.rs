//! The heat map of latency over time, and next to it the histogram on the same axis.

use super::chapter::{Chapter, ChartedRun, FEW_REQUESTS, panel};
use super::chart::{ChartWidth, ChartWords, chart};
use super::colour;
use super::frame::{Frame, WIDTH};
use super::heat_map::{HeatMap, ROWS};
use super::markup::{Markup, Px, Share, attrs};
use crate::report::figures::{share, thousands};

const HEIGHT: f64 = 312.0;

pub(super) fn write(m: &mut Markup, chapter: &Chapter<'_>, run: &ChartedRun<'_>) {
    let title = format!("Distribution{}", run.role.suffix());
    let planned = run.endpoint.summary.planned();
    if planned < FEW_REQUESTS {
        return;
    }
    let axis = chapter.latency_axis(250.0);
    let heat = HeatMap::of(run, &axis);
    let sentence = sentence(chapter, run, heat.as_ref());
    panel(m, &title, &sentence, |m| {
        draw(m, chapter, run, heat.as_ref());
    });
}

fn sentence(chapter: &Chapter<'_>, run: &ChartedRun<'_>, heat: Option<&HeatMap>) -> String {
    let Some(heat) = heat else {
        return "Only the histogram: the file does not say when its requests were sent.".to_owned();
    };
    let mut text = format!(
        "Requests by time and latency, {} a column.",
        super::number::seconds(heat.column_s)
    );
    if run.endpoint.course.sequence.is_none() {
        text.push_str(" Drawn from the seconds of the run.");
    }
    if let Some(above) = above_limit(chapter, run) {
        text.push_str(&format!(" {above}."));
    }
    text
}

/// `10.5% above 150 ms`.
fn above_limit(chapter: &Chapter<'_>, run: &ChartedRun<'_>) -> Option<String> {
    let limit = chapter.shown_limit()?;
    let summary = &run.endpoint.summary;
    let ok = summary.counts.ok;
    let exact = chapter.limit.as_ref().and_then(|limit| limit.chart.beyond);
    let is_judged = std::ptr::eq(run, chapter.judged());
    let above = exact.filter(|_| is_judged).unwrap_or_else(|| {
        let values = summary.ranked_values().counts();
        let above = values.filter(|&(ns, _)| ns as f64 > limit.ns);
        above.map(|(_, count)| count).sum()
    });
    let limit = super::number::limit(std::time::Duration::from_nanos(limit.ns as u64));
    (ok > 0).then(|| match above {
        0 => format!("No answer above {limit}"),
        above => format!(
            "{} of answers above {limit}",
            share(above as f64 / ok as f64)
        ),
    })
}

fn draw(m: &mut Markup, chapter: &Chapter<'_>, run: &ChartedRun<'_>, heat: Option<&HeatMap>) {
    let map = Frame {
        x: 13.0,
        width: 59.0,
        y: 22.0,
        height: 250.0,
    };
    let bars = Frame {
        x: 75.0,
        width: 25.0,
        ..map
    };
    let whole = Frame {
        x: 0.0,
        width: 100.0,
        ..map
    };
    let axis = chapter.latency_axis(map.height);
    let words = ChartWords {
        title: format!(
            "{}{}: latency heat map and histogram",
            chapter.name,
            run.role.suffix()
        ),
        description: sentence(chapter, run, heat),
    };
    let limit = chapter.shown_limit();
    chart(m, ChartWidth::Column, HEIGHT, &words, |m| {
        whole.latency_grid(m, &axis, limit);
        if let Some(heat) = heat {
            map.marks(m, |m| {
                map.stretched(m, heat.columns as f64, |m| heat.cells(m));
                let time = super::axis::TimeAxis::new(std::time::Duration::ZERO, run.length_s);
                map.time_ticks(m, &time, 3);
            });
            legend(m, heat);
        }
        histogram(m, chapter, run, &bars);
        whole.limit_line(m, &axis, limit);
    });
}

fn legend(m: &mut Markup, heat: &HeatMap) {
    let place = Frame {
        x: 13.0,
        width: 59.0,
        y: 298.0,
        height: 8.0,
    };
    place.marks(m, |m| {
        m.words("text", attrs!["x" => 0, "y" => "7.5"], "1");
        for (level, colour) in colour::HEAT.iter().enumerate() {
            m.leaf(
                "rect",
                attrs!["x" => 10 + 11 * level, "y" => 0, "width" => 11, "height" => 8, "fill" => colour],
            );
        }
        m.words(
            "text",
            attrs!["x" => 103, "y" => "7.5"],
            format_args!("{} per cell", thousands(heat.most)),
        );
    });
}

/// Bars on the rows of the heat map; beyond the limit in another colour.
fn histogram(m: &mut Markup, chapter: &Chapter<'_>, run: &ChartedRun<'_>, plot: &Frame) {
    let axis = chapter.latency_axis(plot.height);
    let row = plot.height / ROWS as f64;
    let mut counts = [0u64; ROWS];
    for (ns, count) in run.endpoint.summary.ranked_values().counts() {
        counts[super::heat_map::row_of(&axis, ns)] += count;
    }
    let most = counts.iter().copied().max().unwrap_or(0).max(1);
    let total: u64 = counts.iter().sum();
    let limit_y = chapter.shown_limit().map(|limit| axis.y(limit.ns));
    let (mut within, mut beyond) = (String::new(), String::new());
    for (number, &count) in counts.iter().enumerate().filter(|(_, count)| **count > 0) {
        let y = plot.height - (number + 1) as f64 * row;
        let width = (count as f64 / most as f64 * WIDTH).max(6.0);
        let bar = format!(
            "M0 {}h{}v{}H0z",
            Px(y + row * 0.08),
            Px(width),
            Px(row * 0.84)
        );
        if limit_y.is_some_and(|limit| y + row / 2.0 < limit) {
            beyond.push_str(&bar);
        } else {
            within.push_str(&bar);
        }
    }
    plot.marks(m, |m| {
        plot.data(m, |m| {
            for (path, colour) in [(within, colour::WITHIN_LIMIT), (beyond, colour::BEYOND_LIMIT)] {
                if !path.is_empty() {
                    m.leaf("path", attrs!["d" => path, "fill" => colour]);
                }
            }
        });
        m.leaf(
            "line",
            attrs!["x1" => 0, "x2" => 0, "y1" => 0, "y2" => Px(plot.height), "stroke" => colour::RULE],
        );
        m.words(
            "text",
            attrs!["x" => Share(100.0), "y" => Px(plot.height + 16.0), "text-anchor" => "end"],
            format_args!("max {}", share(most as f64 / total.max(1) as f64)),
        );
    });
}
