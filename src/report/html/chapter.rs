//! The chapter of one endpoint: its run, or the runs before and after, with one axis for all charts.

use std::time::Duration;

use super::axis::{LatencyAxis, TimeAxis};
use super::colour::{self, PageColour};
use super::course::{self, Course};
use super::frame::ShownLimit;
use super::markup::{Markup, attrs};
use crate::judge::gate::Condition;
use crate::report::drawn_limit::DrawnLimit;
use crate::report::endpoint_report::EndpointReport;
use crate::report::model::Report;
use crate::report::rows;
use crate::report::text;
use crate::run::histogram::RankedValues;
use crate::verdict::Verdict;

/// Below this, requests are drawn one by one.
pub(super) const FEW_REQUESTS: u64 = 20;

/// Whose run a chart shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RunRole {
    Only,
    Before,
    After,
}

/// The colours of a run.
#[derive(Clone, Copy)]
pub(super) struct RunColours {
    pub(super) p50: PageColour,
    pub(super) p50_label: PageColour,
    pub(super) p95: PageColour,
    pub(super) p99: PageColour,
    pub(super) band: PageColour,
}

impl RunRole {
    /// ` before`, ` after`, nothing of a run alone: behind titles.
    pub(super) fn suffix(self) -> &'static str {
        match self {
            RunRole::Only => "",
            RunRole::Before => " before",
            RunRole::After => " after",
        }
    }

    pub(super) fn colours(self) -> RunColours {
        match self {
            RunRole::Before => RunColours {
                p50: colour::BEFORE_P50,
                p50_label: colour::BEFORE_P50_LABEL,
                p95: colour::BEFORE_P95,
                p99: colour::BEFORE_P99,
                band: colour::BEFORE_BAND,
            },
            RunRole::Only | RunRole::After => RunColours {
                p50: colour::P50,
                p50_label: colour::P50_LABEL,
                p95: colour::P95,
                p99: colour::P99,
                band: colour::BAND,
            },
        }
    }
}

/// A run as the charts show it.
pub(super) struct ChartedRun<'a> {
    pub(super) role: RunRole,
    pub(super) endpoint: &'a EndpointReport,
    pub(super) length_s: f64,
    /// `None` where there is too little for charts over time.
    pub(super) course: Option<Course>,
}

/// The chapter of one endpoint.
pub(super) struct Chapter<'a> {
    pub(super) name: &'a str,
    pub(super) runs: Vec<ChartedRun<'a>>,
    pub(super) verdict: Option<Verdict>,
    pub(super) limit: Option<DrawnLimit>,
}

impl<'a> Chapter<'a> {
    /// Of one run, or of the runs before and after.
    pub(super) fn of(report: &Report, runs: &[RunOfEndpoint<'a>]) -> Option<Chapter<'a>> {
        let last = runs.last()?.endpoint;
        let charted = runs.iter().map(|run| ChartedRun {
            role: run.role,
            endpoint: run.endpoint,
            length_s: course::length_s(run.endpoint),
            course: Course::of(run.endpoint),
        });
        Some(Chapter {
            name: &last.name,
            runs: charted.collect(),
            verdict: text::of_verdict(report, &last.name).0,
            limit: DrawnLimit::of(report, last).or_else(|| over_baseline(report, last)),
        })
    }

    /// The run that gates on one run judge.
    pub(super) fn judged(&self) -> &ChartedRun<'a> {
        // A chapter is made of one run at least.
        &self.runs[self.runs.len() - 1]
    }

    /// The limit as charts show it.
    pub(super) fn shown_limit(&self) -> Option<ShownLimit> {
        self.limit.as_ref().map(|limit| ShownLimit {
            ns: limit.chart.limit.as_nanos() as f64,
        })
    }

    /// The axis of all latencies of the chapter: the fastest but for one in a thousand, the limit, the slowest, and the
    /// timeout where one was reached.
    pub(super) fn latency_axis(&self, height: f64) -> LatencyAxis {
        let mut values: Vec<f64> = self.shown_limit().iter().map(|limit| limit.ns).collect();
        for run in &self.runs {
            let summary = &run.endpoint.summary;
            let ranked: &RankedValues = summary.ranked_values();
            let low = ranked.at_rank(ranked.count().div_ceil(1_000));
            let high = ranked.at_rank(ranked.count());
            values.extend([low, high].into_iter().flatten().map(|ns| ns as f64));
            if let Some(timeout) = run
                .endpoint
                .course
                .timeout
                .filter(|_| summary.counts.timeout > 0)
            {
                values.push(timeout.as_nanos() as f64);
            }
        }
        LatencyAxis::holding(values, height)
    }

    /// The axis of all charts over time of the chapter.
    pub(super) fn time_axis(&self) -> TimeAxis {
        let length_s = self.runs.iter().map(|run| run.length_s).fold(0.0, f64::max);
        let warmups = self.runs.iter().map(|run| run.endpoint.course.warmup);
        TimeAxis::new(warmups.max().unwrap_or(Duration::ZERO), length_s)
    }

    /// `GET /health`; the file of latencies that another tool measured.
    pub(super) fn subject(&self) -> String {
        subject(self.judged().endpoint)
    }
}

/// `GET /health`; the file of latencies that another tool measured.
pub(super) fn subject(endpoint: &EndpointReport) -> String {
    match (&endpoint.request, &endpoint.source) {
        (Some(request), _) => format!("{} {}", request.method, request.path),
        (None, Some(source)) => source.clone(),
        (None, None) => String::new(),
    }
}

/// A run and whose it is.
#[derive(Clone, Copy)]
pub(super) struct RunOfEndpoint<'a> {
    pub(super) role: RunRole,
    pub(super) endpoint: &'a EndpointReport,
}

/// The limit that a baseline makes, where no gate has one of its own.
fn over_baseline(report: &Report, endpoint: &EndpointReport) -> Option<DrawnLimit> {
    let findings = rows::one_run_findings(report, &endpoint.name);
    let of_baseline = findings
        .into_iter()
        .filter(|f| matches!(f.gate.condition, Condition::Baseline { .. }));
    let worst = of_baseline.min_by_key(|f| text::verdict_rank(Some(f.verdict)))?;
    Some(DrawnLimit {
        chart: crate::report::drawn_limit::ChartLimit {
            limit: worst.latency_limit()?,
            beyond: None,
        },
        verdict: worst.verdict,
        slow: 0,
        spells: None,
    })
}

/// How tall the chart over time is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PanelHeight {
    Tall,
    Low,
}

/// A panel: a title, one sentence, a chart.
pub(super) fn panel(m: &mut Markup, title: &str, sentence: &str, chart: impl FnOnce(&mut Markup)) {
    m.node("figure", attrs![], |m| {
        m.words("h3", attrs![], title);
        if !sentence.is_empty() {
            m.words("p", attrs!["class" => "say"], sentence);
        }
        chart(m);
    });
    m.line_break();
}
