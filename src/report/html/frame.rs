//! The plot area of a chart: positions along x are percentages, along y px; data lie in a picture that stretches.

use super::axis::{AxisTick, LatencyAxis, TimeAxis};
use super::colour::{self, PageColour};
use super::markup::{Markup, Px, Share, attrs};
use super::number;

/// Width of the stretched picture that holds the data.
pub(super) const WIDTH: f64 = 1000.0;

/// A plot area in its chart.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame {
    /// In percent of the chart.
    pub(super) x: f64,
    /// In percent of the chart.
    pub(super) width: f64,
    /// In px.
    pub(super) y: f64,
    /// In px.
    pub(super) height: f64,
}

/// A line of a chart.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stroke {
    pub(super) colour: PageColour,
    pub(super) width: f64,
    /// Not supported by the sample.
    pub(super) dash: Option<&'static str>,
}

impl Stroke {
    pub(super) fn solid(colour: PageColour, width: f64) -> Stroke {
        Stroke {
            colour,
            width,
            dash: None,
        }
    }
}

impl Frame {
    /// Marks that keep their shape.
    pub(super) fn marks(&self, m: &mut Markup, inside: impl FnOnce(&mut Markup)) {
        self.part(m, self.x, self.width, inside);
    }

    /// From the left edge of the chart to the right edge of the plot, where gridlines lie.
    pub(super) fn with_margin(&self, m: &mut Markup, inside: impl FnOnce(&mut Markup)) {
        self.part(m, 0.0, self.x + self.width, inside);
    }

    fn part(&self, m: &mut Markup, x: f64, width: f64, inside: impl FnOnce(&mut Markup)) {
        m.node(
            "svg",
            attrs!["x" => Share(x), "y" => Px(self.y), "width" => Share(width), "height" => Px(self.height), "overflow" => "visible"],
            inside,
        );
    }

    /// Gridlines with their labels at the left edge of the chart.
    pub(super) fn latency_grid(
        &self,
        m: &mut Markup,
        axis: &LatencyAxis,
        limit: Option<ShownLimit>,
    ) {
        let ticks = axis.ticks(limit.map(|limit| limit.ns));
        self.with_margin(m, |m| {
            for tick in &ticks {
                horizontal(m, tick.at, colour::GRID);
            }
        });
        for tick in &ticks {
            if let Some(label) = &tick.label {
                self.grid_label(m, tick.at, label);
            }
        }
    }

    /// A label that sits on its gridline.
    pub(super) fn grid_label(&self, m: &mut Markup, at: f64, label: &str) {
        m.words(
            "text",
            attrs!["x" => 0, "y" => Px(self.y + at - 4.0), "stroke" => colour::BACKGROUND, "stroke-width" => "3.5", "stroke-linejoin" => "round", "paint-order" => "stroke"],
            label,
        );
    }

    /// The limit and its label, over the data.
    pub(super) fn limit_line(&self, m: &mut Markup, axis: &LatencyAxis, limit: Option<ShownLimit>) {
        let Some(limit) = limit else { return };
        let at = axis.y(limit.ns);
        self.with_margin(m, |m| {
            m.leaf(
                "line",
                attrs!["x1" => 0, "x2" => "100%", "y1" => Px(at), "y2" => Px(at), "stroke" => colour::INK, "stroke-width" => "1.25"],
            );
        });
        m.words(
            "text",
            attrs!["x" => 0, "y" => Px(self.y + at - 4.0), "fill" => colour::INK, "font-weight" => 600, "stroke" => colour::BACKGROUND, "stroke-width" => "3.5", "stroke-linejoin" => "round", "paint-order" => "stroke"],
            number::limit(std::time::Duration::from_nanos(limit.ns as u64)),
        );
    }

    /// The picture that stretches with the page.
    pub(super) fn data(&self, m: &mut Markup, inside: impl FnOnce(&mut Markup)) {
        self.stretched(m, WIDTH, inside);
    }

    /// The same with another width inside.
    pub(super) fn stretched(&self, m: &mut Markup, width: f64, inside: impl FnOnce(&mut Markup)) {
        let view = format!("0 0 {} {}", Px(width), Px(self.height));
        m.node(
            "svg",
            attrs!["width" => "100%", "height" => "100%", "viewBox" => view, "preserveAspectRatio" => "none", "overflow" => "visible"],
            inside,
        );
    }

    /// The grey area before t0.
    pub(super) fn warm_up(&self, m: &mut Markup, axis: &TimeAxis) {
        if axis.warmup_s > 0.0 {
            m.leaf(
                "rect",
                attrs!["x" => 0, "y" => 0, "width" => Share(axis.x(0.0)), "height" => Px(self.height), "fill" => colour::SHADE],
            );
        }
    }

    /// Ticks of the time below the plot.
    pub(super) fn time_ticks(&self, m: &mut Markup, axis: &TimeAxis, most: usize) {
        m.leaf(
            "line",
            attrs!["x1" => 0, "x2" => "100%", "y1" => Px(self.height), "y2" => Px(self.height), "stroke" => colour::RULE],
        );
        let ticks = axis.ticks(most);
        let last = ticks.len().saturating_sub(1);
        for (number, tick) in ticks.iter().enumerate() {
            // The unit would reach beyond the chart.
            let anchor = if number == last && number > 0 && tick.at > 97.0 {
                "end"
            } else {
                "middle"
            };
            self.tick_below(m, tick, anchor);
        }
    }

    /// A tick below the plot with its label.
    pub(super) fn tick_below(&self, m: &mut Markup, tick: &AxisTick, anchor: &'static str) {
        m.leaf(
            "line",
            attrs!["x1" => Share(tick.at), "x2" => Share(tick.at), "y1" => Px(self.height), "y2" => Px(self.height + 4.0), "stroke" => colour::RULE],
        );
        if let Some(label) = &tick.label {
            m.words(
                "text",
                attrs!["x" => Share(tick.at), "y" => Px(self.height + 16.0), "text-anchor" => anchor],
                label,
            );
        }
    }
}

/// A limit as a chart shows it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct ShownLimit {
    pub(super) ns: f64,
}

/// A line across the whole width.
pub(super) fn horizontal(m: &mut Markup, at: f64, colour: PageColour) {
    m.leaf(
        "line",
        attrs!["x1" => 0, "x2" => "100%", "y1" => Px(at), "y2" => Px(at), "stroke" => colour],
    );
}

/// A point of a line, in the coordinates of [`Frame::data`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Point {
    pub(super) x: f64,
    pub(super) y: f64,
}

/// A line through points; `None` interrupts it.
pub(super) fn line(m: &mut Markup, points: &[Option<Point>], stroke: Stroke) {
    let path = path(points);
    if path.is_empty() {
        return;
    }
    let mut attributes: Vec<(&'static str, &dyn std::fmt::Display)> = vec![("d", &path)];
    let width = Px(stroke.width);
    attributes.extend_from_slice(attrs!["fill" => "none", "stroke-linejoin" => "round", "stroke-linecap" => "round", "vector-effect" => "non-scaling-stroke"]);
    attributes.push(("stroke", &stroke.colour));
    attributes.push(("stroke-width", &width));
    if let Some(dash) = &stroke.dash {
        attributes.push(("stroke-dasharray", dash));
    }
    m.leaf("path", &attributes);
}

/// The area between two lines of the same length.
pub(super) fn area(m: &mut Markup, upper: &[Point], lower: &[Point], fill: PageColour) {
    if upper.len() < 2 {
        return;
    }
    let around = upper.iter().chain(lower.iter().rev());
    let points: Vec<Option<Point>> = around.map(|&point| Some(point)).collect();
    m.leaf("path", attrs!["d" => path(&points), "fill" => fill]);
}

/// Dots that keep their size: lines of no length with round ends.
pub(super) fn dots(m: &mut Markup, points: &[Point], colour: PageColour, width: f64) {
    if points.is_empty() {
        return;
    }
    let path: String = points
        .iter()
        .map(|point| format!("M{} {}h.01", Px(point.x), Px(point.y)))
        .collect();
    m.leaf(
        "path",
        attrs!["d" => path, "fill" => "none", "stroke" => colour, "stroke-width" => Px(width), "stroke-linecap" => "round", "vector-effect" => "non-scaling-stroke"],
    );
}

/// A point alone between gaps is drawn as a dot.
fn path(points: &[Option<Point>]) -> String {
    let mut path = String::new();
    let mut is_open = false;
    for (at, point) in points.iter().enumerate() {
        let Some(point) = point else {
            is_open = false;
            continue;
        };
        let sign = if is_open { 'L' } else { 'M' };
        path.push_str(&format!("{sign}{} {}", Px(point.x), Px(point.y)));
        let is_alone = !is_open && points.get(at + 1).is_none_or(Option::is_none);
        if is_alone {
            path.push_str("h.01");
        }
        is_open = true;
    }
    path
}

#[cfg(test)]
mod tests {
    use super::{Point, path};

    #[test]
    fn a_gap_interrupts_a_line_and_a_lonely_point_is_a_dot() {
        let at = |x: f64| Some(Point { x, y: 1.0 });
        assert_eq!(
            path(&[at(0.0), at(1.0), None, at(3.0), None]),
            "M0 1L1 1M3 1h.01"
        );
        assert_eq!(path(&[None]), "");
    }
}
