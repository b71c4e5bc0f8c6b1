//! Judges gates on recordings: exact tests of one proportion, with every doubt of the instrument inside.
//!
//! A verdict must hold over the whole range of exceedances that the data allow ([`Exceeding`]): PASS is
//! tested at the most, FAIL at the least. What widens the range is named in the reason.
//!
//! A run passes only if every gate passes, so PASS needs no correction for many gates. One FAIL fails the
//! run, so FAILs are held to [`ALPHA`] over the family by Holm's procedure. The gates that decide and
//! those that only warn are two families: a gate added as a warning must not weaken one that decides.

use std::time::Duration;

use super::finding::{Exceeding, Finding, Measured};
use super::reason;
use super::{ALPHA, Condition, Gate, Scope, Severity};
use crate::histogram::Histogram;
use crate::recording::{Clock, Latency, Recording};
use crate::run_file::{EndpointRun, Run};
use crate::stats::binomial::{self, MIN_EXCEEDANCES_TO_FAIL};
use crate::stats::rank;
use crate::summary::{CONFIDENCE, Summary};
use crate::verdict::Verdict;

/// A recording to be judged.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// What gates call it.
    pub endpoint: &'a str,
    /// What its run left behind.
    pub recording: &'a Recording,
    /// How long its run waited for an answer, where that is known.
    pub timeout: Option<Duration>,
}

impl<'a> Subject<'a> {
    /// Every endpoint of a run, under its own name.
    pub fn of_run(run: &'a Run) -> Vec<Subject<'a>> {
        let subject = |endpoint: &'a EndpointRun| Subject {
            endpoint: &endpoint.name,
            recording: &endpoint.recording,
            timeout: Some(run.plan.timeout),
        };
        run.endpoints.iter().map(subject).collect()
    }
}

/// Why the number of exceedances is a range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Doubt {
    /// Requests that ended badly for a cause on this side.
    Client,
    /// The target was not counted at record time and lies inside a histogram's bucket.
    Bucket,
    /// Our own send lag is part of the latency.
    SendLag,
}

/// What one gate is judged from.
pub(super) struct Case<'a> {
    pub(super) gate: Gate,
    pub(super) subject: Subject<'a>,
    pub(super) theta0: f64,
    pub(super) n: u64,
    pub(super) exceeding: Exceeding,
    /// The widest source of the range, if it is one.
    pub(super) doubt: Option<Doubt>,
    pub(super) p_pass: f64,
    pub(super) p_fail: f64,
    measured: Measured,
}

/// Why a gate came out as it did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ground {
    Passed,
    Failed,
    NoData,
    /// The verdict would be another at the other end of the range.
    InDoubt(Doubt),
    /// It fails by itself, but not among so many gates.
    AmongMany(usize),
    /// One slow request never fails a gate.
    SingleExceedance,
    /// Not even without an exceedance could it pass.
    TooFew,
    /// Neither shown nor refuted.
    Undecided,
}

/// Judges every gate on each endpoint it is about, endpoint by endpoint. Gates on two runs are left to
/// the comparison.
pub fn judge(gates: &[Gate], subjects: &[Subject<'_>]) -> Vec<Finding> {
    let cases: Vec<Case<'_>> = subjects
        .iter()
        .flat_map(|subject| cases_of(gates, subject))
        .collect();
    let fails = fails_among(&cases);
    cases
        .iter()
        .zip(&fails)
        .map(|(case, &fail)| {
            let family = cases
                .iter()
                .filter(|other| other.gate.severity == case.gate.severity);
            case.finding(case.ground(fail, family.count()))
        })
        .collect()
}

/// The fewest requests with which a condition can pass, none of them beyond its limit.
pub(super) fn min_samples(condition: &Condition) -> Option<u64> {
    let theta0 = condition.allowed_share()?;
    if let Some(quantile) = condition.quantile() {
        return Some(rank::min_samples_to_pass(quantile, ALPHA));
    }
    // (1 − θ0)ⁿ ≤ α; the logarithm may err by one.
    let mut n = (ALPHA.ln() / (-theta0).ln_1p()).floor() as u64;
    while !binomial::reaches(binomial::p_pass(n, 0, theta0), ALPHA) {
        n += 1;
    }
    Some(n)
}

fn cases_of<'a>(gates: &[Gate], subject: &Subject<'a>) -> Vec<Case<'a>> {
    let summary = Summary::of(subject.recording, subject.timeout);
    let mut own: Vec<Gate> = Vec::new();
    for gate in gates {
        let gate = match gate.selector.selects(subject.endpoint) {
            true => gate.for_endpoint(subject.endpoint),
            false => continue,
        };
        // '* p95 <= 1s' and 'health p95 <= 1s' are one test of health.
        if gate.condition.scope() == Scope::OneRun && !own.contains(&gate) {
            own.push(gate);
        }
    }
    own.into_iter()
        .filter_map(|gate| Case::new(gate, *subject, &summary))
        .collect()
}

/// Which cases are significant failures within their family.
fn fails_among(cases: &[Case<'_>]) -> Vec<bool> {
    let mut fails = vec![false; cases.len()];
    for severity in [Severity::Decides, Severity::Warns] {
        let family: Vec<usize> = (0..cases.len())
            .filter(|&i| cases[i].gate.severity == severity)
            .collect();
        let p_values: Vec<f64> = family.iter().map(|&i| cases[i].p_for_family()).collect();
        let significant = binomial::holm(&p_values, ALPHA);
        family
            .into_iter()
            .zip(significant)
            .for_each(|(i, significant)| fails[i] = significant);
    }
    fails
}

impl<'a> Case<'a> {
    fn new(gate: Gate, subject: Subject<'a>, summary: &Summary) -> Option<Case<'a>> {
        let theta0 = gate.condition.allowed_share()?;
        let n = summary.planned();
        let (exceeding, doubt) = exceedances(&gate.condition, subject.recording);
        Some(Case {
            measured: measure(&gate.condition, summary),
            p_pass: binomial::p_pass(n, exceeding.at_most, theta0),
            p_fail: binomial::p_fail(n, exceeding.at_least, theta0),
            gate,
            subject,
            theta0,
            n,
            exceeding,
            doubt,
        })
    }

    /// The p-value with which it enters its family: 1 where it may not fail for another reason.
    fn p_for_family(&self) -> f64 {
        match self.exceeding.at_least >= MIN_EXCEEDANCES_TO_FAIL {
            true => self.p_fail,
            false => 1.0,
        }
    }

    fn ground(&self, fails: bool, family: usize) -> Ground {
        let judged_at = |k| binomial::judge(self.n, k, self.theta0, ALPHA).verdict;
        let Exceeding { at_least, at_most } = self.exceeding;
        if self.n == 0 {
            return Ground::NoData;
        }
        if binomial::reaches(self.p_pass, ALPHA) {
            return Ground::Passed;
        }
        if fails {
            return Ground::Failed;
        }
        if let (Some(doubt), true) = (self.doubt, judged_at(at_least) != judged_at(at_most)) {
            return Ground::InDoubt(doubt);
        }
        if judged_at(at_least) == Verdict::Fail {
            return Ground::AmongMany(family);
        }
        if at_least == 1 && binomial::reaches(self.p_fail, ALPHA) {
            return Ground::SingleExceedance;
        }
        match min_samples(&self.gate.condition) {
            Some(needed) if self.n < needed => Ground::TooFew,
            _ => Ground::Undecided,
        }
    }

    fn finding(&self, ground: Ground) -> Finding {
        Finding {
            endpoint: self.subject.endpoint.to_owned(),
            gate: self.gate.clone(),
            measured: self.measured,
            n: self.n,
            exceedances: self.exceeding,
            p_pass: Some(self.p_pass),
            p_fail: Some(self.p_fail),
            verdict: match ground {
                Ground::Passed => Verdict::Pass,
                Ground::Failed => Verdict::Fail,
                _ => Verdict::Inconclusive,
            },
            reason: reason::reason(self, ground),
            next_step: reason::next_step(self, ground),
        }
    }
}

/// The metric as it was observed.
fn measure(condition: &Condition, summary: &Summary) -> Measured {
    let n = summary.planned();
    if n == 0 {
        return Measured::Nothing;
    }
    match condition.quantile() {
        Some(quantile) => {
            let percentile = summary.percentile(quantile);
            Measured::Latency {
                value: percentile.value,
                interval: percentile.interval,
            }
        }
        None => {
            let (k, tail) = (summary.counts.not_ok(), (1.0 - CONFIDENCE) / 2.0);
            Measured::Share {
                value: k as f64 / n as f64,
                interval: (
                    binomial::lower_bound(n, k, tail),
                    binomial::upper_bound(n, k, tail),
                ),
            }
        }
    }
}

/// How many requests exceed the limit, and what makes that a range.
fn exceedances(condition: &Condition, recording: &Recording) -> (Exceeding, Option<Doubt>) {
    let counts = &recording.counts;
    let slow = match condition.target() {
        Some(target) => slow_requests(recording, target),
        None => Slow::default(),
    };
    let exceeding = Exceeding {
        at_least: slow.without_lag + counts.not_ok() - counts.client_side(),
        at_most: slow.at_most + counts.not_ok(),
    };
    let widest = [
        (slow.at_most - slow.at_least, Doubt::Bucket),
        (slow.at_least - slow.without_lag, Doubt::SendLag),
        (counts.client_side(), Doubt::Client),
    ]
    .into_iter()
    .filter(|&(width, _)| width > 0)
    .max_by_key(|&(width, _)| width);
    (exceeding, widest.map(|(_, doubt)| doubt))
}

/// How many requests ended ok and above a target.
#[derive(Clone, Copy, Default)]
struct Slow {
    at_most: u64,
    at_least: u64,
    /// So many would be above it even if we had sent every request on time.
    without_lag: u64,
}

fn slow_requests(recording: &Recording, target: Duration) -> Slow {
    let (at_least, at_most) = match recording.exceedances_of(target) {
        Some(counted) => {
            let all = counted.bits.count_ones();
            let slow = all.saturating_sub(recording.counts.not_ok());
            (slow, slow)
        }
        None => recording.latency.count_above(nanoseconds(target)),
    };
    let without_lag = match (recording.clock, &recording.latency) {
        (Clock::IntendedStart, Latency::Histogram(latency)) => {
            slow_without_lag(latency, &recording.send_lag, target).min(at_least)
        }
        _ => at_least,
    };
    Slow {
        at_most,
        at_least,
        without_lag,
    }
}

/// Where the flip test looks: lags that few requests exceed, at most so many of a thousand.
const LATER_PER_MILLE: [u64; 5] = [500, 100, 10, 1, 0];

/// The flip test on histograms. A request above T + L whose lag is at most L is above T without its lag;
/// at most as many requests as have a larger lag escape this. True for every L, so the best L counts.
fn slow_without_lag(latency: &Histogram, send_lag: &Histogram, target: Duration) -> u64 {
    let n = send_lag.count();
    let mut later = n;
    let lags: Vec<(u64, u64)> = send_lag
        .buckets()
        .map(|bucket| {
            later -= bucket.count;
            (bucket.high_ns, later)
        })
        .collect();
    LATER_PER_MILLE
        .iter()
        .filter_map(|per_mille| {
            lags.iter()
                .find(|(_, later)| *later <= n * per_mille / 1000)
        })
        .map(|&(lag_ns, later)| {
            let limit_ns = nanoseconds(target).saturating_add(lag_ns);
            let (above, _) = latency.count_above(limit_ns);
            above.saturating_sub(later)
        })
        .max()
        // Nothing was sent, so nothing was sent late.
        .unwrap_or(u64::MAX)
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
