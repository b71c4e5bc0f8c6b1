//! A value and its interval on a logarithmic axis of multiples, the same in every row of a table.

use super::colour::{self, PageColour};
use super::gate_view::LimitMultiples;
use super::markup::{Markup, Share, attrs};

/// An axis of multiples: its ends, the tick between them, and the line.
#[derive(Clone, Copy, Debug)]
pub(super) struct MultipleAxis {
    /// Powers of ten at the left and the right end.
    pub(super) ends: [f64; 2],
    /// The power of ten with a tick.
    pub(super) tick: f64,
    /// The power of ten with the line: the limit, or no change.
    pub(super) line: f64,
}

/// Multiples of a limit, 0.01 to 10.
pub(super) const OF_LIMIT: MultipleAxis = MultipleAxis {
    ends: [-2.0, 1.0],
    tick: -1.0,
    line: 0.0,
};

/// After divided by before, 1/1,000 to 10.
pub(super) const OF_CHANGE: MultipleAxis = MultipleAxis {
    ends: [-3.0, 1.0],
    tick: -1.0,
    line: 0.0,
};

/// Whether what lies right of the line is marked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BeyondLine {
    Marked,
    Plain,
}

impl MultipleAxis {
    /// In percent of the width; beyond the ends at the edge.
    fn x(&self, multiple: f64) -> f64 {
        let [low, high] = self.ends;
        let power = multiple.max(1e-9).log10().clamp(low, high);
        (power - low) / (high - low) * 100.0
    }

    fn is_beyond_left(&self, multiple: f64) -> bool {
        multiple.max(1e-9).log10() < self.ends[0] - 1e-9
    }

    fn is_beyond_right(&self, multiple: f64) -> bool {
        multiple.log10() > self.ends[1] + 1e-9
    }

    /// The interval as a bar, the value as a dot; an arrow where either leads out of the axis.
    pub(super) fn draw(
        &self,
        m: &mut Markup,
        place: LimitMultiples,
        colour: PageColour,
        beyond: BeyondLine,
    ) {
        m.node(
            "svg",
            attrs!["class" => "iv", "width" => 180, "height" => 20, "aria-hidden" => "true", "fill" => "none"],
            |m| {
                self.ground(m, beyond);
                let low = place.low.unwrap_or(0.0);
                let high = place.high.unwrap_or(f64::INFINITY);
                m.leaf(
                    "line",
                    attrs!["x1" => Share(self.x(low)), "x2" => Share(self.x(high)), "y1" => 10, "y2" => 10, "stroke" => colour, "stroke-width" => 4, "stroke-opacity" => ".45"],
                );
                if self.is_beyond_right(high) {
                    arrow(m, "100%", "M-6 -4l5 4-5 4", colour);
                }
                if self.is_beyond_left(low) {
                    arrow(m, "0", "M6 -4l-5 4 5 4", colour);
                }
                if !self.is_beyond_right(place.value) && !self.is_beyond_left(place.value) {
                    m.leaf(
                        "circle",
                        attrs!["cx" => Share(self.x(place.value)), "cy" => 10, "r" => "3.75", "fill" => colour],
                    );
                }
            },
        );
    }

    fn ground(&self, m: &mut Markup, beyond: BeyondLine) {
        let [line, tick] = [self.line, self.tick].map(|power| self.x(10f64.powf(power)));
        if beyond == BeyondLine::Marked {
            m.leaf(
                "rect",
                attrs!["x" => Share(line), "y" => 0, "width" => Share(100.0 - line), "height" => 20, "fill" => colour::BEYOND],
            );
        }
        m.leaf(
            "line",
            attrs!["x1" => 0, "x2" => "100%", "y1" => 10, "y2" => 10, "stroke" => colour::GRID],
        );
        m.leaf(
            "line",
            attrs!["x1" => Share(tick), "x2" => Share(tick), "y1" => 7, "y2" => 13, "stroke" => colour::RULE],
        );
        m.leaf(
            "line",
            attrs!["x1" => Share(line), "x2" => Share(line), "y1" => 0, "y2" => 20, "stroke" => colour::INK, "stroke-width" => "1.25"],
        );
    }
}

fn arrow(m: &mut Markup, x: &'static str, d: &'static str, colour: PageColour) {
    m.node(
        "svg",
        attrs!["x" => x, "y" => 10, "width" => 1, "height" => 1, "overflow" => "visible"],
        |m| {
            m.leaf(
                "path",
                attrs!["d" => d, "stroke" => colour, "stroke-width" => "1.5", "fill" => "none"],
            );
        },
    );
}

#[cfg(test)]
mod tests {
    use super::{BeyondLine, OF_CHANGE, OF_LIMIT};
    use crate::report::html::colour::PASS;
    use crate::report::html::gate_view::LimitMultiples;
    use crate::report::html::markup::Markup;

    #[test]
    fn the_limit_is_at_two_thirds_and_no_change_at_three_quarters() {
        assert!((OF_LIMIT.x(1.0) - 200.0 / 3.0).abs() < 1e-9);
        assert_eq!((OF_LIMIT.x(0.01), OF_LIMIT.x(10.0)), (0.0, 100.0));
        assert_eq!((OF_LIMIT.x(0.0001), OF_LIMIT.x(1e9)), (0.0, 100.0));
        assert_eq!(OF_CHANGE.x(1.0), 75.0);
    }

    fn drawn(value: f64, low: Option<f64>, high: Option<f64>) -> String {
        let mut m = Markup::new();
        let place = LimitMultiples { value, low, high };
        OF_LIMIT.draw(&mut m, place, PASS, BeyondLine::Marked);
        m.as_str().to_owned()
    }

    #[test]
    fn an_arrow_shows_an_open_end_and_a_value_outside_has_no_dot() {
        let closed = drawn(0.5, Some(0.4), Some(0.6));
        assert_eq!(
            (
                closed.matches("<path").count(),
                closed.matches("<circle").count()
            ),
            (0, 1)
        );
        let open = drawn(0.5, Some(0.4), None);
        assert_eq!(open.matches("<path").count(), 1);
        let failed = drawn(f64::INFINITY, Some(20.0), None);
        assert_eq!(
            (
                failed.matches("<path").count(),
                failed.matches("<circle").count()
            ),
            (1, 0)
        );
        let tiny = drawn(0.001, Some(0.0005), Some(0.002));
        assert_eq!(
            (
                tiny.matches("<path").count(),
                tiny.matches("<circle").count()
            ),
            (1, 0)
        );
    }
}
