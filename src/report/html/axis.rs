//! Axes: latency on a logarithmic scale with 1-2-5 ticks, time with at most six intervals, counts from 0.

use std::time::Duration;

use super::number::{NO_BREAK, Tick};
use crate::report::figures::thousands;

/// Labels of a latency axis are at least this far apart, in px.
const LABEL_GAP: f64 = 24.0;

/// A tick this near to the limit, in px, gives way to it.
const LIMIT_GAP: f64 = 15.0;

/// Latency upwards, on a logarithmic scale.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct LatencyAxis {
    pub(super) low_ns: f64,
    pub(super) high_ns: f64,
    /// In px.
    pub(super) height: f64,
}

/// A gridline and its label.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct AxisTick {
    /// In px from the top, or in percent from the left.
    pub(super) at: f64,
    pub(super) label: Option<String>,
}

impl LatencyAxis {
    /// Between the steps 1, 2, 5 of each decade that hold all of these.
    pub(super) fn holding(values_ns: impl IntoIterator<Item = f64>, height: f64) -> LatencyAxis {
        let mut low_ns = f64::INFINITY;
        let mut high_ns: f64 = 0.0;
        for value in values_ns {
            low_ns = low_ns.min(value.max(1_000.0));
            high_ns = high_ns.max(value.max(1_000.0));
        }
        if !low_ns.is_finite() {
            (low_ns, high_ns) = (1e6, 1e9);
        }
        let low_ns = step_below(low_ns);
        let mut high_ns = step_above(high_ns);
        while high_ns < low_ns * 4.9 {
            high_ns = step_above(high_ns * 1.01);
        }
        LatencyAxis {
            low_ns,
            high_ns,
            height,
        }
    }

    /// In px from the top; beyond the ends at the edge.
    pub(super) fn y(&self, ns: f64) -> f64 {
        let ns = ns.clamp(self.low_ns, self.high_ns);
        let part = (ns / self.low_ns).ln() / (self.high_ns / self.low_ns).ln();
        (1.0 - part) * self.height
    }

    /// A gridline a step, with labels far enough apart: on every step, on every decade, on every second one and so on.
    pub(super) fn ticks(&self, limit_ns: Option<f64>) -> Vec<AxisTick> {
        let steps = steps_between(self.low_ns, self.high_ns);
        let is_kept = |every: i32, step: &LogStep| {
            every == 0 || step.digit == 1 && step.decade.rem_euclid(every) == 0
        };
        let gap_of = |every: i32| {
            let kept = steps.iter().filter(|step| is_kept(every, step));
            let places: Vec<f64> = kept.map(|step| self.y(step.ns)).collect();
            let gaps = places.windows(2).map(|pair| (pair[0] - pair[1]).abs());
            gaps.fold(f64::INFINITY, f64::min)
        };
        let every = (0..8)
            .find(|&every| gap_of(every) >= LABEL_GAP)
            .unwrap_or(8);
        let tick = |step: &LogStep| {
            let at = self.y(step.ns);
            let is_free = limit_ns.is_none_or(|limit| (self.y(limit) - at).abs() >= LIMIT_GAP);
            AxisTick {
                at,
                label: (is_kept(every, step) && is_free).then(|| tick_label(step.ns)),
            }
        };
        steps.iter().map(tick).collect()
    }
}

/// 1, 2 or 5 times a power of ten, in ns.
#[derive(Clone, Copy, Debug, PartialEq)]
struct LogStep {
    digit: u8,
    decade: i32,
    ns: f64,
}

fn steps_between(low_ns: f64, high_ns: f64) -> Vec<LogStep> {
    let (first, last) = (low_ns.log10().floor() as i32, high_ns.log10().ceil() as i32);
    let steps = (first..=last).flat_map(|decade| {
        [1, 2, 5].map(|digit| LogStep {
            digit,
            decade,
            ns: f64::from(digit) * 10f64.powi(decade),
        })
    });
    let steps = steps.filter(|step| step.ns >= low_ns * 0.999 && step.ns <= high_ns * 1.001);
    steps.collect()
}

fn step_below(ns: f64) -> f64 {
    let decade = 10f64.powf(ns.log10().floor());
    let digits = [5.0, 2.0, 1.0].map(|digit| digit * decade);
    let found = digits.into_iter().find(|step| *step <= ns * (1.0 + 1e-12));
    found.unwrap_or(decade)
}

fn step_above(ns: f64) -> f64 {
    let decade = 10f64.powf(ns.log10().floor());
    let digits = [1.0, 2.0, 5.0, 10.0].map(|digit| digit * decade);
    let found = digits.into_iter().find(|step| *step >= ns * (1.0 - 1e-12));
    found.unwrap_or(decade * 10.0)
}

/// `0.5 ms`, `200 ms`, `1 s`.
fn tick_label(ns: f64) -> String {
    let time = Duration::from_nanos(ns.round() as u64);
    if ns >= 999e6 {
        format!("{}{NO_BREAK}s", Tick(time.as_secs_f64(), 0))
    } else {
        format!("{}{NO_BREAK}ms", Tick(time.as_secs_f64() * 1e3, 3))
    }
}

/// The time of the run from left to right, from the beginning of the warm-up where it is drawn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct TimeAxis {
    /// Before t0; 0 where no warm-up is drawn.
    pub(super) warmup_s: f64,
    pub(super) length_s: f64,
}

/// A warm-up that would take more of the axis is not drawn.
const LARGEST_WARMUP: f64 = 0.15;

impl TimeAxis {
    pub(super) fn new(warmup: Duration, length_s: f64) -> TimeAxis {
        let warmup_s = warmup.as_secs_f64();
        let is_drawn = warmup_s <= length_s * LARGEST_WARMUP;
        TimeAxis {
            warmup_s: if is_drawn { warmup_s } else { 0.0 },
            length_s: length_s.max(1e-3),
        }
    }

    /// In percent of the width.
    pub(super) fn x(&self, time_s: f64) -> f64 {
        (time_s + self.warmup_s) / (self.length_s + self.warmup_s) * 100.0
    }

    /// At most six intervals, the unit on the last; `most` may ask for fewer.
    pub(super) fn ticks(&self, most: usize) -> Vec<AxisTick> {
        const STEPS: [f64; 16] = [
            0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0,
            600.0,
        ];
        let fits = |step: &f64| self.length_s / step <= most as f64 + 1e-9;
        let longer = (1..).map(|n| f64::from(n) * 1_800.0);
        let step = STEPS.into_iter().chain(longer).find(fits).unwrap_or(600.0);
        let count = (self.length_s / step + 1e-9).floor() as usize;
        let tick = |n: usize| {
            let time_s = n as f64 * step;
            let number = thousands_of(time_s);
            let unit = if n == count { "\u{a0}s" } else { "" };
            AxisTick {
                at: self.x(time_s),
                label: Some(format!("{number}{unit}")),
            }
        };
        (0..=count).map(tick).collect()
    }
}

fn thousands_of(time_s: f64) -> String {
    if time_s >= 1_000.0 {
        thousands(time_s.round() as u64)
    } else {
        Tick(time_s, 2).to_string()
    }
}

/// The nice value at or above the largest of a count: 1, 2, 3, 4, 5, 6, 8 or 10 times a power of ten.
pub(super) fn nice_top(largest: f64) -> f64 {
    if largest <= 1.0 {
        return 1.0;
    }
    let decade = 10f64.powf(largest.log10().floor());
    let tops = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0].map(|digit| digit * decade);
    let found = tops.into_iter().find(|top| *top >= largest * (1.0 - 1e-12));
    found.unwrap_or(decade * 10.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(ticks: &[AxisTick]) -> Vec<String> {
        let labels = ticks.iter().filter_map(|tick| tick.label.clone());
        labels.map(|label| label.replace('\u{a0}', " ")).collect()
    }

    #[test]
    fn a_latency_axis_ends_at_steps_of_1_2_5() {
        let axis = LatencyAxis::holding([12e6, 150e6, 3.3e9], 300.0);
        assert_eq!((axis.low_ns, axis.high_ns), (1e7, 5e9));
        assert_eq!((axis.y(1e7), axis.y(5e9)), (300.0, 0.0));
        assert_eq!(axis.y(1e12), 0.0);
        // ln 10 / ln 500.
        assert!((axis.y(1e8) - 300.0 * (1.0 - 10f64.ln() / 500f64.ln())).abs() < 1e-9);
    }

    #[test]
    fn values_at_a_step_stay_on_it_and_a_single_value_has_room() {
        let axis = LatencyAxis::holding([1e6], 100.0);
        assert_eq!((axis.low_ns, axis.high_ns), (1e6, 5e6));
        let axis = LatencyAxis::holding([], 100.0);
        assert_eq!((axis.low_ns, axis.high_ns), (1e6, 1e9));
    }

    #[test]
    fn labels_give_way_until_they_are_24_px_apart() {
        let tall = LatencyAxis::holding([1e7, 1e9], 300.0);
        let all = [
            "10 ms", "20 ms", "50 ms", "100 ms", "200 ms", "500 ms", "1 s",
        ];
        assert_eq!(labels(&tall.ticks(None)), all);
        let low = LatencyAxis::holding([1e7, 1e9], 150.0);
        assert_eq!(labels(&low.ticks(None)), ["10 ms", "100 ms", "1 s"]);
        let wide = LatencyAxis::holding([1e5, 1e10], 60.0);
        assert_eq!(labels(&wide.ticks(None)), ["1 ms", "100 ms", "10 s"]);
        assert_eq!(wide.ticks(None).len(), 16);
    }

    #[test]
    fn a_tick_near_the_limit_has_no_label() {
        let axis = LatencyAxis::holding([1e7, 1e9], 300.0);
        let shown = labels(&axis.ticks(Some(190e6)));
        assert!(!shown.contains(&"200 ms".to_owned()), "{shown:?}");
        assert!(shown.contains(&"100 ms".to_owned()), "{shown:?}");
    }

    #[test]
    fn time_has_at_most_six_intervals_and_one_unit() {
        let ticks = |length_s| labels(&TimeAxis::new(Duration::ZERO, length_s).ticks(6));
        let half_minute = ["0", "5", "10", "15", "20", "25", "30 s"];
        assert_eq!(ticks(30.0), half_minute);
        assert_eq!(ticks(2.0), ["0", "0.5", "1", "1.5", "2 s"]);
        assert_eq!(ticks(120.0), ["0", "20", "40", "60", "80", "100", "120 s"]);
        assert_eq!(ticks(1_200.0), ["0", "300", "600", "900", "1,200 s"]);
        assert_eq!(ticks(36_000.0).len(), 6);
    }

    #[test]
    fn a_warm_up_is_left_of_t0_unless_it_is_long() {
        let axis = TimeAxis::new(Duration::from_secs(2), 120.0);
        assert!((axis.x(0.0) - 200.0 / 122.0).abs() < 1e-9);
        assert_eq!(axis.x(120.0), 100.0);
        assert_eq!(TimeAxis::new(Duration::from_secs(2), 2.0).x(0.0), 0.0);
    }

    #[test]
    fn counts_have_a_nice_top() {
        for (largest, top) in [
            (0.0, 1.0),
            (1.0, 1.0),
            (7.0, 8.0),
            (534.0, 600.0),
            (800.0, 800.0),
            (9_001.0, 10_000.0),
        ] {
            assert_eq!(nice_top(largest), top);
        }
    }
}
