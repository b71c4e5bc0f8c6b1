//! `a7probe serve`: open the store, print the address, serve until a stop signal, print the waiting events.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::Path;

use super::broker::with_broker_advice;
use super::hosting;
use crate::cli::serve::ServeArgs;
use crate::exit::Exit;
use crate::reference::server::{Queued, Server, ServerConfig, ServerMode, Stopped};
use crate::reference::store::Durability;

/// Runs the server; everything it says goes to `err`. Ends with [`Exit::Pass`] after a stop signal.
pub(crate) fn run(args: &ServeArgs, err: &mut dyn Write) -> anyhow::Result<Exit> {
    hosting::log_to_stderr(&args.listen.hosting.log)?;
    if args.work.until_stdin_ends {
        std::thread::spawn(hosting::end_with_stdin);
    }
    let config = args.config()?;
    let server = Server::open(config.clone())?;
    let (listener, address) = hosting::bind(args.listen.bind)?;
    warn(address, &config, err)?;
    say_what_waits(server.store().depth(), &config, err)?;

    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    let stopped = runtime.block_on(async {
        // Signals are caught before anyone can know the address.
        let signals = hosting::stop_signals()?;
        let serving = server.run(listener, hosting::nth(signals.clone(), 1));
        announce(
            address,
            &config,
            args.listen.hosting.ready_file.as_deref(),
            err,
        )?;
        let serving = async {
            tokio::select! {
                stopped = serving => anyhow::Ok(Some(stopped?)),
                // No further waiting. The store is as safe as after a crash.
                () = hosting::nth(signals, 2) => Ok(None),
            }
        };
        let to = config.dispatch.as_ref().map(|dispatch| &dispatch.to);
        with_broker_advice(serving, to, err).await?
    })?;
    // A thread that still waits for something must not hold up the end.
    runtime.shutdown_background();
    hosting::remove_ready_file(args.listen.hosting.ready_file.as_deref());
    say_what_is_left(stopped, &config, err)?;
    Ok(Exit::Pass)
}

/// Says what a careful operator would want to know before the first request.
fn warn(address: SocketAddr, config: &ServerConfig, err: &mut dyn Write) -> io::Result<()> {
    if !address.ip().is_loopback() && config.tokens.is_empty() {
        writeln!(
            err,
            "warning: {address} is reachable from other machines, and every client may write to the store\nhint: require a token with --token-env NAME, or bind to 127.0.0.1"
        )?;
    }
    if config.store.durability == Durability::None {
        writeln!(
            err,
            "warning: events are acknowledged from memory; a crash loses accepted events\nhint: leave out --durability none, except to show lost events"
        )?;
    }
    Ok(())
}

/// Names store and address. The ready file comes last: who has read it can send requests.
fn announce(
    address: SocketAddr,
    config: &ServerConfig,
    ready: Option<&Path>,
    err: &mut dyn Write,
) -> anyhow::Result<()> {
    let mode = config.mode.name();
    writeln!(err, "store {}", config.store.location)?;
    writeln!(err, "serving http://{address} ({mode})")?;
    err.flush()?;
    hosting::write_ready_file(ready, address)
}

/// Prints the number of events that wait from an earlier run, and which process handles them.
fn say_what_waits(waiting: u64, config: &ServerConfig, err: &mut dyn Write) -> io::Result<()> {
    let store = &config.store.location;
    if let Some(dispatch) = &config.dispatch {
        let to = &dispatch.to;
        return writeln!(
            err,
            "{waiting} accepted events wait; workers get them over {to}"
        );
    }
    if config.mode == ServerMode::Queue {
        return writeln!(
            err,
            "{waiting} accepted events wait; process them with `a7probe worker --store {store}`"
        );
    }
    match (waiting, config.queued) {
        (0, _) => Ok(()),
        (_, Queued::Finish) => writeln!(
            err,
            "{waiting} accepted events wait from an earlier run; they are processed alongside requests"
        ),
        (_, Queued::Keep) => writeln!(
            err,
            "{waiting} accepted events wait from an earlier run; they are kept for `a7probe worker --store {store}`"
        ),
    }
}

fn say_what_is_left(
    stopped: Option<Stopped>,
    config: &ServerConfig,
    err: &mut dyn Write,
) -> io::Result<()> {
    let path = &config.store.location;
    let Some(Stopped {
        kept,
        lost,
        processed,
        dead,
    }) = stopped
    else {
        return writeln!(err, "stopped at once; accepted events are kept in {path}");
    };
    writeln!(err, "stopped: {processed} events processed, {dead} dead")?;
    if kept > 0 {
        writeln!(
            err,
            "{kept} accepted events kept in {path}; they are processed {}",
            if config.works() {
                "at the next start"
            } else {
                "by `a7probe worker`, or at the next start that processes queued events"
            }
        )?;
    }
    if lost > 0 {
        writeln!(
            err,
            "{lost} accepted events were in memory only and are lost"
        )?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{announce, say_what_is_left, warn};
    use crate::reference::server::{ServerConfig, ServerMode, Stopped};
    use crate::reference::store::Durability;

    fn said(say: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut err = Vec::new();
        say(&mut err);
        String::from_utf8(err).expect("UTF-8")
    }

    fn warnings(address: &str, config: &ServerConfig) -> String {
        let address = address.parse().expect("an address");
        said(|err| warn(address, config, err).expect("memory takes it"))
    }

    #[test]
    fn an_open_address_without_a_token_is_warned_of() {
        let mut config = ServerConfig::new(ServerMode::Background, "a7probe.db");
        for quiet in ["127.0.0.1:8080", "127.9.9.9:1", "[::1]:8080"] {
            assert_eq!(warnings(quiet, &config), "", "{quiet}");
        }
        let warned = warnings("192.0.2.1:8080", &config);
        assert!(
            warned.starts_with("warning: 192.0.2.1:8080 is reachable from other machines"),
            "{warned}"
        );
        assert!(
            warned
                .lines()
                .last()
                .is_some_and(|line| line.starts_with("hint: ")),
            "{warned}"
        );
        config.tokens = vec!["s3cret".to_owned()];
        assert_eq!(warnings("192.0.2.1:8080", &config), "");
    }

    #[test]
    fn the_negative_control_is_named_as_such() {
        let mut config = ServerConfig::new(ServerMode::Background, "a7probe.db");
        config.store.durability = Durability::None;
        assert!(warnings("127.0.0.1:1", &config).contains("a crash loses"));
    }

    #[test]
    fn the_ready_file_holds_the_address_and_nothing_else_is_left() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("ready");
        let config = ServerConfig::new(ServerMode::Sync, "a7probe.db");
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
        let config = ServerConfig::new(ServerMode::Background, "a7probe.db");
        let stopped = Stopped {
            kept: 3,
            lost: 2,
            processed: 10,
            dead: 1,
        };
        let said =
            said(|err| say_what_is_left(Some(stopped), &config, err).expect("memory takes it"));
        assert_eq!(
            said,
            "stopped: 10 events processed, 1 dead\n\
             3 accepted events kept in a7probe.db; they are processed at the next start\n\
             2 accepted events were in memory only and are lost\n"
        );
    }
}
