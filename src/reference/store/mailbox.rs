//! Answers for one event loop, delivered in one piece for each commit.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{Notify, oneshot};

use super::parcel::Parcel;
use super::{Admission, StoreError};

type Answer = Result<Parcel<Admission>, StoreError>;

/// Where the answer to a submission goes. Nobody may be waiting any more.
pub(super) struct Reply {
    to: oneshot::Sender<Answer>,
    via: Option<Arc<Mailbox>>,
}

/// Answers on their way to an event loop. Waking a task from another thread is a system call; with 64 of them in a
/// commit they would cost more than the commit. So the loop is woken once, and wakes its tasks itself.
#[derive(Default)]
pub(super) struct Mailbox {
    letters: Mutex<Vec<(oneshot::Sender<Answer>, Answer)>>,
    arrived: Notify,
}

impl Reply {
    /// A reply and the future side of it.
    pub(super) fn new(via: Option<Arc<Mailbox>>) -> (Reply, oneshot::Receiver<Answer>) {
        let (to, answer) = oneshot::channel();
        (Reply { to, via }, answer)
    }

    /// Has whoever waited for it gone?
    pub(super) fn is_for_nobody(&self) -> bool {
        self.to.is_closed()
    }
}

impl Mailbox {
    /// Hands the answers out; to be run on the event loop that they are for.
    pub(super) async fn deliver(&self) {
        loop {
            self.arrived.notified().await;
            let letters =
                std::mem::take(&mut *self.letters.lock().unwrap_or_else(PoisonError::into_inner));
            for (to, answer) in letters {
                let _ = to.send(answer);
            }
        }
    }

    fn put(&self, to: oneshot::Sender<Answer>, answer: Answer) {
        self.letters
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push((to, answer));
    }
}

/// Sends all answers of a commit.
pub(super) fn send_all(answers: impl Iterator<Item = (Reply, Answer)>) {
    let mut filled: Vec<Arc<Mailbox>> = Vec::new();
    for (Reply { to, via }, answer) in answers {
        let Some(mailbox) = via else {
            let _ = to.send(answer);
            continue;
        };
        mailbox.put(to, answer);
        if !filled.iter().any(|known| Arc::ptr_eq(known, &mailbox)) {
            filled.push(mailbox);
        }
    }
    for mailbox in filled {
        mailbox.arrived.notify_one();
    }
}
