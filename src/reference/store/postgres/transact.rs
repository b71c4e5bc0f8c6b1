//! One transaction: the whole batch, or nothing of it.

use super::clock::ClockAnchor;
use super::commit_failure::{CommitProgress, CommitStep, TransactionError};
use super::counts::CountsPage;
use super::locks::ExistingLeases;
use super::session::{Session, Transaction};
use crate::reference::store::commit_queue::{self, CommitBatch, WorkRequest, WorkResult};
use crate::reference::store::signals::Changes;
use crate::reference::store::sweep::SweepStep;
use crate::reference::store::{Admission, AttemptOutcome, Finished, Lease, RepeatPolicy, now_ms};

/// The context of every transaction.
#[derive(Clone, Copy)]
pub(super) struct PostgresContext {
    /// This process, as the owner of leases.
    pub(super) owner: i64,
    pub(super) lease_ms: i64,
    pub(super) key_lifetime_ms: i64,
    pub(super) repeat: RepeatPolicy,
    /// Whether it may wait for a lock of another session.
    pub(super) waits: bool,
}

/// The state that a transaction leaves for the next one.
#[derive(Clone, Copy)]
pub(super) struct CommitState {
    pub(super) page: CountsPage,
    /// The last accepted time.
    pub(super) anchor: Option<ClockAnchor>,
}

pub(super) type Committed = (Vec<Admission>, Vec<WorkResult>, Changes);

/// Commits a batch; returns its result and the state for the next one.
pub(super) async fn transact(
    session: &mut Session,
    (context, mut commit_state): (PostgresContext, CommitState),
    batch: &CommitBatch,
    progress: &CommitProgress,
) -> Result<(Committed, CommitState), TransactionError> {
    session.learn_runs(batch).await?;
    let local_ms = now_ms();
    let (mut work, reading) = session.begin().await?;
    let anchor = reading
        .follow(commit_state.anchor)
        .map_err(TransactionError::Stepped)?;
    commit_state.anchor = Some(anchor);
    let mut changes = Changes::at(reading.now_ms());
    let skew_ms = changes.now_ms - local_ms;
    let admissions = work
        .accept(&batch.accepts, context, skew_ms, &mut changes)
        .await?;
    let real = work.lock(&batch.work, context.waits).await?;
    let done = work
        .perform(&batch.work, &real, context, &mut changes)
        .await?;
    progress.reach(CommitStep::Counting);
    commit_state.page = work.count(&changes, commit_state.page, batch).await?;
    changes.wrote = commit_queue::wrote(&admissions, &done);
    progress.reach(CommitStep::Committing);
    work.commit().await?;
    Ok(((admissions, done, changes), commit_state))
}

impl Transaction<'_> {
    /// Performs work in the order of arrival; outcomes, which are the largest part, all at once.
    async fn perform(
        &mut self,
        works: &[WorkRequest],
        real: &ExistingLeases,
        context: PostgresContext,
        changes: &mut Changes,
    ) -> Result<Vec<WorkResult>, TransactionError> {
        let mut finished = self.finish_all(works, real, changes).await?.into_iter();
        let mut done = Vec::with_capacity(works.len());
        for work in works {
            done.push(match work {
                WorkRequest::Finish { .. } => {
                    WorkResult::Finish(finished.next().expect("one result an outcome"))
                }
                WorkRequest::GiveBack { leases, .. } => {
                    let mut leases = leases.clone();
                    leases.retain(|lease| real.has(lease));
                    self.take_back(&leases, changes).await?;
                    WorkResult::GiveBack
                }
                WorkRequest::Claim { limit, .. } => {
                    WorkResult::Claim(self.claim(*limit, context, changes).await?)
                }
                WorkRequest::ClaimEvent { event_id, .. } => {
                    WorkResult::ClaimEvent(self.claim_event(*event_id, context, changes).await?)
                }
                WorkRequest::Sweep {
                    cursor,
                    idle,
                    limit,
                    ..
                } => {
                    let step = SweepStep::begin(*cursor, *idle, *limit, changes.now_ms);
                    WorkResult::Sweep(self.sweep(step, changes).await?)
                }
                WorkRequest::Replay { event_id, .. } => {
                    WorkResult::Replay(self.replay(*event_id, changes).await?)
                }
                WorkRequest::Report { report, .. } => {
                    self.report(report, context.owner, changes).await?;
                    WorkResult::Report
                }
                // The commit counter is what is written.
                WorkRequest::Probe { .. } => WorkResult::Probe,
            });
        }
        Ok(done)
    }

    /// Records the outcomes of attempts whose events exist. The others belong to a database that is gone.
    async fn finish_all(
        &mut self,
        works: &[WorkRequest],
        real: &ExistingLeases,
        changes: &mut Changes,
    ) -> Result<Vec<Finished>, TransactionError> {
        let outcomes: Vec<(&Lease, &AttemptOutcome)> = works
            .iter()
            .filter_map(|work| match work {
                WorkRequest::Finish { lease, outcome, .. } => Some((lease, outcome)),
                _ => None,
            })
            .collect();
        let found: Vec<(&Lease, &AttemptOutcome)> = outcomes
            .iter()
            .filter(|(lease, _)| real.has(lease))
            .copied()
            .collect();
        let mut recorded = self.finish(&found, changes).await?.into_iter();
        let of = |(lease, _): &(&Lease, &AttemptOutcome)| match real.has(lease) {
            true => recorded.next().expect("one result an outcome"),
            false => Finished::Stale,
        };
        Ok(outcomes.iter().map(of).collect())
    }
}
