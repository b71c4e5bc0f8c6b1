//! The signals of Unix that stop a run.

use std::io;

use tokio::signal::unix::{SignalKind, signal};

use crate::run::run_file::Signal;

/// Ctrl-C, SIGTERM and a terminal that was closed.
pub(super) struct UnixSignals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
    hangup: tokio::signal::unix::Signal,
}

impl UnixSignals {
    /// Needs the context of a runtime.
    pub(super) fn new() -> io::Result<UnixSignals> {
        Ok(UnixSignals {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    pub(super) async fn next(&mut self) -> Signal {
        tokio::select! {
            _ = self.interrupt.recv() => Signal::Sigint,
            _ = self.terminate.recv() => Signal::Sigterm,
            _ = self.hangup.recv() => Signal::Sigterm,
        }
    }
}
