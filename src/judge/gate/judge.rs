//! Judges gates on recordings: exact tests of one proportion, with every doubt of the instrument inside.
//!
//! A verdict must hold over the whole range of exceedances that the data allow ([`ExceedanceRange`]): PASS is
//! tested at the most, FAIL at the least. What widens the range is named in the reason. Both are tested in
//! the order of the intended start, because slow requests come in spells ([`Guard`]); a sample that was
//! looked at while it grew is tested by evidence that allows it ([`Design`]).
//!
//! A run passes only if every gate passes, so PASS needs no correction for many gates. One FAIL fails the
//! run, so FAILs are held to [`ALPHA`] over the family by Holm's procedure. The gates that decide and
//! those that only warn are two families: a gate added as a warning must not weaken one that decides.

use super::audited;
use super::case::{GateTest, RequestOrder};
use super::condition::Scope;
use super::episodes::{Episodes, ObservedEpisodes};
use super::family::significant_fails;
use super::finding::Finding;
use super::reason::FindingReason;
use super::segments::{across_ramp, is_across_ramp};
use super::spec::{Gate, Selector, Severity};
use super::subject::Subject;
use crate::judge::summary::Summary;
use crate::run::plan::Guard;

/// Judges every gate on each endpoint it is about, endpoint by endpoint. Gates on two runs are left to
/// the comparison.
pub fn judge(gates: &[Gate], subjects: &[Subject<'_>]) -> Vec<Finding> {
    let judged: Vec<Judged<'_>> = subjects
        .iter()
        .flat_map(|subject| judged(gates, subject, subjects))
        .collect();
    let tests: Vec<&GateTest<'_>> = judged.iter().filter_map(Judged::test).collect();
    let mut fails = fails_among(&tests).into_iter();
    let mut finding = |judged: &Judged<'_>| match judged {
        Judged::Untested(finding) => (**finding).clone(),
        Judged::Tested(test) => {
            let family = tests
                .iter()
                .filter(|other| other.gate.severity == test.gate.severity);
            tested(test, fails.next().unwrap_or(false), family.count())
        }
    };
    judged.iter().map(&mut finding).collect()
}

/// A gate on an endpoint: to be tested among the others, or a finding already.
enum Judged<'a> {
    Tested(Box<GateTest<'a>>),
    Untested(Box<Finding>),
}

impl<'a> Judged<'a> {
    fn test(&self) -> Option<&GateTest<'a>> {
        match self {
            Judged::Tested(test) => Some(test),
            Judged::Untested(_) => None,
        }
    }
}

fn judged<'a>(gates: &[Gate], subject: &Subject<'a>, all: &[Subject<'_>]) -> Vec<Judged<'a>> {
    let summary = Summary::of(subject.recording, subject.timeout);
    let mut own: Vec<Gate> = Vec::new();
    for gate in gates {
        if !gate.selector.selects(subject.endpoint) || is_for_others(gate, subject, all) {
            continue;
        }
        let gate = gate.for_endpoint(subject.endpoint);
        // '* p95 <= 1s' and 'health p95 <= 1s' are one test of health.
        if gate.condition.scope() == Scope::OneRun
            && !own.iter().any(|other| other.is_same_test(&gate))
        {
            own.push(gate);
        }
    }
    own.into_iter()
        .filter_map(|gate| judged_one(gate, subject, &summary))
        .collect()
}

/// `* lost <= 0` is about the endpoints that were audited, if there are any; not about those that accept nothing.
fn is_for_others(gate: &Gate, subject: &Subject<'_>, all: &[Subject<'_>]) -> bool {
    gate.condition.needs_audit()
        && gate.selector == Selector::Every
        && subject.audit.is_none()
        && all.iter().any(|other| other.audit.is_some())
}

fn judged_one<'a>(gate: Gate, subject: &Subject<'a>, summary: &Summary) -> Option<Judged<'a>> {
    if is_across_ramp(&gate, subject.shape) {
        return Some(Judged::Untested(Box::new(across_ramp(gate, subject))));
    }
    if !gate.condition.needs_audit() {
        let test = GateTest::new(gate, *subject, summary)?;
        return Some(Judged::Tested(Box::new(test)));
    }
    if let Some(finding) = audited::untested(&gate, subject) {
        return Some(Judged::Untested(Box::new(finding)));
    }
    let completions = subject.completions()?;
    let summary = Summary::of(completions.recording, completions.timeout);
    let test = GateTest::new(gate, completions, &summary)?;
    Some(Judged::Tested(Box::new(test)))
}

/// Which tests are significant failures within their family.
fn fails_among(tests: &[&GateTest<'_>]) -> Vec<bool> {
    let p_values: Vec<(Severity, f64)> = tests
        .iter()
        .map(|test| (test.gate.severity, test.evidence.certain.p_for_family()))
        .collect();
    significant_fails(&p_values)
}

fn tested(test: &GateTest<'_>, fails: bool, family: usize) -> Finding {
    let reason = test.reason(fails, family);
    Finding {
        endpoint: test.subject.endpoint.to_owned(),
        gate: test.gate.clone(),
        measured: test.observed,
        n: test.n,
        exceedances: test.exceedances,
        p_pass: Some(test.evidence.at_most.p_pass),
        p_fail: Some(test.evidence.certain.p_fail),
        design: test.test.design,
        episodes: episodes(test),
        verdict: test.verdict(reason.decision.verdict()),
        next_step: test.next_step(&reason.decision),
        reason: FindingReason::Tested(reason),
    }
}

fn episodes(test: &GateTest<'_>) -> Option<Episodes> {
    let Guard::Episode(excluded) = test.subject.guard else {
        return None;
    };
    let clusters = &test.evidence.at_most.clusters;
    Some(Episodes {
        excluded,
        excluded_requests: test.test.episode.unwrap_or(1.0),
        seen: (test.order != RequestOrder::Unknown).then_some(ObservedEpisodes {
            count: clusters.slow.count,
            longest: clusters.slow.longest,
            design_effect: clusters.design_effect,
        }),
    })
}
