//! What the evidence decides, and why.

use super::case::{GateTest, RequestOrder, StoredResolution};
use super::exceedance_count::RangeSource;
use super::halves::Halves;
use super::reason::{
    Counting, DecisionReason, PassMargin, SampleUnit, TestReason, TestedSample, Uncertainty,
    UndecidedMargin,
};
use super::spec::ALPHA;
use crate::run::completion::AuditTrouble;
use crate::run::plan::Design;
use crate::stats::binomial;
use crate::stats::cluster;
use crate::stats::sequential::Mixture;
use crate::verdict::Verdict;

impl DecisionReason {
    /// The verdict that it stands for.
    pub(super) fn verdict(&self) -> Verdict {
        match self {
            DecisionReason::Passed(_) => Verdict::Pass,
            DecisionReason::Failed { .. } => Verdict::Fail,
            _ => Verdict::Inconclusive,
        }
    }
}

impl GateTest<'_> {
    /// The reason, given whether it fails among the `family` gates of its severity.
    pub(super) fn reason(&self, fails: bool, family: usize) -> TestReason {
        let counts = self.counts();
        let exceedances = self.exceedances;
        let in_bucket = self.range_source == Some(RangeSource::Bucket)
            && exceedances.at_least < exceedances.at_most;
        TestReason {
            sample: TestedSample {
                unit: self.unit(),
                counting: if in_bucket {
                    Counting::Bucket
                } else {
                    Counting::Exact
                },
                failed: counts.failed_total(),
                timed_out: counts.timeout,
                unsent: counts.unsent,
            },
            decision: self.decide(fails, family),
        }
    }

    fn decide(&self, fails: bool, family: usize) -> DecisionReason {
        if self.n == 0 {
            return DecisionReason::NoData;
        }
        match (self.evidence.at_most.passes(), fails) {
            (true, true) => DecisionReason::ShownBothWays,
            (true, false) => self
                .contradiction()
                .unwrap_or_else(|| DecisionReason::Passed(self.pass_margin())),
            (false, true) => self.contradiction().unwrap_or_else(|| self.failed()),
            (false, false) => self.undecided(family),
        }
    }

    /// The halves, if they withhold a verdict. Requests that are taken as independent have no order to contradict.
    fn contradiction(&self) -> Option<DecisionReason> {
        self.test.episode?;
        let Halves { first, second } = self.halves.filter(Halves::disagree)?;
        Some(DecisionReason::HalvesDisagree {
            first: first.result,
            second: second.result,
        })
    }

    fn failed(&self) -> DecisionReason {
        DecisionReason::Failed {
            pass_from: (self.n < self.needed_by_number()).then(|| self.needed()),
        }
    }

    fn pass_margin(&self) -> PassMargin {
        if self.test.design == Design::Adaptive {
            return PassMargin::EvidenceAtLook;
        }
        if self.order_matters() {
            return PassMargin::AnyOrder;
        }
        match self.bursts() {
            Some(bursts) => PassMargin::Bursts(bursts),
            None => PassMargin::UpTo {
                most: self.pass_up_to().filter(|&most| most > 0),
            },
        }
    }

    fn undecided(&self, family: usize) -> DecisionReason {
        let (at_most, certain) = (&self.evidence.at_most, &self.if_sound);
        // Where both ends of a range say the same but for the order, it is the order that is missing.
        if self.order != RequestOrder::Known
            && self.exceedances.at_most > 0
            && self.independent() != Verdict::Inconclusive
            && certain.verdict() != Verdict::Fail
        {
            return DecisionReason::OrderUnknown;
        }
        if self.resolution == StoredResolution::Coarse {
            return DecisionReason::Uncertain(Uncertainty::Bucket);
        }
        if let Some(limitation) = self.limitation
            && certain.verdict() == Verdict::Fail
            && self.evidence.certain.verdict() != Verdict::Fail
        {
            return DecisionReason::Uncertain(Uncertainty::Limited(limitation));
        }
        if let Some(source) = self.range_source
            && at_most.verdict() != certain.verdict()
        {
            return DecisionReason::Uncertain(self.uncertainty(source));
        }
        if certain.verdict() == Verdict::Fail {
            return DecisionReason::AmongMany { gates: family };
        }
        self.shortage()
            .unwrap_or_else(|| DecisionReason::Undecided(self.undecided_margin()))
    }

    /// The verdict if every exceedance stood alone: the numbers without the order.
    fn independent(&self) -> Verdict {
        let at = |k| self.test.without_guard().isolated(self.n, k).verdict();
        let (least, most) = (at(self.exceedances.at_least), at(self.exceedances.at_most));
        if least == most {
            most
        } else {
            Verdict::Inconclusive
        }
    }

    fn uncertainty(&self, source: RangeSource) -> Uncertainty {
        let counts = self.counts();
        match source {
            RangeSource::Client if self.unit() == SampleUnit::AcceptedEvent => {
                Uncertainty::UnreadEvents {
                    events: counts.client_side(),
                    last_answer: self.last_answer(),
                }
            }
            RangeSource::Client if counts.unsent > 0 => Uncertainty::Unsent {
                requests: counts.client_side(),
            },
            RangeSource::Client => Uncertainty::ClientFailures {
                requests: counts.client_side(),
            },
            RangeSource::Bucket => Uncertainty::Bucket,
            RangeSource::SendLag => Uncertainty::SendLag,
            RangeSource::OwnError => Uncertainty::OwnError {
                at_most: self.subject.recording.own_error,
            },
        }
    }

    /// What came instead of the state of an event.
    fn last_answer(&self) -> Option<AuditTrouble> {
        let completion = self.subject.audit?.completion()?;
        completion.trouble().cloned()
    }

    /// What there is too little of, if that is what keeps the verdict away.
    fn shortage(&self) -> Option<DecisionReason> {
        let (at_most, certain) = (&self.evidence.at_most, &self.if_sound);
        if self.exceedances.at_least == 1 && self.one_would_fail() {
            return Some(DecisionReason::SingleExceedance);
        }
        if self.order != RequestOrder::Unknown && certain.fail_shown {
            return Some(DecisionReason::FewEpisodes(self.slow_episodes()));
        }
        let (by_number, needed) = (self.needed_by_number(), self.needed());
        if self.n < by_number {
            return Some(DecisionReason::TooFew {
                by_number,
                exclusion: (needed > by_number).then(|| self.exclusion(needed)),
            });
        }
        match at_most.pass_condition {
            cluster::EpisodeCondition::NeedsSamples(samples) if at_most.pass_shown => {
                Some(DecisionReason::NotExcluded {
                    exclusion: self.exclusion(samples),
                    seen: self.slow_episodes(),
                })
            }
            _ => None,
        }
    }

    fn one_would_fail(&self) -> bool {
        let p_fail = binomial::p_fail(self.n, 1, self.theta0);
        self.test.design == Design::Fixed && binomial::reaches(p_fail, ALPHA)
    }

    fn undecided_margin(&self) -> UndecidedMargin {
        if self.order_matters() {
            return UndecidedMargin::OrderUnknown;
        }
        match self.bursts() {
            Some(bursts) => UndecidedMargin::Bursts(bursts),
            None => UndecidedMargin::Bounds {
                pass_up_to: self.pass_up_to(),
                fail_from: self.fail_from(),
            },
        }
    }

    /// The most exceedances that would pass, each on its own.
    fn pass_up_to(&self) -> Option<u64> {
        match self.test.design {
            Design::Fixed => binomial::max_exceedances_to_pass(self.n, self.theta0, ALPHA),
            Design::Adaptive => Mixture::new(self.theta0).max_exceedances_to_pass(self.n, ALPHA),
        }
    }

    /// The fewest exceedances that would fail, each on its own.
    fn fail_from(&self) -> Option<u64> {
        match self.test.design {
            Design::Fixed => binomial::min_exceedances_to_fail(self.n, self.theta0, ALPHA),
            Design::Adaptive => Mixture::new(self.theta0).min_exceedances_to_fail(self.n, ALPHA),
        }
    }
}
