//! What can be typed after `serve`, and what is meant by it.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use clap::{Args, ValueEnum};

use crate::provider::{Draws, LatencyModel, SimulatorOptions};
use crate::server::{Block, Config, Health, Limits, Mode, ProviderChoice};
use crate::store::{Durability, Options as StoreOptions, Repeat};
use crate::units::{parse_duration, parse_percentage};
use crate::worker::Retry;

/// Serve POST /ingest as it should be done, or as it should not, on an embedded store.
#[derive(Args, Debug, Clone)]
#[command(after_help = "Examples:
  a7probe serve                                       202 after a durable commit; the work is done after it
  a7probe serve --mode sync                           the provider is called within the request
  a7probe serve --mode sync --block loop              the same behind a blocked event loop: /health suffers too
  a7probe serve --durability none                     acknowledges from memory: a kill loses events
  a7probe serve --bind 0.0.0.0:8080 --token-env TOKEN reachable from elsewhere")]
pub struct ServeArgs {
    /// End when stdin does: for whoever starts it as a child.
    #[arg(long, hide = true)]
    pub until_stdin_ends: bool,

    /// When the work is done: within the request, or after it by workers in this process.
    #[arg(long, env = "A7PROBE_SERVE_MODE", value_enum, default_value_t = ModeArg::Background)]
    pub mode: ModeArg,

    /// Address to listen on; port 0 picks a free one.
    #[arg(
        long,
        env = "A7PROBE_SERVE_BIND",
        value_name = "ADDRESS",
        default_value = "127.0.0.1:8080"
    )]
    pub bind: SocketAddr,

    /// File to write the address to once it is served, for scripts; removed at the end.
    #[arg(long, env = "A7PROBE_SERVE_READY_FILE", value_name = "FILE")]
    pub ready_file: Option<PathBuf>,

    /// Ask for the bearer token in this environment variable, except on the health endpoints.
    #[arg(long, env = "A7PROBE_SERVE_TOKEN_ENV", value_name = "NAME")]
    pub token_env: Option<String>,

    /// How far /health looks: nowhere, or into the store.
    #[arg(long, env = "A7PROBE_SERVE_HEALTH", value_enum, default_value_t = HealthArg::Shallow)]
    pub health: HealthArg,

    /// Threads that serve HTTP [default: 1; --block loop has one].
    #[arg(long, env = "A7PROBE_SERVE_HTTP_THREADS", value_name = "N", default_value_t = 1, hide_default_value = true, value_parser = clap::value_parser!(u16).range(1..=256))]
    pub http_threads: u16,

    /// How long queued work may go on after SIGTERM or Ctrl-C; what is left stays in the store.
    #[arg(long, env = "A7PROBE_SERVE_DRAIN_TIMEOUT", value_name = "DURATION", default_value = "10s", value_parser = parse_duration)]
    pub drain_timeout: Duration,

    /// What to log on stderr: error, warn, info (with the access log), debug, trace, or a filter such as a7probe::access=info.
    #[arg(
        long,
        env = "A7PROBE_SERVE_LOG",
        value_name = "FILTER",
        default_value = "warn"
    )]
    pub log: String,

    /// What keeps the accepted events: a file, or a PostgreSQL database.
    #[arg(
        long,
        env = "A7PROBE_SERVE_STORE",
        value_name = "FILE|postgres://…",
        default_value = "a7probe.db",
        help_heading = "Store"
    )]
    pub store: String,

    /// What a 202 is worth: full is on disk before the answer, none is in memory only (the negative control).
    #[arg(long, env = "A7PROBE_SERVE_DURABILITY", value_enum, default_value_t = DurabilityArg::Full, help_heading = "Store")]
    pub durability: DurabilityArg,

    /// Accepted events that may wait to be processed; beyond, /ingest answers 503.
    #[arg(
        long,
        env = "A7PROBE_SERVE_QUEUE_LIMIT",
        value_name = "N",
        default_value_t = 1_000_000,
        help_heading = "Store"
    )]
    pub queue_limit: u64,

    /// Notifications under way at the same time.
    #[arg(long, env = "A7PROBE_SERVE_WORKERS", value_name = "N", default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..), help_heading = "Work")]
    pub workers: u16,

    /// Attempts at a notification, the first one included, before the event is dead.
    #[arg(long, env = "A7PROBE_SERVE_ATTEMPTS", value_name = "N", default_value_t = Retry::default().attempts, value_parser = clap::value_parser!(u32).range(1..), help_heading = "Work")]
    pub attempts: u32,

    /// Longest pause after the first failed attempt; it doubles with each, up to 30s, with full jitter.
    #[arg(long, env = "A7PROBE_SERVE_RETRY_BASE", value_name = "DURATION", default_value = "500ms", value_parser = parse_duration, help_heading = "Work")]
    pub retry_base: Duration,

    /// What to do when nobody knows whether a notification was sent: send it again, or never.
    #[arg(long, env = "A7PROBE_SERVE_NOTIFY", value_enum, default_value_t = NotifyArg::AtLeastOnce, help_heading = "Work")]
    pub notify: NotifyArg,

    /// Whom a provider call keeps waiting: its own request, or the event loop and so everyone, as a blocking SDK in an async handler does.
    #[arg(long, env = "A7PROBE_SERVE_BLOCK", value_enum, default_value_t = BlockArg::Request, help_heading = "Work")]
    pub block: BlockArg,

    /// Who is notified: `sim` in this process, or the base URL of a SendGrid-shaped server.
    #[arg(
        long,
        env = "A7PROBE_SERVE_PROVIDER",
        value_name = "sim|URL",
        default_value = "sim",
        help_heading = "Provider"
    )]
    pub provider: String,

    /// How long the provider's answer is waited for.
    #[arg(long, env = "A7PROBE_SERVE_PROVIDER_TIMEOUT", value_name = "DURATION", default_value = "10s", value_parser = parse_duration, help_heading = "Provider")]
    pub provider_timeout: Duration,

    /// The provider in this process.
    #[command(flatten)]
    pub simulator: SimulatorArgs,
}

/// How the simulated provider behaves.
#[derive(Args, Debug, Clone)]
pub struct SimulatorArgs {
    /// Seed of every random draw.
    #[arg(
        long,
        env = "A7PROBE_SERVE_SEED",
        value_name = "N",
        default_value_t = 1,
        help_heading = "Simulated provider"
    )]
    pub seed: u64,

    /// Latency: `evidence` (lognormal, P50 163.2 ms, P95 320.5 ms), or a constant such as 20ms.
    #[arg(long, env = "A7PROBE_SERVE_SIM_LATENCY", value_name = "evidence|DURATION", default_value = "evidence", value_parser = latency, help_heading = "Simulated provider")]
    pub sim_latency: LatencyModel,

    /// Draws: `hashed` from seed, event and attempt, or `stratified:N` for the exact quantiles in every N calls.
    #[arg(long, env = "A7PROBE_SERVE_SIM_DRAWS", value_name = "hashed|stratified:N", default_value = "hashed", value_parser = draws, help_heading = "Simulated provider")]
    pub sim_draws: Draws,

    /// Share of the calls that are answered with 500.
    #[arg(long, env = "A7PROBE_SERVE_SIM_ERROR", value_name = "PERCENT", default_value = "0%", value_parser = share, help_heading = "Simulated provider")]
    pub sim_error: f64,

    /// Calls a second; one more is answered with 429.
    #[arg(long, env = "A7PROBE_SERVE_SIM_RATE_LIMIT", value_name = "N", value_parser = clap::value_parser!(u32).range(1..), help_heading = "Simulated provider")]
    pub sim_rate_limit: Option<u32>,
}

/// `--mode`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ModeArg {
    /// 200 after the provider was called.
    Sync,
    /// 202 after a durable commit.
    Background,
}

/// `--block`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum BlockArg {
    /// Each request waits for itself.
    Request,
    /// Every request waits for every call.
    Loop,
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

/// `--notify`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum NotifyArg {
    /// Duplicates are possible, and counted.
    AtLeastOnce,
    /// Omissions are possible, and recorded as unknown.
    AtMostOnce,
}

impl ServeArgs {
    /// The configuration that was meant. Reads the variable that `--token-env` names.
    pub fn config(&self) -> anyhow::Result<Config> {
        Ok(Config {
            mode: match self.mode {
                ModeArg::Sync => Mode::Sync,
                ModeArg::Background => Mode::Background,
            },
            block: match self.block {
                BlockArg::Request => Block::Request,
                BlockArg::Loop => Block::Loop,
            },
            store: self.store_options(),
            provider: match self.provider.as_str() {
                "sim" => ProviderChoice::Simulated(self.simulator.options()),
                url => ProviderChoice::At(url.to_owned()),
            },
            provider_timeout: self.provider_timeout,
            workers: self.workers.into(),
            retry: Retry {
                base: self.retry_base,
                attempts: self.attempts,
                seed: self.simulator.seed,
                ..Retry::default()
            },
            token: self.token_env.as_deref().map(token).transpose()?,
            health: match self.health {
                HealthArg::Shallow => Health::Shallow,
                HealthArg::Deep => Health::Deep,
            },
            drain: self.drain_timeout,
            http_threads: self.http_threads.into(),
            limits: Limits::default(),
        })
    }

    fn store_options(&self) -> StoreOptions {
        StoreOptions {
            durability: match self.durability {
                DurabilityArg::Full => Durability::Full,
                DurabilityArg::None => Durability::None,
            },
            repeat: match self.notify {
                NotifyArg::AtLeastOnce => Repeat::AtLeastOnce,
                NotifyArg::AtMostOnce => Repeat::AtMostOnce,
            },
            backlog: self.queue_limit,
            ..StoreOptions::at(self.store.as_str())
        }
    }
}

impl SimulatorArgs {
    /// The behaviour that was meant.
    pub fn options(&self) -> SimulatorOptions {
        SimulatorOptions {
            seed: self.seed,
            latency: self.sim_latency,
            draws: self.sim_draws,
            error_share: self.sim_error,
            rate_limit: self.sim_rate_limit,
        }
    }
}

fn token(name: &str) -> anyhow::Result<String> {
    let hint = || {
        format!(
            "--token-env {name}: the variable has no value\nhint: export {name} with the token, at least one character"
        )
    };
    let token = std::env::var(name).with_context(hint)?;
    anyhow::ensure!(!token.is_empty(), hint());
    Ok(token)
}

fn latency(text: &str) -> Result<LatencyModel, String> {
    match text {
        "evidence" => Ok(LatencyModel::EVIDENCE),
        constant => parse_duration(constant)
            .map(LatencyModel::Constant)
            .map_err(|error| format!("{error}; or write evidence")),
    }
}

fn draws(text: &str) -> Result<Draws, String> {
    let stratified = |count: &str| {
        count
            .parse::<NonZeroU32>()
            .ok()
            .filter(|count| count.get() <= 1_000_000)
    };
    match text.split_once(':') {
        None if text == "hashed" => Ok(Draws::Hashed),
        Some(("stratified", count)) => stratified(count)
            .map(Draws::Stratified)
            .ok_or_else(|| format!("'{count}' is not a number of calls; use 1 to 1000000")),
        _ => Err("use hashed or stratified:N, such as stratified:600".to_owned()),
    }
}

fn share(text: &str) -> Result<f64, String> {
    let share = parse_percentage(text).map_err(|error| error.to_string())?;
    if share <= 1.0 {
        Ok(share)
    } else {
        Err("a share is at most 100%".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;
    use std::time::Duration;

    use clap::Parser;

    use super::ServeArgs;
    use crate::provider::{Draws, LatencyModel, SimulatorOptions};
    use crate::server::{Config, Mode, ProviderChoice};

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        serve: ServeArgs,
    }

    fn parse(line: &str) -> Result<Config, String> {
        let words = std::iter::once("serve").chain(line.split_whitespace());
        let cli = Cli::try_parse_from(words).map_err(|error| error.to_string())?;
        cli.serve.config().map_err(|error| format!("{error:#}"))
    }

    #[test]
    fn nothing_typed_is_the_library_default() {
        let config = parse("").expect("no flag is needed");
        assert_eq!(
            format!("{config:?}"),
            format!("{:?}", Config::new(Mode::Background, "a7probe.db"))
        );
    }

    #[test]
    fn the_simulator_is_described_by_its_flags() {
        let line = "--sim-latency 20ms --sim-draws stratified:600 --sim-error 5% --sim-rate-limit 10 --seed 7";
        let expected = SimulatorOptions {
            seed: 7,
            latency: LatencyModel::Constant(Duration::from_millis(20)),
            draws: Draws::Stratified(NonZeroU32::new(600).expect("not zero")),
            error_share: 0.05,
            rate_limit: Some(10),
        };
        match parse(line).expect("valid flags").provider {
            ProviderChoice::Simulated(options) => assert_eq!(options, expected),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn wrong_values_are_named_with_their_mend() {
        for (line, words) in [
            ("--sim-latency fast", "or write evidence"),
            ("--sim-draws stratified:0", "use 1 to 1000000"),
            ("--sim-error 101%", "at most 100%"),
            ("--drain-timeout 10", "write 10ms or 10s"),
            ("--workers 0", "0 is not in 1.."),
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
