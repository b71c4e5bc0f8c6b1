//! Requests one by one, where they are too few for a curve: a dot each, in their order.

use super::chapter::Chapter;
use super::chart::{ChartWidth, ChartWords, chart};
use super::colour;
use super::course;
use super::frame::Frame;
use super::latency_panel::cross;
use super::markup::{Markup, Px, Share, attrs};
use crate::run::histogram::RankedValues;

/// A dot a request; by size where the order is not known.
pub(super) fn draw(m: &mut Markup, chapter: &Chapter<'_>) {
    let plot = Frame {
        x: 13.0,
        width: 74.0,
        y: 22.0,
        height: 170.0,
    };
    let axis = chapter.latency_axis(plot.height);
    let run = chapter.judged();
    let in_order = course::placed(run.endpoint);
    let dots: Vec<Option<u64>> = match &in_order {
        Some(requests) => requests.iter().map(|request| request.ns).collect(),
        None => ascending(run.endpoint.summary.ranked_values()),
    };
    let order = match in_order {
        Some(_) => "in the order of the run",
        None => "from the fastest to the slowest",
    };
    let words = ChartWords {
        title: format!("{}: every request", chapter.name),
        description: format!("A dot for each of {} requests, {order}.", dots.len()),
    };
    chart(m, ChartWidth::Column, 220.0, &words, |m| {
        let limit = chapter.shown_limit();
        plot.latency_grid(m, &axis, limit);
        plot.limit_line(m, &axis, limit);
        plot.marks(m, |m| {
            for (number, ns) in dots.iter().enumerate() {
                let x = (number as f64 + 0.5) / dots.len().max(1) as f64 * 100.0;
                match ns {
                    Some(ns) => m.leaf(
                        "circle",
                        attrs!["cx" => Share(x), "cy" => Px(axis.y(*ns as f64)), "r" => "3.2", "fill" => colour::P95],
                    ),
                    None => cross(m, x, 0.0, colour::TIMEOUT),
                }
            }
            m.words(
                "text",
                attrs!["x" => "50%", "y" => Px(plot.height + 18.0), "text-anchor" => "middle", "fill" => colour::TERTIARY],
                order,
            );
        });
    });
}

fn ascending(values: &RankedValues) -> Vec<Option<u64>> {
    let ranks = 1..=values.count();
    ranks.map(|rank| values.at_rank(rank)).collect()
}
