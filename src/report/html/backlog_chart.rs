//! Accepted and done events over time, and the backlog between them.

use super::axis::{TimeAxis, nice_top};
use super::chapter::{Chapter, ChartedRun};
use super::chart::{ChartWidth, ChartWords, chart};
use super::colour;
use super::frame::{self, Frame, Point, Stroke, WIDTH};
use super::markup::{Markup, Px, attrs};
use crate::report::figures::thousands;
use crate::run::completion::{Completion, CompletionCourse};

/// Points of a line at most.
const MOST_POINTS: usize = 600;

/// Sums of events at the ends of equal stretches of time; the first point is the beginning.
struct EventSums {
    /// Of a stretch.
    width_s: f64,
    accepted: Vec<u64>,
    done: Vec<u64>,
}

impl EventSums {
    fn of(course: &CompletionCourse) -> EventSums {
        let seconds = course.accepted.len().max(course.done.len());
        let step = seconds.div_ceil(MOST_POINTS).max(1);
        let sums = |counts: &[u64]| {
            let mut sum = 0;
            let mut sums = vec![0];
            for from in (0..seconds).step_by(step) {
                let to = (from + step).min(counts.len());
                sum += counts
                    .get(from..to)
                    .map_or(0, |part| part.iter().sum::<u64>());
                sums.push(sum);
            }
            sums
        };
        EventSums {
            width_s: step as f64,
            accepted: sums(&course.accepted),
            done: sums(&course.done),
        }
    }

    /// Accepted and not done, at each point.
    fn backlog(&self) -> Vec<u64> {
        let both = self.accepted.iter().zip(&self.done);
        both.map(|(accepted, done)| accepted.saturating_sub(*done))
            .collect()
    }

    fn length_s(&self) -> f64 {
        (self.accepted.len() - 1) as f64 * self.width_s
    }
}

/// Nothing where it is not known when events were done.
pub(super) fn write(
    m: &mut Markup,
    chapter: &Chapter<'_>,
    run: &ChartedRun<'_>,
    completion: &Completion,
) {
    let Some(course) = completion
        .course
        .as_ref()
        .filter(|c| !c.accepted.is_empty())
    else {
        return;
    };
    let sums = EventSums::of(course);
    let most = sums.backlog().into_iter().max().unwrap_or(0);
    let words = ChartWords {
        title: format!(
            "{}{}: accepted and done events",
            chapter.name,
            run.role.suffix()
        ),
        description: format!(
            "{} accepted and {} done over time; backlog at most {}.",
            thousands(completion.accepted()),
            thousands(completion.processed),
            thousands(most)
        ),
    };
    chart(m, ChartWidth::Column, 294.0, &words, |m| {
        let time = TimeAxis::new(std::time::Duration::ZERO, sums.length_s());
        totals(m, &sums, &time);
        backlog(m, &sums, &time, most);
    });
}

fn totals(m: &mut Markup, sums: &EventSums, time: &TimeAxis) {
    let plot = Frame {
        x: 13.0,
        width: 83.0,
        y: 22.0,
        height: 150.0,
    };
    let top = nice_top(sums.accepted.last().copied().unwrap_or(0) as f64);
    plot.with_margin(m, |m| {
        frame::horizontal(m, plot.height, colour::RULE);
        frame::horizontal(m, 0.0, colour::GRID);
    });
    plot.grid_label(m, 18.0, &thousands(top as u64));
    let accepted = points(&sums.accepted, sums, time, top, plot.height);
    let done = points(&sums.done, sums, time, top, plot.height);
    plot.marks(m, |m| {
        plot.data(m, |m| {
            frame::area(m, &accepted, &done, colour::BAND);
            frame::line(m, &some(&accepted), Stroke::solid(colour::SECONDARY, 1.75));
            frame::line(m, &some(&done), Stroke::solid(colour::P95, 1.75));
        });
        name(m, "accepted", &accepted, 0.42);
        name(m, "done", &done, 0.5);
    });
}

/// The name of a line: of the upper one left above it, of the lower one right below it.
fn name(m: &mut Markup, text: &'static str, points: &[Point], at: f64) {
    let place = ((points.len() - 1) as f64 * at).round() as usize;
    let Some(point) = points.get(place) else {
        return;
    };
    let x = super::markup::Share(point.x / WIDTH * 100.0);
    let (anchor, dx, dy, colour) = match text {
        "accepted" => ("end", -6, -4.0, colour::SECONDARY),
        _ => ("start", 8, 12.0, colour::P95),
    };
    m.words(
        "text",
        attrs!["x" => x, "y" => Px(point.y + dy), "text-anchor" => anchor, "dx" => dx, "fill" => colour, "font-weight" => 600, "stroke" => colour::BACKGROUND, "stroke-width" => "3.5", "stroke-linejoin" => "round", "paint-order" => "stroke"],
        text,
    );
}

fn backlog(m: &mut Markup, sums: &EventSums, time: &TimeAxis, most: u64) {
    let plot = Frame {
        x: 13.0,
        width: 83.0,
        y: 206.0,
        height: 64.0,
    };
    m.words(
        "text",
        attrs!["x" => 0, "y" => 194, "fill" => colour::INK, "font-weight" => 600],
        "backlog",
    );
    let top = nice_top(most as f64);
    plot.with_margin(m, |m| {
        m.words(
            "text",
            attrs!["x" => "100%", "y" => -12, "text-anchor" => "end"],
            format_args!("at most {}", thousands(most)),
        );
        frame::horizontal(m, 0.0, colour::GRID);
    });
    plot.grid_label(m, 15.0, &thousands(top as u64));
    let upper = points(&sums.backlog(), sums, time, top, plot.height);
    let lower: Vec<Point> = upper
        .iter()
        .map(|p| Point {
            x: p.x,
            y: plot.height,
        })
        .collect();
    plot.marks(m, |m| {
        plot.data(m, |m| {
            frame::area(m, &upper, &lower, colour::BAND);
            frame::line(m, &some(&upper), Stroke::solid(colour::P95, 1.5));
        });
        plot.time_ticks(m, time, 6);
    });
}

fn points(counts: &[u64], sums: &EventSums, time: &TimeAxis, top: f64, height: f64) -> Vec<Point> {
    let points = counts.iter().enumerate().map(|(number, &count)| Point {
        x: time.x(number as f64 * sums.width_s) / 100.0 * WIDTH,
        y: height * (1.0 - count as f64 / top),
    });
    points.collect()
}

fn some(points: &[Point]) -> Vec<Option<Point>> {
    points.iter().copied().map(Some).collect()
}

#[cfg(test)]
mod tests {
    use super::EventSums;
    use crate::run::completion::CompletionCourse;

    #[test]
    fn the_backlog_is_what_was_accepted_and_is_not_done() {
        let sums = EventSums::of(&CompletionCourse {
            accepted: vec![10, 10],
            done: vec![4, 6, 10],
        });
        assert_eq!(sums.accepted, [0, 10, 20, 20]);
        assert_eq!(sums.done, [0, 4, 10, 20]);
        assert_eq!(sums.backlog(), [0, 6, 10, 0]);
        assert_eq!(sums.length_s(), 3.0);
    }

    #[test]
    fn a_long_audit_has_600_points_and_loses_no_event() {
        let sums = EventSums::of(&CompletionCourse {
            accepted: vec![2; 1_500],
            done: vec![2; 1_500],
        });
        assert_eq!((sums.width_s, sums.accepted.len()), (3.0, 501));
        assert_eq!(sums.accepted.last(), Some(&3_000));
    }
}
