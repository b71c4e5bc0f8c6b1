//! What long-running processes have in common: their log, their ready file, and how they are told to stop.

use std::io::{self, Write};
use std::path::Path;

use anyhow::Context as _;
use tokio::sync::watch;
use tracing_subscriber::EnvFilter;

use crate::exit::Exit;

/// Ends the process when whoever started it is gone; the store is as safe as after a crash.
pub(super) fn end_with_stdin() {
    let _ = io::copy(&mut io::stdin(), &mut io::sink());
    std::process::exit(Exit::Terminated.code().into());
}

/// A reader sees the whole text or no file.
pub(super) fn write_atomically(path: &Path, text: &str) -> io::Result<()> {
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(text.as_bytes())?;
    file.persist(path)?;
    Ok(())
}

/// Logs what passes the filter.
pub(super) fn log_to_stderr(filter: &str) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(filter).with_context(|| {
        format!("--log {filter}: not a filter\nhint: use error, warn, info, debug, trace, or target=level")
    })?;
    // Fails when a program that embeds this one logs already, which is fine.
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .try_init();
    Ok(())
}

/// How many times the process was told to stop, by SIGTERM or Ctrl-C.
pub(super) fn signals() -> io::Result<watch::Receiver<u32>> {
    let (sender, receiver) = watch::channel(0);
    let mut stop = StopSignals::new()?;
    tokio::spawn(async move {
        loop {
            stop.next().await;
            sender.send_modify(|count| *count += 1);
        }
    });
    Ok(receiver)
}

/// Resolves at the n-th signal.
pub(super) async fn count(mut signals: watch::Receiver<u32>, n: u32) {
    let _ = signals.wait_for(|count| *count >= n).await;
}

#[cfg(unix)]
struct StopSignals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl StopSignals {
    fn new() -> io::Result<StopSignals> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(StopSignals {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

#[cfg(not(unix))]
struct StopSignals;

#[cfg(not(unix))]
impl StopSignals {
    fn new() -> io::Result<StopSignals> {
        Ok(StopSignals)
    }

    async fn next(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
