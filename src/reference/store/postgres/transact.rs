//! One transaction: the whole batch, or nothing of it.

use super::commit_failure::{CommitProgress, CommitStep, TransactionError};
use super::context::{CommitState, PostgresContext};
use super::locks::ExistingLeases;
use super::session::{Session, Transaction};
use super::wake_hints::WakeHints;
use crate::reference::store::changes::Changes;
use crate::reference::store::commit_batch::{CommitBatch, Committed};
use crate::reference::store::sweep::SweepStep;
use crate::reference::store::work::{WorkItem, WorkRequest, WorkResult};
use crate::reference::store::{AttemptOutcome, Finished, Lease};
use crate::reference::timestamp::now_ms;

/// What a transaction came to.
pub(super) struct Transacted {
    pub(super) committed: Committed,
    pub(super) hints: WakeHints,
}

/// Commits a batch; returns its result and the state for the next one.
pub(super) async fn transact(
    session: &mut Session,
    context: PostgresContext,
    mut state: CommitState,
    batch: &CommitBatch,
    progress: &CommitProgress,
) -> Result<(Transacted, CommitState), TransactionError> {
    session.learn_runs(batch).await?;
    let local_ms = now_ms();
    let (mut work, reading) = session.begin().await?;
    let anchor = reading.follow(state.anchor);
    state.anchor = Some(anchor.map_err(TransactionError::Stepped)?);
    let mut changes = Changes::at(reading.now_ms());
    let skew_ms = changes.now_ms - local_ms;
    let admissions = work
        .accept(&batch.accepts, context, skew_ms, &mut changes)
        .await?;
    let existing = work.lock(&batch.work, context.waits).await?;
    let results = work
        .perform(&batch.work, &existing, context, &mut changes)
        .await?;
    progress.advance_to(CommitStep::Counting);
    state.page = work.count(&changes, state.page, batch).await?;
    progress.advance_to(CommitStep::Committing);
    let hints = std::mem::take(&mut work.hints);
    work.commit().await?;
    let committed = Committed {
        admissions,
        results,
        changes,
    };
    Ok((Transacted { committed, hints }, state))
}

impl Transaction<'_> {
    /// Performs work in the order of arrival; outcomes, which are the largest part, all at once.
    async fn perform(
        &mut self,
        items: &[WorkItem],
        existing: &ExistingLeases,
        context: PostgresContext,
        changes: &mut Changes,
    ) -> Result<Vec<WorkResult>, TransactionError> {
        let finished = self.finish_all(items, existing, changes).await?;
        let mut finished = finished.into_iter();
        let mut results = Vec::with_capacity(items.len());
        for item in items {
            results.push(match &item.request {
                WorkRequest::Finish { .. } => {
                    finished.next().expect("one result an outcome").into()
                }
                WorkRequest::GiveBack(leases) => {
                    let mut leases = leases.clone();
                    leases.retain(|lease| existing.has(lease));
                    self.take_back(&leases, changes).await?.into()
                }
                WorkRequest::Claim { limit } => self.claim(*limit, context, changes).await?.into(),
                WorkRequest::ClaimEvent(event_id) => {
                    self.claim_event(*event_id, context, changes).await?.into()
                }
                WorkRequest::Sweep {
                    cursor,
                    idle,
                    limit,
                } => {
                    let step = SweepStep::begin(*cursor, *idle, *limit, changes.now_ms);
                    self.sweep(step, changes).await?.into()
                }
                WorkRequest::Replay(event_id) => self.replay(*event_id, changes).await?.into(),
                WorkRequest::Report(report) => {
                    let owner = context.rules.owner;
                    self.report(report, owner, changes).await?.into()
                }
                // The commit counter is what is written.
                WorkRequest::Probe => WorkResult::Recorded(()),
            });
        }
        Ok(results)
    }

    /// Records the outcomes of attempts whose events exist. The others belong to a database that is gone.
    async fn finish_all(
        &mut self,
        items: &[WorkItem],
        existing: &ExistingLeases,
        changes: &mut Changes,
    ) -> Result<Vec<Finished>, TransactionError> {
        let outcomes = items.iter().filter_map(|item| match &item.request {
            WorkRequest::Finish { lease, outcome } => Some((lease, outcome)),
            _ => None,
        });
        let outcomes: Vec<(&Lease, &AttemptOutcome)> = outcomes.collect();
        let mut found = outcomes.clone();
        found.retain(|(lease, _)| existing.has(lease));
        let mut recorded = self.finish(&found, changes).await?.into_iter();
        let of = |(lease, _): &(&Lease, &AttemptOutcome)| {
            if existing.has(lease) {
                recorded.next().expect("one result an outcome")
            } else {
                Finished::Stale
            }
        };
        Ok(outcomes.iter().map(of).collect())
    }
}
