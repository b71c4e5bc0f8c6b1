//! Ctrl-C and SIGTERM: the first stops the run in good order, the second ends the process.

#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

use std::io::Write as _;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use crate::exit::Exit;
use crate::probe::engine::Stopper;
use crate::report::text::progress::stopping;
use crate::run::run_file::Signal;
#[cfg(unix)]
use unix::UnixSignals as PlatformSignals;
#[cfg(windows)]
use windows::ConsoleEvents as PlatformSignals;

/// Listens on a thread of its own for as long as the process lives.
#[derive(Debug, Clone)]
pub(super) struct SignalListener {
    received: Arc<OnceLock<Signal>>,
    displays: LiveDisplays,
}

/// Counts displays of progress that say on their own that a run is being stopped, and what it waits for.
#[derive(Debug, Clone, Default)]
pub(super) struct LiveDisplays(Arc<AtomicUsize>);

impl LiveDisplays {
    /// Until the matching [`LiveDisplays::end`].
    pub(super) fn begin(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn end(&self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }

    fn is_empty(&self) -> bool {
        self.0.load(Ordering::Relaxed) == 0
    }
}

impl SignalListener {
    /// Throws the switch on the first signal, and says so where no display does; the second one removes the temporary folder and exits at once.
    /// A terminal that is closed counts as SIGTERM.
    pub(super) fn start(
        stopper: Stopper,
        temp_dir: Option<PathBuf>,
    ) -> std::io::Result<SignalListener> {
        let received = Arc::new(OnceLock::new());
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .build()?;
        let mut signals = {
            let _context = runtime.enter();
            PlatformSignals::new()?
        };
        let seen = Arc::clone(&received);
        let displays = LiveDisplays::default();
        let shown = displays.clone();
        std::thread::Builder::new()
            .name("signals".into())
            .spawn(move || {
                runtime.block_on(async move {
                    loop {
                        let signal = signals.next().await;
                        if seen.set(signal).is_err() {
                            temp_dir
                                .iter()
                                .for_each(|folder| drop(std::fs::remove_dir_all(folder)));
                            std::process::exit(exit(signal).code().into());
                        }
                        stopper.stop();
                        if shown.is_empty() {
                            // A closed terminal cannot show it.
                            let _ = writeln!(std::io::stderr(), "{}", stopping(None));
                        }
                    }
                });
            })?;
        Ok(SignalListener { received, displays })
    }

    /// The displays of progress that are on.
    pub(super) fn displays(&self) -> &LiveDisplays {
        &self.displays
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
