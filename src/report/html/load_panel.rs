//! Errors by kind, offered and answered rate, requests in flight: strips below each other on the time axis of the chapter.

use super::axis::{TimeAxis, nice_top};
use super::chapter::{Chapter, ChartedRun, RunRole, panel};
use super::chart::{ChartWidth, ChartWords, chart};
use super::colour::{self, PageColour};
use super::course::{BucketFailures, Course, CourseBucket};
use super::frame::{self, Frame, Point, Stroke, WIDTH};
use super::load_strip::{LoadStrip, has_in_flight};
use super::load_text::{self, StripLegend};
use super::markup::{Markup, Px, attrs};
use crate::report::figures::thousands;

/// Height of a strip in px.
const STRIP: f64 = 46.0;

/// From the title of a strip to its plot.
const TITLE: f64 = 9.0;

/// From the bottom of a strip to the title of the next.
const GAP: f64 = 27.0;

pub(super) fn write(m: &mut Markup, chapter: &Chapter<'_>) {
    if chapter.runs.iter().all(|run| run.course.is_none()) {
        let failed = chapter
            .runs
            .iter()
            .any(|run| run.endpoint.summary.counts.not_ok() > 0);
        if failed {
            panel(m, "Errors", &load_text::without_chart(chapter), |_| {});
        }
        return;
    }
    let title = load_text::title(chapter);
    panel(m, title, &load_text::sentence(chapter), |m| {
        draw(m, chapter, ChartWidth::Page);
    });
}

/// The strips of a chapter with their heights: one without events shrinks to its baseline.
fn strips(chapter: &Chapter<'_>) -> Vec<LoadStripPlace> {
    let mut strips = Vec::new();
    let mut y = 17.0;
    let mut push = |strip, height: f64| {
        strips.push(LoadStripPlace {
            strip,
            title_y: y,
            height,
        });
        y += TITLE + height + GAP;
    };
    let failed = chapter
        .runs
        .iter()
        .any(|run| run.endpoint.summary.counts.not_ok() > 0);
    push(LoadStrip::Errors, if failed { STRIP } else { 2.0 });
    push(LoadStrip::Rate, STRIP);
    if has_in_flight(chapter) {
        push(LoadStrip::InFlight, STRIP);
    }
    strips
}

struct LoadStripPlace {
    strip: LoadStrip,
    title_y: f64,
    height: f64,
}

/// Height of all strips in px.
pub(super) fn height_of(chapter: &Chapter<'_>) -> f64 {
    let last = strips(chapter).pop();
    last.map_or(0.0, |last| last.title_y + TITLE + last.height + 24.0)
}

pub(super) fn draw(m: &mut Markup, chapter: &Chapter<'_>, width: ChartWidth) {
    let time = chapter.time_axis();
    let words = ChartWords {
        title: format!("{}: errors, rate and requests in flight", chapter.name),
        description: load_text::description(chapter),
    };
    let strips = strips(chapter);
    chart(m, width, height_of(chapter), &words, |m| {
        for (number, place) in strips.iter().enumerate() {
            let plot = Frame {
                x: 11.0,
                width: 79.0,
                y: place.title_y + TITLE,
                height: place.height,
            };
            strip(m, chapter, place, &plot, &time);
            if number + 1 == strips.len() {
                plot.marks(m, |m| plot.time_ticks(m, &time, 6));
            }
        }
    });
}

fn strip(
    m: &mut Markup,
    chapter: &Chapter<'_>,
    place: &LoadStripPlace,
    plot: &Frame,
    time: &TimeAxis,
) {
    m.words(
        "text",
        attrs!["x" => 0, "y" => Px(place.title_y), "fill" => colour::INK, "font-weight" => 600],
        load_text::strip_title(place.strip),
    );
    plot.with_margin(m, |m| {
        legend(m, &load_text::legend(chapter, place.strip));
        frame::horizontal(m, plot.height, colour::RULE);
    });
    let is_empty = place.height < STRIP;
    if is_empty {
        return;
    }
    let top = nice_top(largest(chapter, place.strip));
    plot.with_margin(m, |m| frame::horizontal(m, 0.0, colour::GRID));
    m.words(
        "text",
        attrs!["x" => 0, "y" => Px(plot.y + 11.0), "stroke" => colour::BACKGROUND, "stroke-width" => "3.5", "stroke-linejoin" => "round", "paint-order" => "stroke"],
        thousands(top.round() as u64),
    );
    plot.marks(m, |m| {
        plot.warm_up(m, time);
        plot.data(m, |m| {
            for run in &chapter.runs {
                let scale = StripScale {
                    time,
                    top,
                    height: plot.height,
                };
                series(m, run, place.strip, &scale);
            }
        });
    });
}

fn legend(m: &mut Markup, parts: &[StripLegend]) {
    m.node(
        "text",
        attrs!["x" => "100%", "y" => -9, "text-anchor" => "end"],
        |m| {
            for (number, part) in parts.iter().enumerate() {
                if number > 0 {
                    m.text(" · ");
                }
                match part {
                    StripLegend::Plain(text) => m.text(text),
                    StripLegend::Mark(colour, text) => {
                        m.words("tspan", attrs!["fill" => colour], "■");
                        m.text(format_args!(" {text}"));
                    }
                    StripLegend::Name(colour, name, text) => {
                        m.words(
                            "tspan",
                            attrs!["fill" => colour, "font-weight" => 600],
                            name,
                        );
                        m.text(format_args!(" {text}"));
                    }
                }
            }
        },
    );
}

/// Where values of a strip are drawn.
struct StripScale<'a> {
    time: &'a TimeAxis,
    top: f64,
    height: f64,
}

impl StripScale<'_> {
    fn x(&self, time_s: f64) -> f64 {
        self.time.x(time_s.min(self.time.length_s)) / 100.0 * WIDTH
    }

    fn y(&self, value: f64) -> f64 {
        self.height * (1.0 - (value / self.top).clamp(0.0, 1.0))
    }
}

/// The largest value of a strip.
fn largest(chapter: &Chapter<'_>, strip: LoadStrip) -> f64 {
    let mut largest: f64 = 0.0;
    for run in &chapter.runs {
        let Some(course) = &run.course else { continue };
        for bucket in &course.buckets {
            largest = largest.max(match strip {
                LoadStrip::Errors => bucket.failures.all as f64 / course.width_s,
                LoadStrip::Rate => bucket.answered.max(bucket.requests as f64) / course.width_s,
                LoadStrip::InFlight => bucket.in_flight.unwrap_or(0) as f64,
            });
        }
    }
    largest
}

fn series(m: &mut Markup, run: &ChartedRun<'_>, strip: LoadStrip, scale: &StripScale<'_>) {
    let Some(course) = &run.course else { return };
    let own = run.role.colours().p95;
    match strip {
        LoadStrip::Errors if run.role == RunRole::Only => bars(m, course, scale),
        LoadStrip::Errors => {
            line(
                m,
                course,
                scale,
                |b| b.failures.all as f64 / course.width_s,
                Stroke::solid(own, 1.5),
            );
        }
        LoadStrip::Rate => {
            line(
                m,
                course,
                scale,
                |b| b.answered / course.width_s,
                Stroke::solid(own, 1.5),
            );
            let offered = Stroke::solid(colour::SECONDARY, 1.25);
            line(
                m,
                course,
                scale,
                |b| b.requests as f64 / course.width_s,
                offered,
            );
        }
        LoadStrip::InFlight => {
            if run.role == RunRole::Only {
                filled(m, course, scale);
            }
            line(
                m,
                course,
                scale,
                |b| b.in_flight.unwrap_or(0) as f64,
                Stroke::solid(own, 1.5),
            );
        }
    }
}

fn points(
    course: &Course,
    scale: &StripScale<'_>,
    value: impl Fn(&CourseBucket) -> f64,
) -> Vec<Point> {
    let buckets = course.buckets.iter().enumerate();
    let points = buckets.map(|(number, bucket)| Point {
        x: scale.x(course.middle_s(number)),
        y: scale.y(value(bucket)),
    });
    points.collect()
}

/// The last bucket may be cut: its rate would be too low.
fn line(
    m: &mut Markup,
    course: &Course,
    scale: &StripScale<'_>,
    value: impl Fn(&CourseBucket) -> f64,
    stroke: Stroke,
) {
    let mut points: Vec<Option<Point>> =
        points(course, scale, value).into_iter().map(Some).collect();
    if course.buckets.len() as f64 * course.width_s > scale.time.length_s + course.width_s * 0.05 {
        points.pop();
    }
    frame::line(m, &points, stroke);
}

fn filled(m: &mut Markup, course: &Course, scale: &StripScale<'_>) {
    let upper = points(course, scale, |b| b.in_flight.unwrap_or(0) as f64);
    let lower: Vec<Point> = upper
        .iter()
        .map(|p| Point {
            x: p.x,
            y: scale.height,
        })
        .collect();
    frame::area(m, &upper, &lower, colour::BAND);
}

/// How many failures of a bucket are of one kind.
type FailureCount = fn(&BucketFailures) -> u64;

/// A bar a bucket, stacked by kind.
fn bars(m: &mut Markup, course: &Course, scale: &StripScale<'_>) {
    let kinds: [(PageColour, FailureCount); 4] = [
        (colour::TIMEOUT, |f| f.timeouts),
        (colour::HTTP_STATUS, |f| f.answers),
        (colour::CONNECTION, |f| f.connections),
        (colour::MAX, BucketFailures::unknown),
    ];
    let mut below = vec![0u64; course.buckets.len()];
    for (colour, count) in kinds {
        let mut path = String::new();
        for (number, bucket) in course.buckets.iter().enumerate() {
            let own = count(&bucket.failures);
            if own == 0 {
                continue;
            }
            let per_s = |count: u64| count as f64 / course.width_s;
            let bottom = scale.y(per_s(below[number]));
            below[number] += own;
            let top = scale.y(per_s(below[number]));
            let left = scale.x(number as f64 * course.width_s);
            let right = scale.x((number + 1) as f64 * course.width_s);
            // A bar that is there is seen.
            let width = (right - left).max(1.5);
            path.push_str(&format!(
                "M{} {}h{}V{}h-{}z",
                Px(left),
                Px(bottom),
                Px(width),
                Px(top),
                Px(width)
            ));
        }
        if !path.is_empty() {
            m.leaf("path", attrs!["d" => path, "fill" => colour]);
        }
    }
}
