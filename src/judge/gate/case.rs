//! One gate on one endpoint: what is tested, and the evidence on both sides.

use super::condition::Condition;
use super::evidence::{ExceedanceEvidence, ProportionTest, TwoSidedEvidence};
use super::exceedance_count::{self, ExceedanceCount, RangeSource};
use super::finding::{ExceedanceRange, ObservedMetric};
use super::halves::Halves;
use super::instrument_state::{InstrumentState, Limitation};
use super::reason::{BurstWorth, Exclusion, SampleUnit, SlowEpisodes};
use super::spec::{Gate, GateOrigin};
use super::subject::Subject;
use crate::judge::summary::{CONFIDENCE, Summary};
use crate::run::plan::Guard;
use crate::run::recording::{Bits, Counts, Recording, Rows, TimeBase};
use crate::run::sample::FailureKind;
use crate::stats::binomial;
use crate::verdict::Verdict;

/// What one gate is judged from.
pub(super) struct GateTest<'a> {
    pub(super) gate: Gate,
    pub(super) subject: Subject<'a>,
    /// The share of requests that may exceed the limit.
    pub(super) theta0: f64,
    pub(super) n: u64,
    pub(super) exceedances: ExceedanceRange,
    /// The widest source of the range, if it is one.
    pub(super) range_source: Option<RangeSource>,
    pub(super) test: ProportionTest,
    pub(super) evidence: TwoSidedEvidence,
    pub(super) order: RequestOrder,
    /// The evidence for a FAIL if the instrument did its work; the same as that of `evidence` if it did.
    pub(super) if_sound: ExceedanceEvidence,
    pub(super) resolution: StoredResolution,
    pub(super) limitation: Option<Limitation>,
    /// `None` if it is not known which request was in which half.
    pub(super) halves: Option<Halves>,
    pub(super) observed: ObservedMetric,
}

/// Whether it is known which requests exceed the limit, or only how many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RequestOrder {
    Known,
    /// Of the first requests; of those after them, only how many.
    KnownAtFirst,
    Unknown,
}

impl RequestOrder {
    fn of(rows: Option<&Rows<'_>>) -> RequestOrder {
        match rows {
            None => RequestOrder::Unknown,
            Some(rows) if rows.unordered > 0 => RequestOrder::KnownAtFirst,
            Some(_) => RequestOrder::Known,
        }
    }
}

/// Whether the stored times are fine enough for a verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StoredResolution {
    Fine,
    /// If none of the requests whose times share a code with the limit is beyond it, the verdict is another one than if all
    /// of them are.
    Coarse,
}

impl<'a> GateTest<'a> {
    /// `None` for a condition that allows no share.
    pub(super) fn new(gate: Gate, subject: Subject<'a>, summary: &Summary) -> Option<GateTest<'a>> {
        let theta0 = gate.condition.allowed_share()?;
        let n = summary.planned();
        let test = ProportionTest::new(theta0, &subject);
        let rows = rows(&gate.condition, subject.recording);
        let counted = exceedance_count::count(&gate.condition, subject.recording, rows.as_ref());
        let state = instrument_state(&gate.condition, &subject);
        let tested = match &rows {
            Some(rows) => Tested::ordered(&test, rows, state, subject.recording),
            None => Tested::unordered(&test, n, &counted, state, subject.recording),
        };
        let failed = failed_by_the_server(subject.recording);
        Some(GateTest {
            observed: observed(&gate.condition, summary),
            evidence: tested.evidence,
            if_sound: tested.if_sound,
            resolution: tested.resolution,
            limitation: state.limitation(),
            halves: rows.as_ref().map(|rows| Halves::of(&test, rows)),
            order: RequestOrder::of(rows.as_ref()),
            test,
            gate,
            subject,
            theta0,
            n,
            exceedances: ExceedanceRange {
                at_least: counted.proving_fail(state, failed),
                ..counted.exceedances
            },
            range_source: counted.range_source,
        })
    }

    /// What an implied gate left open is not judged where its plan could not have passed it.
    pub(super) fn verdict(&self, decided: Verdict) -> Verdict {
        let is_open = decided == Verdict::Inconclusive;
        if is_open && self.gate.origin == GateOrigin::Implied && !self.could_pass() {
            return Verdict::NotJudged;
        }
        decided
    }

    /// Whether its plan allowed a pass. Data without a plan are all that there is, so they always did.
    fn could_pass(&self) -> bool {
        let Some(planned) = self.subject.planned else {
            return true;
        };
        let test = ProportionTest {
            design: planned.design,
            ..self.test
        };
        planned
            .requests
            .is_none_or(|requests| requests >= test.min_samples())
    }

    pub(super) fn counts(&self) -> &Counts {
        &self.subject.recording.counts
    }

    /// What is counted: what another tool measured are samples.
    pub(super) fn unit(&self) -> SampleUnit {
        match self.subject.recording.clock {
            _ if self.gate.condition.done_quantile().is_some() => SampleUnit::AcceptedEvent,
            TimeBase::Given => SampleUnit::Sample,
            TimeBase::IntendedStart | TimeBase::Send => SampleUnit::Request,
        }
    }

    /// The fewest requests with which it can pass, whatever the guard asks for.
    pub(super) fn needed_by_number(&self) -> u64 {
        self.test.without_guard().min_samples()
    }

    /// The fewest requests with which it can pass.
    pub(super) fn needed(&self) -> u64 {
        self.test.min_samples()
    }

    /// Whether the verdict depends on an order that is not known.
    pub(super) fn order_matters(&self) -> bool {
        self.order == RequestOrder::Unknown
            && self.exceedances.at_most > 0
            && self.test.episode.is_some()
    }

    /// φ as it was seen; 1 where requests are taken as independent or their order is not known.
    pub(super) fn design_effect(&self) -> f64 {
        match (self.test.episode, self.order) {
            (Some(_), RequestOrder::Known | RequestOrder::KnownAtFirst) => {
                self.evidence.at_most.clusters.design_effect
            }
            _ => 1.0,
        }
    }

    /// What requests in such bursts are worth, where that is less than their number.
    pub(super) fn bursts(&self) -> Option<BurstWorth> {
        let effect = self.design_effect();
        (effect > 1.0).then(|| BurstWorth {
            episodes: self.slow_episodes(),
            independent: (self.n as f64 / effect).round() as u64,
        })
    }

    pub(super) fn slow_episodes(&self) -> SlowEpisodes {
        let slow = &self.evidence.at_most.clusters.slow;
        SlowEpisodes {
            count: slow.count,
            longest: slow.longest,
        }
    }

    /// What excluding a slow spell needs.
    pub(super) fn exclusion(&self, samples: u64) -> Exclusion {
        let episode = match self.subject.guard {
            Guard::Episode(episode) => Some(episode),
            Guard::Iid => None,
        };
        Exclusion {
            samples,
            episode: episode.filter(|_| self.subject.rate_per_s.is_some()),
        }
    }
}

fn observed(condition: &Condition, summary: &Summary) -> ObservedMetric {
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

/// Whether the instrument was up to a gate. Failures have no latency: an error rate does not depend on a clock.
fn instrument_state(condition: &Condition, subject: &Subject<'_>) -> InstrumentState {
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

/// The evidence on both sides, and for a FAIL if the instrument did its work.
struct Tested {
    evidence: TwoSidedEvidence,
    if_sound: ExceedanceEvidence,
    resolution: StoredResolution,
}

impl Tested {
    /// From exceedances in order. Where the stored resolution leaves some open, what holds at both ends.
    fn ordered(
        test: &ProportionTest,
        rows: &Rows<'_>,
        state: InstrumentState,
        recording: &Recording,
    ) -> Tested {
        let tested = Tested::at_one_end(test, rows, state, recording);
        let Some(other) = &rows.other_end else {
            return tested;
        };
        let other = Tested::at_one_end(test, other, state, recording);
        let with_fewest = TwoSidedEvidence {
            at_most: other.evidence.at_most,
            ..tested.evidence
        };
        let with_most = TwoSidedEvidence {
            certain: other.evidence.certain,
            ..tested.evidence
        };
        Tested {
            evidence: tested.evidence.and(&other.evidence),
            if_sound: tested.if_sound.and(&other.if_sound),
            resolution: if with_fewest.verdict() == with_most.verdict() {
                StoredResolution::Fine
            } else {
                StoredResolution::Coarse
            },
        }
    }

    fn at_one_end(
        test: &ProportionTest,
        rows: &Rows<'_>,
        state: InstrumentState,
        recording: &Recording,
    ) -> Tested {
        let seams = &recording.seams;
        let mut evidence = test.ordered(rows, seams);
        let if_sound = evidence.certain;
        match state {
            InstrumentState::Limited(_, margin) => {
                if let Some(beyond) = rows.beyond(margin) {
                    evidence.certain = test.of_row(beyond, seams);
                }
            }
            InstrumentState::Useless(_) if rows.far.is_some() => {
                let failures = recording.rows_of_failures();
                let failed = failures.map_or_else(Bits::new, |rows| rows.certain.into_owned());
                evidence.certain = test.of_row(&failed, seams);
            }
            InstrumentState::Sound | InstrumentState::Useless(_) => {}
        }
        Tested {
            evidence,
            if_sound,
            resolution: StoredResolution::Fine,
        }
    }

    /// From a count of exceedances whose order is unknown.
    fn unordered(
        test: &ProportionTest,
        n: u64,
        counted: &ExceedanceCount,
        state: InstrumentState,
        recording: &Recording,
    ) -> Tested {
        let ExceedanceRange { at_least, at_most } = counted.exceedances;
        let proving = counted.proving_fail(state, failed_by_the_server(recording));
        Tested {
            evidence: test.unordered(n, proving, at_most),
            if_sound: test.unordered(n, at_least, at_most).certain,
            resolution: StoredResolution::Fine,
        }
    }
}

fn failed_by_the_server(recording: &Recording) -> u64 {
    recording.counts.not_ok() - recording.counts.client_side()
}
