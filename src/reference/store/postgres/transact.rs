//! One transaction: the whole batch, or nothing of it.

use super::clock::Anchor;
use super::counts::Page;
use super::failure::{Phase, Step as Reached, Stop};
use super::locks::Real;
use super::session::{Session, Work};
use crate::reference::store::commit_queue::{self, Batch, Done};
use crate::reference::store::signals::Changes;
use crate::reference::store::sweep::Step;
use crate::reference::store::{Admission, Finished, Lease, Outcome, Repeat, now_ms};

/// The context of every transaction.
#[derive(Clone, Copy)]
pub(super) struct Terms {
    /// This process, as the owner of leases.
    pub(super) owner: i64,
    pub(super) lease_ms: i64,
    pub(super) key_lifetime_ms: i64,
    pub(super) repeat: Repeat,
    /// Whether it may wait for a lock of another session.
    pub(super) waits: bool,
}

/// The state that a transaction leaves for the next one.
#[derive(Clone, Copy)]
pub(super) struct Ledger {
    pub(super) page: Page,
    /// The last accepted time.
    pub(super) anchor: Option<Anchor>,
}

pub(super) type Committed = (Vec<Admission>, Vec<Done>, Changes);

/// Commits a batch; returns its result and the state for the next one.
pub(super) async fn transact(
    session: &mut Session,
    (terms, mut ledger): (Terms, Ledger),
    batch: &Batch,
    phase: &Phase,
) -> Result<(Committed, Ledger), Stop> {
    session.learn_runs(batch).await?;
    let local_ms = now_ms();
    let (mut work, reading) = session.begin().await?;
    let anchor = reading.follow(ledger.anchor).map_err(Stop::Stepped)?;
    ledger.anchor = Some(anchor);
    let mut changes = Changes::at(reading.now_ms());
    let skew_ms = changes.now_ms - local_ms;
    let admissions = work
        .accept(&batch.accepts, terms, skew_ms, &mut changes)
        .await?;
    let real = work.lock(&batch.work, terms.waits).await?;
    let done = work
        .perform(&batch.work, &real, terms, &mut changes)
        .await?;
    phase.reach(Reached::Counting);
    ledger.page = work.count(&changes, ledger.page, batch).await?;
    changes.wrote = commit_queue::wrote(&admissions, &done);
    phase.reach(Reached::Committing);
    work.commit().await?;
    Ok(((admissions, done, changes), ledger))
}

impl Work<'_> {
    /// Performs work in the order of arrival; outcomes, which are the largest part, all at once.
    async fn perform(
        &mut self,
        works: &[commit_queue::Work],
        real: &Real,
        terms: Terms,
        changes: &mut Changes,
    ) -> Result<Vec<Done>, Stop> {
        use commit_queue::Work as Asked;
        let mut finished = self.finish_all(works, real, changes).await?.into_iter();
        let mut done = Vec::with_capacity(works.len());
        for work in works {
            done.push(match work {
                Asked::Finish { .. } => {
                    Done::Finish(finished.next().expect("one result an outcome"))
                }
                Asked::GiveBack { leases, .. } => {
                    let mut leases = leases.clone();
                    leases.retain(|lease| real.has(lease));
                    self.take_back(&leases, changes).await?;
                    Done::GiveBack
                }
                Asked::Claim { limit, .. } => {
                    Done::Claim(self.claim(*limit, terms, changes).await?)
                }
                Asked::ClaimEvent { event_id, .. } => {
                    Done::ClaimEvent(self.claim_event(*event_id, terms, changes).await?)
                }
                Asked::Sweep {
                    cursor,
                    idle,
                    limit,
                    ..
                } => {
                    let step = Step::begin(*cursor, *idle, *limit, changes.now_ms);
                    Done::Sweep(self.sweep(step, changes).await?)
                }
                Asked::Replay { event_id, .. } => {
                    Done::Replay(self.replay(*event_id, changes).await?)
                }
                Asked::Report { report, .. } => {
                    self.report(report, terms.owner, changes).await?;
                    Done::Report
                }
                // The commit counter is what is written.
                Asked::Probe { .. } => Done::Probe,
            });
        }
        Ok(done)
    }

    /// Records the outcomes of attempts whose events exist. The others belong to a database that is gone.
    async fn finish_all(
        &mut self,
        works: &[commit_queue::Work],
        real: &Real,
        changes: &mut Changes,
    ) -> Result<Vec<Finished>, Stop> {
        let outcomes: Vec<(&Lease, &Outcome)> = works
            .iter()
            .filter_map(|work| match work {
                commit_queue::Work::Finish { lease, outcome, .. } => Some((lease, outcome)),
                _ => None,
            })
            .collect();
        let found: Vec<(&Lease, &Outcome)> = outcomes
            .iter()
            .filter(|(lease, _)| real.has(lease))
            .copied()
            .collect();
        let mut recorded = self.finish(&found, changes).await?.into_iter();
        let of = |(lease, _): &(&Lease, &Outcome)| match real.has(lease) {
            true => recorded.next().expect("one result an outcome"),
            false => Finished::Stale,
        };
        Ok(outcomes.iter().map(of).collect())
    }
}
