//! Latency over time: P50, P95, P99 and the slowest of each bucket, the limit, the slowest requests.

use super::axis::{LatencyAxis, TimeAxis};
use super::chapter::{Chapter, ChartedRun, PanelHeight, RunRole, panel};
use super::chart::{ChartWidth, ChartWords, chart};
use super::colour::{self, PageColour};
use super::course::{BucketLevel, Course, CourseBucket};
use super::frame::{self, Frame, Point, Stroke, WIDTH};
use super::label::{self, SeriesName};
use super::latency_text;
use super::markup::{Markup, Px, Share, attrs};
use super::slow_requests::{self, SlowRequest};

/// Space above the plot, in px.
const TOP: f64 = 22.0;

/// Space below it for the time.
const BOTTOM: f64 = 24.0;

/// Marks of failed requests are drawn one by one up to here.
const MOST_CROSSES: usize = 40;

/// The share of the last buckets at whose middle a series is named.
const NAMED_AT: usize = 12;

pub(super) fn write(m: &mut Markup, chapter: &Chapter<'_>, height: PanelHeight) {
    let sentence = latency_text::sentence(chapter);
    panel(m, "Latency over time", &sentence, |m| {
        if chapter.runs.iter().any(|run| run.course.is_some()) {
            draw(m, chapter, height, ChartWidth::Page);
        }
    });
}

/// Height of the chart in px.
pub(super) fn height_of(chapter: &Chapter<'_>, height: PanelHeight) -> f64 {
    match (height, chapter.runs.len()) {
        (_, 2..) => 320.0,
        (PanelHeight::Tall, _) => 300.0,
        (PanelHeight::Low, _) => 190.0,
    }
}

pub(super) fn draw(m: &mut Markup, chapter: &Chapter<'_>, height: PanelHeight, width: ChartWidth) {
    let plot = Frame {
        x: 11.0,
        width: 79.0,
        y: TOP,
        height: height_of(chapter, height),
    };
    let axis = chapter.latency_axis(plot.height);
    let time = chapter.time_axis();
    let words = ChartWords {
        title: format!("{}: latency over time", chapter.name),
        description: latency_text::description(chapter),
    };
    chart(m, width, plot.height + TOP + BOTTOM, &words, |m| {
        let limit = chapter.shown_limit();
        plot.marks(m, |m| plot.warm_up(m, &time));
        plot.latency_grid(m, &axis, limit);
        plot.limit_line(m, &axis, limit);
        plot.marks(m, |m| {
            warm_up_ends(m, &plot, &time);
            plot.data(m, |m| {
                for run in &chapter.runs {
                    lines(m, run, &axis, &time);
                }
            });
            for run in &chapter.runs {
                failures(m, run, &time);
            }
            if let [only] = chapter.runs.as_slice() {
                let slow = SlowRequest::answered(only.endpoint);
                slow_requests::draw(m, &slow, &axis, &time, limit);
            }
            names(m, chapter, &axis);
            plot.time_ticks(m, &time, 6);
        });
    });
}

/// In percent of the width: the end of a narrower warm-up lies on the edge, and its name on the label of the axis.
const NARROWEST_WARMUP: f64 = 1.0;

fn warm_up_ends(m: &mut Markup, plot: &Frame, time: &TimeAxis) {
    if time.x(0.0) < NARROWEST_WARMUP {
        return;
    }
    let x = Share(time.x(0.0));
    m.leaf(
        "line",
        attrs!["x1" => x, "y1" => -8, "x2" => x, "y2" => Px(plot.height), "stroke" => colour::RULE],
    );
    m.words(
        "text",
        attrs!["x" => x, "y" => -10, "fill" => colour::TERTIARY, "dx" => 4],
        "warm-up ends",
    );
}

/// The series of a run.
fn lines(m: &mut Markup, run: &ChartedRun<'_>, axis: &LatencyAxis, time: &TimeAxis) {
    let Some(course) = &run.course else { return };
    let colours = run.role.colours();
    if run.role == RunRole::Only {
        let slowest = course.buckets.iter().enumerate();
        let slowest = slowest.filter_map(|(number, bucket)| {
            Some(Point {
                x: x(time, course, number),
                y: axis.y(bucket.max_ns? as f64),
            })
        });
        frame::dots(m, &slowest.collect::<Vec<_>>(), colour::MAX, 2.6);
    }
    let mut draw = |level: fn(&CourseBucket) -> BucketLevel, colour: PageColour, width: f64| {
        let points = course.buckets.iter().enumerate().map(|(number, bucket)| {
            Some(Point {
                x: x(time, course, number),
                y: y(axis, level(bucket))?,
            })
        });
        let points: Vec<Option<Point>> = points.collect();
        frame::line(m, &points, Stroke::solid(colour, width));
    };
    if course.has_p99 {
        draw(|bucket| bucket.p99, colours.p99, 1.25);
    }
    draw(|bucket| bucket.p95, colours.p95, 2.0);
    draw(|bucket| bucket.p50, colours.p50, 1.75);
}

fn x(time: &TimeAxis, course: &Course, number: usize) -> f64 {
    let middle_s = course.middle_s(number).min(time.length_s);
    time.x(middle_s) / 100.0 * WIDTH
}

/// A percentile among failures is at the upper edge.
fn y(axis: &LatencyAxis, level: BucketLevel) -> Option<f64> {
    match level {
        BucketLevel::Empty => None,
        BucketLevel::Ns(ns) => Some(axis.y(ns as f64)),
        BucketLevel::Failed => Some(0.0),
    }
}

/// Crosses at the upper edge where requests did not end ok, and how many there were.
fn failures(m: &mut Markup, run: &ChartedRun<'_>, time: &TimeAxis) {
    let Some(course) = &run.course else { return };
    let failing = course.buckets.iter().enumerate();
    let failing: Vec<f64> = failing
        .filter(|(_, bucket)| bucket.failures.all > 0)
        .map(|(number, _)| time.x(course.middle_s(number).min(time.length_s)))
        .collect();
    let (Some(first), Some(last)) = (failing.first(), failing.last()) else {
        return;
    };
    let color = match run.role {
        RunRole::Before => colour::BEFORE_P95,
        RunRole::Only | RunRole::After => colour::TIMEOUT,
    };
    if failing.len() <= MOST_CROSSES {
        failing.iter().for_each(|&x| cross(m, x, 0.0, color));
    } else {
        // One picture for all: it stretches, and a stroke does not.
        let path: String = failing
            .iter()
            .map(|x| format!("M{} -2.5v5", Px(x * WIDTH / 100.0)))
            .collect();
        m.node(
            "svg",
            attrs!["width" => "100%", "height" => 10, "viewBox" => "0 0 1000 10", "preserveAspectRatio" => "none", "overflow" => "visible"],
            |m| {
                m.leaf(
                    "path",
                    attrs!["d" => path, "stroke" => color, "stroke-width" => "1.4", "fill" => "none", "vector-effect" => "non-scaling-stroke"],
                );
            },
        );
    }
    // In a comparison the strips below have the counts.
    if run.role != RunRole::Only {
        return;
    }
    let middle = (first + last) / 2.0;
    let (x, anchor) = match middle {
        // The end of the warm-up is named at the left.
        _ if time.warmup_s > 0.0 => (100.0, "end"),
        x if x < 12.0 => (0.0, "start"),
        x if x > 85.0 => (100.0, "end"),
        x => (x, "middle"),
    };
    m.words(
        "text",
        attrs!["x" => Share(x), "y" => -9, "text-anchor" => anchor, "fill" => colour::TIMEOUT, "font-weight" => 600],
        latency_text::failures(run.endpoint),
    );
}

/// A small cross.
pub(super) fn cross(m: &mut Markup, x: f64, y: f64, colour: PageColour) {
    m.node(
        "svg",
        attrs!["x" => Share(x), "y" => Px(y), "width" => 1, "height" => 1, "overflow" => "visible"],
        |m| {
            m.leaf(
                "path",
                attrs!["d" => "M-2.6 -2.6l5.2 5.2M2.6 -2.6l-5.2 5.2", "stroke" => colour, "stroke-width" => "1.4", "fill" => "none"],
            );
        },
    );
}

/// The names of the series at the right end.
fn names(m: &mut Markup, chapter: &Chapter<'_>, axis: &LatencyAxis) {
    let mut names = Vec::new();
    for run in &chapter.runs {
        let Some(course) = &run.course else { continue };
        let colours = run.role.colours();
        let mut add = |text, level: fn(&CourseBucket) -> BucketLevel, colour| {
            if let Some(y) = end_of(course, axis, level) {
                names.push(SeriesName { text, y, colour });
            }
        };
        add("P50", |bucket| bucket.p50, colours.p50_label);
        add("P95", |bucket| bucket.p95, colours.p95);
        if course.has_p99 {
            add("P99", |bucket| bucket.p99, colours.p99);
        }
        if run.role == RunRole::Only {
            add("max", slowest, colour::TERTIARY);
        }
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
    role_names(m, chapter, axis);
}

fn slowest(bucket: &CourseBucket) -> BucketLevel {
    bucket.max_ns.map_or(BucketLevel::Empty, BucketLevel::Ns)
}

/// The median height of the last buckets of a series.
fn end_of(
    course: &Course,
    axis: &LatencyAxis,
    level: fn(&CourseBucket) -> BucketLevel,
) -> Option<f64> {
    let count = course.buckets.len();
    let last = &course.buckets[count - (count / NAMED_AT).clamp(1, 8)..];
    let mut ends: Vec<f64> = last.iter().filter_map(|b| y(axis, level(b))).collect();
    ends.sort_by(f64::total_cmp);
    ends.get(ends.len() / 2).copied()
}

/// `before` and `after`: above the lines of the slower run, below those of the faster one.
fn role_names(m: &mut Markup, chapter: &Chapter<'_>, axis: &LatencyAxis) {
    let [first, second] = chapter.runs.as_slice() else {
        return;
    };
    let (Some(one), Some(other)) = (edges(first, axis), edges(second, axis)) else {
        return;
    };
    for (run, own, is_above) in [
        (first, one, one.lower <= other.lower),
        (second, other, one.lower > other.lower),
    ] {
        let y = if is_above {
            (own.upper - 8.0).max(10.0)
        } else {
            (own.lower + 17.0).min(axis.height - 4.0)
        };
        m.words(
            "text",
            attrs!["x" => "36%", "y" => Px(y), "text-anchor" => "middle", "fill" => run.role.colours().p95, "font-size" => 12, "font-weight" => 600, "stroke" => colour::BACKGROUND, "stroke-width" => "3.5", "stroke-linejoin" => "round", "paint-order" => "stroke"],
            run.role.suffix().trim_start(),
        );
    }
}

/// The highest and the lowest place of the lines of a run around its name, in px from the top.
#[derive(Clone, Copy)]
struct LineEdges {
    upper: f64,
    lower: f64,
}

fn edges(run: &ChartedRun<'_>, axis: &LatencyAxis) -> Option<LineEdges> {
    let course = run.course.as_ref()?;
    let count = course.buckets.len();
    let from = (count * 30 / 100).min(count - 1);
    let around = &course.buckets[from..(count * 42 / 100 + 1).clamp(from + 1, count)];
    let highest = |bucket: &CourseBucket| {
        y(
            axis,
            if course.has_p99 {
                bucket.p99
            } else {
                bucket.p95
            },
        )
    };
    let upper = around
        .iter()
        .filter_map(highest)
        .fold(f64::INFINITY, f64::min);
    let lowest = around.iter().filter_map(|bucket| y(axis, bucket.p50));
    let lower = lowest.fold(0.0, f64::max);
    upper.is_finite().then_some(LineEdges { upper, lower })
}
