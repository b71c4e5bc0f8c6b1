//! Answers for one event loop, delivered in one piece for each commit.

use std::sync::{Arc, Mutex};

use tokio::sync::{Notify, oneshot};

use super::lease_guard::LeaseGuard;
use super::{Admission, StoreError};
use crate::reference::mutex::lock;

type AcceptAnswer = Result<LeaseGuard<Admission>, StoreError>;

/// Where the answer to a submission goes. The client may have gone.
pub(super) struct Reply {
    to: oneshot::Sender<AcceptAnswer>,
    via: Option<Arc<ReplyBatch>>,
}

/// Answers on their way to an event loop. Waking a task from another thread is a system call; with 64 of them in a
/// commit they would cost more than the commit. So the loop is woken once, and wakes its tasks itself.
#[derive(Default)]
pub(super) struct ReplyBatch {
    replies: Mutex<Vec<(oneshot::Sender<AcceptAnswer>, AcceptAnswer)>>,
    arrived: Notify,
}

impl Reply {
    /// A reply and the future side of it.
    pub(super) fn new(via: Option<Arc<ReplyBatch>>) -> (Reply, oneshot::Receiver<AcceptAnswer>) {
        let (to, answer) = oneshot::channel();
        (Reply { to, via }, answer)
    }

    /// Has the client gone?
    pub(super) fn is_abandoned(&self) -> bool {
        self.to.is_closed()
    }
}

impl ReplyBatch {
    /// Hands the answers out; to be run on the event loop that they are for.
    pub(super) async fn deliver(&self) {
        loop {
            self.arrived.notified().await;
            let replies = std::mem::take(&mut *lock(&self.replies));
            for (to, answer) in replies {
                let _ = to.send(answer);
            }
        }
    }
}

/// Sends all answers of a commit.
pub(super) fn send_all(answers: impl Iterator<Item = (Reply, AcceptAnswer)>) {
    let mut filled: Vec<Arc<ReplyBatch>> = Vec::new();
    for (Reply { to, via }, answer) in answers {
        let Some(batch) = via else {
            let _ = to.send(answer);
            continue;
        };
        lock(&batch.replies).push((to, answer));
        if !filled.iter().any(|known| Arc::ptr_eq(known, &batch)) {
            filled.push(batch);
        }
    }
    for batch in filled {
        batch.arrived.notify_one();
    }
}
