//! Where the time of the median request and of the slowest requests went.

use std::time::Duration;

use super::chapter::{Chapter, ChartedRun, panel};
use super::chart::{ChartWidth, ChartWords, chart};
use super::colour::{self, PageColour};
use super::markup::{Markup, Px, Share, attrs};
use super::number;
use super::slow_requests::SlowRequest;
use super::style_sheet::MONO;
use crate::report::figures::share;
use crate::run::sample::Phases;

/// A phase: its name in a run file, its name for people, its colour.
struct PhaseName {
    key: &'static str,
    label: &'static str,
    colour: PageColour,
}

/// In the order of time: ours grey, the network green, the service blue.
const NAMES: [PhaseName; 9] = [
    PhaseName {
        key: "send_lag",
        label: "send lag",
        colour: colour::SEND_LAG,
    },
    PhaseName {
        key: "wait",
        label: "wait for a connection",
        colour: colour::WAIT,
    },
    PhaseName {
        key: "dns",
        label: "DNS",
        colour: colour::DNS,
    },
    PhaseName {
        key: "connect",
        label: "connect",
        colour: colour::CONNECT,
    },
    PhaseName {
        key: "tls",
        label: "TLS",
        colour: colour::TLS,
    },
    PhaseName {
        key: "slot",
        label: "wait for a stream",
        colour: colour::SLOT,
    },
    PhaseName {
        key: "redirect",
        label: "redirects",
        colour: colour::REDIRECT,
    },
    PhaseName {
        key: "first_byte",
        label: "first byte",
        colour: colour::FIRST_BYTE,
    },
    PhaseName {
        key: "body",
        label: "body",
        colour: colour::BODY,
    },
];

/// Times of the phases in the order of [`NAMES`].
pub(super) type PhaseTimes = [Duration; NAMES.len()];

/// The labels of the phases, in their order.
pub(super) fn labels() -> [&'static str; NAMES.len()] {
    NAMES.map(|phase| phase.label)
}

/// The phases of one request.
pub(super) fn times_of(request: &SlowRequest<'_>) -> PhaseTimes {
    let Phases {
        wait_ns,
        dns_ns,
        connect_ns,
        tls_ns,
        slot_ns,
        redirect_ns,
        first_byte_ns,
        body_ns,
    } = request.exemplar.phases;
    let rest = [
        wait_ns,
        dns_ns,
        connect_ns,
        tls_ns,
        slot_ns,
        redirect_ns,
        first_byte_ns,
        body_ns,
    ];
    let mut times = [Duration::ZERO; NAMES.len()];
    times[0] = request.exemplar.send_lag.unwrap_or_default();
    for (time, ns) in times[1..].iter_mut().zip(rest) {
        *time = Duration::from_nanos(ns.unwrap_or(0));
    }
    times
}

/// The median of each phase.
fn medians(run: &ChartedRun<'_>) -> PhaseTimes {
    let traffic = run.endpoint.traffic.as_ref();
    let lag = traffic
        .and_then(|traffic| traffic.send_lag)
        .map(|lag| lag.p50);
    let mut times = [Duration::ZERO; NAMES.len()];
    times[0] = lag.unwrap_or_default();
    for phase in &run.endpoint.course.phases {
        if let Some(at) = NAMES.iter().position(|name| name.key == phase.name) {
            times[at] = phase.median;
        }
    }
    times
}

/// Height of a row of the slowest, in px.
const ROW: f64 = 25.0;

pub(super) fn write(m: &mut Markup, chapter: &Chapter<'_>, run: &ChartedRun<'_>) {
    let slow = SlowRequest::answered(run.endpoint);
    let has_times = |one: &SlowRequest<'_>| times_of(one).iter().any(|time| !time.is_zero());
    if run.endpoint.course.phases.is_empty() && !slow.iter().any(has_times) {
        return;
    }
    let title = format!("Phases{}", run.role.suffix());
    panel(m, &title, &sentence(run, &slow), |m| {
        draw(m, chapter, run, &slow);
        key(m, run, &slow);
    });
}

/// The phase that took most of the slowest requests, and what our own delay was.
fn sentence(run: &ChartedRun<'_>, slow: &[SlowRequest<'_>]) -> String {
    let mut sums = [Duration::ZERO; NAMES.len()];
    for request in slow {
        for (sum, time) in sums.iter_mut().zip(times_of(request)) {
            *sum += time;
        }
    }
    let all: Duration = sums.iter().sum();
    let mut sentences = Vec::new();
    let largest = NAMES.iter().zip(sums).max_by_key(|(_, sum)| *sum);
    if let Some((phase, sum)) = largest.filter(|_| !all.is_zero()) {
        let part = share(sum.as_secs_f64() / all.as_secs_f64());
        let of = match slow.len() {
            1 => "the slowest answer".to_owned(),
            n => format!("the {n} slowest answers"),
        };
        let label = phase.label;
        let first = label.chars().next().map(|c| c.to_ascii_uppercase());
        let label: String = first.into_iter().chain(label.chars().skip(1)).collect();
        sentences.push(format!("{label} is {part} of {of}."));
    }
    if slow.is_empty() && !run.endpoint.course.slowest.is_empty() {
        sentences.push("The slowest requests failed and have no phases.".to_owned());
    }
    if let Some(lag) = run.endpoint.traffic.as_ref().and_then(|t| t.send_lag) {
        sentences.push(format!(
            "Send lag of this machine: P50 {}, P99 {}.",
            number::latency(lag.p50),
            number::latency(lag.p99)
        ));
    }
    sentences.join(" ")
}

fn draw(m: &mut Markup, chapter: &Chapter<'_>, run: &ChartedRun<'_>, slow: &[SlowRequest<'_>]) {
    let height = 70.0
        + if slow.is_empty() {
            0.0
        } else {
            26.0 + slow.len() as f64 * ROW
        };
    let words = ChartWords {
        title: format!(
            "{}{}: phases of the median and of the slowest requests",
            chapter.name,
            run.role.suffix()
        ),
        description: format!("Stacked bars. {}", sentence(run, slow)),
    };
    chart(m, ChartWidth::Column, height, &words, |m| {
        let medians = medians(run);
        let total: Duration = medians.iter().sum();
        heading(m, 14.0, "median of each phase", &number::latency(total));
        bar(m, &medians, total, 22.0, 12.0);
        m.words("text", attrs!["x" => 0, "y" => 49], largest_of(&medians));
        let Some(slowest) = slow.first() else { return };
        let longest = slowest.exemplar.latency;
        let title = match slow.len() {
            1 => "slowest answer".to_owned(),
            n => format!("{n} slowest answers"),
        };
        heading(
            m,
            82.0,
            &title,
            &format!("0 to {}", number::latency(longest)),
        );
        for (number, request) in slow.iter().enumerate() {
            row(m, request, longest, 100.0 + number as f64 * ROW);
        }
    });
}

fn heading(m: &mut Markup, y: f64, title: &str, value: &str) {
    m.words(
        "text",
        attrs!["x" => 0, "y" => Px(y), "fill" => colour::INK, "font-weight" => 600],
        title,
    );
    m.words(
        "text",
        attrs!["x" => "100%", "y" => Px(y), "text-anchor" => "end", "fill" => colour::INK, "font-weight" => 600],
        value,
    );
}

fn row(m: &mut Markup, request: &SlowRequest<'_>, longest: Duration, y: f64) {
    let at = number::seconds(request.exemplar.at.as_secs_f64());
    match request.short_id() {
        Some(id) => {
            m.words(
                "text",
                attrs!["x" => 0, "y" => Px(y), "font-size" => "10.5", "font-family" => MONO],
                id,
            );
            m.words(
                "text",
                attrs!["x" => 68, "y" => Px(y), "fill" => colour::TERTIARY],
                format_args!("at {at}"),
            );
        }
        None => {
            let index = crate::report::figures::thousands(request.exemplar.index + 1);
            m.words(
                "text",
                attrs!["x" => 0, "y" => Px(y), "fill" => colour::TERTIARY],
                format_args!("at {at} · request {index}"),
            );
        }
    }
    m.words(
        "text",
        attrs!["x" => "100%", "y" => Px(y), "text-anchor" => "end"],
        number::latency(request.exemplar.latency),
    );
    bar(m, &times_of(request), longest, y + 4.0, 7.0);
}

/// The phases one after the other, separated by the background.
fn bar(m: &mut Markup, times: &PhaseTimes, whole: Duration, y: f64, height: f64) {
    let whole = whole.as_secs_f64().max(1e-12);
    let mut left = 0.0;
    for (phase, time) in NAMES.iter().zip(times) {
        let width = time.as_secs_f64() / whole * 100.0;
        // Less is not seen, and would cost a line.
        if width >= 0.1 {
            m.node(
                "rect",
                attrs!["x" => Share(left), "y" => Px(y), "width" => Share(width), "height" => Px(height), "fill" => phase.colour],
                |m| m.words("title", attrs![], format_args!("{} {}", phase.label, number::latency(*time))),
            );
            if left > 0.05 {
                m.leaf(
                    "line",
                    attrs!["x1" => Share(left), "x2" => Share(left), "y1" => Px(y), "y2" => Px(y + height), "stroke" => colour::BACKGROUND],
                );
            }
        }
        left += width;
    }
}

/// `first byte 39.0 ms · body 0.120 ms`: the three largest, in the order of time.
fn largest_of(times: &PhaseTimes) -> String {
    let mut sorted: Vec<Duration> = times.to_vec();
    sorted.sort_unstable_by(|a, b| b.cmp(a));
    let least = sorted[2].max(Duration::from_nanos(1));
    let shown = NAMES.iter().zip(times).filter(|(_, time)| **time >= least);
    let shown = shown.map(|(phase, time)| format!("{} {}", phase.label, number::latency(*time)));
    shown.take(3).collect::<Vec<_>>().join(" · ")
}

/// The phases that took any time.
fn key(m: &mut Markup, run: &ChartedRun<'_>, slow: &[SlowRequest<'_>]) {
    let mut sums = medians(run);
    for request in slow {
        for (sum, time) in sums.iter_mut().zip(times_of(request)) {
            *sum += time;
        }
    }
    m.node("ul", attrs!["class" => "key"], |m| {
        for (phase, _) in NAMES.iter().zip(sums).filter(|(_, sum)| !sum.is_zero()) {
            m.node("li", attrs![], |m| {
                m.node("svg", attrs!["width" => 10, "height" => 10, "aria-hidden" => "true"], |m| {
                    m.leaf(
                        "rect",
                        attrs!["width" => 10, "height" => 10, "rx" => "1.5", "fill" => phase.colour],
                    );
                });
                m.text(phase.label);
            });
            m.space();
        }
    });
}
