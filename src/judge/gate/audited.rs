//! Judges gates on the completion audit that do not test a share: a count passes only if it can be complete.

use super::audit_reason::{AuditEnd, AuditReason, IncompleteCount, MissingEffects};
use super::condition::{AuditCount, Condition};
use super::finding::{ExceedanceRange, Finding, ObservedMetric};
use super::next_step::{AuditStep, NextStep};
use super::reason::FindingReason;
use super::spec::Gate;
use super::subject::Subject;
use crate::run::completion::{
    Audit, AuditRemark, AuditTrouble, Completion, EffectReporting, Resends, Settled,
};
use crate::run::plan::Design;
use crate::verdict::Verdict;

/// The finding of a gate that needs an audit and is judged without a test: a count, or anything where there is no audit.
/// `None` for a percentile of the time to completion that can be tested.
pub(super) fn untested(gate: &Gate, subject: &Subject<'_>) -> Option<Finding> {
    let completion = match subject.audit {
        Some(Audit::Read(completion)) => completion,
        Some(Audit::Unread { reason, resends }) => {
            let caught = resends.and_then(|resends| several_events(gate, subject, &resends));
            return Some(caught.unwrap_or_else(|| unread(gate, subject, reason)));
        }
        None => {
            let reason = AuditReason::NotAudited;
            return Some(unaudited(gate, subject, reason, AuditStep::AuditRun));
        }
    };
    match gate.condition {
        Condition::Count { what, at_most } => Some(
            CountedGate {
                gate,
                subject,
                completion,
                what,
                at_most,
            }
            .finding(),
        ),
        _ if completion.settled == Settled::Interrupted && completion.pending > 0 => {
            Some(interrupted(gate, subject, completion))
        }
        _ => None,
    }
}

/// One key that was answered with two events is a duplicate, however little else the service reports.
fn several_events(gate: &Gate, subject: &Subject<'_>, resends: &Resends) -> Option<Finding> {
    let keys = resends.several_events;
    match gate.condition {
        Condition::Count {
            what: AuditCount::Duplicated,
            at_most,
        } if keys > at_most => Some(Finding {
            measured: ObservedMetric::Count(keys),
            n: subject.recording.counts.ok,
            exceedances: ExceedanceRange {
                at_least: keys,
                at_most: keys,
            },
            verdict: Verdict::Fail,
            ..inconclusive(
                gate,
                subject,
                AuditReason::SeveralEvents {
                    keys,
                    resent: resends.sent(),
                },
            )
        }),
        _ => None,
    }
}

fn unread(gate: &Gate, subject: &Subject<'_>, trouble: &AuditTrouble) -> Finding {
    let reason = AuditReason::Unread {
        cause: trouble.clone(),
    };
    let step = solve(trouble, AuditStep::AuditRun);
    unaudited(gate, subject, reason, step)
}

fn unaudited(gate: &Gate, subject: &Subject<'_>, reason: AuditReason, step: AuditStep) -> Finding {
    Finding {
        next_step: Some(NextStep::Audit(step)),
        ..inconclusive(gate, subject, reason)
    }
}

fn solve(trouble: &AuditTrouble, otherwise: AuditStep) -> AuditStep {
    AuditStep::Solve {
        trouble: trouble.clone(),
        otherwise: Box::new(otherwise),
    }
}

fn interrupted(gate: &Gate, subject: &Subject<'_>, completion: &Completion) -> Finding {
    let reason = AuditReason::Interrupted {
        pending: completion.pending,
    };
    Finding {
        n: completion.accepted(),
        ..unaudited(gate, subject, reason, AuditStep::Finish)
    }
}

/// Nothing measured and nothing decided.
fn inconclusive(gate: &Gate, subject: &Subject<'_>, reason: AuditReason) -> Finding {
    Finding {
        endpoint: subject.endpoint.to_owned(),
        gate: gate.clone(),
        measured: ObservedMetric::Nothing,
        n: 0,
        exceedances: ExceedanceRange::default(),
        p_pass: None,
        p_fail: None,
        design: Design::Fixed,
        episodes: None,
        verdict: Verdict::Inconclusive,
        reason: FindingReason::Audit(reason),
        next_step: None,
    }
}

/// A gate on a count of an audit that was read.
struct CountedGate<'a> {
    gate: &'a Gate,
    subject: &'a Subject<'a>,
    completion: &'a Completion,
    what: AuditCount,
    at_most: u64,
}

/// Why a count may be incomplete, and what would complete it.
type Incomplete = (IncompleteCount, AuditStep);

impl CountedGate<'_> {
    fn finding(&self) -> Finding {
        let count = self.count();
        let exceeds = count.at_least > self.at_most;
        let incomplete = if exceeds {
            None
        } else {
            self.incomplete(count)
        };
        let is_unseen = self.unseen().is_some() && count.at_least == 0;
        let read_again_after = self.completion.quiet;
        let verdict = match &incomplete {
            Some(_) => Verdict::Inconclusive,
            None if exceeds => Verdict::Fail,
            None => Verdict::Pass,
        };
        let (reason, step) = match incomplete {
            Some((cause, step)) => {
                let reason = AuditReason::Incomplete {
                    cause,
                    read_again_after,
                };
                (reason, Some(NextStep::Audit(step)))
            }
            None => (AuditReason::Counted { read_again_after }, None),
        };
        Finding {
            measured: if is_unseen {
                ObservedMetric::Nothing
            } else {
                ObservedMetric::Count(count.at_least)
            },
            n: self.completion.accepted(),
            exceedances: count,
            verdict,
            next_step: step,
            ..inconclusive(self.gate, self.subject, reason)
        }
    }

    /// As far as it can be known: at least, and at most.
    fn count(&self) -> ExceedanceRange {
        let completion = self.completion;
        let counted = |at_least: u64, perhaps: u64| ExceedanceRange {
            at_least,
            at_most: at_least
                .saturating_add(completion.pending)
                .saturating_add(perhaps),
        };
        match self.what {
            AuditCount::Lost => counted(completion.lost, 0),
            AuditCount::Duplicated => counted(completion.duplicated(), completion.perhaps_twice),
            AuditCount::Dead => counted(completion.dead, 0),
            AuditCount::Unexpected => {
                let them = completion.unexpected.unwrap_or_default();
                ExceedanceRange {
                    at_least: them.at_least,
                    at_most: them.at_most,
                }
            }
        }
    }

    /// A count within its limit passes only if it can be complete.
    fn incomplete(&self, count: ExceedanceRange) -> Option<Incomplete> {
        self.nothing_accepted()
            .or_else(|| self.unseen())
            .or_else(|| self.shared())
            .or_else(|| self.cut_before_reading_again())
            .or_else(|| self.open(count))
    }

    fn nothing_accepted(&self) -> Option<Incomplete> {
        (self.completion.accepted() == 0)
            .then_some((IncompleteCount::NothingAccepted, AuditStep::CheckAnswers))
    }

    /// What the server does not report cannot be counted.
    fn unseen(&self) -> Option<Incomplete> {
        match self.what {
            AuditCount::Duplicated if !self.completion.sees_duplicates() => {
                let missing = match (self.completion.inserts, self.completion.notifications) {
                    (EffectReporting::NotReported, EffectReporting::Reported) => {
                        MissingEffects::Inserts
                    }
                    (EffectReporting::Reported, _) => MissingEffects::Notifications,
                    (EffectReporting::NotReported, EffectReporting::NotReported) => {
                        MissingEffects::Both
                    }
                };
                Some((
                    IncompleteCount::EffectsNotReported { missing },
                    AuditStep::ReportEffects,
                ))
            }
            AuditCount::Unexpected if self.completion.unexpected.is_none() => {
                Some((IncompleteCount::NoListing, AuditStep::ListRuns))
            }
            _ => None,
        }
    }

    /// An event that stands for several requests hides what became of all but one.
    fn shared(&self) -> Option<Incomplete> {
        let hides = matches!(self.what, AuditCount::Lost | AuditCount::Duplicated);
        let requests = self.completion.shared;
        (hides && requests > 0).then_some((
            IncompleteCount::SharedEvents { requests },
            AuditStep::OneEventEach,
        ))
    }

    /// Everything was done, and then the second reading was cut or refused: late effects were not looked for.
    fn cut_before_reading_again(&self) -> Option<Incomplete> {
        let completion = self.completion;
        let shows_late = matches!(self.what, AuditCount::Duplicated | AuditCount::Unexpected);
        if completion.settled == Settled::Interrupted && completion.pending == 0 && shows_late {
            return Some((
                IncompleteCount::InterruptedBeforeReadingAgain,
                AuditStep::FinishOrShorten,
            ));
        }
        let refused = completion
            .remarks
            .iter()
            .any(|remark| matches!(remark, AuditRemark::NotReadAgain { .. }));
        (refused && self.what == AuditCount::Duplicated).then_some((
            IncompleteCount::NotReadAgain,
            AuditStep::AuditAgainOrSkipReading,
        ))
    }

    /// It is within its limit only at one end of what is known.
    fn open(&self, count: ExceedanceRange) -> Option<Incomplete> {
        let completion = self.completion;
        let listing_cut = completion.unread > 0 || completion.settled == Settled::Interrupted;
        let unexpected = self.what == AuditCount::Unexpected;
        if count.at_most <= self.at_most && !(unexpected && listing_cut) {
            return None;
        }
        if unexpected && !listing_cut {
            return Some((IncompleteCount::UnknownNames, AuditStep::NameEvents));
        }
        if self.what == AuditCount::Duplicated && completion.perhaps_twice > 0 {
            let events = completion.perhaps_twice;
            return Some((
                IncompleteCount::PerhapsTwice { events },
                AuditStep::LookAtProvider,
            ));
        }
        if let Some(trouble) = completion.trouble() {
            return Some((
                IncompleteCount::UnreadEvents {
                    events: completion.unread,
                    last_answer: trouble.clone(),
                },
                solve(trouble, AuditStep::AuditAgain),
            ));
        }
        let end = match completion.settled {
            Settled::Interrupted => AuditEnd::Signal,
            Settled::Done | Settled::Deadline => AuditEnd::Deadline,
        };
        let events = completion.pending;
        Some((
            IncompleteCount::Pending { events, end },
            AuditStep::WaitLonger,
        ))
    }
}

#[cfg(test)]
mod tests;
