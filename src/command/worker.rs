//! `a7probe worker`: open the store, process events until a stop signal, print the totals.

use std::io::{self, Write};
use std::time::Duration;

use tokio::sync::watch;

use super::broker::with_broker_advice;
use super::hosting;
use crate::cli::worker::WorkerArgs;
use crate::exit::Exit;
use crate::reference::queue::{self, Consumer, Dispatch};
use crate::reference::store::{Snapshot, Store};
use crate::reference::worker::{WorkerOptions, WorkerPool};

/// Works; everything it says goes to `err`. Ends with [`Exit::Pass`] after a stop signal.
pub(crate) fn run(args: &WorkerArgs, err: &mut dyn Write) -> anyhow::Result<Exit> {
    hosting::log_to_stderr(&args.hosting.log)?;
    if args.work.until_stdin_ends {
        std::thread::spawn(hosting::end_with_stdin);
    }
    let from = args.broker()?;
    let pool = pool(args)?;
    let store = pool.store.clone();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    let left = runtime.block_on(async {
        // Signals are caught before anyone can know that this process works.
        let signals = hosting::stop_signals()?;
        let (stop, stopped) = watch::channel(false);
        let reporting = tokio::spawn({
            let pool = pool.clone();
            async move { pool.report("worker").await }
        });
        let working = match &from {
            None => tokio::spawn(pool.clone().work(stopped)),
            Some(from) => {
                let consumer = Consumer::new(from.clone(), consuming(args));
                let patience = hosting::nth(signals.clone(), 2);
                tokio::spawn(pool.clone().consume(consumer, stopped, patience))
            }
        };
        announce(args, from.as_ref(), &pool, err)?;
        let mut is_broken = false;
        let work = async {
            tokio::select! {
                () = hosting::nth(signals.clone(), 1) => {}
                () = until_closed(&store) => is_broken = true,
            }
            stop.send_replace(true);
            tokio::select! {
                _ = working => true,
                // No further waiting. Remaining leases expire on their own. With a broker the third signal counts,
                // because only this process can return the messages that it took.
                () = hosting::nth(signals, if from.is_some() { 3 } else { 2 }) => false,
            }
        };
        let ended = with_broker_advice(work, from.as_ref(), err).await?;
        reporting.abort();
        anyhow::ensure!(!is_broken, "the store {}: {WRITER_ENDED}", store.location());
        let left = store.snapshot();
        if ended {
            store.close().await;
        }
        anyhow::Ok(left)
    })?;
    runtime.shutdown_timeout(Duration::from_millis(100));
    hosting::remove_ready_file(args.hosting.ready_file.as_deref());
    say_what_is_left(&left, err)?;
    Ok(Exit::Pass)
}

/// Nothing can be recorded any more, so no work can be done.
const WRITER_ENDED: &str = "its writer has ended, so no result can be recorded; accepted events are kept\nhint: read the cause in the log above, then start the worker again";
/// Between two checks of the writer.
const CHECK_EVERY: Duration = Duration::from_millis(250);

/// Waits until the store cannot be written any more.
async fn until_closed(store: &Store) {
    while !store.is_closed() {
        tokio::time::sleep(CHECK_EVERY).await;
    }
}

/// Deliveries for each notification under way, as Celery has it: some of them wait for their next attempt.
const PREFETCH: u16 = 4;

/// Another worker gets what this one has when a lease would have run out too.
fn consuming(args: &WorkerArgs) -> queue::QueueOptions {
    queue::QueueOptions {
        prefetch: args.work.workers.saturating_mul(PREFETCH),
        redelivery: args.work.lease,
        ..queue::QueueOptions::default()
    }
}

fn pool(args: &WorkerArgs) -> anyhow::Result<WorkerPool> {
    let work = &args.work;
    work.check()?;
    let key = work.provider_key()?;
    let (provider, _) = (work.provider()).open(key.as_deref(), work.provider_timeout)?;
    let store = Store::open(&work.store_options()?)?;
    let options = WorkerOptions {
        workers: work.workers.into(),
        retry: work.retry(),
        breaker: work.breaker(),
        grace: args.work.drain_timeout,
    };
    Ok(WorkerPool::new(store, provider, options))
}

/// Names the store. The ready file comes last: who has read it can count on the work being done.
fn announce(
    args: &WorkerArgs,
    from: Option<&Dispatch>,
    pool: &WorkerPool,
    err: &mut dyn Write,
) -> anyhow::Result<()> {
    writeln!(err, "store {}", pool.store.location())?;
    if let Some(from) = from {
        writeln!(err, "taking events from {from}")?;
    }
    writeln!(
        err,
        "working, {} notifications at a time; {} accepted events wait",
        pool.options.workers,
        pool.store.depth()
    )?;
    err.flush()?;
    hosting::write_ready_file(args.hosting.ready_file.as_deref(), std::process::id())
}

fn say_what_is_left(left: &Snapshot, err: &mut dyn Write) -> io::Result<()> {
    writeln!(
        err,
        "stopped: {} accepted events wait, {} are dead; the store keeps them",
        left.open(),
        left.dead
    )
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};
    use std::time::Duration;

    use clap::{Args as _, FromArgMatches as _};
    use tracing_subscriber::fmt;
    use tracing_subscriber::layer::SubscriberExt as _;

    use crate::cli::worker::WorkerArgs;
    use crate::command::hosting::targets;

    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Log {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().expect("no panic").write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn the_filter_that_the_help_names_shows_the_workers_lines() {
        let mut command = WorkerArgs::augment_args(clap::Command::new("worker"));
        let help = command.render_long_help().to_string();
        let filter = help
            .split_whitespace()
            .find(|word| word.starts_with("a7probe::"))
            .expect("a filter");
        let filter = targets(filter.trim_end_matches('.')).expect("valid");
        let folder = tempfile::tempdir().expect("a folder");
        let store = folder.path().join("a7probe.db");
        let words = ["worker".as_ref(), "--store".as_ref(), store.as_os_str()];
        let matches = command.get_matches_from(words);
        let args = WorkerArgs::from_arg_matches(&matches).expect("valid flags");
        let pool = super::pool(&args).expect("a store");

        let log = Log::default();
        let writer = log.clone();
        let lines = fmt::layer().with_writer(move || writer.clone());
        let subscriber = tracing_subscriber::registry().with(lines).with(filter);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        tracing::subscriber::with_default(subscriber, || {
            runtime.block_on(async {
                pool.store.close().await;
                // It reports until dropped, and the closed store takes no report.
                let reports = pool.report("worker");
                let _ = tokio::time::timeout(Duration::from_millis(50), reports).await;
            });
        });
        let log = String::from_utf8(log.0.lock().expect("no panic").clone()).expect("UTF-8");
        assert!(log.contains("cannot report"), "{log}");
    }
}
