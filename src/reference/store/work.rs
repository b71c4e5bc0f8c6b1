//! Work for the writer, and its results.

use std::time::Duration;

use tokio::sync::oneshot;

use super::lease_guard::{LeaseGuard, Leases};
use super::{
    AttemptOutcome, Claim, EventId, Finished, Grant, Lease, ProcessReport, Replay, StoreError,
    SweepCursor, Swept,
};

/// What workers and health checks ask of the writer.
pub(super) enum WorkRequest {
    Claim {
        limit: u32,
    },
    ClaimEvent(EventId),
    /// These attempts are not made by their owners.
    GiveBack(Vec<Lease>),
    Finish {
        lease: Lease,
        outcome: AttemptOutcome,
    },
    Sweep {
        cursor: SweepCursor,
        idle: Duration,
        limit: u32,
    },
    Replay(EventId),
    Report(ProcessReport),
    Probe,
}

/// Declares the results, and how each goes into the common type and comes out of it again.
macro_rules! work_results {
    ($($variant:ident($result:ty)),* $(,)?) => {
        /// The result of a [`WorkRequest`].
        pub(super) enum WorkResult {
            $($variant($result),)*
        }

        $(
            impl From<$result> for WorkResult {
                fn from(result: $result) -> WorkResult {
                    WorkResult::$variant(result)
                }
            }

            impl From<WorkResult> for $result {
                fn from(result: WorkResult) -> $result {
                    match result {
                        WorkResult::$variant(result) => result,
                        _ => unreachable!("the engines answer each request with its own result"),
                    }
                }
            }
        )*
    };
}

work_results!(
    Claim(Claim),
    Grant(Grant),
    Finished(Finished),
    Swept(Swept),
    Replay(Replay),
    Recorded(()),
);

impl WorkResult {
    /// Whether the request changed the database.
    pub(super) fn wrote(&self) -> bool {
        match self {
            WorkResult::Claim(claim) => !claim.leases.is_empty(),
            WorkResult::Grant(grant) => matches!(grant, Grant::Leased(_)),
            WorkResult::Swept(swept) => !swept.ids.is_empty(),
            WorkResult::Replay(replay) => *replay == Replay::Requeued,
            WorkResult::Finished(finished) => {
                matches!(finished, Finished::Recorded | Finished::Stale)
            }
            WorkResult::Recorded(()) => true,
        }
    }
}

impl Leases for WorkResult {
    fn into_leases(self) -> Vec<Lease> {
        match self {
            WorkResult::Claim(claim) => claim.leases,
            WorkResult::Grant(Grant::Leased(lease)) => vec![lease],
            _ => Vec::new(),
        }
    }
}

/// A result on its way to the caller.
pub(super) type WorkAnswer = Result<LeaseGuard<WorkResult>, StoreError>;

/// A request that waits for its transaction, and where its answer goes. The caller may have gone.
pub(super) struct WorkItem {
    pub(super) request: WorkRequest,
    reply: oneshot::Sender<WorkAnswer>,
}

impl WorkItem {
    /// The item, and the caller's side of it.
    pub(super) fn new(request: WorkRequest) -> (WorkItem, oneshot::Receiver<WorkAnswer>) {
        let (reply, answer) = oneshot::channel();
        (WorkItem { request, reply }, answer)
    }

    pub(super) fn answer(self, answer: WorkAnswer) {
        let _ = self.reply.send(answer);
    }

    /// Would it lease events to a caller that has gone?
    pub(super) fn is_abandoned(&self) -> bool {
        let leases = matches!(
            self.request,
            WorkRequest::Claim { .. } | WorkRequest::ClaimEvent(_)
        );
        leases && self.reply.is_closed()
    }
}
