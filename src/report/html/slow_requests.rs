//! The slowest requests as circles, the three slowest with their trace ids.

use super::axis::{LatencyAxis, TimeAxis};
use super::colour;
use super::frame::ShownLimit;
use super::label::{self, LabelSide, LabelledDot, Obstacles};
use super::markup::{Markup, Px, Share, attrs};
use super::number;
use super::style_sheet::MONO;
use crate::report::endpoint_report::EndpointReport;
use crate::run::recording::Exemplar;
use crate::run::sample::Outcome;

/// Requests whose ids stand in the chart.
const LABELLED: usize = 3;

/// The beginning of an id tells requests apart.
const SHORT_ID: usize = 8;

/// One of the slowest requests that were answered.
pub(super) struct SlowRequest<'a> {
    pub(super) exemplar: &'a Exemplar,
    /// The id under which a tracing system knows it.
    pub(super) trace_id: Option<String>,
}

impl SlowRequest<'_> {
    /// Those of an endpoint, slowest first.
    pub(super) fn answered(endpoint: &EndpointReport) -> Vec<SlowRequest<'_>> {
        let slowest = endpoint.course.slowest.iter();
        let answered = slowest.filter(|exemplar| exemplar.outcome == Outcome::Ok);
        let requests = answered.map(|exemplar| SlowRequest {
            exemplar,
            trace_id: exemplar.trace_id.map(|id| id.to_string()),
        });
        requests.collect()
    }

    /// The first characters of its id.
    pub(super) fn short_id(&self) -> Option<&str> {
        let id = self.trace_id.as_deref()?;
        Some(id.get(..SHORT_ID).unwrap_or(id))
    }

    /// `3.30 s at 70.4 s`.
    pub(super) fn words(&self) -> String {
        format!(
            "{} at {}",
            number::latency(self.exemplar.latency),
            number::seconds(self.exemplar.at.as_secs_f64())
        )
    }
}

/// Circles, the slowest on top, and ids where there is room.
pub(super) fn draw(
    m: &mut Markup,
    requests: &[SlowRequest<'_>],
    axis: &LatencyAxis,
    time: &TimeAxis,
    limit: Option<ShownLimit>,
) {
    let dot = |request: &SlowRequest<'_>| LabelledDot {
        x: time.x(request.exemplar.at.as_secs_f64().min(time.length_s)),
        y: axis.y(request.exemplar.latency.as_nanos() as f64),
    };
    let dots: Vec<LabelledDot> = requests.iter().map(dot).collect();
    ids(
        m,
        requests,
        &dots,
        &Obstacles {
            dots: &dots,
            limit_y: limit.map(|limit| axis.y(limit.ns)),
            height: axis.height,
        },
    );
    for (request, dot) in requests.iter().zip(&dots).rev() {
        m.node(
            "circle",
            attrs!["cx" => Share(dot.x), "cy" => Px(dot.y), "r" => "3.2", "fill" => colour::BACKGROUND, "stroke" => colour::INK, "stroke-width" => "1.25"],
            |m| {
                m.node("title", attrs![], |m| {
                    if let Some(id) = &request.trace_id {
                        m.text(format_args!("{id} · "));
                    }
                    m.text(request.words());
                });
            },
        );
    }
}

fn ids(
    m: &mut Markup,
    requests: &[SlowRequest<'_>],
    dots: &[LabelledDot],
    obstacles: &Obstacles<'_>,
) {
    let shown: Vec<&str> = requests
        .iter()
        .take(LABELLED)
        .filter_map(SlowRequest::short_id)
        .collect();
    let lengths: Vec<usize> = shown.iter().map(|id| id.chars().count()).collect();
    let places = label::places(&lengths, obstacles);
    for ((id, place), dot) in shown.iter().zip(places).zip(dots) {
        let Some(place) = place else { continue };
        let (x, anchor, end) = match place.side {
            LabelSide::Right => (9, "start", 7),
            LabelSide::Left => (-9, "end", -7),
        };
        m.node(
            "svg",
            attrs!["x" => Share(dot.x), "y" => Px(dot.y), "width" => 1, "height" => 1, "overflow" => "visible"],
            |m| {
                if place.dy != 0.0 {
                    let path = format!("M0 0L{end} {}", Px(place.dy));
                    m.leaf(
                        "path",
                        attrs!["d" => path, "stroke" => colour::MAX, "stroke-width" => ".75"],
                    );
                }
                m.words(
                    "text",
                    attrs!["x" => x, "y" => Px(place.dy + 3.5), "text-anchor" => anchor, "font-family" => MONO, "font-size" => "10.5", "fill" => colour::INK, "stroke" => colour::BACKGROUND, "stroke-width" => 3, "stroke-linejoin" => "round", "paint-order" => "stroke"],
                    id,
                );
            },
        );
    }
}
