//! What `serve` and `worker` share: where the work is, how it is done, and who is notified.

use std::num::NonZeroU32;
use std::time::Duration;

use anyhow::Context as _;
use clap::{Args, ValueEnum};

use super::typed_flags::TypedFlags;
use crate::reference::provider::{Draws, LatencyModel, PlannedOutage, SimulatorOptions};
use crate::reference::queue::{Dispatch, DispatchError};
use crate::reference::server::ProviderChoice;
use crate::reference::store::{Location, RepeatPolicy, StoreOptions};
use crate::reference::worker::{BreakerOptions, Retry};
use crate::units::{parse_duration, parse_percentage};

/// The work on accepted events.
#[derive(Args, Debug, Clone)]
pub struct WorkArgs {
    /// Must come first; see there.
    #[command(flatten)]
    typed: TypedFlags,

    /// Stop when stdin closes, for a parent process.
    #[arg(long, hide = true)]
    pub until_stdin_ends: bool,

    /// Time to finish queued events after SIGTERM or Ctrl-C; then calls of the provider in progress end, within
    /// --provider-timeout. Other events stay in the store; a second signal stops at once.
    #[arg(long, env = "A7PROBE_SERVE_DRAIN_TIMEOUT", value_name = "DURATION", default_value = "10s", value_parser = parse_duration, help_heading = "Work")]
    pub drain_timeout: Duration,

    /// Store of the accepted events: a file, or a PostgreSQL database.
    #[arg(
        long,
        env = "A7PROBE_SERVE_STORE",
        hide_env_values = true,
        value_name = "FILE|postgres://…",
        default_value = "a7probe.db",
        help_heading = "Store"
    )]
    pub store: String,

    /// Lease of an attempt; after it another worker may take over the event.
    #[arg(long, env = "A7PROBE_SERVE_LEASE", value_name = "DURATION", default_value = "60s", value_parser = parse_duration, help_heading = "Work")]
    pub lease: Duration,

    /// Concurrent notifications.
    #[arg(long, env = "A7PROBE_SERVE_WORKERS", value_name = "N", default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..), help_heading = "Work")]
    pub workers: u16,

    /// Attempts at a notification, including the first, before the event is dead.
    #[arg(long, env = "A7PROBE_SERVE_ATTEMPTS", value_name = "N", default_value_t = Retry::default().attempts, value_parser = clap::value_parser!(u32).range(1..), help_heading = "Work")]
    pub attempts: u32,

    /// Longest pause after the first failed attempt; doubles with each attempt, up to 30s, with full jitter.
    #[arg(long, env = "A7PROBE_SERVE_RETRY_BASE", value_name = "DURATION", default_value = "500ms", value_parser = parse_duration, help_heading = "Work")]
    pub retry_base: Duration,

    /// Delivery if it is unknown whether a notification was sent: send it again, or never.
    #[arg(long, env = "A7PROBE_SERVE_NOTIFY", value_enum, default_value_t = NotifyArg::AtLeastOnce, help_heading = "Work")]
    pub notify: NotifyArg,

    /// Consecutive failures of the provider that open the circuit breaker; 0 for no breaker.
    #[arg(long, env = "A7PROBE_SERVE_BREAKER_FAILURES", value_name = "N", default_value_t = BreakerOptions::default().failures, help_heading = "Work")]
    pub breaker_failures: u32,

    /// First pause of the open circuit breaker, unless the provider names a time; doubles up to 30s.
    #[arg(long, env = "A7PROBE_SERVE_BREAKER_OPEN", value_name = "DURATION", default_value = "1s", value_parser = parse_duration, help_heading = "Work")]
    pub breaker_open: Duration,

    /// Mail provider: `sim` in this process, or the base URL of a server with SendGrid's API (POST v3/mail/send).
    #[arg(
        long,
        env = "A7PROBE_SERVE_PROVIDER",
        hide_env_values = true,
        value_name = "sim|URL",
        default_value = "sim",
        help_heading = "Provider"
    )]
    pub provider: String,

    /// Send the API key in this environment variable to a provider at a URL.
    #[arg(
        long,
        env = "A7PROBE_SERVE_PROVIDER_KEY_ENV",
        value_name = "NAME",
        help_heading = "Provider"
    )]
    pub provider_key_env: Option<String>,

    /// Timeout of a call of the provider.
    #[arg(long, env = "A7PROBE_SERVE_PROVIDER_TIMEOUT", value_name = "DURATION", default_value = "10s", value_parser = parse_duration, help_heading = "Provider")]
    pub provider_timeout: Duration,

    #[command(flatten)]
    pub simulator: SimulatorArgs,
}

/// Does it look like a URL, or like the key words of libpq?
fn is_a_connection(store: &str) -> bool {
    let scheme = store.split([':', '/']).next().unwrap_or_default();
    let is_url = store.contains("://") || (store.contains('@') && scheme.starts_with("postgres"));
    is_url || store.to_ascii_lowercase().contains("password=")
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

    /// Random draws: `hashed` from seed, event and attempt, or `stratified:N` for the exact quantiles in every N calls.
    #[arg(long, env = "A7PROBE_SERVE_SIM_DRAWS", value_name = "hashed|stratified:N", default_value = "hashed", value_parser = draws, help_heading = "Simulated provider")]
    pub sim_draws: Draws,

    /// Share of calls answered with 500.
    #[arg(long, env = "A7PROBE_SERVE_SIM_ERROR", value_name = "PERCENT", default_value = "0%", value_parser = share, help_heading = "Simulated provider")]
    pub sim_error: f64,

    /// Calls per second; more get 429.
    #[arg(long, env = "A7PROBE_SERVE_SIM_RATE_LIMIT", value_name = "N", value_parser = clap::value_parser!(u32).range(1..), help_heading = "Simulated provider")]
    pub sim_rate_limit: Option<u32>,

    /// Answer every call with 503 during this time after the start, such as 10s..20s.
    #[arg(
        long,
        env = "A7PROBE_SERVE_SIM_OUTAGE",
        value_name = "FROM..TO",
        help_heading = "Simulated provider"
    )]
    pub sim_outage: Option<PlannedOutage>,
}

/// What only the simulator asks; the seed is that of the retries' jitter too.
const SIMULATED: [&str; 5] = [
    "sim_latency",
    "sim_draws",
    "sim_error",
    "sim_rate_limit",
    "sim_outage",
];

/// `--notify`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum NotifyArg {
    /// Duplicates are possible, and counted.
    AtLeastOnce,
    /// Omissions are possible, and recorded as unknown.
    AtMostOnce,
}

impl WorkArgs {
    /// Refuses flags of a provider other than the named one.
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        let simulated = self.provider == "sim";
        self.typed.has_use(
            "provider_key_env",
            !simulated,
            "the simulated provider needs no key",
            "add --provider URL",
        )?;
        let because = format!("--provider names {}", self.provider);
        for id in SIMULATED {
            let hint = "leave it out, or use it with `a7probe provider`";
            self.typed.has_use(id, simulated, &because, hint)?;
        }
        Ok(())
    }

    /// The store that was meant, with the defaults of everything that only a server asks.
    pub(crate) fn store_options(&self) -> anyhow::Result<StoreOptions> {
        anyhow::ensure!(
            self.lease > self.provider_timeout,
            "--lease {:?} is not longer than --provider-timeout {:?}\nhint: use a longer --lease, so that an attempt ends before another worker repeats it",
            self.lease,
            self.provider_timeout
        );
        let location = Location::parse(&self.store);
        // Not repeated: a URL of whatever scheme may hold a password.
        anyhow::ensure!(
            matches!(location, Location::Postgres(_)) || !is_a_connection(&self.store),
            "--store is neither a file nor a postgres:// URL\nhint: write a file's name, or postgres://HOST/DATABASE"
        );
        Ok(StoreOptions {
            repeat: match self.notify {
                NotifyArg::AtLeastOnce => RepeatPolicy::AtLeastOnce,
                NotifyArg::AtMostOnce => RepeatPolicy::AtMostOnce,
            },
            lease: self.lease,
            ..StoreOptions::at(location)
        })
    }

    /// Who is notified.
    pub(crate) fn provider(&self) -> ProviderChoice {
        match self.provider.as_str() {
            "sim" => ProviderChoice::Simulated(self.simulator.options()),
            url => ProviderChoice::At(url.to_owned()),
        }
    }

    /// The key for it. Reads the variable that `--provider-key-env` names.
    pub(crate) fn provider_key(&self) -> anyhow::Result<Option<String>> {
        (self.provider_key_env.as_deref())
            .map(|name| secret("--provider-key-env", name))
            .transpose()
    }

    /// What follows a failure.
    pub(crate) fn retry(&self) -> Retry {
        Retry {
            base: self.retry_base,
            attempts: self.attempts,
            seed: self.simulator.seed,
            ..Retry::default()
        }
    }

    /// When the provider is not asked for a while.
    pub(crate) fn breaker(&self) -> BreakerOptions {
        BreakerOptions {
            failures: self.breaker_failures,
            open_for: self.breaker_open,
            ..BreakerOptions::default()
        }
    }
}

impl SimulatorArgs {
    /// The behaviour that was meant.
    pub(crate) fn options(&self) -> SimulatorOptions {
        SimulatorOptions {
            seed: self.seed,
            latency: self.sim_latency,
            draws: self.sim_draws,
            error_share: self.sim_error,
            rate_limit: self.sim_rate_limit,
            outage: self.sim_outage,
        }
    }
}

/// The broker at a URL. Not a value parser: clap would repeat the password in the URL of what is wrong, and where that
/// came from the environment too.
pub(super) fn broker(flag: &str, url: &str) -> anyhow::Result<Dispatch> {
    url.parse()
        .map_err(|error: DispatchError| anyhow::anyhow!("{flag}: {error}"))
}

/// The value of an environment variable that must have one.
pub(super) fn secret(flag: &str, name: &str) -> anyhow::Result<String> {
    let hint = || {
        format!(
            "{flag} {name}: the variable is not set or empty\nhint: export {name} with the token"
        )
    };
    let token = std::env::var(name).with_context(hint)?;
    anyhow::ensure!(!token.is_empty(), hint());
    check_token(flag, name, &token)?;
    Ok(token)
}

/// A header value has visible ASCII only, and loses the spaces at its ends: no request could match such a token.
fn check_token(flag: &str, name: &str, token: &str) -> anyhow::Result<()> {
    let wrong = |c: char| !c.is_ascii_graphic();
    let what = match token.chars().rev().find(|c| wrong(*c)) {
        None => return Ok(()),
        Some('\n' | '\r') if token.ends_with(['\n', '\r']) => "ends with a newline".to_owned(),
        Some('\n' | '\r') => "contains a newline".to_owned(),
        Some(' ') => "contains a space".to_owned(),
        Some(c) => format!("contains U+{:04X}", u32::from(c)),
    };
    anyhow::bail!(
        "{flag} {name}: the variable {what}; a token is visible ASCII only\nhint: export {name}=\"$(cat FILE)\" leaves out the newline at the end of a file"
    )
}

fn latency(text: &str) -> Result<LatencyModel, String> {
    match text {
        "evidence" => Ok(LatencyModel::EVIDENCE),
        constant => parse_duration(constant)
            .map(LatencyModel::Constant)
            .map_err(|error| {
                format!(
                    "{}\nhint: write a duration such as 20ms, or evidence",
                    error
                        .to_string()
                        .split([';', ','])
                        .next()
                        .unwrap_or_default()
                )
            }),
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
    use super::check_token;

    #[test]
    fn a_token_that_no_header_can_carry_is_refused_and_not_shown() {
        assert!(check_token("--token-env", "TOKEN", "s3cret~!").is_ok());
        for (token, what) in [
            ("s3cret\n", "ends with a newline"),
            ("s3cret\r\n", "ends with a newline"),
            ("s3\ncret", "contains a newline"),
            ("s3 cret", "contains a space"),
            ("s3\tcret", "contains U+0009"),
            ("s3crèt", "contains U+00E8"),
        ] {
            let refused = check_token("--token-env", "TOKEN", token).expect_err(what);
            let refused = refused.to_string();
            assert!(
                refused.starts_with(&format!("--token-env TOKEN: the variable {what}")),
                "{refused}"
            );
            assert!(refused.contains("hint: export TOKEN="), "{refused}");
            assert!(!refused.contains("s3"), "{refused}");
        }
    }
}
