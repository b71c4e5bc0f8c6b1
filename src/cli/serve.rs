//! The arguments of `serve`, and the configuration that they mean.

use std::num::NonZeroU32;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::hosting::ListenArgs;
use super::typed_flags::TypedFlags;
use super::work::{WorkArgs, broker};
use crate::reference::server::{
    Block, DispatchOptions, Health, Limits, MetricsAccess, Queued, RateLimit, ServerConfig,
    ServerMode,
};
use crate::reference::store::{Durability, StoreOptions};
use crate::units::{Rate, parse_duration};

/// Run an ingest server (POST /ingest) on an embedded store: synchronous, background or queue
#[derive(Args, Debug, Clone)]
#[command(after_help = "Examples:
  a7probe serve                                       202 after a durable commit; the mail is sent later
  a7probe serve --mode sync                           the provider is called inside the request
  a7probe serve --mode sync --block loop              the same with a blocked event loop: /health is slow too
  a7probe serve --mode queue                          202 after the commit; start `a7probe worker` on the same store
  a7probe serve --mode queue --store postgres://user@host/db   the same on several machines
  a7probe serve --mode queue --dispatch redis://127.0.0.1      the same, carried by a broker to `a7probe worker --from`
  a7probe serve --durability none                     202 from memory: a crash loses accepted events
  a7probe serve --bind 0.0.0.0:8080 --token-env TOKEN reachable from other machines")]
pub struct ServeArgs {
    /// Must come first; see there.
    #[command(flatten)]
    typed: TypedFlags,

    /// Where events are processed: inside the request, after it by workers in this process, or by `a7probe worker`
    /// processes.
    #[arg(long, env = "A7PROBE_SERVE_MODE", help_heading = "Server", value_enum, default_value_t = ModeArg::Background)]
    pub mode: ModeArg,

    #[command(flatten)]
    pub listen: ListenArgs,

    /// Access to /metrics if there is a token: only with the token, or open.
    #[arg(long, env = "A7PROBE_SERVE_METRICS", help_heading = "Server", value_enum, default_value_t = MetricsArg::Token)]
    pub metrics: MetricsArg,

    /// Rate limit of /ingest per client, such as 100/s; requests above it get 429. A client is a token, else the
    /// address of the connection (behind a proxy: the proxy).
    #[arg(
        long,
        env = "A7PROBE_SERVE_RATE_LIMIT",
        value_name = "RATE",
        help_heading = "Limits"
    )]
    pub rate_limit: Option<Rate>,

    /// Requests that a client may send at once after a pause [default: those of one second].
    #[arg(
        long,
        env = "A7PROBE_SERVE_RATE_BURST",
        value_name = "N",
        requires = "rate_limit",
        help_heading = "Limits"
    )]
    pub rate_burst: Option<NonZeroU32>,

    /// Most concurrent requests to /ingest; more get 503.
    #[arg(long, env = "A7PROBE_SERVE_MAX_IN_FLIGHT", value_name = "N", default_value_t = Limits::default().in_flight as u32, value_parser = clap::value_parser!(u32).range(1..), help_heading = "Limits")]
    pub max_in_flight: u32,

    /// Depth of /health: no I/O, or a read from the store.
    #[arg(long, env = "A7PROBE_SERVE_HEALTH", help_heading = "Server", value_enum, default_value_t = HealthArg::Shallow)]
    pub health: HealthArg,

    /// Threads that serve HTTP [default: 1; --block loop has one].
    #[arg(long, env = "A7PROBE_SERVE_HTTP_THREADS", help_heading = "Server", value_name = "N", default_value_t = 1, hide_default_value = true, value_parser = clap::value_parser!(u16).range(1..=256))]
    pub http_threads: u16,

    /// Durability of a 202: full is on disk before the answer, none is in memory only (with --mode background, as a
    /// counterexample).
    #[arg(long, env = "A7PROBE_SERVE_DURABILITY", value_enum, default_value_t = DurabilityArg::Full, help_heading = "Store")]
    pub durability: DurabilityArg,

    /// Most accepted events that may wait; above it /ingest answers 503.
    #[arg(
        long,
        env = "A7PROBE_SERVE_QUEUE_LIMIT",
        value_name = "N",
        default_value_t = 1_000_000,
        help_heading = "Store"
    )]
    pub queue_limit: u64,

    /// Events that were queued before --mode sync started: finish them alongside requests, or keep them for other
    /// workers.
    #[arg(long, env = "A7PROBE_SERVE_QUEUED", value_enum, default_value_t = QueuedArg::Finish, help_heading = "Work")]
    pub queued: QueuedArg,

    /// Broker that carries accepted events to workers, with --mode queue: amqp://, redis:// or nats:// for `a7probe worker --from`, celery+redis://, celery+amqp:// or rq+redis:// for Python workers; encrypted: amqps://, rediss://, tls:// (NATS); ?queue=NAME, ?task=NAME.
    #[arg(
        long,
        env = "A7PROBE_SERVE_DISPATCH",
        hide_env_values = true,
        value_name = "URL",
        help_heading = "Broker"
    )]
    pub dispatch: Option<String>,

    /// Interval of the search for accepted events that no worker took.
    #[arg(long, env = "A7PROBE_SERVE_SWEEP_INTERVAL", value_name = "DURATION", default_value = "5s", value_parser = sweep_interval, help_heading = "Broker")]
    pub sweep_interval: Duration,

    /// Time after which an event that no worker took is dispatched again.
    #[arg(long, env = "A7PROBE_SERVE_REDISPATCH_AFTER", value_name = "DURATION", default_value = "30s", value_parser = parse_duration, help_heading = "Broker")]
    pub redispatch_after: Duration,

    /// What a provider call blocks: its own request, or the event loop and so every request, like a blocking SDK in an
    /// async handler.
    #[arg(long, env = "A7PROBE_SERVE_BLOCK", value_enum, default_value_t = BlockArg::Request, help_heading = "Work")]
    pub block: BlockArg,

    #[command(flatten)]
    pub work: WorkArgs,
}

/// `--mode`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ModeArg {
    /// 200 after the provider was called.
    Sync,
    /// 202 after a durable commit; workers in this process.
    Background,
    /// 202 after the same commit; `a7probe worker` processes on the same store.
    Queue,
}

/// `--queued`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum QueuedArg {
    /// Workers in this process do it.
    Finish,
    /// It stays in the store.
    Keep,
}

/// `--block`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum BlockArg {
    /// Each request waits for itself.
    Request,
    /// Every request waits for every call.
    Loop,
}

/// `--metrics`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum MetricsArg {
    /// Behind the token.
    Token,
    /// For everyone.
    Open,
}

/// `--health`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum HealthArg {
    /// No I/O.
    Shallow,
    /// Reads from the store.
    Deep,
}

/// `--durability`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum DurabilityArg {
    /// Synced before the answer.
    Full,
    /// In memory.
    None,
}

impl ServeArgs {
    fn dispatching(&self) -> anyhow::Result<Option<DispatchOptions>> {
        anyhow::ensure!(
            self.dispatch.is_none() || self.mode == ModeArg::Queue,
            "--dispatch sends events to other workers, and this mode processes them itself\nhint: add --mode queue"
        );
        let to = self.dispatch.as_deref();
        let to = to.map(|url| broker("--dispatch", url)).transpose()?;
        Ok(to.map(|to| DispatchOptions {
            to,
            sweep: self.sweep_interval,
            redispatch: self.redispatch_after,
        }))
    }

    /// Refuses flags that would be ignored.
    fn check(&self) -> anyhow::Result<()> {
        let has_use = |id, has_use, because, hint| self.typed.has_use(id, has_use, because, hint);
        for broker in ["sweep_interval", "redispatch_after"] {
            let hint = "add --dispatch URL";
            has_use(
                broker,
                self.dispatch.is_some(),
                "--dispatch is not given",
                hint,
            )?;
        }
        has_use(
            "block",
            self.block == BlockArg::Request || self.mode != ModeArg::Queue,
            "with --mode queue the server calls no provider",
            "only --mode sync can block the event loop",
        )?;
        has_use(
            "queued",
            self.mode != ModeArg::Queue,
            "with --mode queue other workers process every event",
            "--queued is for --mode sync",
        )?;
        has_use(
            "metrics",
            self.metrics == MetricsArg::Token || !self.listen.token_env.is_empty(),
            "without a token every endpoint is open",
            "require a token with --token-env NAME",
        )?;
        self.work.check()
    }

    /// The configuration that was meant. Reads the variable that `--token-env` names.
    pub(crate) fn config(&self) -> anyhow::Result<ServerConfig> {
        self.check()?;
        Ok(ServerConfig {
            dispatch: self.dispatching()?,
            mode: match self.mode {
                ModeArg::Sync => ServerMode::Sync,
                ModeArg::Background => ServerMode::Background,
                ModeArg::Queue => ServerMode::Queue,
            },
            block: match self.block {
                BlockArg::Request => Block::Request,
                BlockArg::Loop => Block::Loop,
            },
            store: StoreOptions {
                durability: match self.durability {
                    DurabilityArg::Full => Durability::Full,
                    DurabilityArg::None => Durability::None,
                },
                backlog: self.queue_limit,
                ..self.work.store_options()?
            },
            provider: self.work.provider(),
            provider_timeout: self.work.provider_timeout,
            workers: self.work.workers.into(),
            retry: self.work.retry(),
            breaker: self.work.breaker(),
            queued: match self.queued {
                QueuedArg::Finish => Queued::Finish,
                QueuedArg::Keep => Queued::Keep,
            },
            tokens: self.listen.tokens()?,
            metrics: match self.metrics {
                MetricsArg::Token => MetricsAccess::Token,
                MetricsArg::Open => MetricsAccess::Open,
            },
            rate_limit: self.rate_limit(),
            provider_key: self.work.provider_key()?,
            health: match self.health {
                HealthArg::Shallow => Health::Shallow,
                HealthArg::Deep => Health::Deep,
            },
            drain: self.work.drain_timeout,
            http_threads: self.http_threads.into(),
            limits: Limits {
                in_flight: self.max_in_flight as usize,
                ..Limits::default()
            },
        })
    }

    fn rate_limit(&self) -> Option<RateLimit> {
        self.rate_limit.map(|rate| RateLimit {
            rate,
            burst: self.rate_burst.unwrap_or_else(|| {
                let second = rate.as_per_second().ceil() as u32;
                NonZeroU32::new(second).unwrap_or(NonZeroU32::MIN)
            }),
        })
    }
}

fn sweep_interval(text: &str) -> Result<Duration, String> {
    match parse_duration(text) {
        Ok(Duration::ZERO) => Err("the interval must be above 0s".to_owned()),
        other => other.map_err(|error| error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;
    use std::time::Duration;

    use clap::Parser;

    use super::ServeArgs;
    use crate::reference::provider::{Draws, LatencyModel, SimulatorOptions};
    use crate::reference::server::{ProviderChoice, Queued, ServerConfig, ServerMode};

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        serve: ServeArgs,
    }

    fn parse(line: &str) -> Result<ServerConfig, String> {
        let words = std::iter::once("serve").chain(line.split_whitespace());
        let cli = Cli::try_parse_from(words).map_err(|error| error.to_string())?;
        cli.serve.config().map_err(|error| format!("{error:#}"))
    }

    #[test]
    fn nothing_typed_is_the_library_default() {
        let config = parse("").expect("no flag is needed");
        assert_eq!(
            format!("{config:?}"),
            format!(
                "{:?}",
                ServerConfig::new(ServerMode::Background, "a7probe.db")
            )
        );
    }

    #[test]
    fn queue_mode_and_what_becomes_of_the_queued_are_told_by_flags() {
        let config = parse("--mode queue --store postgres://me:pw@db/a7").expect("valid flags");
        assert_eq!(
            (config.mode, config.queued),
            (ServerMode::Queue, Queued::Finish)
        );
        assert_eq!(config.store.location.to_string(), "postgres://me:***@db/a7");
        let config = parse("--mode sync --queued keep").expect("valid flags");
        assert_eq!(
            (config.mode, config.queued),
            (ServerMode::Sync, Queued::Keep)
        );
    }

    #[test]
    fn the_simulator_is_described_by_its_flags() {
        let line = "--sim-latency 20ms --sim-draws stratified:600 --sim-error 5% --sim-rate-limit 10 --sim-outage 1s..2s --seed 7";
        let expected = SimulatorOptions {
            seed: 7,
            latency: LatencyModel::Constant(Duration::from_millis(20)),
            draws: Draws::Stratified(NonZeroU32::new(600).expect("not zero")),
            error_share: 0.05,
            rate_limit: Some(10),
            outage: Some("1s..2s".parse().expect("an outage")),
        };
        match parse(line).expect("valid flags").provider {
            ProviderChoice::Simulated(options) => assert_eq!(options, expected),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_rate_limit_allows_a_second_at_once_unless_told_otherwise() {
        let burst = |line: &str| {
            let limit = parse(line).expect("valid flags").rate_limit;
            limit.expect("a limit").burst.get()
        };
        assert_eq!(burst("--rate-limit 100/s"), 100);
        assert_eq!(burst("--rate-limit 6/m"), 1);
        assert_eq!(burst("--rate-limit 6/m --rate-burst 3"), 3);
    }

    #[test]
    fn a_broker_that_cannot_be_used_is_named_without_its_password() {
        for url in ["kafka://u:s3cret@h", "rq+amqp://u:s3cret@h", "u:s3cret@h"] {
            let message = parse(&format!("--mode queue --dispatch {url}")).expect_err(url);
            assert!(message.contains("hint: "), "{message}");
            assert!(!message.contains("s3cret"), "{message}");
        }
    }

    #[test]
    fn wrong_values_are_named_with_their_hint() {
        for (line, words) in [
            ("--sim-latency fast", "such as 20ms, or evidence"),
            ("--sim-draws stratified:0", "use 1 to 1000000"),
            ("--sim-error 101%", "at most 100%"),
            ("--drain-timeout 10", "write 10s or 10ms"),
            ("--sim-outage 2s..1s", "such as 10s..20s"),
            ("--rate-limit fast", "20/s or 1200/m"),
            ("--rate-burst 5", "--rate-limit <RATE>"),
            ("--max-in-flight 0", "0 is not in 1.."),
            ("--workers 0", "0 is not in 1.."),
            ("--lease 5s", "hint: use a longer --lease"),
            ("--dispatch redis://127.0.0.1", "hint: add --mode queue"),
            (
                "--store mysql://u:pw@127.0.0.1/db",
                "--store is neither a file nor a postgres:// URL\nhint: ",
            ),
            (
                "--store postgres:/u:pw@h",
                "--store is neither a file nor a postgres:// URL\nhint: ",
            ),
            (
                "--mode queue --dispatch kafka://h",
                "--dispatch: 'kafka' is not a known broker",
            ),
            (
                "--mode queue --dispatch redis://:pw@h?que=x",
                "--dispatch: the broker's URL",
            ),
            ("--sweep-interval 0s", "must be above 0s"),
            ("--sweep-interval 1s", "hint: add --dispatch URL"),
            ("--redispatch-after 1s", "--redispatch-after has no use"),
            (
                "--mode queue --block loop",
                "hint: only --mode sync can block",
            ),
            ("--mode queue --queued keep", "hint: --queued is for"),
            ("--metrics open", "hint: require a token with --token-env"),
            ("--provider-key-env KEY", "hint: add --provider URL"),
            (
                "--provider http://h --sim-error 5%",
                "--sim-error has no use here: --provider names http://h",
            ),
            (
                "--token-env A7PROBE_TEST_NO_SUCH_VARIABLE",
                "hint: export A7PROBE_TEST_NO_SUCH_VARIABLE",
            ),
        ] {
            let message = parse(line).expect_err(line);
            assert!(message.contains(words), "{line}: {message}");
        }
    }
}
