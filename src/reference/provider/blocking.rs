//! An SDK that blocks: what `async def` handlers call when they should not.

use std::sync::Arc;

use tokio::runtime::Handle;

use super::{Mail, Provider, SendError};
use crate::reference::trace::Trace;

/// Runs each call on another runtime and blocks the calling thread until it is done. On an event loop that thread
/// serves everyone, so everyone waits: this is the fault that `--block loop` shows.
#[derive(Clone)]
pub(super) struct Blocking {
    inner: Arc<Provider>,
    runtime: Handle,
}

impl Blocking {
    pub(super) fn new(inner: Provider, runtime: Handle) -> Blocking {
        Blocking {
            inner: Arc::new(inner),
            runtime,
        }
    }

    /// Sends one mail; returns when the provider has answered.
    pub(super) fn send(&self, mail: Mail, step: Option<Trace>) -> Result<(), SendError> {
        let (answer, answered) = std::sync::mpsc::sync_channel(1);
        let inner = self.inner.clone();
        self.runtime.spawn(async move {
            let _ = answer.send(inner.send(mail, step.as_ref()).await);
        });
        let lost = |_| Err(SendError::Broken("the runtime was shut down".to_owned()));
        answered.recv().unwrap_or_else(lost)
    }
}
