//! The arguments of `worker`, and the configuration that they mean.

use clap::{Arg, Args};

use super::hosting::HostingArgs;
use super::work::{WorkArgs, broker};
use crate::reference::queue::Dispatch;

/// Process the events that `serve --mode queue` has accepted on the same store; any number of processes
#[derive(Args, Debug, Clone)]
#[command(mut_args = of_worker, after_help = "Examples:
  a7probe worker --store a7probe.db                           with `serve --mode queue` on this machine
  a7probe worker --store postgres://user@host/db --workers 16 on another machine
  a7probe worker --from redis://127.0.0.1                     jobs of `serve --mode queue --dispatch redis://127.0.0.1`
  a7probe worker --from celery+redis://127.0.0.1              jobs that a Python program publishes with Celery
  a7probe worker --provider http://127.0.0.1:8025             one provider for all processes")]
pub struct WorkerArgs {
    /// Broker to take event ids from instead of the store: the URL of `serve --dispatch`, or the broker that a Python
    /// program publishes to.
    #[arg(
        long,
        env = "A7PROBE_WORKER_FROM",
        hide_env_values = true,
        value_name = "URL",
        help_heading = "Store"
    )]
    pub from: Option<String>,

    #[command(flatten)]
    pub hosting: HostingArgs,

    #[command(flatten)]
    pub work: WorkArgs,
}

impl WorkerArgs {
    pub(crate) fn broker(&self) -> anyhow::Result<Option<Dispatch>> {
        let from = self.from.as_deref();
        from.map(|url| broker("--from", url)).transpose()
    }
}

/// The variables and words that differ from those of `serve`.
fn of_worker(arg: Arg) -> Arg {
    match arg.get_id().as_str() {
        "ready_file" => arg.env("A7PROBE_WORKER_READY_FILE").help(
            "File to write the process id to when the worker is ready, for scripts; removed at the end",
        ),
        "drain_timeout" => arg.env("A7PROBE_WORKER_DRAIN_TIMEOUT").help(
            "Time to finish started attempts after SIGTERM or Ctrl-C; other workers repeat unfinished ones",
        ),
        "log" => arg.env("A7PROBE_WORKER_LOG").help(
            "Log level on stderr: error, warn, info, debug, trace, or a filter such as a7probe::worker=debug",
        ),
        _ => arg,
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::WorkerArgs;
    use crate::reference::server::ProviderChoice;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        worker: WorkerArgs,
    }

    fn parse(line: &str) -> WorkerArgs {
        let words = std::iter::once("worker").chain(line.split_whitespace());
        Cli::try_parse_from(words).expect("valid flags").worker
    }

    #[test]
    fn a_broker_that_cannot_be_used_is_named_without_its_password() {
        let error = parse("--from kafka://u:s3cret@h").broker();
        let message = error.expect_err("no broker").to_string();
        assert!(
            message.starts_with("--from: 'kafka' is not a known broker"),
            "{message}"
        );
        assert!(!message.contains("s3cret"), "{message}");
    }

    #[test]
    fn a_workers_provider_has_the_flags_of_a_servers() {
        let work = parse("--sim-outage 1s..2s").work;
        match work.provider() {
            ProviderChoice::Simulated(options) => assert!(options.outage.is_some()),
            other => panic!("{other:?}"),
        }
        let named = parse("--provider-key-env A7PROBE_TEST_NO_SUCH_VARIABLE").work;
        let error = named.provider_key().expect_err("it has no value");
        assert!(
            error
                .to_string()
                .contains("hint: export A7PROBE_TEST_NO_SUCH_VARIABLE")
        );
    }
}
