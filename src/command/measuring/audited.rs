//! The audit of a run: asked for before it, prepared with it, carried out after it.

use std::time::Duration;

use uuid::Uuid;

use crate::judge::gate::{self, Gate};
use crate::probe::audit::{
    self, AuditedRun, EarlyAudit, EarlyObservations, ListingSupport, SentRequests,
};
use crate::probe::engine::{Live, RunIds, StopSignal};
use crate::run::completion::Audit;
use crate::run::plan::{AuditCapture, AuditPolicy, AuditSource, Auditing, Endpoint, Plan};
use crate::run::run_file::{FinishedRun, ShardAudit, ShardAuditSource};

/// How long a service may take to say whether it lists its runs.
const SUPPORT_TIMEOUT: Duration = Duration::from_secs(2);

/// What is asked after the run, and what the engine keeps and repeats for it.
#[derive(Debug, Clone, Copy)]
pub(in crate::command) struct AuditOptions<'a> {
    pub(in crate::command) auditing: &'a Auditing,
    pub(in crate::command) capture: &'a AuditCapture,
}

/// The audit of one run, as far as the service supports it.
#[derive(Clone)]
pub(super) struct PreparedAudit {
    auditing: Auditing,
    listing_support: ListingSupport,
    capture: AuditCapture,
}

impl PreparedAudit {
    /// Asks whether the service lists its runs, before anything can go wrong with it. Keeps nothing of a service that
    /// will not be asked.
    pub(super) fn new(plan: &Plan, options: AuditOptions<'_>, run: Uuid) -> PreparedAudit {
        let (mut auditing, mut capture) = (options.auditing.clone(), options.capture.clone());
        let listing_support = listing_support(plan, &auditing, run);
        if auditing.policy == AuditPolicy::IfOffered {
            auditing.policy = match listing_support {
                ListingSupport::Seen => AuditPolicy::Required,
                ListingSupport::NotSeen => AuditPolicy::Never,
            };
        }
        if auditing.policy == AuditPolicy::Never {
            capture.keep.clear();
        }
        PreparedAudit {
            auditing,
            listing_support,
            capture,
        }
    }

    /// Whether there is anything to ask: a listing that the service has, or the states of single events.
    pub(super) fn can_be_asked(&self) -> bool {
        match self.auditing.source {
            AuditSource::Listing => self.listing_support == ListingSupport::Seen,
            AuditSource::Polls(_) => true,
        }
    }

    /// The audit that is left to `merge`; `None` if there is none.
    pub(super) fn of_shards(&self) -> Option<ShardAudit> {
        (self.auditing.policy != AuditPolicy::Never).then_some(ShardAudit {
            source: match self.auditing.source {
                AuditSource::Listing => ShardAuditSource::Listing,
                AuditSource::Polls(_) => ShardAuditSource::Url,
            },
            resend: self.capture.resend,
        })
    }

    /// The same with another longest wait.
    pub(super) fn within(&self, patience: Duration) -> PreparedAudit {
        let mut audit = self.clone();
        audit.auditing.patience = patience;
        audit
    }

    pub(super) fn capture(&self) -> AuditCapture {
        self.capture.clone()
    }

    /// Asks about events during the run if the service forgets them.
    pub(super) fn early(&self, plan: &Plan, run: Uuid, live: &Live) -> Option<EarlyAudit> {
        let AuditSource::Polls(polls) = &self.auditing.source else {
            return None;
        };
        let ttl = polls
            .ttl
            .filter(|_| self.auditing.policy != AuditPolicy::Never)?;
        let (sender, accepted) = tokio::sync::mpsc::unbounded_channel();
        live.tell_accepted(sender);
        Some(EarlyAudit::start(plan, polls, ttl, run, accepted))
    }

    /// Asks what became of the accepted events. A signal ends the wait, and what is known by then is reported.
    pub(super) fn carry_out(&self, run: RunToAudit<'_>, stop: StopSignal) -> Vec<Option<Audit>> {
        let targets: Vec<Vec<Duration>> = { run.plan.endpoints.iter() }
            .map(|endpoint| gate::done_targets_for(run.gates, &endpoint.name))
            .collect();
        let sent: Vec<SentRequests<'_>> = { run.finished.endpoints.iter().zip(&targets) }
            .map(|(endpoint, targets)| SentRequests {
                recording: &endpoint.recording,
                answers: &endpoint.answers,
                targets,
                resent: self.capture.resend,
            })
            .collect();
        let audited = AuditedRun {
            plan: run.plan,
            id: run.ids.run,
            started_at: run.finished.started_at,
            listing_support: self.listing_support,
            early: run.early,
            endpoints: &sent,
        };
        audit::audit(&self.auditing, &audited, stop.interrupted())
    }
}

/// A run that has ended, and how its events are judged.
pub(super) struct RunToAudit<'a> {
    pub(super) plan: &'a Plan,
    pub(super) ids: RunIds,
    pub(super) gates: &'a [Gate],
    pub(super) finished: &'a FinishedRun,
    pub(super) early: Option<&'a EarlyObservations>,
}

fn listing_support(plan: &Plan, auditing: &Auditing, run: Uuid) -> ListingSupport {
    let accepting = plan.endpoints.iter().any(Endpoint::is_accepting);
    let listing = auditing.policy != AuditPolicy::Never && auditing.source == AuditSource::Listing;
    if accepting && listing && audit::is_offered(plan, run, SUPPORT_TIMEOUT) {
        ListingSupport::Seen
    } else {
        ListingSupport::NotSeen
    }
}
