//! `a7probe provider`: simulate SendGrid until a stop signal, then print the totals of the journal.

use std::io::Write;
use std::net::SocketAddr;
use std::sync::Arc;

use super::hosting;
use crate::cli::provider::ProviderArgs;
use crate::exit::Exit;
use crate::reference::provider::{JournalCounts, JournalDetail, Simulator};
use crate::reference::server::serve_provider;

/// Runs the provider; everything it says goes to `err`. Ends with [`Exit::Pass`] after a stop signal.
pub(crate) fn run(args: &ProviderArgs, err: &mut dyn Write) -> anyhow::Result<Exit> {
    hosting::log_to_stderr(&args.listen.hosting.log)?;
    let keys = args.listen.tokens()?;
    let (listener, address) = hosting::bind(args.listen.bind)?;
    warn(address, &keys, err)?;
    let simulator = Arc::new(Simulator::with_journal(
        args.simulator.options(),
        JournalDetail::Calls,
    ));

    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    runtime.block_on(async {
        // Signals are caught before anyone can know the address.
        let signals = hosting::stop_signals()?;
        let once = hosting::nth(signals.clone(), 1);
        let serving = serve_provider(listener, simulator.clone(), keys, once);
        writeln!(err, "simulating a provider at http://{address}")?;
        err.flush()?;
        hosting::write_ready_file(args.listen.hosting.ready_file.as_deref(), address)?;
        tokio::select! {
            served = serving => Ok(served?),
            // No more patience with calls in flight.
            () = hosting::nth(signals, 2) => anyhow::Ok(()),
        }
    })?;
    runtime.shutdown_background();
    hosting::remove_ready_file(args.listen.hosting.ready_file.as_deref());
    writeln!(err, "{}", summary(simulator.journal()))?;
    Ok(Exit::Pass)
}

fn warn(address: SocketAddr, keys: &[String], err: &mut dyn Write) -> std::io::Result<()> {
    if address.ip().is_loopback() || !keys.is_empty() {
        return Ok(());
    }
    writeln!(
        err,
        "warning: {address} is reachable from other machines, and every client may read the journal and start outages\nhint: require a key with --token-env NAME, or bind to 127.0.0.1"
    )
}

fn summary(journal: JournalCounts) -> String {
    let JournalCounts {
        calls,
        sent,
        events,
        duplicates,
    } = journal;
    format!(
        "stopped: {calls} calls, {sent} mails accepted for {events} events, {duplicates} duplicates"
    )
}

#[cfg(test)]
mod tests {
    use super::warn;

    #[test]
    fn an_open_address_without_a_key_is_warned_of() {
        let warned = |address: &str, keys: &[String]| {
            let mut err = Vec::new();
            let address = address.parse().expect("an address");
            warn(address, keys, &mut err).expect("memory takes it");
            String::from_utf8(err).expect("UTF-8")
        };
        assert_eq!(warned("127.0.0.1:8090", &[]), "");
        assert_eq!(warned("192.0.2.1:8090", &["key".to_owned()]), "");
        assert!(warned("192.0.2.1:8090", &[]).contains("\nhint: require a key"));
    }
}
