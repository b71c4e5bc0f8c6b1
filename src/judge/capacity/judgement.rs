//! Verdicts on a trial and on a pair of blocks, by the tests of every other run.

use std::time::Duration;

use super::growth::is_growing;
use super::options::{CapacityGoal, TrialDurations};
use super::recovery::is_worse;
use super::sample::{GateRows, RateOffer, TrialSample};
use super::trial::{PairTest, Recovery, ShareSide, TrialVerdict};
use crate::judge::gate::ALPHA;
use crate::run::recording::Bits;
use crate::stats::binomial::{self, Judgement, MIN_EXCEEDANCES_TO_FAIL, holm, p_fail, reaches};
use crate::stats::cluster::{Clusters, EpisodeCondition};
use crate::stats::interim_looks::InterimLooks;
use crate::stats::sequential::SequentialTest;
use crate::stats::stationarity::{PartCount, same_share};
use crate::verdict::Verdict;

/// Level at which the shares of two blocks must differ for their verdicts to contradict each other.
const DIFFERENCE: f64 = 0.01;

/// Judges the trials of one search.
#[derive(Clone, Copy, Debug)]
pub struct CapacityJudge {
    goal: CapacityGoal,
    durations: TrialDurations,
}

/// What the gates say together: PASS is that of all of them, FAIL is Holm's over them.
#[derive(Clone, Copy, Debug)]
pub(super) struct GateProof {
    pub(super) passes: bool,
    pub(super) p_fail: f64,
}

impl CapacityJudge {
    /// For a goal and the lengths of its trials.
    pub fn new(goal: CapacityGoal, durations: TrialDurations) -> CapacityJudge {
        CapacityJudge { goal, durations }
    }

    /// The lowest rate: only a FAIL that allows for bursts ends a search.
    pub fn reference(&self, trial: &TrialSample) -> TrialVerdict {
        let proofs = self.sequential(trial);
        let fails = fails(&proofs, ALPHA);
        if !fails && trial.offer == RateOffer::NotKept {
            return TrialVerdict::ClientLimited;
        }
        verdict(proofs.iter().all(|proof| proof.passes), fails, trial)
    }

    /// A trial while the rate is doubled. Requests are taken as independent: a service that stops answering is one run of
    /// exceedances, which no guard against bursts could fail within seconds. PASS stands for "no FAIL".
    pub fn screen(&self, trial: &TrialSample) -> TrialVerdict {
        let p_value = |gate: &GateRows| {
            let (n, k) = (gate.certain.len(), gate.certain.count_ones());
            if k >= MIN_EXCEEDANCES_TO_FAIL {
                p_fail(n, k, gate.theta0)
            } else {
                1.0
            }
        };
        let p_values: Vec<f64> = trial.gates.iter().map(p_value).collect();
        if holm(&p_values, ALPHA).contains(&true) {
            return TrialVerdict::Fail;
        }
        self.growing_or_limited(trial).unwrap_or(TrialVerdict::Pass)
    }

    /// A narrowing trial, which may have ended early. It passes from half of its full length and T/width on.
    pub fn narrow(&self, trial: &TrialSample) -> TrialVerdict {
        let proofs = self.sequential(trial);
        let passes = proofs.iter().all(|proof| proof.passes) && self.may_pass(trial);
        if fails(&proofs, ALPHA) {
            return verdict(passes, true, trial);
        }
        self.growing_or_limited(trial)
            .unwrap_or_else(|| verdict(passes, false, trial))
    }

    fn may_pass(&self, trial: &TrialSample) -> bool {
        self.narrow_may_pass(trial.rate, trial.latencies.len() as u64)
    }

    /// Whether a narrowing trial with this number of requests may pass.
    pub(super) fn narrow_may_pass(&self, rate: f64, requests: u64) -> bool {
        // The last request of a stretch is due before its end.
        (requests + 1) as f64 / rate >= self.durations.narrow_pass.as_secs_f64()
    }

    /// A single block: whether the service must recover after it.
    pub fn block(&self, trial: &TrialSample) -> TrialVerdict {
        let proofs: Vec<GateProof> = trial
            .gates
            .iter()
            .map(|gate| self.block_proof(gate, trial.rate))
            .collect();
        if fails(&proofs, ALPHA) {
            return TrialVerdict::Fail;
        }
        let passes = proofs.iter().all(|proof| proof.passes);
        self.growing_or_limited(trial)
            .unwrap_or_else(|| verdict(passes, false, trial))
    }

    /// Both blocks of a rate as one sample of fixed size with a seam, at the level of the test.
    pub fn pair(&self, test: &PairTest, first: &TrialSample, second: &TrialSample) -> TrialVerdict {
        let joined: Vec<JoinedRows<'_>> = (first.gates.iter().zip(&second.gates))
            .map(|(first, second)| JoinedRows { first, second })
            .collect();
        let proofs: Vec<GateProof> = joined
            .iter()
            .map(|rows| self.pair_proof(test, rows))
            .collect();
        let is_growing = [first, second].iter().any(|block| self.is_growing(block));
        let disagree = joined
            .iter()
            .any(|rows| self.blocks_disagree(rows, test.rate));
        let is_offered = [first, second]
            .iter()
            .all(|block| block.offer == RateOffer::Kept);
        let shown = proofs.iter().all(|proof| proof.passes);
        let passes = shown && is_offered && !is_growing && !disagree;
        let fails = fails(&proofs, test.level) && !disagree;
        match (passes, fails) {
            (true, false) => TrialVerdict::Pass,
            (false, true) => TrialVerdict::Fail,
            _ if !is_offered => TrialVerdict::ClientLimited,
            _ => TrialVerdict::Undecided(side(joined.iter().map(JoinedRows::share_of_allowed))),
        }
    }

    fn pair_proof(&self, test: &PairTest, rows: &JoinedRows<'_>) -> GateProof {
        let (rate, theta0, level) = (test.rate, rows.first.theta0, test.level);
        let own = self.episode(rate, self.goal.spell);
        let at_most = GateRows::joined(&rows.first.at_most, &rows.second.at_most);
        let certain = if rows.is_certain() {
            at_most
        } else {
            GateRows::joined(&rows.first.certain, &rows.second.certain)
        };
        // Without any exceedance nothing is known of their spells but from the other trials.
        let excluded = if at_most.slow.count == 0 {
            self.episode(rate, test.spell)
        } else {
            own
        };
        GateProof {
            passes: fixed_passes(&at_most, theta0, level, excluded),
            p_fail: fixed_p_fail(&certain, theta0, level, own),
        }
    }

    /// Whether one block alone passes, the other one fails, and their shares differ.
    fn blocks_disagree(&self, rows: &JoinedRows<'_>, rate: f64) -> bool {
        let Some(_) = self.goal.spell else {
            return false;
        };
        let verdict = |gate: &GateRows| {
            let proof = self.block_proof(gate, rate);
            (proof.passes, reaches(proof.p_fail, ALPHA))
        };
        let opposite = matches!(
            (verdict(rows.first), verdict(rows.second)),
            ((true, false), (false, true)) | ((false, true), (true, false))
        );
        let effect = |gate: &GateRows| GateRows::clusters(&gate.at_most).design_effect;
        let part = |gate: &GateRows| PartCount {
            samples: gate.at_most.len(),
            exceedances: gate.count(),
        };
        opposite
            && same_share(
                part(rows.first),
                part(rows.second),
                effect(rows.first).max(effect(rows.second)),
            ) <= DIFFERENCE
    }

    fn block_proof(&self, gate: &GateRows, rate: f64) -> GateProof {
        let episode = self.episode(rate, self.goal.spell);
        GateProof {
            passes: fixed_passes(
                &GateRows::clusters(&gate.at_most),
                gate.theta0,
                ALPHA,
                episode,
            ),
            p_fail: fixed_p_fail(
                &GateRows::clusters(&gate.certain),
                gate.theta0,
                ALPHA,
                episode,
            ),
        }
    }

    fn sequential(&self, trial: &TrialSample) -> Vec<GateProof> {
        let proof = |row: &Bits, theta0: f64| {
            let mut looks = self.looks(theta0, trial.rate);
            looks.finish(row.len(), |n| Clusters::of_words(row.words(), n));
            sequential_proof(looks.test())
        };
        let gates = trial.gates.iter();
        gates
            .map(|gate| {
                let at_most = proof(&gate.at_most, gate.theta0);
                let certain = if gate.at_most == gate.certain {
                    at_most
                } else {
                    proof(&gate.certain, gate.theta0)
                };
                GateProof {
                    passes: at_most.passes,
                    p_fail: certain.p_fail,
                }
            })
            .collect()
    }

    fn growing_or_limited(&self, trial: &TrialSample) -> Option<TrialVerdict> {
        if trial.offer == RateOffer::NotKept {
            return Some(TrialVerdict::ClientLimited);
        }
        self.is_growing(trial).then_some(TrialVerdict::Growing)
    }

    fn is_growing(&self, trial: &TrialSample) -> bool {
        let series = [&trial.latencies, &trial.done];
        series
            .iter()
            .any(|times| is_growing(times, self.goal.limit))
    }

    /// Nothing looked at yet, of a gate with this allowed share.
    pub(super) fn looks(&self, theta0: f64, rate: f64) -> InterimLooks {
        InterimLooks::new(theta0, ALPHA, self.episode(rate, self.goal.spell))
    }

    /// ℓ0: the requests that a slow spell meets.
    fn episode(&self, rate: f64, spell: Option<Duration>) -> Option<f64> {
        spell.map(|spell| rate * spell.as_secs_f64())
    }

    /// Whether a window at the lowest rate is as the reference was.
    pub fn recovery(&self, window: &TrialSample, reference: &TrialSample) -> Recovery {
        if is_worse(window, reference, self.goal.limit) {
            Recovery::StillWorse
        } else {
            Recovery::Recovered
        }
    }
}

/// The rows of one gate in both blocks of a rate.
#[derive(Clone, Copy)]
struct JoinedRows<'a> {
    first: &'a GateRows,
    second: &'a GateRows,
}

impl JoinedRows<'_> {
    fn is_certain(&self) -> bool {
        self.first.at_most == self.first.certain && self.second.at_most == self.second.certain
    }

    /// The observed share, as a multiple of the allowed one.
    fn share_of_allowed(&self) -> f64 {
        let samples = self.first.at_most.len() + self.second.at_most.len();
        let count = self.first.count() + self.second.count();
        count as f64 / (samples as f64).max(1.0) / self.first.theta0
    }
}

fn fixed_passes(clusters: &Clusters, theta0: f64, level: f64, episode: Option<f64>) -> bool {
    let (p_value, condition) = match episode {
        Some(episode) => (
            clusters.judge(theta0, level, episode).p_pass,
            clusters.pass_condition(theta0, level, episode),
        ),
        None => (
            independent(clusters, theta0, level).p_pass,
            EpisodeCondition::Met,
        ),
    };
    reaches(p_value, level) && condition == EpisodeCondition::Met
}

/// The p-value with which a FAIL enters its family: 1 where it may not fail for another reason.
fn fixed_p_fail(clusters: &Clusters, theta0: f64, level: f64, episode: Option<f64>) -> f64 {
    if clusters.slow.total < MIN_EXCEEDANCES_TO_FAIL {
        return 1.0;
    }
    let Some(episode) = episode else {
        return independent(clusters, theta0, level).p_fail;
    };
    match clusters.fail_condition(theta0, level, episode) {
        EpisodeCondition::Met => clusters.judge(theta0, level, episode).p_fail,
        _ => 1.0,
    }
}

fn independent(clusters: &Clusters, theta0: f64, level: f64) -> Judgement {
    binomial::judge(clusters.samples(), clusters.slow.total, theta0, level)
}

/// A decision at a look stays; both ways is neither.
pub(super) fn sequential_proof(test: &SequentialTest) -> GateProof {
    GateProof {
        passes: test.verdict() == Verdict::Pass,
        p_fail: test.p_fail(),
    }
}

pub(super) fn fails(proofs: &[GateProof], level: f64) -> bool {
    let p_values: Vec<f64> = proofs.iter().map(|proof| proof.p_fail).collect();
    holm(&p_values, level).contains(&true)
}

fn verdict(passes: bool, fails: bool, trial: &TrialSample) -> TrialVerdict {
    match (passes, fails) {
        (true, false) => TrialVerdict::Pass,
        (false, true) => TrialVerdict::Fail,
        _ => TrialVerdict::Undecided(side(
            trial.gates.iter().map(|gate| gate.share() / gate.theta0),
        )),
    }
}

/// The side of the gates' shares, each as a multiple of what is allowed.
fn side(mut shares: impl Iterator<Item = f64>) -> ShareSide {
    if shares.any(|share| share > 1.0) {
        ShareSide::Beyond
    } else {
        ShareSide::Within
    }
}

#[cfg(test)]
mod tests;
