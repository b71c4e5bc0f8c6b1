//! Percentiles, errors and sent requests over the rate. A dot is one trial; a line joins the longest trial of each rate.

use crate::judge::summary::Observed;
use crate::report::capacity_change::LabelledSearch;
use crate::report::capacity_trial::{CapacityTrial, TrialTime};
use crate::report::figures::per_second;
use crate::report::html::axis::{AxisTick, LatencyAxis};
use crate::report::html::chapter::RunRole;
use crate::report::html::chart::{ChartWidth, ChartWords, chart};
use crate::report::html::colour::{self, PageColour};
use crate::report::html::frame::{self, Frame, Point, ShownLimit, Stroke, WIDTH};
use crate::report::html::label::{self, SeriesName};
use crate::report::html::markup::{Markup, Px, Share, attrs};
use crate::report::html::rate_axis::RateAxis;
use crate::report::text::capacity as text;
use crate::stats::rank::Quantile;

/// Height of the chart of percentiles in px.
pub(super) const TIMES_HEIGHT: f64 = 340.0;

/// Height of a strip in px.
pub(super) const STRIP_HEIGHT: f64 = 110.0;

/// Above and below a plot, for labels.
const TOP: f64 = 24.0;
const BOTTOM: f64 = 26.0;

/// Diameter of a dot in px.
const DOT: f64 = 5.0;

/// A value of each trial; `None` where there is none, and infinite among failures.
type TrialValue = fn(&CapacityTrial) -> Option<f64>;

/// A line of the chart of percentiles.
struct RateSeries<'a> {
    trials: &'a [CapacityTrial],
    value_ns: TrialValue,
    name: &'static str,
    colour: PageColour,
}

/// The charts of one search, or of two on one axis.
pub(super) struct RateCharts<'a> {
    searches: &'a [LabelledSearch<'a>],
    axis: RateAxis,
}

impl<'a> RateCharts<'a> {
    pub(super) fn of(searches: &'a [LabelledSearch<'a>]) -> RateCharts<'a> {
        let trials = searches.iter().flat_map(|search| &search.report.trials);
        RateCharts {
            searches,
            axis: RateAxis::holding(trials.map(|trial| trial.rate)),
        }
    }

    fn role(&self, number: usize) -> RunRole {
        match (self.searches.len(), number) {
            (1, _) => RunRole::Only,
            (_, 0) => RunRole::Before,
            _ => RunRole::After,
        }
    }

    fn is_of_work(&self) -> bool {
        self.searches
            .iter()
            .any(|search| search.report.is_of_work())
    }

    pub(super) fn title(&self) -> &'static str {
        if self.is_of_work() {
            "Time to completion by rate"
        } else {
            "Response time by rate"
        }
    }

    fn series(&self) -> Vec<RateSeries<'a>> {
        let [only] = self.searches else {
            let names = ["before", "after"];
            return self
                .searches
                .iter()
                .enumerate()
                .map(|(number, search)| RateSeries {
                    trials: &search.report.trials,
                    value_ns: |trial| ns(trial.value),
                    name: names.get(number).copied().unwrap_or_default(),
                    colour: self.role(number).colours().p95,
                })
                .collect();
        };
        let trials = &only.report.trials;
        let of = |value_ns: TrialValue, name, colour| RateSeries {
            trials,
            value_ns,
            name,
            colour,
        };
        let mut series = vec![
            of(|trial| ns(trial.median), "P50", colour::P50),
            of(|trial| ns(trial.p99), "P99", colour::P99),
        ];
        let metric = trials.first().map(|trial| trial.metric);
        let gated = metric.map(|metric| (metric.time, metric.quantile));
        let name = match gated {
            None | Some((TrialTime::Response, Quantile::P50 | Quantile::P99)) => return series,
            Some((TrialTime::Completion, _)) => "done",
            Some((TrialTime::Response, Quantile::P95)) => "P95",
            Some((TrialTime::Response, _)) => "gate",
        };
        series.push(of(|trial| ns(trial.value), name, colour::P95));
        series
    }

    fn limits(&self) -> Vec<f64> {
        let gates = self.searches.iter().flat_map(|search| &search.report.gates);
        let mut limits: Vec<f64> = gates
            .filter_map(|gate| gate.condition.latency_limit())
            .map(|limit| limit.as_nanos() as f64)
            .collect();
        limits.sort_by(f64::total_cmp);
        limits.dedup();
        limits
    }

    /// Percentiles over the rate, with the limits and the brackets.
    pub(super) fn times(&self, m: &mut Markup, width: ChartWidth) {
        let plot = Frame {
            x: 11.0,
            width: 79.0,
            y: TOP,
            height: TIMES_HEIGHT - TOP - BOTTOM,
        };
        let (series, limits) = (self.series(), self.limits());
        let values = series.iter().flat_map(|series| {
            let values = series.trials.iter().filter_map(series.value_ns);
            values.filter(|value| value.is_finite())
        });
        let axis = LatencyAxis::holding(values.chain(limits.iter().copied()), plot.height);
        let first = limits.first().map(|&ns| ShownLimit { ns });
        let words = ChartWords {
            title: self.title().to_owned(),
            description: self.description(),
        };
        chart(m, width, TIMES_HEIGHT, &words, |m| {
            plot.marks(m, |m| self.shades(m, plot.height));
            plot.latency_grid(m, &axis, first);
            plot.marks(m, |m| {
                plot.data(m, |m| {
                    for series in &series {
                        self.line(m, series, |ns| axis.y(ns));
                    }
                });
                self.ticks(m, &plot);
                self.bounds(m);
            });
            for ns in &limits {
                plot.limit_line(m, &axis, Some(ShownLimit { ns: *ns }));
            }
            names(m, &series, &axis, &limits, &plot);
        });
    }

    /// The bracket of each search; of one alone also what is shown to fail.
    fn shades(&self, m: &mut Markup, height: f64) {
        let part = height / self.searches.len() as f64;
        for (number, search) in self.searches.iter().enumerate() {
            let bracket = search.report.bracket();
            let top = part * number as f64;
            let mut rect = |from: f64, to: f64, fill: PageColour| {
                m.leaf(
                    "rect",
                    attrs!["x" => Share(from), "y" => Px(top), "width" => Share((to - from).max(0.0)), "height" => Px(part), "fill" => fill],
                );
            };
            if let (RunRole::Only, Some(upper)) = (self.role(number), bracket.upper) {
                rect(self.axis.x(upper), 100.0, colour::BEYOND);
            }
            if let (Some(lower), Some(upper)) = (bracket.lower, bracket.upper) {
                let band = self.role(number).colours().band;
                rect(self.axis.x(lower), self.axis.x(upper), band);
            }
        }
    }

    /// Names both rates of a search alone.
    fn bounds(&self, m: &mut Markup) {
        let [only] = self.searches else { return };
        let bracket = only.report.bracket();
        let mut name = |rate: f64, word: &str, anchor: &'static str| {
            m.words(
                "text",
                attrs!["x" => Share(self.axis.x(rate)), "y" => -8, "text-anchor" => anchor, "fill" => colour::INK, "font-weight" => 600],
                format_args!("{word} {}", per_second(rate)),
            );
        };
        if let Some(lower) = bracket.lower {
            name(lower, "holds at", "end");
        }
        if let Some(upper) = bracket.upper {
            name(upper, "fails at", "start");
        }
    }

    fn line(&self, m: &mut Markup, series: &RateSeries<'_>, y: impl Fn(f64) -> f64) {
        let point = |rate: f64, value: f64| Point {
            x: self.axis.x(rate) / 100.0 * WIDTH,
            y: y(value),
        };
        let trials = series.trials.iter();
        let dots: Vec<Point> = trials
            .filter_map(|trial| Some(point(trial.rate, (series.value_ns)(trial)?)))
            .collect();
        let joined: Vec<Option<Point>> = longest_of_each_rate(series.trials)
            .into_iter()
            .map(|trial| Some(point(trial.rate, (series.value_ns)(trial)?)))
            .collect();
        frame::line(m, &joined, Stroke::solid(series.colour, 1.5));
        frame::dots(m, &dots, series.colour, DOT);
    }

    fn ticks(&self, m: &mut Markup, plot: &Frame) {
        m.leaf(
            "line",
            attrs!["x1" => 0, "x2" => "100%", "y1" => Px(plot.height), "y2" => Px(plot.height), "stroke" => colour::RULE],
        );
        for tick in self.axis.ticks() {
            plot.tick_below(m, &tick, "middle");
        }
    }

    /// The share of failed requests over the rate.
    pub(super) fn errors(&self, m: &mut Markup, width: ChartWidth) {
        self.shares(m, width, "Share of failed requests by rate", |trial| {
            Some(trial.failed as f64 / (trial.requests as f64).max(1.0))
        });
    }

    /// The share of planned requests that was sent, over the rate.
    pub(super) fn sent(&self, m: &mut Markup, width: ChartWidth) {
        self.shares(m, width, "Achieved of the offered rate", |trial| {
            let sent = trial.sent as f64 / (trial.requests as f64).max(1.0);
            let achieved = trial.achieved.map_or(sent, |rate| rate / trial.rate);
            Some(achieved.min(sent).min(1.0))
        });
    }

    fn shares(&self, m: &mut Markup, width: ChartWidth, title: &str, share: TrialValue) {
        let plot = Frame {
            x: 11.0,
            width: 79.0,
            y: 10.0,
            height: STRIP_HEIGHT - 10.0 - BOTTOM,
        };
        let words = ChartWords {
            title: title.to_owned(),
            description: self.description(),
        };
        let y = |share: f64| plot.height * (1.0 - share.clamp(0.0, 1.0));
        chart(m, width, STRIP_HEIGHT, &words, |m| {
            plot.marks(m, |m| self.shades(m, plot.height));
            for (at, label) in [(0.0, "100%"), (0.5, "50%"), (1.0, "0%")] {
                let tick = AxisTick {
                    at: at * plot.height,
                    label: Some(label.to_owned()),
                };
                plot.with_margin(m, |m| frame::horizontal(m, tick.at, colour::GRID));
                plot.grid_label(m, tick.at + 6.0, label);
            }
            plot.marks(m, |m| {
                plot.data(m, |m| {
                    for (number, search) in self.searches.iter().enumerate() {
                        let series = RateSeries {
                            trials: &search.report.trials,
                            value_ns: share,
                            name: "",
                            colour: self.role(number).colours().p95,
                        };
                        self.line(m, &series, y);
                    }
                });
                self.ticks(m, &plot);
            });
        });
    }

    fn description(&self) -> String {
        let headlines = self
            .searches
            .iter()
            .map(|search| text::capacity_headline(search.report).text);
        headlines.collect::<Vec<_>>().join("; ")
    }
}

/// In ns; what did not end with a latency is above every latency.
fn ns(observed: Observed) -> Option<f64> {
    match observed {
        Observed::Value(value) => Some(value.as_nanos() as f64),
        Observed::NoData | Observed::AcrossRamp => None,
        Observed::BeyondTimeout(_) | Observed::Failed | Observed::Unsent => Some(f64::INFINITY),
    }
}

/// Of each rate, from the lowest, the trial with the most requests; of two equal ones the later.
fn longest_of_each_rate(trials: &[CapacityTrial]) -> Vec<&CapacityTrial> {
    let mut longest: Vec<&CapacityTrial> = Vec::new();
    for trial in trials {
        match longest.iter_mut().find(|known| known.rate == trial.rate) {
            Some(known) if known.requests <= trial.requests => *known = trial,
            Some(_) => {}
            None => longest.push(trial),
        }
    }
    longest.sort_by(|a, b| a.rate.total_cmp(&b.rate));
    longest
}

/// Series are named at the right end, at the height of their last point.
fn names(
    m: &mut Markup,
    series: &[RateSeries<'_>],
    axis: &LatencyAxis,
    limits: &[f64],
    plot: &Frame,
) {
    let mut all: Vec<SeriesName> = series
        .iter()
        .filter_map(|series| {
            let last = longest_of_each_rate(series.trials).into_iter().rev();
            let value = last.filter_map(series.value_ns).next()?;
            Some(SeriesName {
                text: series.name,
                y: axis.y(value),
                colour: series.colour,
            })
        })
        .collect();
    all.extend(limits.iter().map(|&ns| SeriesName {
        text: "limit",
        y: axis.y(ns),
        colour: colour::INK,
    }));
    plot.marks(m, |m| {
        for name in label::apart(all, plot.height) {
            m.words(
                "text",
                attrs!["x" => "100%", "y" => Px(name.y + 3.8), "fill" => name.colour, "font-weight" => 600, "dx" => 5],
                name.text,
            );
        }
    });
}
