//! What the service reported of a whole run, and the audit that each endpoint gets of it.

use std::collections::HashMap;
use std::time::Duration;

use super::audit_state::{AuditState, WaitEnd};
use super::audited_requests::AuditedRequests;
use super::audited_run::{AuditedRun, SentRequests};
use super::settling::Settling;
use crate::run::completion::{
    Audit, AuditOutcome, AuditRemark, AuditTrouble, Completion, DoneClock, EffectReporting,
    EventReport, Settled, UnexpectedEvents,
};

/// What the service reported; lists are by the endpoint's place in the plan.
pub(super) struct AuditReport {
    /// By index.
    pub(super) event_reports: Vec<HashMap<u64, EventReport>>,
    /// Events in the listing that no request sent; `None` where that cannot be known.
    pub(super) strangers: Vec<Option<u64>>,
    /// Why the report says nothing of an endpoint.
    pub(super) unread: Vec<Option<AuditTrouble>>,
    pub(super) asked: AuditOutcome,
    /// How long after everything was done it was all read once more.
    pub(super) quiet: Option<Duration>,
    pub(super) remarks: Vec<AuditRemark>,
    /// What came last instead of an answer.
    pub(super) trouble: Option<AuditTrouble>,
    /// Whether every answer must report the number of effects.
    pub(super) tells_effects: bool,
}

impl AuditReport {
    /// What the audit knows at the end of a wait; `clock` is that of a source where nothing was done.
    pub(super) fn of(
        audit_state: &AuditState<'_>,
        run: &AuditedRun<'_>,
        settled: Settled,
        settling: &Settling<'_>,
        clock: DoneClock,
    ) -> AuditReport {
        let longest =
            |sent: &SentRequests<'_>| sent.targets.iter().max().copied().unwrap_or_default();
        let targets: Vec<Duration> = run.endpoints.iter().map(longest).collect();
        let ended = WaitEnd {
            settled,
            fresh_from: settling.last_part(),
        };
        let findings = audit_state.findings(ended, &targets);
        let nothing = run.endpoints.len();
        AuditReport {
            event_reports: findings.by_endpoint,
            strangers: vec![None; nothing],
            unread: vec![None; nothing],
            asked: AuditOutcome {
                clock: findings.clock.unwrap_or(clock),
                settled,
                unknown: settling.unknown(settled),
                patience: settling.patience(),
            },
            quiet: None,
            remarks: findings.remarks,
            trouble: None,
            tells_effects: false,
        }
    }

    /// What it says of one endpoint.
    pub(super) fn audit(
        &self,
        number: usize,
        run: &AuditedRun<'_>,
        requests: &AuditedRequests,
    ) -> Audit {
        let (sent, named) = (&run.endpoints[number], &requests.endpoints[number]);
        if let Some(reason) = &self.unread[number] {
            return unread(reason.clone(), sent);
        }
        let mut completion = Completion::of(
            sent.recording,
            &named.by_repeat,
            &self.event_reports[number],
            self.asked,
            sent.targets,
        );
        if self.tells_effects {
            (completion.inserts, completion.notifications) =
                (EffectReporting::Reported, EffectReporting::Reported);
        }
        completion.shared = named.shared;
        completion.recovered = completion.recovered.filter(|_| named.open == 0);
        // Their endpoint is unknown: each endpoint has them, so that none seems to have none.
        let open = requests.endpoints.iter().map(|named| named.open).sum();
        let strangers = self.strangers[number];
        completion.unexpected = strangers.map(|events| UnexpectedEvents::among(events, open));
        completion.quiet = self.quiet;
        completion.remarks = self.remarks(&completion);
        completion.resends = sent.resends();
        Audit::Read(Box::new(completion))
    }

    /// Takes the second reading, made after everything was done; `None` if a signal came first.
    pub(super) fn after_second_reading(
        mut self,
        second: Option<Result<AuditReport, AuditTrouble>>,
        quiet: Duration,
    ) -> AuditReport {
        match second {
            Some(Ok(second)) => {
                return AuditReport {
                    quiet: Some(quiet),
                    ..second
                };
            }
            Some(Err(reason)) => self.remarks.push(AuditRemark::NotReadAgain { reason }),
            // Everything was done, but the time in which a second effect would have shown was cut.
            None => self.asked.settled = Settled::Interrupted,
        }
        self
    }

    fn remarks(&self, completion: &Completion) -> Vec<AuditRemark> {
        let mut remarks = self.remarks.clone();
        if completion.unread > 0 && completion.settled != Settled::Interrupted {
            remarks.push(AuditRemark::Trouble {
                unread: completion.unread,
                last: self
                    .trouble
                    .clone()
                    .unwrap_or_else(|| silence(completion.settled)),
            });
        }
        remarks
    }
}

pub(super) fn unread(reason: AuditTrouble, sent: &SentRequests<'_>) -> Audit {
    Audit::Unread {
        reason,
        resends: sent.resends(),
    }
}

/// Why there is no answer where there is none.
pub(super) fn silence(settled: Settled) -> AuditTrouble {
    match settled {
        Settled::Interrupted => AuditTrouble::Interrupted,
        Settled::Done | Settled::Deadline => AuditTrouble::NoAnswer,
    }
}

/// The end of a second reading that was cut short: `None` if it was interrupted.
pub(super) fn cut_short(settled: Settled) -> Option<Result<(), AuditTrouble>> {
    match settled {
        Settled::Interrupted => None,
        settled => Some(Err(silence(settled))),
    }
}
