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

    /// End with stdin, for a parent process.
    #[arg(long, hide = true)]
    pub until_stdin_ends: bool,

    /// How long queued work may go on after SIGTERM or Ctrl-C; then calls of the provider that are under way end, within
    /// --provider-timeout. What is left stays in the store; a second signal ends at once.
    #[arg(long, env = "A7PROBE_SERVE_DRAIN_TIMEOUT", value_name = "DURATION", default_value = "10s", value_parser = parse_duration)]
    pub drain_timeout: Duration,

    /// What keeps the accepted events: a file, or a PostgreSQL database.
    #[arg(
        long,
        env = "A7PROBE_SERVE_STORE",
        hide_env_values = true,
        value_name = "FILE|postgres://…",
        default_value = "a7probe.db",
        help_heading = "Store"
    )]
    pub store: String,

    /// How long an attempt is its owner's alone; then another worker may take the event over.
    #[arg(long, env = "A7PROBE_SERVE_LEASE", value_name = "DURATION", default_value = "60s", value_parser = parse_duration, help_heading = "Work")]
    pub lease: Duration,

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

    /// Failures of the provider in a row after which it is not asked for a while; 0: it always is.
    #[arg(long, env = "A7PROBE_SERVE_BREAKER_FAILURES", value_name = "N", default_value_t = BreakerOptions::default().failures, help_heading = "Work")]
    pub breaker_failures: u32,

    /// How long it is not asked the first time, unless it names a time; doubles up to 30s.
    #[arg(long, env = "A7PROBE_SERVE_BREAKER_OPEN", value_name = "DURATION", default_value = "1s", value_parser = parse_duration, help_heading = "Work")]
    pub breaker_open: Duration,

    /// Who is notified: `sim` in this process, or the base URL of a SendGrid-shaped server, which is asked at v3/mail/send below it.
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

    /// How long the provider's answer is waited for.
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

    /// Draws: `hashed` from seed, event and attempt, or `stratified:N` for the exact quantiles in every N calls.
    #[arg(long, env = "A7PROBE_SERVE_SIM_DRAWS", value_name = "hashed|stratified:N", default_value = "hashed", value_parser = draws, help_heading = "Simulated provider")]
    pub sim_draws: Draws,

    /// Share of the calls that are answered with 500.
    #[arg(long, env = "A7PROBE_SERVE_SIM_ERROR", value_name = "PERCENT", default_value = "0%", value_parser = share, help_heading = "Simulated provider")]
    pub sim_error: f64,

    /// Calls a second; one more is answered with 429.
    #[arg(long, env = "A7PROBE_SERVE_SIM_RATE_LIMIT", value_name = "N", value_parser = clap::value_parser!(u32).range(1..), help_heading = "Simulated provider")]
    pub sim_rate_limit: Option<u32>,

    /// Answer everything with 503 for a time, counted from the start, such as 10s..20s.
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
    /// Refuses what was typed about another provider than the one that is named.
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        let simulated = self.provider == "sim";
        self.typed.has_use(
            "provider_key_env",
            !simulated,
            "the simulated provider asks for no key",
            "add --provider URL",
        )?;
        let because = format!("the provider is at {}", self.provider);
        for id in SIMULATED {
            let hint = "leave it out, or give it to `a7probe provider`";
            self.typed.has_use(id, simulated, &because, hint)?;
        }
        Ok(())
    }

    /// The store that was meant, with the defaults of everything that only a server asks.
    pub(crate) fn store_options(&self) -> anyhow::Result<StoreOptions> {
        anyhow::ensure!(
            self.lease > self.provider_timeout,
            "--lease {:?} is not longer than --provider-timeout {:?}\nhint: an attempt must end before its lease, or another worker makes it too",
            self.lease,
            self.provider_timeout
        );
        let location = Location::parse(&self.store);
        // Not repeated: a URL of whatever scheme may hold a password.
        anyhow::ensure!(
            matches!(location, Location::Postgres(_)) || !is_a_connection(&self.store),
            "--store is neither a file nor a postgres:// URL\nhint: write a file's name, or postgres://user@host/database"
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
            "{flag} {name}: the variable has no value\nhint: export {name} with the token, at least one character"
        )
    };
    let token = std::env::var(name).with_context(hint)?;
    anyhow::ensure!(!token.is_empty(), hint());
    check_token(flag, name, &token)?;
    Ok(token)
}

/// A header carries nothing else, and takes the space at its ends away: such a token would fit nobody's.
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
        "{flag} {name}: the variable {what}, and a token is visible ASCII only\n\
         hint: export {name}=\"$(cat FILE)\" leaves out the newline at the end of a file"
    )
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
