//! Judges gates on recordings: exact tests of one proportion, with every doubt of the instrument inside.
//!
//! A verdict must hold over the whole range of exceedances that the data allow ([`ExceedanceRange`]): PASS is
//! tested at the most, FAIL at the least. What widens the range is named in the reason. Both are tested in
//! the order of the intended start, because slow requests come in bursts ([`Guard`]); a sample that was
//! looked at while it grew is tested by evidence that allows it ([`Design`]).
//!
//! A run passes only if every gate passes, so PASS needs no correction for many gates. One FAIL fails the
//! run, so FAILs are held to [`ALPHA`] over the family by Holm's procedure. The gates that decide and
//! those that only warn are two families: a gate added as a warning must not weaken one that decides.

use std::time::Duration;

use super::audited;
use super::evidence::{ExceedanceEvidence, ProportionTest, TwoSidedEvidence};
use super::exceedance_count::{self, ExceedanceCount};
use super::finding::{ExceedanceRange, Finding, ObservedMetric};
use super::halves::Halves;
use super::instrument_state::{InstrumentLoad, InstrumentState, Limitation};
use super::reason;
use super::{ALPHA, Condition, Episodes, Gate, ObservedEpisodes, Scope, Selector, Severity};
use crate::judge::summary::{CONFIDENCE, Summary};
use crate::run::completion::Audit;
use crate::run::plan::{Design, Guard, Model};
use crate::run::recording::{Bits, Recording, Rows};
use crate::run::run_file::{EndpointRun, Run};
use crate::run::sample::FailureKind;
use crate::stats::binomial;
use crate::stats::cluster;
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
    /// Requests per second, where that is known: planned, or achieved in a closed model.
    pub rate_per_s: Option<f64>,
    /// The requests in flight of a closed model: one stall meets them all, however few are sent in its time. `None`
    /// in an open model and where it is not known.
    pub in_flight: Option<u64>,
    /// Whether bursts are reckoned with.
    pub guard: Guard,
    /// Whether the size of the sample was fixed beforehand.
    pub design: Design,
    /// What became of what it accepted; `None` if nobody asked.
    pub audit: Option<&'a Audit>,
    /// What may have kept the instrument from its work.
    pub load: InstrumentLoad,
}

impl<'a> Subject<'a> {
    /// Every endpoint of a run, under its own name, to be judged as when it was measured.
    pub fn of_run(run: &'a Run) -> Vec<Subject<'a>> {
        let subject = |endpoint: &'a EndpointRun| {
            Subject::of_endpoint(&endpoint.name, &endpoint.name, &endpoint.recording, run)
        };
        run.endpoints.iter().map(subject).collect()
    }

    /// An endpoint of a run: `planned` is its name in the plan.
    pub fn of_endpoint(
        name: &'a str,
        planned: &str,
        recording: &'a Recording,
        run: &'a Run,
    ) -> Subject<'a> {
        let offered = run
            .plan
            .endpoints
            .iter()
            .find(|endpoint| endpoint.name == planned)
            .and_then(|endpoint| endpoint.rate_per_s)
            .map(|rate| rate.as_per_second());
        Subject {
            endpoint: name,
            recording,
            timeout: Some(run.plan.timeout),
            rate_per_s: offered.or_else(|| recording.achieved_per_s()),
            in_flight: match run.plan.model {
                Model::Open { .. } => None,
                Model::Closed { concurrency } => Some(concurrency as u64),
            },
            guard: run.judging.guard(),
            design: run.design(),
            audit: run.endpoint(planned).and_then(|run| run.audit.as_ref()),
            load: InstrumentLoad {
                busy: run.busy(),
                throttled: run.instrument.throttled.map(|throttled| throttled.time),
            },
        }
    }

    /// Latencies that another tool measured: at what load is not known; in what order, the recording says.
    pub fn of_list(name: &'a str, recording: &'a Recording, guard: Guard) -> Subject<'a> {
        Subject {
            endpoint: name,
            recording,
            timeout: None,
            rate_per_s: None,
            in_flight: None,
            guard,
            design: Design::Fixed,
            audit: None,
            load: InstrumentLoad::default(),
        }
    }

    /// Its accepted events, to be judged by how long they took to be done; `None` without an audit.
    fn completions(&self) -> Option<Subject<'a>> {
        let completion = self.audit?.completion()?;
        Some(Subject {
            recording: &completion.done,
            timeout: Some(completion.patience),
            ..*self
        })
    }
}

/// Why the number of exceedances is a range.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Uncertainty {
    /// Requests that ended badly for a cause on this side.
    Client,
    /// The target was not counted at record time and lies inside a histogram's bucket.
    Bucket,
    /// Our own send lag is part of the latency.
    SendLag,
    /// Our own error, as it was calibrated, is.
    OwnError,
    /// The instrument may not have been up to its work, so that its own error may have been larger.
    Limited(Limitation),
}

/// What one gate is judged from.
pub(super) struct GateTest<'a> {
    pub(super) gate: Gate,
    pub(super) subject: Subject<'a>,
    pub(super) theta0: f64,
    pub(super) n: u64,
    pub(super) exceeding: ExceedanceRange,
    /// The widest source of the range, if it is one.
    pub(super) doubt: Option<Uncertainty>,
    pub(super) test: ProportionTest,
    pub(super) sides: TwoSidedEvidence,
    pub(super) order: RequestOrder,
    /// The evidence for a FAIL if the instrument did its work; the same as that of `sides` if it did.
    if_sound: ExceedanceEvidence,
    limitation: Option<Limitation>,
    /// `None` if it is not known which request was in which half.
    pub(super) halves: Option<Halves>,
    measured: ObservedMetric,
}

/// Whether it is known which requests exceed the limit, or only how many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RequestOrder {
    Known,
    Unknown,
}

/// Why a gate came out as it did.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum DecisionReason {
    Passed,
    Failed,
    NoData,
    /// The verdict would be another at the other end of the range.
    InDoubt(Uncertainty),
    /// It fails by itself, but not among so many gates.
    AmongMany(usize),
    /// One slow request never fails a gate.
    SingleExceedance,
    /// The numbers would decide, but nobody knows whether the exceedances came in bursts.
    OrderUnknown,
    /// So many would fail, but they came in too few episodes.
    FewEpisodes(cluster::EpisodeCondition),
    /// So few would pass, but slow episodes are not excluded before there are this many samples.
    NotExcluded(u64),
    /// Shown to be within the limit at one time and beyond it at another.
    Turned,
    /// It would pass or fail, but one half of the run by itself passes and the other fails.
    HalvesDisagree,
    /// Not even without an exceedance could it pass.
    TooFew,
    /// Neither shown nor refuted.
    Undecided,
}

/// Judges every gate on each endpoint it is about, endpoint by endpoint. Gates on two runs are left to
/// the comparison.
pub fn judge(gates: &[Gate], subjects: &[Subject<'_>]) -> Vec<Finding> {
    let judged: Vec<Judged<'_>> = subjects
        .iter()
        .flat_map(|subject| judged(gates, subject, subjects))
        .collect();
    let cases: Vec<&GateTest<'_>> = judged.iter().filter_map(Judged::case).collect();
    let mut fails = fails_among(&cases).into_iter();
    let mut finding = |judged: &Judged<'_>| match judged {
        Judged::Told(finding) => (**finding).clone(),
        Judged::Tested(case) => {
            let family = cases
                .iter()
                .filter(|other| other.gate.severity == case.gate.severity);
            let ground = case.ground(fails.next().unwrap_or(false), family.count());
            case.finding(case.held_by_halves(ground))
        }
    };
    judged.iter().map(&mut finding).collect()
}

/// A gate on an endpoint: to be tested among the others, or a finding already.
enum Judged<'a> {
    Tested(Box<GateTest<'a>>),
    Told(Box<Finding>),
}

impl<'a> Judged<'a> {
    fn case(&self) -> Option<&GateTest<'a>> {
        match self {
            Judged::Tested(case) => Some(case),
            Judged::Told(_) => None,
        }
    }
}

/// The fewest requests with which a condition can pass, none of them beyond its limit, taken as independent and
/// of fixed number.
pub(super) fn min_samples(condition: &Condition) -> Option<u64> {
    let theta0 = condition.allowed_share()?;
    let test = ProportionTest {
        theta0,
        design: Design::Fixed,
        episode: None,
    };
    Some(test.min_samples())
}

fn judged<'a>(gates: &[Gate], subject: &Subject<'a>, all: &[Subject<'_>]) -> Vec<Judged<'a>> {
    let summary = Summary::of(subject.recording, subject.timeout);
    let mut own: Vec<Gate> = Vec::new();
    for gate in gates {
        let gate = match gate.selector.selects(subject.endpoint) {
            true if is_for_others(gate, subject, all) => continue,
            true => gate.for_endpoint(subject.endpoint),
            false => continue,
        };
        // '* p95 <= 1s' and 'health p95 <= 1s' are one test of health.
        if gate.condition.scope() == Scope::OneRun && !own.contains(&gate) {
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
    if !gate.condition.needs_audit() {
        let case = GateTest::new(gate, *subject, summary)?;
        return Some(Judged::Tested(Box::new(case)));
    }
    if let Some(finding) = audited::untested(&gate, subject) {
        return Some(Judged::Told(Box::new(finding)));
    }
    let completions = subject.completions()?;
    let summary = Summary::of(completions.recording, completions.timeout);
    let case = GateTest::new(gate, completions, &summary)?;
    Some(Judged::Tested(Box::new(case)))
}

/// Which cases are significant failures within their family.
fn fails_among(cases: &[&GateTest<'_>]) -> Vec<bool> {
    let p_values: Vec<(Severity, f64)> = cases
        .iter()
        .map(|case| (case.gate.severity, case.sides.certain.p_for_family()))
        .collect();
    significant_fails(&p_values)
}

/// Which p-values are significant, those that decide among each other and those that warn among each other.
pub(super) fn significant_fails(p_values: &[(Severity, f64)]) -> Vec<bool> {
    let mut fails = vec![false; p_values.len()];
    for severity in [Severity::Decides, Severity::Warns] {
        let family: Vec<usize> = (0..p_values.len())
            .filter(|&i| p_values[i].0 == severity)
            .collect();
        let own: Vec<f64> = family.iter().map(|&i| p_values[i].1).collect();
        family
            .into_iter()
            .zip(binomial::holm(&own, ALPHA))
            .for_each(|(i, significant)| fails[i] = significant);
    }
    fails
}

impl<'a> GateTest<'a> {
    fn new(gate: Gate, subject: Subject<'a>, summary: &Summary) -> Option<GateTest<'a>> {
        let theta0 = gate.condition.allowed_share()?;
        let n = summary.planned();
        let test = ProportionTest::new(theta0, &subject);
        let rows = rows(&gate.condition, subject.recording);
        let counted = exceedance_count::count(&gate.condition, subject.recording, rows.as_ref());
        let state = state(&gate.condition, &subject);
        let (sides, if_sound) = match &rows {
            Some(rows) => ordered(&test, rows, state, subject.recording),
            None => unordered(&test, n, &counted, state, subject.recording),
        };
        let failed = failed_by_the_server(subject.recording);
        Some(GateTest {
            measured: measure(&gate.condition, summary),
            sides,
            if_sound,
            limitation: state.limitation(),
            halves: rows.as_ref().map(|rows| Halves::of(&test, rows)),
            order: match rows {
                Some(_) => RequestOrder::Known,
                None => RequestOrder::Unknown,
            },
            test,
            gate,
            subject,
            theta0,
            n,
            exceeding: ExceedanceRange {
                at_least: counted.proving_fail(state, failed),
                ..counted.exceeding
            },
            doubt: counted.doubt,
        })
    }

    fn ground(&self, fails: bool, family: usize) -> DecisionReason {
        let (at_most, certain) = (&self.sides.at_most, &self.if_sound);
        if self.n == 0 {
            return DecisionReason::NoData;
        }
        match (at_most.passes(), fails) {
            (true, true) => return DecisionReason::Turned,
            (true, false) => return DecisionReason::Passed,
            (false, true) => return DecisionReason::Failed,
            (false, false) => {}
        }
        // Where both ends of a range say the same but for the order, it is the order that is missing.
        if self.order == RequestOrder::Unknown
            && self.exceeding.at_most > 0
            && self.independent() != Verdict::Inconclusive
            && certain.verdict() != Verdict::Fail
        {
            return DecisionReason::OrderUnknown;
        }
        if let Some(limitation) = self.limitation
            && certain.verdict() == Verdict::Fail
            && self.sides.certain.verdict() != Verdict::Fail
        {
            return DecisionReason::InDoubt(Uncertainty::Limited(limitation));
        }
        if let Some(doubt) = self.doubt
            && at_most.verdict() != certain.verdict()
        {
            return DecisionReason::InDoubt(doubt);
        }
        if certain.verdict() == Verdict::Fail {
            return DecisionReason::AmongMany(family);
        }
        self.shortage().unwrap_or(DecisionReason::Undecided)
    }

    /// The verdict if every exceedance stood alone: what the numbers say by themselves.
    fn independent(&self) -> Verdict {
        let at = |k| self.test.without_guard().isolated(self.n, k).verdict();
        match (at(self.exceeding.at_least), at(self.exceeding.at_most)) {
            (least, most) if least == most => most,
            _ => Verdict::Inconclusive,
        }
    }

    /// What there is too little of, if that is what keeps the verdict away.
    fn shortage(&self) -> Option<DecisionReason> {
        let (at_most, certain) = (&self.sides.at_most, &self.if_sound);
        if self.exceeding.at_least == 1 && self.one_would_fail() {
            return Some(DecisionReason::SingleExceedance);
        }
        if self.order == RequestOrder::Known && certain.fail_shown {
            return Some(DecisionReason::FewEpisodes(certain.fail_condition));
        }
        if self.n < self.needed_by_number() {
            return Some(DecisionReason::TooFew);
        }
        match at_most.pass_condition {
            cluster::EpisodeCondition::NeedsSamples(samples) if at_most.pass_shown => {
                Some(DecisionReason::NotExcluded(samples))
            }
            _ => None,
        }
    }

    fn one_would_fail(&self) -> bool {
        let p_fail = binomial::p_fail(self.n, 1, self.theta0);
        self.test.design == Design::Fixed && binomial::reaches(p_fail, ALPHA)
    }

    /// The fewest requests with which it can pass, whatever the guard asks for.
    pub(super) fn needed_by_number(&self) -> u64 {
        self.test.without_guard().min_samples()
    }

    /// The fewest requests with which it can pass.
    pub(super) fn needed(&self) -> u64 {
        self.test.min_samples()
    }

    fn episodes(&self) -> Option<Episodes> {
        let Guard::Episode(excluded) = self.subject.guard else {
            return None;
        };
        let clusters = &self.sides.at_most.clusters;
        Some(Episodes {
            excluded,
            excluded_requests: self.test.episode.unwrap_or(1.0),
            seen: (self.order == RequestOrder::Known).then_some(ObservedEpisodes {
                count: clusters.slow.count,
                longest: clusters.slow.longest,
                design_effect: clusters.design_effect,
            }),
        })
    }

    fn finding(&self, ground: DecisionReason) -> Finding {
        Finding {
            endpoint: self.subject.endpoint.to_owned(),
            gate: self.gate.clone(),
            measured: self.measured,
            n: self.n,
            exceedances: self.exceeding,
            p_pass: Some(self.sides.at_most.p_pass),
            p_fail: Some(self.sides.certain.p_fail),
            design: self.test.design,
            episodes: self.episodes(),
            verdict: match ground {
                DecisionReason::Passed => Verdict::Pass,
                DecisionReason::Failed => Verdict::Fail,
                _ => Verdict::Inconclusive,
            },
            reason: reason::reason(self, ground),
            next_step: reason::next_step(self, ground),
        }
    }
}

/// The metric as it was observed.
fn measure(condition: &Condition, summary: &Summary) -> ObservedMetric {
    let n = summary.planned();
    if n == 0 {
        return ObservedMetric::Nothing;
    }
    match condition.quantile().or(condition.done_quantile()) {
        Some(quantile) => {
            let percentile = summary.percentile(quantile);
            ObservedMetric::Latency {
                value: percentile.value,
                interval: percentile.interval,
            }
        }
        None => {
            let (k, tail) = (summary.counts.not_ok(), (1.0 - CONFIDENCE) / 2.0);
            ObservedMetric::Share {
                value: k as f64 / n as f64,
                interval: (
                    binomial::lower_bound(n, k, tail),
                    binomial::upper_bound(n, k, tail),
                ),
            }
        }
    }
}

/// Which requests exceed the limit, in order, where that is known.
fn rows<'a>(condition: &Condition, recording: &'a Recording) -> Option<Rows<'a>> {
    match condition.target().or(condition.done_target()) {
        Some(target) => recording.rows_of(target),
        None => recording.rows_of_failures(),
    }
}

/// Whether the instrument was up to a gate. Failures are no latencies: no clock has part in an error rate.
fn state(condition: &Condition, subject: &Subject<'_>) -> InstrumentState {
    let recording = subject.recording;
    let client = recording.counts.failed.get(&FailureKind::Client);
    match condition.target() {
        Some(target) => InstrumentState::of(
            target,
            &subject.load,
            &recording.send_lag,
            client.copied().unwrap_or(0),
        ),
        None => InstrumentState::Sound,
    }
}

/// The evidence from exceedances in order; and for a FAIL if the instrument did its work.
fn ordered(
    test: &ProportionTest,
    rows: &Rows<'_>,
    state: InstrumentState,
    recording: &Recording,
) -> (TwoSidedEvidence, ExceedanceEvidence) {
    let seams = &recording.seams;
    let mut sides = test.ordered(rows, seams);
    let if_sound = sides.certain;
    match state {
        InstrumentState::Limited(_, margin) => {
            if let Some(beyond) = rows.beyond(margin) {
                sides.certain = test.of_row(beyond, seams);
            }
        }
        InstrumentState::Useless(_) if rows.far.is_some() => {
            let failures = recording.rows_of_failures();
            let failed = failures.map_or_else(Bits::new, |rows| rows.certain.into_owned());
            sides.certain = test.of_row(&failed, seams);
        }
        InstrumentState::Sound | InstrumentState::Useless(_) => {}
    }
    (sides, if_sound)
}

/// The same from so many whose order is not known.
fn unordered(
    test: &ProportionTest,
    n: u64,
    counted: &ExceedanceCount,
    state: InstrumentState,
    recording: &Recording,
) -> (TwoSidedEvidence, ExceedanceEvidence) {
    let ExceedanceRange { at_least, at_most } = counted.exceeding;
    let if_sound = test.unordered(n, at_least, at_most).certain;
    let proving = counted.proving_fail(state, failed_by_the_server(recording));
    (test.unordered(n, proving, at_most), if_sound)
}

fn failed_by_the_server(recording: &Recording) -> u64 {
    recording.counts.not_ok() - recording.counts.client_side()
}
