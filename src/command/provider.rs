//! `a7probe provider`: simulate SendGrid until told to stop, and say what the journal comes to.

use std::io::Write;
use std::net::SocketAddr;
use std::sync::Arc;

use super::hosting;
use crate::cli::provider::ProviderArgs;
use crate::exit::Exit;
use crate::reference::provider::{JournalCounts, JournalDetail, Simulator};
use crate::reference::server::serve_provider;

/// Runs the provider; everything it says goes to `err`. Ends with [`Exit::Pass`] when it was told to stop and did.
pub(crate) fn run(args: &ProviderArgs, err: &mut dyn Write) -> anyhow::Result<Exit> {
    hosting::log_to_stderr(&args.listen.hosting.log)?;
    let key = args.key()?;
    let (listener, address) = hosting::bind(args.listen.bind)?;
    warn(address, key.as_deref(), err)?;
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
        let serving = serve_provider(listener, simulator.clone(), key, once);
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

fn warn(address: SocketAddr, key: Option<&str>, err: &mut dyn Write) -> std::io::Result<()> {
    if address.ip().is_loopback() || key.is_some() {
        return Ok(());
    }
    writeln!(
        err,
        "warning: {address} can be reached from elsewhere, and anyone who does may read the journal and begin outages\n\
         hint: ask for a key with --token-env NAME, or stay on 127.0.0.1"
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
        "stopped: {calls} calls, {sent} mails taken for {events} events, {duplicates} duplicates"
    )
}

#[cfg(test)]
mod tests {
    use super::warn;

    #[test]
    fn an_open_address_without_a_key_is_warned_of() {
        let warned = |address: &str, key| {
            let mut err = Vec::new();
            let address = address.parse().expect("an address");
            warn(address, key, &mut err).expect("memory takes it");
            String::from_utf8(err).expect("UTF-8")
        };
        assert_eq!(warned("127.0.0.1:8090", None), "");
        assert_eq!(warned("192.0.2.1:8090", Some("key")), "");
        assert!(warned("192.0.2.1:8090", None).contains("\nhint: ask for a key"));
    }
}
