//! What the connections of a scripted server share: the script, and the account of its requests.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::script::Script;

/// What the server did with one request, by its own clock.
#[derive(Clone, Copy, Debug)]
pub(super) struct Handled {
    /// When its last byte was read.
    pub(super) read_at: Duration,
    /// From its last byte read to the first byte of the answer: no client can have seen it faster.
    pub(super) held: Duration,
    /// How much later than the script said.
    pub(super) late: Duration,
}

/// The script, and the account of the requests of one run.
pub(super) struct ServerAccount {
    pub(super) script: Script,
    pub(super) began: Instant,
    /// The `X-A7-Run` of the requests that are accounted for; those of the warm-up carry another.
    pub(super) run: String,
    handled: Mutex<Vec<Handled>>,
}

impl ServerAccount {
    pub(super) fn new(script: Script, run: String) -> ServerAccount {
        ServerAccount {
            script,
            began: Instant::now(),
            run,
            handled: Mutex::default(),
        }
    }

    /// Accounts for a request of the run.
    pub(super) fn keep(&self, request: Handled) {
        let handled = self.handled.lock();
        handled
            .unwrap_or_else(PoisonError::into_inner)
            .push(request);
    }

    /// All of them, in the order in which they were answered.
    pub(super) fn handled(&self) -> Vec<Handled> {
        let handled = self.handled.lock();
        handled.unwrap_or_else(PoisonError::into_inner).clone()
    }
}
