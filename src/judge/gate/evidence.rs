//! What the exceedances of one gate prove, in their order if that is known, at one look or at many.

use super::spec::{ALPHA, Gate};
use super::subject::Subject;
use crate::run::plan::Design;
use crate::run::recording::{Bits, Rows};
use crate::stats::binomial::{self, MIN_EXCEEDANCES_TO_FAIL};
use crate::stats::cluster::{Clusters, EpisodeCondition};
use crate::stats::interim_looks::InterimLooks;
use crate::stats::sequential::Mixture;
use crate::verdict::Verdict;

/// How a gate's exceedances are tested.
#[derive(Clone, Copy, Debug)]
pub(super) struct ProportionTest {
    pub(super) theta0: f64,
    pub(super) design: Design,
    /// ℓ0; `None` takes requests as independent.
    pub(super) episode: Option<f64>,
}

/// What one row of exceedances proves.
#[derive(Clone, Copy, Debug)]
pub(super) struct ExceedanceEvidence {
    pub(super) p_pass: f64,
    pub(super) p_fail: f64,
    /// Whether the numbers alone would show it, whatever the guard says of the episodes.
    pub(super) pass_shown: bool,
    pub(super) fail_shown: bool,
    /// What the guard says of the episodes; always met without a guard.
    pub(super) pass_condition: EpisodeCondition,
    pub(super) fail_condition: EpisodeCondition,
    pub(super) clusters: Clusters,
}

/// The evidence for each side of a verdict.
#[derive(Clone, Copy)]
pub(super) struct TwoSidedEvidence {
    /// Of everything that may exceed the limit: for a PASS.
    pub(super) at_most: ExceedanceEvidence,
    /// Of what exceeds it for certain: for a FAIL.
    pub(super) certain: ExceedanceEvidence,
}

impl ProportionTest {
    pub(super) fn new(theta0: f64, subject: &Subject<'_>) -> ProportionTest {
        ProportionTest {
            theta0,
            design: subject.design,
            // The rate of a closed model counts as any other: a run that ended before a slow spell could come does not
            // allow for one, however many requests it sent.
            episode: subject
                .guard
                .requests(subject.rate_within_spell())
                .map(|requests| requests.max(subject.in_flight.unwrap_or(0) as f64)),
        }
    }

    /// The same without the guard.
    pub(super) fn without_guard(&self) -> ProportionTest {
        ProportionTest {
            episode: None,
            ..*self
        }
    }

    /// The fewest samples with which it can pass, none of them beyond the limit.
    pub(super) fn min_samples(&self) -> u64 {
        let by_number = match self.design {
            Design::Fixed => {
                // (1 − θ0)ⁿ ≤ α; the logarithm may err by one.
                let mut n = (ALPHA.ln() / (-self.theta0).ln_1p()).floor() as u64;
                while n < u64::MAX && !binomial::reaches(binomial::p_pass(n, 0, self.theta0), ALPHA)
                {
                    n += 1;
                }
                n
            }
            Design::Adaptive => Mixture::new(self.theta0).min_samples_to_pass(ALPHA),
        };
        let clean = Clusters::isolated(by_number, 0);
        match self.pass_condition(&clean) {
            EpisodeCondition::NeedsSamples(n) => n.max(by_number),
            _ => by_number,
        }
    }

    /// Of exceedances in order; `seams` are where time was cut out of it.
    pub(super) fn ordered(&self, rows: &Rows<'_>, seams: &[u64]) -> TwoSidedEvidence {
        let at_most = if rows.unordered > 0 {
            self.of_whole_row(&rows.at_most, seams)
        } else {
            self.of_row(&rows.at_most, seams)
        };
        let certain = if rows.at_most == rows.certain {
            at_most
        } else {
            self.of_row(&rows.certain, seams)
        };
        TwoSidedEvidence { at_most, certain }
    }

    /// Of exceedances in unknown order: the verdict that holds in every order.
    pub(super) fn unordered(&self, n: u64, at_least: u64, at_most: u64) -> TwoSidedEvidence {
        let worst = |k: u64| {
            let pass = self.at_end(Clusters::worst_for_pass(n, k, ALPHA));
            let fail = self.at_end(Clusters::worst_for_fail(n, k, ALPHA));
            ExceedanceEvidence {
                p_fail: fail.p_fail,
                fail_shown: fail.fail_shown,
                fail_condition: fail.fail_condition,
                ..pass
            }
        };
        TwoSidedEvidence {
            at_most: worst(at_most),
            certain: worst(at_least),
        }
    }

    /// Of exceedances that each stand alone.
    pub(super) fn isolated(&self, n: u64, k: u64) -> ExceedanceEvidence {
        self.at_end(Clusters::isolated(n, k))
    }

    /// Of one row of exceedances in order; `seams` are where time was cut out of it.
    ///
    /// Exceedances on both sides of a seam may be one spell or two: a verdict must hold both ways.
    pub(super) fn of_row(&self, row: &Bits, seams: &[u64]) -> ExceedanceEvidence {
        let joined = self.of_joined_row(row);
        match (seams.is_empty(), self.episode) {
            (false, Some(_)) => self
                .at_end(Clusters::with_seams(row.iter(), seams))
                .and(&joined),
            _ => joined,
        }
    }

    /// The same of a row whose end is not in order: there is nothing to look at before it, and no verdict on what comes
    /// before is one on the run.
    fn of_whole_row(&self, row: &Bits, seams: &[u64]) -> ExceedanceEvidence {
        let joined = self.at_end(Clusters::of_words(row.words(), row.len()));
        if seams.is_empty() {
            return joined;
        }
        let apart = Clusters::with_seams(row.iter(), seams);
        self.at_end(apart).and(&joined)
    }

    fn of_joined_row(&self, row: &Bits) -> ExceedanceEvidence {
        match self.design {
            Design::Fixed => self.at_end(Clusters::of_words(row.words(), row.len())),
            Design::Adaptive => {
                let mut looking = InterimLooks::new(self.theta0, ALPHA, self.episode);
                looking.finish(row.len(), |n| Clusters::of_words(row.words(), n));
                self.looked(&looking)
            }
        }
    }

    /// At one look: at the end.
    pub(super) fn at_end(&self, clusters: Clusters) -> ExceedanceEvidence {
        match self.design {
            Design::Fixed => self.once(clusters),
            Design::Adaptive => {
                let mut looking = InterimLooks::new(self.theta0, ALPHA, self.episode);
                looking.look_once(clusters);
                self.looked(&looking)
            }
        }
    }

    fn once(&self, clusters: Clusters) -> ExceedanceEvidence {
        let (n, k) = (clusters.samples(), clusters.slow.total);
        let (p_pass, p_fail) = match self.episode {
            Some(episode) => {
                let judged = clusters.judge(self.theta0, ALPHA, episode);
                (judged.p_pass, judged.p_fail)
            }
            None => (
                binomial::p_pass(n, k, self.theta0),
                binomial::p_fail(n, k, self.theta0),
            ),
        };
        ExceedanceEvidence {
            p_pass,
            p_fail,
            pass_shown: binomial::reaches(p_pass, ALPHA),
            fail_shown: binomial::reaches(p_fail, ALPHA) && k >= MIN_EXCEEDANCES_TO_FAIL,
            pass_condition: self.pass_condition(&clusters),
            fail_condition: self.fail_condition(&clusters),
            clusters,
        }
    }

    /// Evidence of an adaptive run met the conditions at each look, and a decision is final.
    fn looked(&self, looking: &InterimLooks) -> ExceedanceEvidence {
        let test = looking.test();
        let clusters = looking
            .latest()
            .copied()
            .unwrap_or_else(|| Clusters::of([]));
        let (pass_shown, fail_shown) = test.shown();
        ExceedanceEvidence {
            p_pass: test.p_pass(),
            p_fail: test.p_fail(),
            pass_shown,
            fail_shown,
            pass_condition: decided_or(self.pass_condition(&clusters), test.p_pass()),
            fail_condition: decided_or(self.fail_condition(&clusters), test.p_fail()),
            clusters,
        }
    }

    fn pass_condition(&self, clusters: &Clusters) -> EpisodeCondition {
        self.episode.map_or(EpisodeCondition::Met, |episode| {
            clusters.pass_condition(self.theta0, ALPHA, episode)
        })
    }

    fn fail_condition(&self, clusters: &Clusters) -> EpisodeCondition {
        self.episode.map_or(EpisodeCondition::Met, |episode| {
            clusters.fail_condition(self.theta0, ALPHA, episode)
        })
    }
}

fn decided_or(condition: EpisodeCondition, p_value: f64) -> EpisodeCondition {
    if binomial::reaches(p_value, ALPHA) {
        EpisodeCondition::Met
    } else {
        condition
    }
}

/// The one that is not met, of two.
fn unmet(one: EpisodeCondition, other: EpisodeCondition) -> EpisodeCondition {
    match one {
        EpisodeCondition::Met => other,
        one => one,
    }
}

impl Gate {
    /// The fewest requests with which it can pass, none of them slow, taken as independent and of fixed number. `None`
    /// for a gate on two runs.
    pub fn min_samples(&self) -> Option<u64> {
        let test = ProportionTest {
            theta0: self.condition.allowed_share()?,
            design: Design::Fixed,
            episode: None,
        };
        Some(test.min_samples())
    }
}

impl TwoSidedEvidence {
    /// What holds by this evidence and by another.
    pub(super) fn and(&self, other: &TwoSidedEvidence) -> TwoSidedEvidence {
        TwoSidedEvidence {
            at_most: self.at_most.and(&other.at_most),
            certain: self.certain.and(&other.certain),
        }
    }

    /// The verdict of this evidence alone.
    pub(super) fn verdict(&self) -> Verdict {
        let fails = binomial::reaches(self.certain.p_for_family(), ALPHA);
        match (self.at_most.passes(), fails) {
            (true, false) => Verdict::Pass,
            (false, true) => Verdict::Fail,
            _ => Verdict::Inconclusive,
        }
    }
}

impl ExceedanceEvidence {
    /// What holds by this evidence and by another; the clusters are these.
    pub(super) fn and(self, other: &ExceedanceEvidence) -> ExceedanceEvidence {
        ExceedanceEvidence {
            p_pass: self.p_pass.max(other.p_pass),
            p_fail: self.p_fail.max(other.p_fail),
            pass_shown: self.pass_shown && other.pass_shown,
            fail_shown: self.fail_shown && other.fail_shown,
            pass_condition: unmet(self.pass_condition, other.pass_condition),
            fail_condition: unmet(self.fail_condition, other.fail_condition),
            clusters: self.clusters,
        }
    }

    /// Whether it shows that the share is within the limit.
    pub(super) fn passes(&self) -> bool {
        binomial::reaches(self.p_pass, ALPHA) && self.pass_condition == EpisodeCondition::Met
    }

    /// The p-value with which a FAIL enters its family: 1 where it may not fail for another reason.
    pub(super) fn p_for_family(&self) -> f64 {
        let enough = self.clusters.slow.total >= MIN_EXCEEDANCES_TO_FAIL;
        if enough && self.fail_condition == EpisodeCondition::Met {
            self.p_fail
        } else {
            1.0
        }
    }

    /// The verdict of this row alone.
    pub(super) fn verdict(&self) -> Verdict {
        match (self.passes(), binomial::reaches(self.p_for_family(), ALPHA)) {
            (true, false) => Verdict::Pass,
            (false, true) => Verdict::Fail,
            _ => Verdict::Inconclusive,
        }
    }
}
