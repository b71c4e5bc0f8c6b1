//! The console events of Windows that stop a run.

use std::io;

use tokio::signal::windows::{CtrlBreak, CtrlC, CtrlClose, ctrl_break, ctrl_c, ctrl_close};

use crate::run::run_file::Signal;

/// Ctrl-C, Ctrl-Break and a console that was closed.
pub(super) struct ConsoleEvents {
    interrupt: CtrlC,
    terminate: CtrlBreak,
    hangup: CtrlClose,
}

impl ConsoleEvents {
    /// Needs the context of a runtime, as on Unix.
    pub(super) fn new() -> io::Result<ConsoleEvents> {
        Ok(ConsoleEvents {
            interrupt: ctrl_c()?,
            terminate: ctrl_break()?,
            hangup: ctrl_close()?,
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
