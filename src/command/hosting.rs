//! What long-running commands have in common: address, ready file, log, and the signals that stop them.

use std::fmt::Display;
use std::io::{self, IsTerminal as _, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;

use tokio::sync::watch;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::exit::Exit;
use crate::printable::{Printable, Sequences, Shown as _};

/// Listens, and tells where.
pub(super) fn bind(address: SocketAddr) -> anyhow::Result<(TcpListener, SocketAddr)> {
    let listener = TcpListener::bind(address).map_err(|error| cannot_bind(address, &error))?;
    let address = listener.local_addr()?;
    Ok((listener, address))
}

/// Writes the address, or the process id, for scripts: who has read it can count on the process.
pub(super) fn write_ready_file(file: Option<&Path>, what: impl Display) -> anyhow::Result<()> {
    let Some(file) = file else { return Ok(()) };
    write_atomically(file, &format!("{what}\n")).map_err(|error| {
        anyhow::anyhow!(
            "cannot write {}: {error}\nhint: choose a file in a writable folder with --ready-file",
            file.shown()
        )
    })
}

/// The process is about to end.
pub(super) fn remove_ready_file(file: Option<&Path>) {
    if let Some(file) = file {
        let _ = std::fs::remove_file(file);
    }
}

/// Ends the process when its parent has ended; the store is as safe as after a crash.
pub(super) fn end_with_stdin() {
    let _ = io::copy(&mut io::stdin(), &mut io::sink());
    std::process::exit(Exit::Terminated.code().into());
}

fn cannot_bind(address: SocketAddr, error: &io::Error) -> anyhow::Error {
    anyhow::anyhow!(
        "cannot listen on {address}: {error}\nhint: choose another address with --bind; port 0 picks a free one"
    )
}

/// A reader sees the whole text or no file.
fn write_atomically(path: &Path, text: &str) -> io::Result<()> {
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(text.as_bytes())?;
    file.persist(path)?;
    Ok(())
}

/// The clients of brokers and databases log failures of each connection, which this program reports or retries itself. h2
/// logs what a client does against the protocol, so that every attacker writes into the log; it is counted instead. A filter
/// that names one of them overrides this.
const SILENT: &str = "lapin=off,async_nats=off,redis=off,deadpool=off,tokio_postgres=off,h2=off";

/// Logs what the filter lets pass.
pub(super) fn log_to_stderr(filter: &str) -> anyhow::Result<()> {
    let targets = targets(filter)?;
    let is_coloured = io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let sequences = if is_coloured {
        Sequences::Styles
    } else {
        Sequences::None
    };
    // Fails when a program that embeds this one logs already, which is fine.
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(move || Printable::new(io::stderr(), sequences))
        .with_ansi(is_coloured);
    let _ = tracing_subscriber::registry()
        .with(lines)
        .with(targets)
        .try_init();
    Ok(())
}

/// The targets of a filter. `a7probe::worker` stands for the module `a7probe::reference::worker` too.
pub(super) fn targets(filter: &str) -> anyhow::Result<Targets> {
    let typed = filter.split(',').map(str::trim);
    let inner = typed.clone().filter_map(|directive| {
        let module = directive.strip_prefix("a7probe::")?;
        Some(format!("a7probe::reference::{module}"))
    });
    let directives: Vec<String> = (SILENT.split(',').chain(typed))
        .filter(|directive| !directive.is_empty())
        .map(str::to_owned)
        .chain(inner)
        .collect();
    directives.join(",").parse().map_err(|error| {
        anyhow::anyhow!(
            "--log {filter}: {error}\nhint: use error, warn, info, debug, trace, or target=level"
        )
    })
}

/// The number of received stop signals (SIGTERM or Ctrl-C).
pub(super) fn stop_signals() -> io::Result<watch::Receiver<u32>> {
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
pub(super) async fn nth(mut signals: watch::Receiver<u32>, n: u32) {
    let _ = signals.wait_for(|count| *count >= n).await;
}

struct StopSignals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

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

#[cfg(test)]
mod tests {
    use tracing::Level;

    use super::targets;

    #[test]
    fn a_filter_reaches_the_modules_of_the_reference_server_by_their_short_names() {
        let filter = targets("warn, a7probe::provider=info,a7probe::worker=debug").expect("valid");
        for (target, level, is_shown) in [
            ("a7probe::provider", Level::INFO, true),
            ("a7probe::reference::worker::claiming", Level::DEBUG, true),
            ("a7probe::reference::worker", Level::TRACE, false),
            ("a7probe::reference::store", Level::INFO, false),
            ("a7probe::reference::outage", Level::WARN, true),
            ("lapin", Level::ERROR, false),
            ("h2::proto::streams::recv", Level::WARN, false),
        ] {
            assert_eq!(filter.would_enable(target, &level), is_shown, "{target}");
        }
        assert!(targets("a7probe::worker=loud").is_err());
    }
}
