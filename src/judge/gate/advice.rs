//! What would decide a gate that a test left open.

use std::time::Duration;

use super::case::GateTest;
use super::next_step::{AuditStep, NextStep, Remedy, RunPurpose, SampleEstimate};
use super::reason::{DecisionReason, SampleUnit, Uncertainty, UndecidedMargin};
use super::spec::ALPHA;
use crate::run::plan::Design;
use crate::stats::binomial::{self, Projection};
use crate::stats::cluster;
use crate::stats::sequential::Mixture;
use crate::verdict::Verdict;

impl GateTest<'_> {
    /// What would decide it, if anything would.
    pub(super) fn next_step(&self, decision: &DecisionReason) -> Option<NextStep> {
        Some(match decision {
            DecisionReason::Passed(_) | DecisionReason::Failed { .. } => return None,
            DecisionReason::NoData => NextStep::Fix(Remedy::CheckReached),
            DecisionReason::Uncertain(uncertainty) => self.remedy(uncertainty),
            DecisionReason::OrderUnknown => match self.unit() {
                SampleUnit::Sample => NextStep::Fix(Remedy::GiveOrder),
                SampleUnit::Request | SampleUnit::AcceptedEvent => {
                    NextStep::Fix(Remedy::CountLimitInOrder)
                }
            },
            DecisionReason::FewEpisodes(_) => self.longer_run_that_fails(),
            DecisionReason::NotExcluded { exclusion, .. } => self.run_at_least(
                exclusion.samples,
                RunPurpose::ExcludeEpisodes(exclusion.episode),
            ),
            DecisionReason::HalvesDisagree { first, .. } if first.verdict == Verdict::Fail => {
                NextStep::Fix(Remedy::LongerWarmup)
            }
            DecisionReason::HalvesDisagree { .. } | DecisionReason::ShownBothWays => {
                NextStep::Fix(Remedy::FindChange)
            }
            DecisionReason::AmongMany { gates } => {
                NextStep::MoreSamples(self.estimate(ALPHA / *gates as f64))
            }
            DecisionReason::Undecided(UndecidedMargin::OrderUnknown) => {
                NextStep::MoreSamplesInOrder(self.estimate(ALPHA))
            }
            DecisionReason::TooFew { .. }
            | DecisionReason::Undecided(_)
            | DecisionReason::SingleExceedance => NextStep::MoreSamples(self.estimate(ALPHA)),
        })
    }

    fn remedy(&self, uncertainty: &Uncertainty) -> NextStep {
        match uncertainty {
            Uncertainty::Bucket => match self.unit() {
                SampleUnit::AcceptedEvent => NextStep::Fix(Remedy::ReportDoneTimes),
                SampleUnit::Sample => NextStep::Fix(Remedy::GiveEveryLatency),
                SampleUnit::Request => NextStep::Fix(Remedy::CountLimit),
            },
            Uncertainty::OwnError { .. } => NextStep::Fix(Remedy::QuieterMachineOrLimit),
            Uncertainty::Limited(limitation) => NextStep::Lift(*limitation),
            Uncertainty::SendLag => NextStep::Fix(Remedy::QuieterMachineOrRate),
            Uncertainty::UnreadEvents { .. } => NextStep::Audit(AuditStep::AuditAgain),
            Uncertainty::Unsent { .. } => NextStep::Fix(Remedy::FinishRun),
            Uncertainty::ClientFailures { .. } => NextStep::Fix(Remedy::RaiseOpenFiles),
        }
    }

    fn longer_run_that_fails(&self) -> NextStep {
        match self.if_sound.fail_condition {
            cluster::EpisodeCondition::NeedsSamples(samples) => {
                self.run_at_least(samples, RunPurpose::Fail)
            }
            _ => NextStep::Fix(Remedy::ThirdEpisode),
        }
    }

    fn run_at_least(&self, samples: u64, purpose: RunPurpose) -> NextStep {
        let is_steady = self.subject.shape.is_steady();
        let time = self.subject.rate_per_s.filter(|_| is_steady).map(|rate| {
            let tenths = (samples as f64 / rate * 10.0 - 1e-9).ceil();
            Duration::from_millis(tenths as u64 * 100)
        });
        NextStep::RunAtLeast {
            samples,
            time,
            purpose,
        }
    }

    /// How many more requests would decide it at level `alpha`, if they continue as before.
    fn estimate(&self, alpha: f64) -> SampleEstimate {
        let needed = self.needed();
        let any_slow = self.exceedances.at_most > 0;
        match self.projection(alpha).filter(|_| any_slow) {
            Some(Projection { verdict, samples }) if samples > self.n => {
                let total = match verdict {
                    Verdict::Pass => samples.max(needed),
                    _ => samples,
                };
                SampleEstimate::More {
                    samples: total - self.n,
                    verdict,
                }
            }
            _ if self.n < needed => SampleEstimate::AtLeast(needed),
            Some(_) => SampleEstimate::AFewMore,
            None => SampleEstimate::TooNearLimit,
        }
    }

    /// When its test would decide, looked at then, each request worth what it is worth now.
    fn projection(&self, alpha: f64) -> Option<Projection> {
        let effect = self.design_effect();
        let worth = |count: u64| count as f64 / effect;
        let (n, k) = (worth(self.n), worth(self.exceedances.at_most));
        let projection = match self.test.design {
            Design::Fixed => {
                let (n, k) = (n.round() as u64, k.round() as u64);
                binomial::samples_to_decide(n, k, self.theta0, alpha)
            }
            Design::Adaptive => Mixture::new(self.theta0).samples_to_decide(n, k, alpha),
        }?;
        Some(Projection {
            samples: (projection.samples as f64 * effect).ceil() as u64,
            ..projection
        })
    }
}
