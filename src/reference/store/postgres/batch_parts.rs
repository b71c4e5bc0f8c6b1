//! Parts of a batch that are committed apart from the rest.

use crate::reference::store::commit_batch::CommitBatch;

impl CommitBatch {
    /// Takes out the entries at these places, in the same order.
    pub(super) fn take_out(&mut self, accepts: &[usize], work: &[usize]) -> CommitBatch {
        CommitBatch {
            accepts: take_places(&mut self.accepts, accepts),
            work: take_places(&mut self.work, work),
        }
    }

    /// Every submission and every piece of work as a batch of its own.
    pub(super) fn singles(self) -> impl Iterator<Item = CommitBatch> {
        let accepts = self.accepts.into_iter().map(|item| CommitBatch {
            accepts: vec![item],
            ..CommitBatch::default()
        });
        let work = self.work.into_iter().map(|item| CommitBatch {
            work: vec![item],
            ..CommitBatch::default()
        });
        accepts.chain(work)
    }
}

fn take_places<T>(items: &mut Vec<T>, places: &[usize]) -> Vec<T> {
    let mut place = 0..;
    items
        .extract_if(.., |_| place.next().is_some_and(|at| places.contains(&at)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::CommitBatch;
    use crate::reference::store::work::{WorkItem, WorkRequest};

    #[test]
    fn what_is_taken_out_leaves_the_rest_in_order() {
        let mut batch = CommitBatch::default();
        for limit in 0..5 {
            batch
                .work
                .push(WorkItem::new(WorkRequest::Claim { limit }).0);
        }
        let limits = |batch: &CommitBatch| -> Vec<u32> {
            let limit = |item: &WorkItem| match item.request {
                WorkRequest::Claim { limit } => limit,
                _ => panic!("a claim"),
            };
            batch.work.iter().map(limit).collect()
        };
        let taken = batch.take_out(&[], &[1, 4]);
        assert_eq!(
            (limits(&taken), limits(&batch)),
            (vec![1, 4], vec![0, 2, 3])
        );
        let singles: Vec<Vec<u32>> = batch.singles().map(|single| limits(&single)).collect();
        assert_eq!(singles, [[0], [2], [3]]);
    }
}
