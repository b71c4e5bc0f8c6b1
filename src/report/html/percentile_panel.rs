//! The percentile curve on an axis of 1/(1 − q), with its interval as a band; the runs before and after in one chart.

use super::axis::{AxisTick, LatencyAxis};
use super::chapter::{Chapter, ChartedRun, FEW_REQUESTS, RunRole, panel};
use super::chart::{ChartWidth, ChartWords, chart};
use super::colour;
use super::frame::{self, Frame, Point, Stroke, WIDTH};
use super::label::{self, SeriesName};
use super::markup::{Markup, Px, Share, attrs};
use crate::judge::summary::{Observed, Resolution};
use crate::report::figures::{share, thousands};
use crate::stats::rank::Quantile;

/// Points of a curve.
const POINTS: usize = 100;

/// The axis begins at the median.
const FROM: f64 = 0.5;

/// Percentiles with a tick.
const TICKS: [(f64, &str); 6] = [
    (0.5, "P50"),
    (0.9, "90"),
    (0.95, "95"),
    (0.99, "99"),
    (0.999, "99.9"),
    (0.9999, "99.99"),
];

/// The percentiles from left to right.
#[derive(Clone, Copy)]
struct QuantileAxis {
    /// log10 of 1/(1 − q) at both ends.
    low: f64,
    high: f64,
}

impl QuantileAxis {
    /// Up to the percentile that the largest run has one request beyond, P99 at least and P99.99 at most.
    fn of(chapter: &Chapter<'_>) -> QuantileAxis {
        let most = chapter
            .runs
            .iter()
            .map(|run| run.endpoint.summary.planned());
        let most = most.max().unwrap_or(1).max(1) as f64;
        QuantileAxis {
            low: -(1.0 - FROM).log10(),
            high: most.log10().clamp(2.0, 4.0),
        }
    }

    /// In percent of the width.
    fn x(&self, q: f64) -> f64 {
        (-(1.0 - q).log10() - self.low) / (self.high - self.low) * 100.0
    }

    /// The percentiles of the curve, at equal distances.
    fn quantiles(&self) -> Vec<Quantile> {
        let step = (self.high - self.low) / (POINTS - 1) as f64;
        let quantiles = (0..POINTS).filter_map(|number| {
            let power = self.low + number as f64 * step;
            let percent = (1.0 - 10f64.powf(-power)) * 100.0;
            format!("p{percent:.5}").parse().ok()
        });
        let mut quantiles: Vec<Quantile> = quantiles.collect();
        quantiles.dedup();
        quantiles
    }
}

pub(super) fn write(m: &mut Markup, chapter: &Chapter<'_>) {
    let summary = &chapter.judged().endpoint.summary;
    if summary.percentile(Quantile::P50).value == Observed::AcrossRamp {
        panel(
            m,
            "Percentiles",
            "A ramp has none: each of its rates has its own.",
            |_| {},
        );
        return;
    }
    panel(m, "Percentiles", &sentence(chapter), |m| {
        if chapter
            .runs
            .iter()
            .any(|run| run.endpoint.summary.planned() >= FEW_REQUESTS)
        {
            draw(m, chapter);
        } else {
            super::few_requests::draw(m, chapter);
        }
    });
}

fn sentence(chapter: &Chapter<'_>) -> String {
    let run = chapter.judged();
    let planned = run.endpoint.summary.planned();
    if planned < FEW_REQUESTS {
        return format!(
            "{} requests are too few for a curve: each is a dot.",
            thousands(planned)
        );
    }
    let mut sentences = Vec::new();
    if let Some(limit) = &chapter.limit
        && let Some(beyond) = limit.chart.beyond
    {
        let failed = run.endpoint.summary.counts.not_ok();
        let within = 1.0 - (beyond + failed) as f64 / planned.max(1) as f64;
        sentences.push(format!(
            "{} within {}{}.",
            share(within),
            super::number::limit(limit.chart.limit),
            run.role.suffix()
        ));
    }
    let resolved = chapter.runs.iter().any(|run| {
        run.endpoint.summary.percentile(Quantile::P50).resolution == Resolution::Resolved
    });
    sentences.push(if resolved {
        "Band: 95% interval. Dashed: too few requests for an interval.".to_owned()
    } else {
        "Dashed: too few requests for an interval.".to_owned()
    });
    sentences.join(" ")
}

/// Where the plot lies: with two runs there is room for their names.
pub(super) fn plot_of(chapter: &Chapter<'_>) -> Frame {
    let (x, width) = match chapter.runs.len() {
        1 => (13.0, 74.0),
        _ => (11.0, 75.0),
    };
    Frame {
        x,
        width,
        y: 22.0,
        height: 250.0,
    }
}

pub(super) const HEIGHT: f64 = 312.0;

pub(super) fn draw(m: &mut Markup, chapter: &Chapter<'_>) {
    let plot = plot_of(chapter);
    let axis = chapter.latency_axis(plot.height);
    let quantiles = QuantileAxis::of(chapter);
    let words = ChartWords {
        title: format!("{}: percentile curve", chapter.name),
        description: format!(
            "Latency at each percentile, log axes. {}",
            sentence(chapter)
        ),
    };
    chart(m, ChartWidth::Column, HEIGHT, &words, |m| {
        let limit = chapter.shown_limit();
        plot.latency_grid(m, &axis, limit);
        let ticks: Vec<AxisTick> = TICKS
            .iter()
            .map(|&(q, label)| AxisTick {
                at: quantiles.x(q),
                label: Some(label.to_owned()),
            })
            .filter(|tick| tick.at <= 100.5)
            .collect();
        let curves: Vec<PercentileCurve<'_>> = chapter
            .runs
            .iter()
            .map(|run| PercentileCurve::of(run, &axis, &quantiles))
            .collect();
        plot.marks(m, |m| {
            for tick in &ticks {
                m.leaf(
                    "line",
                    attrs!["x1" => Share(tick.at), "y1" => 0, "x2" => Share(tick.at), "y2" => Px(plot.height), "stroke" => colour::GRID],
                );
            }
            plot.data(m, |m| curves.iter().for_each(|curve| curve.band(m)));
        });
        plot.limit_line(m, &axis, limit);
        plot.marks(m, |m| {
            plot.data(m, |m| curves.iter().for_each(|curve| curve.line(m)));
            names(m, chapter, &axis, &curves);
            let narrow = ticks.len() > 5;
            for (number, tick) in ticks.iter().enumerate() {
                let is_crowded = narrow && number == 2;
                if !is_crowded {
                    plot.tick_below(m, tick, "middle");
                }
            }
            m.words(
                "text",
                attrs!["x" => "100%", "y" => Px(plot.height + 33.0), "text-anchor" => "end", "fill" => colour::TERTIARY],
                "percentile, log scale of 1/(1 − q)",
            );
        });
    });
}

/// The curve of a run.
struct PercentileCurve<'a> {
    run: &'a ChartedRun<'a>,
    points: Vec<PercentilePoint>,
}

#[derive(Clone, Copy)]
struct PercentilePoint {
    x: f64,
    y: f64,
    /// The interval, where it has two ends.
    band: Option<[f64; 2]>,
}

impl<'a> PercentileCurve<'a> {
    fn of(run: &'a ChartedRun<'a>, axis: &LatencyAxis, at: &QuantileAxis) -> PercentileCurve<'a> {
        let y = |observed: Observed| match observed {
            Observed::Value(time) => Some(axis.y(time.as_nanos() as f64)),
            Observed::NoData | Observed::AcrossRamp => None,
            _ => Some(0.0),
        };
        let points = at.quantiles().into_iter().filter_map(|quantile| {
            let percentile = run.endpoint.summary.percentile(quantile);
            let interval = percentile.interval;
            let ends = interval.lower.and_then(y).zip(interval.upper.and_then(y));
            Some(PercentilePoint {
                x: at.x(quantile.as_f64()) / 100.0 * WIDTH,
                y: y(percentile.value)?,
                band: ends.map(|(low, high)| [low, high]),
            })
        });
        PercentileCurve {
            run,
            points: points.collect(),
        }
    }

    fn band(&self, m: &mut Markup) {
        for part in self
            .points
            .chunk_by(|a, b| a.band.is_some() == b.band.is_some())
        {
            let edge = |end: usize| {
                let points = part.iter().filter_map(move |point| {
                    Some(Point {
                        x: point.x,
                        y: point.band?[end],
                    })
                });
                points.collect::<Vec<Point>>()
            };
            frame::area(m, &edge(1), &edge(0), self.run.role.colours().band);
        }
    }

    fn line(&self, m: &mut Markup) {
        let own = self.run.role.colours().p95;
        let is_solid = |point: &PercentilePoint| point.band.is_some();
        let mut at = 0;
        for part in self.points.chunk_by(|a, b| is_solid(a) == is_solid(b)) {
            // From the last point of the part before, so that there is no gap.
            let from = at.max(1) - 1;
            let points = &self.points[from..at + part.len()];
            at += part.len();
            let points: Vec<Option<Point>> = points
                .iter()
                .map(|p| Some(Point { x: p.x, y: p.y }))
                .collect();
            let stroke = if part.iter().any(is_solid) {
                Stroke::solid(own, 2.0)
            } else {
                Stroke {
                    dash: Some("2 5"),
                    ..Stroke::solid(own, 1.75)
                }
            };
            frame::line(m, &points, stroke);
        }
    }
}

fn names(
    m: &mut Markup,
    chapter: &Chapter<'_>,
    axis: &LatencyAxis,
    curves: &[PercentileCurve<'_>],
) {
    let mut names: Vec<SeriesName> = Vec::new();
    for curve in curves
        .iter()
        .filter(|curve| curve.run.role != RunRole::Only)
    {
        names.extend(curve.points.last().map(|last| SeriesName {
            text: curve.run.role.suffix().trim_start(),
            y: last.y,
            colour: curve.run.role.colours().p95,
        }));
    }
    names.extend(chapter.shown_limit().map(|limit| SeriesName {
        text: "limit",
        y: axis.y(limit.ns),
        colour: colour::INK,
    }));
    for name in label::apart(names, axis.height) {
        m.words(
            "text",
            attrs!["x" => "100%", "y" => Px(name.y + 3.8), "fill" => name.colour, "font-weight" => 600, "dx" => 5],
            name.text,
        );
    }
}
