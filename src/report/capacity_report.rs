//! A capacity search as it is shown: its options, every trial, and the result.

use std::time::Duration;

use jiff::Timestamp;

use super::capacity_trial::CapacityTrial;
use super::model::InconclusivePolicy;
use crate::exit::Exit;
use crate::judge::capacity::{CapacityBracket, CapacityOptions, CapacityResult, TrialVerdict};
use crate::judge::gate::{Gate, Severity};
use crate::run::run_file::{Environment, PlanRecord};
use crate::units::Rate;
use crate::verdict::Verdict;

/// A capacity search.
#[derive(Clone, Debug)]
pub struct CapacityReport {
    /// The endpoint that was sent to.
    pub endpoint: String,
    /// Its method.
    pub method: String,
    /// Its URL, without secrets.
    pub url: String,
    /// What had to hold at a rate.
    pub gates: Vec<Gate>,
    /// The options of the search.
    pub options: CapacityOptions,
    /// How long the service had to recover.
    pub recover: Duration,
    /// When the first trial began.
    pub started_at: Timestamp,
    /// From the first trial to the last.
    pub took: Duration,
    /// Whether a signal ended it.
    pub interrupted: bool,
    /// In the order in which they were sent.
    pub trials: Vec<CapacityTrial>,
    /// What came of it.
    pub outcome: CapacityOutcome,
    /// The plan of a block at the lowest rate.
    pub plan: PlanRecord,
    /// Where it was sent from.
    pub environment: Environment,
    /// The rate that a saved search is judged at.
    pub asked: Option<AskedCapacity>,
    /// What INCONCLUSIVE means for the exit code.
    pub inconclusive: InconclusivePolicy,
}

/// What came of a search.
#[derive(Clone, Debug)]
pub enum CapacityOutcome {
    /// The highest rate was searched for.
    Searched(CapacityResult),
    /// One rate was tested.
    Tested {
        /// The rate of the gate.
        asked: AskedCapacity,
        /// Of both blocks together.
        verdict: TrialVerdict,
    },
}

/// A gate on the capacity.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AskedCapacity {
    /// The least capacity.
    pub rate: Rate,
    /// Whether it decides the exit code.
    pub severity: Severity,
}

impl CapacityReport {
    /// PASS if the search, the test, or the gate on a saved search reached its goal.
    pub fn verdict(&self) -> Verdict {
        if self.interrupted {
            return Verdict::Inconclusive;
        }
        match (&self.asked, &self.outcome) {
            (Some(asked), _) => self.bracket().reaches(asked.rate.as_per_second()),
            (None, CapacityOutcome::Searched(result)) => result.verdict(),
            (None, CapacityOutcome::Tested { verdict, .. }) => match verdict {
                TrialVerdict::Pass => Verdict::Pass,
                TrialVerdict::Fail => Verdict::Fail,
                TrialVerdict::Growing
                | TrialVerdict::Undecided(_)
                | TrialVerdict::ClientLimited => Verdict::Inconclusive,
            },
        }
    }

    /// The exit code, of a search that no signal ended.
    pub fn exit(&self) -> Exit {
        if self.only_warns() || self.is_let_through() {
            Exit::Pass
        } else {
            Exit::from(self.verdict())
        }
    }

    /// Whether the verdict is INCONCLUSIVE and was asked to end with 0.
    pub(crate) fn is_let_through(&self) -> bool {
        self.verdict() == Verdict::Inconclusive
            && self.inconclusive == InconclusivePolicy::Warn
            && !self.interrupted
    }

    fn only_warns(&self) -> bool {
        let asked = match (&self.asked, &self.outcome) {
            (Some(asked), _) | (None, CapacityOutcome::Tested { asked, .. }) => asked,
            (None, CapacityOutcome::Searched(_)) => return false,
        };
        asked.severity == Severity::Warns
    }

    /// The rates that are shown.
    pub fn bracket(&self) -> CapacityBracket {
        match &self.outcome {
            CapacityOutcome::Searched(result) => CapacityBracket {
                lower: result.lower,
                upper: result.upper,
            },
            CapacityOutcome::Tested { asked, verdict } => {
                let rate = Some(asked.rate.as_per_second());
                CapacityBracket {
                    lower: rate.filter(|_| *verdict == TrialVerdict::Pass),
                    upper: rate.filter(|_| *verdict == TrialVerdict::Fail),
                }
            }
        }
    }

    /// Whether a gate is about the work on accepted events.
    pub(crate) fn is_of_work(&self) -> bool {
        self.gates.iter().any(|gate| gate.condition.needs_audit())
    }
}
