//! The result in OpenMetrics, for a metrics report of GitLab or a push gateway.

use std::io::{self, Write};

use crate::exposition::{Exposition, MetricKind};
use crate::judge::summary::{Observed, PERCENTILES};
use crate::report::model::Report;
use crate::verdict::Verdict;

/// Writes gauges alone: percentiles with their intervals and limits, requests by outcome, verdicts. Times are seconds
/// with three significant digits, so that a page that is compared with an earlier one differs where a run does.
pub(in crate::report) fn write(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let mut page = Exposition::new();
    latencies(&mut page, report);
    requests(&mut page, report);
    gates(&mut page, report);
    let help = "Exit code of the command.";
    page.gauge("a7probe_exit_code", help, report.exit().code());
    out.write_all(page.finish().as_bytes())?;
    writeln!(out, "# EOF")
}

fn latencies(page: &mut Exposition, report: &Report) {
    let families = [
        (
            "a7probe_latency_seconds",
            "Percentile of the response time.",
        ),
        (
            "a7probe_latency_lower_seconds",
            "Lower end of its 95% interval.",
        ),
        (
            "a7probe_latency_upper_seconds",
            "Upper end of its 95% interval.",
        ),
    ];
    for (at, (name, help)) in families.into_iter().enumerate() {
        page.family(name, MetricKind::Gauge, help);
        for endpoint in &report.endpoints {
            for quantile in PERCENTILES {
                let percentile = endpoint.summary.percentile(quantile);
                let ends = [
                    Some(percentile.value),
                    percentile.interval.lower,
                    percentile.interval.upper,
                ];
                let Some(value) = ends[at].and_then(Observed::value) else {
                    continue;
                };
                let quantile = quantile.as_f64().to_string();
                let labels = [("endpoint", &*endpoint.name), ("quantile", &*quantile)];
                page.sample(&labels, three_digits(value.as_secs_f64()));
            }
        }
    }
}

fn requests(page: &mut Exposition, report: &Report) {
    let help = "Planned requests that ended ok, and the others.";
    page.family("a7probe_requests", MetricKind::Gauge, help);
    for endpoint in &report.endpoints {
        let counts = &endpoint.summary.counts;
        for (outcome, count) in [("ok", counts.ok), ("failed", counts.not_ok())] {
            page.sample(&[("endpoint", &endpoint.name), ("outcome", outcome)], count);
        }
    }
}

fn gates(page: &mut Exposition, report: &Report) {
    let help = "Limit of a gate on a percentile.";
    page.family("a7probe_gate_limit_seconds", MetricKind::Gauge, help);
    for finding in &report.findings {
        if let Some(limit) = finding.latency_limit() {
            let gate = finding.gate.to_string();
            let labels = [("endpoint", &*finding.endpoint), ("gate", &*gate)];
            page.sample(&labels, three_digits(limit.as_secs_f64()));
        }
    }
    let help = "Verdict of a gate: 1 for the one that holds.";
    page.family("a7probe_gate_verdict", MetricKind::Gauge, help);
    for finding in &report.findings {
        let gate = finding.gate.to_string();
        for verdict in [
            Verdict::Pass,
            Verdict::Fail,
            Verdict::Inconclusive,
            Verdict::NotJudged,
        ] {
            let word = verdict.as_str().to_ascii_lowercase().replace(' ', "_");
            let labels = [
                ("endpoint", &*finding.endpoint),
                ("gate", &*gate),
                ("verdict", &*word),
            ];
            page.sample(&labels, u8::from(finding.verdict == verdict));
        }
    }
}

/// The number with three significant digits, without an exponent.
pub(super) fn three_digits(value: f64) -> f64 {
    format!("{value:.2e}").parse().unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::three_digits;

    #[test]
    fn numbers_have_three_digits() {
        for (value, shown) in [
            (0.0, "0"),
            (0.162_98, "0.163"),
            (0.000_012_345, "0.0000123"),
            (12.345, "12.3"),
            (1_234.5, "1230"),
        ] {
            assert_eq!(three_digits(value).to_string(), shown);
        }
    }
}
