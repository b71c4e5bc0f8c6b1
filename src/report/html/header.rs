//! The head of the page: the measured service, the verdict, and one line an endpoint.

use super::chapter::{RunRole, subject};
use super::headline::PageHeadline;
use super::markup::{Markup, attrs};
use super::number;
use super::verdict_glyph::{glyph, status};
use super::{EndpointRuns, page_facts};
use crate::judge::gate::{Condition, Finding};
use crate::report::endpoint_report::EndpointReport;
use crate::report::figures::thousands;
use crate::report::model::Report;
use crate::report::text;
use crate::stats::rank::Quantile;
use crate::verdict::Verdict;

/// Percentiles of the line of an endpoint.
const SHOWN: [Quantile; 3] = [Quantile::P50, Quantile::P95, Quantile::P99];

pub(super) fn write(
    m: &mut Markup,
    report: &Report,
    headline: &PageHeadline,
    endpoints: &[EndpointRuns<'_>],
) {
    m.node("header", attrs![], |m| {
        m.node("p", attrs!["class" => "meta"], |m| {
            m.node("span", attrs![], |m| {
                m.words("b", attrs![], "a7probe");
                m.text(format_args!(
                    " {} {}",
                    env!("CARGO_PKG_VERSION"),
                    report.kind.as_str()
                ));
            });
            for fact in page_facts::meta(report) {
                m.space();
                m.words("span", attrs![], fact);
            }
        });
        m.line_break();
        m.node("h1", attrs![], |m| {
            if let Some(verdict) = headline.verdict {
                glyph(m, verdict, 30);
                m.space();
            }
            m.words("span", attrs![], &headline.text);
        });
        if !headline.lede.is_empty() {
            m.words("p", attrs!["class" => "lede"], headline.lede.join(" "));
        }
        strip(m, report, endpoints);
    });
    m.line_break();
}

fn strip(m: &mut Markup, report: &Report, endpoints: &[EndpointRuns<'_>]) {
    if endpoints.is_empty() {
        return;
    }
    let compared = endpoints.iter().any(|endpoint| endpoint.runs.len() > 1);
    let class = if compared { "strip two" } else { "strip" };
    m.node("ul", attrs!["class" => class], |m| {
        for endpoint in endpoints {
            m.node("li", attrs![], |m| line(m, report, endpoint));
            m.line_break();
        }
    });
}

fn line(m: &mut Markup, report: &Report, endpoint: &EndpointRuns<'_>) {
    m.node("span", attrs!["class" => "v"], |m| {
        if let Some(verdict) = text::of_verdict(report, endpoint.name).0 {
            status(m, verdict);
        }
    });
    m.space();
    m.node("span", attrs!["class" => "ep"], |m| {
        m.words("b", attrs![], endpoint.name);
        m.space();
        let last = endpoint.runs.last().map(|run| subject(run.endpoint));
        m.words("small", attrs![], last.unwrap_or_default());
    });
    for quantile in SHOWN {
        let is_it = |condition: &Condition| condition.quantile() == Some(quantile);
        metric(m, report, endpoint, &quantile.to_string(), is_it, &|run| {
            number::observed(run.summary.percentile(quantile).value)
        });
    }
    let is_rate = |condition: &Condition| matches!(condition, Condition::ErrorRate { .. });
    metric(m, report, endpoint, "failed", is_rate, &|run| {
        thousands(run.summary.counts.not_ok())
    });
}

fn metric(
    m: &mut Markup,
    report: &Report,
    endpoint: &EndpointRuns<'_>,
    name: &str,
    is_about: impl Fn(&Condition) -> bool,
    value: &dyn Fn(&EndpointReport) -> String,
) {
    m.space();
    m.node("span", attrs!["class" => "m"], |m| {
        m.words("small", attrs![], name);
        m.space();
        for (number, run) in endpoint.runs.iter().enumerate() {
            if number > 0 {
                m.text(" → ");
            }
            debug_assert!(run.role != RunRole::Only || endpoint.runs.len() == 1);
            m.text(value(run.endpoint));
        }
        let own = report
            .findings
            .iter()
            .filter(|f| f.endpoint == endpoint.name);
        if let Some(verdict) = worst(own.filter(|f| is_about(&f.gate.condition))) {
            m.space();
            glyph(m, verdict, 11);
        }
    });
}

fn worst<'a>(findings: impl Iterator<Item = &'a Finding>) -> Option<Verdict> {
    let verdicts = findings.map(|finding| finding.verdict);
    verdicts.min_by_key(|verdict| text::verdict_rank(Some(*verdict)))
}
