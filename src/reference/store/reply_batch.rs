//! Answers for one event loop, delivered in one piece for each commit.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{Notify, oneshot};

use super::lease_guard::LeaseGuard;
use super::{Admission, StoreError};

type AcceptResult = Result<LeaseGuard<Admission>, StoreError>;

/// Where the answer to a submission goes. Nobody may be waiting any more.
pub(super) struct Reply {
    to: oneshot::Sender<AcceptResult>,
    via: Option<Arc<ReplyBatch>>,
}

/// Answers on their way to an event loop. Waking a task from another thread is a system call; with 64 of them in a
/// commit they would cost more than the commit. So the loop is woken once, and wakes its tasks itself.
#[derive(Default)]
pub(super) struct ReplyBatch {
    replies: Mutex<Vec<(oneshot::Sender<AcceptResult>, AcceptResult)>>,
    arrived: Notify,
}

impl Reply {
    /// A reply and the future side of it.
    pub(super) fn new(via: Option<Arc<ReplyBatch>>) -> (Reply, oneshot::Receiver<AcceptResult>) {
        let (to, answer) = oneshot::channel();
        (Reply { to, via }, answer)
    }

    /// Has whoever waited for it gone?
    pub(super) fn is_for_nobody(&self) -> bool {
        self.to.is_closed()
    }
}

impl ReplyBatch {
    /// Hands the answers out; to be run on the event loop that they are for.
    pub(super) async fn deliver(&self) {
        loop {
            self.arrived.notified().await;
            let replies =
                std::mem::take(&mut *self.replies.lock().unwrap_or_else(PoisonError::into_inner));
            for (to, answer) in replies {
                let _ = to.send(answer);
            }
        }
    }

    fn put(&self, to: oneshot::Sender<AcceptResult>, answer: AcceptResult) {
        self.replies
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push((to, answer));
    }
}

/// Sends all answers of a commit.
pub(super) fn send_all(answers: impl Iterator<Item = (Reply, AcceptResult)>) {
    let mut filled: Vec<Arc<ReplyBatch>> = Vec::new();
    for (Reply { to, via }, answer) in answers {
        let Some(reply_batch) = via else {
            let _ = to.send(answer);
            continue;
        };
        reply_batch.put(to, answer);
        if !filled.iter().any(|known| Arc::ptr_eq(known, &reply_batch)) {
            filled.push(reply_batch);
        }
    }
    for reply_batch in filled {
        reply_batch.arrived.notify_one();
    }
}
