//! How far each watched gate is from decided, and when the run no longer waits for it.

use super::{GateWatch, StopRule, WatchedGate};
use crate::judge::gate::family::fail_levels;
use crate::judge::gate::instrument_state::Limitation;
use crate::judge::gate::spec::{ALPHA, Gate};
use crate::stats::binomial;
use crate::verdict::Verdict;

/// An undecided gate never shows more.
const NEARLY: f64 = 0.99;

/// How far one gate is from decided.
#[derive(Clone, Debug, PartialEq)]
pub struct GateProgress {
    /// Which endpoint, by its place in the plan.
    pub endpoint: usize,
    /// The gate, for this endpoint alone.
    pub gate: Gate,
    /// INCONCLUSIVE means not decided yet.
    pub verdict: Verdict,
    /// The verdict that the evidence leans to.
    pub towards: Verdict,
    /// How far that verdict is from shown, from 0 to 1: the evidence, a FAIL's at the level that Holm leaves this gate, or
    /// the share of the run that the rule on slow spells needs, whichever is smaller.
    pub progress: f64,
    /// What keeps back a FAIL that the samples alone would give.
    pub held_by: Option<Limitation>,
    /// Requests of its endpoint after which the run no longer waits for this gate, if they continue as they were;
    /// `u64::MAX` for never, `None` where that is unknown.
    pub expected_at: Option<u64>,
}

impl GateWatch {
    /// How far each gate is.
    pub fn state(&self) -> Vec<GateProgress> {
        let verdicts = self.verdicts();
        let levels = fail_levels(&self.p_values());
        let gates = self.gates.iter().zip(verdicts).zip(levels);
        gates
            .map(|((watched, verdict), level)| {
                let (towards, progress) = watched.nearer(level);
                GateProgress {
                    endpoint: watched.endpoint,
                    gate: watched.gate.clone(),
                    verdict,
                    towards,
                    progress: match verdict {
                        Verdict::Inconclusive => progress.min(NEARLY),
                        _ => 1.0,
                    },
                    held_by: watched.held_by(verdict),
                    expected_at: self.expected_at(watched, verdict, level),
                }
            })
            .collect()
    }

    /// As [`GateWatch::is_decided`] waits for it.
    fn expected_at(&self, watched: &WatchedGate, verdict: Verdict, fail_level: f64) -> Option<u64> {
        let interval_from = watched.awaited_interval(verdict);
        match (self.has_failed(), self.stop_rule) {
            (true, StopRule::FirstFail) => Some(0),
            (true, StopRule::Decided) => Some(interval_from),
            _ if !watched.can_pass && self.gates.iter().any(|other| other.can_pass) => Some(0),
            _ if !watched.can_pass => Some(u64::MAX),
            _ if verdict != Verdict::Inconclusive => Some(interval_from),
            _ => Some(watched.shown_at(fail_level)?.max(interval_from)),
        }
    }

    /// Whether a gate waits for the audit after the run, so that no decision ends the run early.
    pub fn waits_for_audit(&self) -> bool {
        self.waits_for_audit
    }
}

impl WatchedGate {
    /// The verdict that it leans to, and how far that is, from the row that must show it.
    fn nearer(&self, fail_level: f64) -> (Verdict, f64) {
        if self.at_most.leans_to_pass() {
            return (Verdict::Pass, self.at_most.progress_to_pass());
        }
        let proving = self.proving_fail();
        let progress = proving.map_or(0.0, |looking| looking.progress_to_fail(fail_level));
        (Verdict::Fail, progress)
    }

    fn held_by(&self, verdict: Verdict) -> Option<Limitation> {
        let fails = |p_fail| binomial::reaches(p_fail, ALPHA);
        let held = verdict == Verdict::Inconclusive
            && fails(self.certain.test().p_fail())
            && !fails(self.p_fail());
        self.instrument.limitation().filter(|_| held)
    }

    /// Requests after which the verdict that it leans to is shown.
    fn shown_at(&self, fail_level: f64) -> Option<u64> {
        let looking = if self.at_most.leans_to_pass() {
            &self.at_most
        } else {
            self.proving_fail()?
        };
        looking.projected(fail_level)
    }
}
