//! Gates over a baseline, of `measure` and `judge`: each endpoint is compared with the saved run.

use crate::judge::comparison::{self, Comparison, Noise, Pair, Side};
use crate::judge::gate::{self, Finding, Gate, Subject};
use crate::report::BaselineReport;
use crate::run::run_file::Baseline;

/// An endpoint of a run, and its name in the baseline.
#[derive(Clone, Copy)]
pub(super) struct ComparedSubject<'a> {
    pub(super) subject: Subject<'a>,
    pub(super) name_in_baseline: &'a str,
}

/// Compares the endpoints that gates on two runs are about, and judges those gates.
pub(super) fn compared(
    gates: &[Gate],
    subjects: &[ComparedSubject<'_>],
    baseline: &Baseline,
) -> (Vec<Finding>, BaselineReport) {
    let noise = Noise::default();
    let comparisons: Vec<Comparison> = subjects
        .iter()
        .filter_map(|subject| comparison(gates, subject, baseline, &noise))
        .collect();
    let mut findings = comparison::judge(gates, &comparisons);
    if let Some(missing) = baseline.run.missing_share() {
        gate::withhold_passes(findings.iter_mut(), &missing);
    }
    let report = BaselineReport {
        file: baseline.record.file.clone(),
        sha256: baseline.record.sha256.clone(),
        run: baseline.run.id,
        started_at: baseline.run.started_at,
        noise,
        comparisons,
    };
    (findings, report)
}

/// `None` for an endpoint that no gate on two runs is about.
fn comparison(
    gates: &[Gate],
    compared: &ComparedSubject<'_>,
    baseline: &Baseline,
    noise: &Noise,
) -> Option<Comparison> {
    let subject = &compared.subject;
    if !subject.shape.has_percentiles() {
        return None;
    }
    let own = gates.iter().filter(|gate| {
        gate.condition.scope() == gate::Scope::TwoRuns && gate.selector.selects(subject.endpoint)
    });
    let own: Vec<Gate> = own.cloned().collect();
    if own.is_empty() {
        return None;
    }
    let before = baseline.run.endpoint(compared.name_in_baseline)?;
    let sides = Pair {
        before: Side {
            recording: &before.recording,
            timeout: Some(baseline.run.plan.timeout),
            guard: subject.guard,
        },
        after: Side {
            recording: subject.recording,
            timeout: subject.timeout,
            guard: subject.guard,
        },
    };
    let quantiles = comparison::quantiles(&own);
    Some(comparison::compare(
        subject.endpoint,
        sides,
        &quantiles,
        noise,
    ))
}

/// The findings in the order of the endpoints.
pub(super) fn sort_by_endpoint(findings: &mut [Finding], subjects: &[Subject<'_>]) {
    findings.sort_by_key(|f| subjects.iter().position(|s| s.endpoint == f.endpoint));
}
