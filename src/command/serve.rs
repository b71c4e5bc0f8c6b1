//! `a7probe serve`: open the store, say where it serves, serve until told to stop, say what is left.

use std::io::{self, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;

use anyhow::Context as _;
use tokio::sync::watch;
use tracing_subscriber::EnvFilter;

use crate::cli::serve::ServeArgs;
use crate::exit::Exit;
use crate::server::{Config, Mode, Server, Stopped};
use crate::store::{Durability, Options as StoreOptions};

/// Runs the server; everything it says goes to `err`. Ends with [`Exit::Pass`] when it was told to stop and did.
pub fn run(args: &ServeArgs, err: &mut dyn Write) -> anyhow::Result<Exit> {
    log_to_stderr(&args.log)?;
    if args.until_stdin_ends {
        std::thread::spawn(end_with_stdin);
    }
    let config = args.config()?;
    let server = Server::open(config.clone())?;
    let listener = TcpListener::bind(args.bind).with_context(|| cannot_bind(args.bind))?;
    let address = listener.local_addr()?;
    warn(address, &config, err)?;

    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    let stopped = runtime.block_on(async {
        // Signals are caught before anyone can know the address.
        let signals = signals()?;
        let serving = server.run(listener, count(signals.clone(), 1));
        announce(address, &config, args.ready_file.as_deref(), err)?;
        tokio::select! {
            stopped = serving => anyhow::Ok(Some(stopped?)),
            // No more patience: the store is as safe as after a crash.
            () = count(signals, 2) => Ok(None),
        }
    })?;
    // A thread that still waits for something must not hold up the end.
    runtime.shutdown_background();
    if let Some(file) = &args.ready_file {
        let _ = std::fs::remove_file(file);
    }
    say_what_is_left(stopped, &config.store, err)?;
    Ok(Exit::Pass)
}

/// Ends the process when whoever started it is gone; the store is as safe as after a crash.
fn end_with_stdin() {
    let _ = io::copy(&mut io::stdin(), &mut io::sink());
    std::process::exit(Exit::Terminated.code().into());
}

fn cannot_bind(address: SocketAddr) -> String {
    format!(
        "cannot listen on {address}\nhint: is another server there? choose another with --bind, port 0 picks a free one"
    )
}

/// Says what a careful operator would want to know before the first request.
fn warn(address: SocketAddr, config: &Config, err: &mut dyn Write) -> io::Result<()> {
    if !address.ip().is_loopback() && config.token.is_none() {
        writeln!(
            err,
            "warning: {address} can be reached from elsewhere, and anyone who does may write to the store\n\
             hint: ask for a token with --token-env NAME, or stay on 127.0.0.1"
        )?;
    }
    if config.store.durability == Durability::None {
        writeln!(
            err,
            "warning: events are acknowledged from memory; a kill loses what no worker has taken yet\n\
             hint: this is the negative control; leave out --durability none for anything else"
        )?;
    }
    Ok(())
}

/// Names store and address. The ready file comes last: who has read it can send requests.
fn announce(
    address: SocketAddr,
    config: &Config,
    ready: Option<&Path>,
    err: &mut dyn Write,
) -> anyhow::Result<()> {
    let mode = match config.mode {
        Mode::Sync => "sync",
        Mode::Background => "background",
    };
    writeln!(err, "store {}", config.store.location)?;
    writeln!(err, "serving http://{address} ({mode})")?;
    err.flush()?;
    if let Some(file) = ready {
        write_atomically(file, &format!("{address}\n"))
            .with_context(|| format!("cannot write {}", file.display()))?;
    }
    Ok(())
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

fn say_what_is_left(
    stopped: Option<Stopped>,
    store: &StoreOptions,
    err: &mut dyn Write,
) -> io::Result<()> {
    let path = &store.location;
    let Some(Stopped {
        kept,
        lost,
        processed,
        dead,
    }) = stopped
    else {
        return writeln!(err, "stopped at once; what was accepted is kept in {path}");
    };
    writeln!(err, "stopped: {processed} events processed, {dead} dead")?;
    if kept > 0 {
        writeln!(
            err,
            "{kept} accepted events kept in {path}; they are processed at the next start"
        )?;
    }
    if lost > 0 {
        writeln!(
            err,
            "{lost} accepted events were only in memory and are lost"
        )?;
    }
    Ok(())
}

fn log_to_stderr(filter: &str) -> anyhow::Result<()> {
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
fn signals() -> io::Result<watch::Receiver<u32>> {
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
async fn count(mut signals: watch::Receiver<u32>, n: u32) {
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

#[cfg(test)]
mod tests {
    use super::{announce, say_what_is_left, warn};
    use crate::server::{Config, Mode, Stopped};
    use crate::store::Durability;

    fn said(say: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut err = Vec::new();
        say(&mut err);
        String::from_utf8(err).expect("UTF-8")
    }

    fn warnings(address: &str, config: &Config) -> String {
        let address = address.parse().expect("an address");
        said(|err| warn(address, config, err).expect("memory takes it"))
    }

    #[test]
    fn an_open_address_without_a_token_is_warned_of() {
        let mut config = Config::new(Mode::Background, "a7probe.db");
        for quiet in ["127.0.0.1:8080", "127.9.9.9:1", "[::1]:8080"] {
            assert_eq!(warnings(quiet, &config), "", "{quiet}");
        }
        let warned = warnings("192.0.2.1:8080", &config);
        assert!(
            warned.starts_with("warning: 192.0.2.1:8080 can be reached from elsewhere"),
            "{warned}"
        );
        assert!(
            warned
                .lines()
                .last()
                .is_some_and(|line| line.starts_with("hint: ")),
            "{warned}"
        );
        config.token = Some("s3cret".to_owned());
        assert_eq!(warnings("192.0.2.1:8080", &config), "");
    }

    #[test]
    fn the_negative_control_is_named_as_such() {
        let mut config = Config::new(Mode::Background, "a7probe.db");
        config.store.durability = Durability::None;
        assert!(warnings("127.0.0.1:1", &config).contains("a kill loses"));
    }

    #[test]
    fn the_ready_file_holds_the_address_and_nothing_else_is_left() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("ready");
        let config = Config::new(Mode::Sync, "a7probe.db");
        let address = "127.0.0.1:4711".parse().expect("an address");
        let said =
            said(|err| announce(address, &config, Some(&file), err).expect("it is announced"));
        assert_eq!(
            said,
            "store a7probe.db\nserving http://127.0.0.1:4711 (sync)\n"
        );
        assert_eq!(
            std::fs::read_to_string(&file).expect("written"),
            "127.0.0.1:4711\n"
        );
        assert_eq!(
            std::fs::read_dir(folder.path()).expect("a folder").count(),
            1
        );
    }

    #[test]
    fn what_is_kept_and_what_is_lost_is_said() {
        let store = Config::new(Mode::Background, "a7probe.db").store;
        let stopped = Stopped {
            kept: 3,
            lost: 2,
            processed: 10,
            dead: 1,
        };
        let said =
            said(|err| say_what_is_left(Some(stopped), &store, err).expect("memory takes it"));
        assert_eq!(
            said,
            "stopped: 10 events processed, 1 dead\n\
             3 accepted events kept in a7probe.db; they are processed at the next start\n\
             2 accepted events were only in memory and are lost\n"
        );
    }
}
