//! Ctrl-C and SIGTERM: the first stops the run in good order, the second ends the process.

use std::sync::{Arc, OnceLock};

use tokio::signal::unix::{SignalKind, signal};

use crate::engine::Stopper;
use crate::exit::Exit;
use crate::run_file::Signal;

/// Listens on a thread of its own for as long as the process lives.
#[derive(Debug, Clone)]
pub(super) struct Signals {
    received: Arc<OnceLock<Signal>>,
}

impl Signals {
    /// Throws the switch on the first signal; the second one exits at once.
    pub(super) fn listen(stopper: Stopper) -> std::io::Result<Signals> {
        let received = Arc::new(OnceLock::new());
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .build()?;
        let mut streams = {
            let _context = runtime.enter();
            (
                signal(SignalKind::interrupt())?,
                signal(SignalKind::terminate())?,
            )
        };
        let seen = Arc::clone(&received);
        std::thread::Builder::new()
            .name("signals".into())
            .spawn(move || {
                runtime.block_on(async move {
                    loop {
                        let signal = tokio::select! {
                            _ = streams.0.recv() => Signal::Sigint,
                            _ = streams.1.recv() => Signal::Sigterm,
                        };
                        if seen.set(signal).is_err() {
                            std::process::exit(exit(signal).code().into());
                        }
                        stopper.stop();
                    }
                });
            })?;
        Ok(Signals { received })
    }

    /// The first signal, if there was one.
    pub(super) fn received(&self) -> Option<Signal> {
        self.received.get().copied()
    }
}

/// The exit code of a run that a signal cut.
pub(super) fn exit(signal: Signal) -> Exit {
    match signal {
        Signal::Sigint => Exit::Interrupted,
        Signal::Sigterm => Exit::Terminated,
    }
}
