//! What can be typed after `measure`; nothing here is decided yet.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use clap::builder::TypedValueParser as _;

use super::audit::AuditArgs;
use super::guard::GuardArgs;
use super::output::OutputArgs;
use crate::run::plan::Arrivals;
use crate::units::parse_duration;

/// Sample endpoints of a service, judge the percentiles against gates, save and report.
#[derive(Args, Debug, Clone, Default)]
#[command(after_help = "Examples:
  a7probe measure http://127.0.0.1:8080
  a7probe measure https://a7.example --get health=/healthz --post ingest=/v2/ingest --target 200ms
  a7probe measure http://127.0.0.1:8080 -q 100 -z 60s --gate 'ingest p99 <= 300ms' --save run.json
  a7probe measure http://127.0.0.1:8080/search -m GET -c 32 -n 10000      one URL, closed model")]
pub struct MeasureArgs {
    /// Base URL of the service; with -m, -d, -D or -T the URL of the one request to send.
    #[arg(env = "A7PROBE_URL", hide_env_values = true, value_name = "URL")]
    pub url: Option<String>,

    /// Measure GET PATH and call it NAME (repeatable; replaces the default endpoints).
    #[arg(long, value_name = "NAME=PATH", help_heading = "Endpoints")]
    pub get: Vec<String>,

    /// Measure POST PATH and call it NAME (repeatable; replaces the default endpoints).
    #[arg(long, value_name = "NAME=PATH", help_heading = "Endpoints")]
    pub post: Vec<String>,

    /// Method of the one request to the URL itself.
    #[arg(short, long, value_name = "METHOD", help_heading = "Endpoints")]
    pub method: Option<String>,

    /// Body, may hold {{uuid}}, {{ n }} and {{now}}; @FILE reads a file; NAME= picks the endpoint.
    #[arg(
        short = 'd',
        long = "body",
        value_name = "[NAME=]TEXT|@FILE",
        help_heading = "Endpoints"
    )]
    pub body: Vec<String>,

    /// Body from a file.
    #[arg(
        short = 'D',
        long,
        value_name = "FILE",
        help_heading = "Endpoints",
        conflicts_with = "body"
    )]
    pub body_file: Option<PathBuf>,

    /// Content-Type of bodies [default: application/json].
    #[arg(short = 'T', long, value_name = "TYPE", help_heading = "Endpoints")]
    pub content_type: Option<String>,

    /// Header of every request (repeatable).
    #[arg(
        short = 'H',
        long,
        value_name = "NAME: VALUE",
        help_heading = "Endpoints"
    )]
    pub header: Vec<String>,

    /// Statuses that count as ok: 202, 2xx, 200-204 or a list; NAME= picks the endpoint [default: 2xx].
    #[arg(long, value_name = "[NAME=]STATUSES", help_heading = "Endpoints")]
    pub expect: Vec<String>,

    /// Requests per second of each endpoint (never per worker); NAME= picks the endpoint [default: 20/s].
    #[arg(
        short = 'q',
        long,
        env = "A7PROBE_RATE",
        value_delimiter = ',',
        value_name = "[NAME=]RATE",
        help_heading = "Load"
    )]
    pub rate: Vec<String>,

    /// Requests to each endpoint: a fixed number, judged once at the end.
    #[arg(
        short = 'n',
        long,
        alias = "samples",
        env = "A7PROBE_REQUESTS",
        value_name = "N",
        value_parser = clap::value_parser!(u64).range(1..),
        help_heading = "Load",
        conflicts_with = "duration"
    )]
    pub requests: Option<u64>,

    /// How long to send, warm-up not counted: a fixed time, judged once at the end.
    #[arg(short = 'z', long, env = "A7PROBE_DURATION", value_name = "TIME", value_parser = positive_duration(), help_heading = "Load")]
    pub duration: Option<Duration>,

    /// The run stops as soon as every gate is decided, or when this is spent [default: 120s].
    #[arg(long, env = "A7PROBE_BUDGET", value_name = "TIME", value_parser = positive_duration(), help_heading = "Load", conflicts_with_all = ["duration", "requests"])]
    pub budget: Option<Duration>,

    /// Requests in flight. Without a rate this is the closed model, which sees service time only; with a rate
    /// it caps what is in flight.
    #[arg(short = 'c', long, env = "A7PROBE_CONCURRENCY", value_name = "N", value_parser = clap::value_parser!(u32).range(1..=65_535), help_heading = "Load")]
    pub concurrency: Option<u32>,

    /// How the schedule spreads requests over time [default: jitter].
    #[arg(long, env = "A7PROBE_ARRIVALS", value_name = "KIND", value_parser = arrivals(), help_heading = "Load")]
    pub arrivals: Option<Arrivals>,

    /// Seed of the schedule; the one that was used is printed and saved [default: random].
    #[arg(long, env = "A7PROBE_SEED", value_name = "N", help_heading = "Load")]
    pub seed: Option<u64>,

    /// Sent before the run and recorded apart; 0s for none [default: 2s].
    #[arg(long, env = "A7PROBE_WARMUP", value_name = "TIME", value_parser = parse_duration, help_heading = "Load")]
    pub warmup: Option<Duration>,

    /// Longest response time that is waited for [default: 10s].
    #[arg(short = 't', long, env = "A7PROBE_TIMEOUT", value_name = "TIME", value_parser = positive_duration(), help_heading = "Load")]
    pub timeout: Option<Duration>,

    /// What must hold (repeatable; replaces the default gates): 'health p95 <= 150ms', '* p99 <= 300ms',
    /// 'ingest error_rate <= 0.1%', with the suffix 'warn' to report only.
    #[arg(
        long,
        env = "A7PROBE_GATE",
        value_delimiter = ';',
        value_name = "GATE",
        help_heading = "Verdict"
    )]
    pub gate: Vec<String>,

    /// Limit of the default gates, P50, P95 and P99 of every endpoint; with --gate it adds them [default: 150ms].
    #[arg(long, env = "A7PROBE_TARGET", value_name = "TIME", value_parser = positive_duration(), help_heading = "Verdict")]
    pub target: Option<Duration>,

    /// How bursts are judged.
    #[command(flatten)]
    pub guard: GuardArgs,

    /// What is asked after the run.
    #[command(flatten)]
    pub audit: AuditArgs,

    /// Accept any certificate.
    #[arg(
        short = 'k',
        long,
        help_heading = "Connection",
        conflicts_with = "cacert"
    )]
    pub insecure: bool,

    /// Trust these CA certificates (PEM) instead of the system's.
    #[arg(
        long,
        env = "A7PROBE_CACERT",
        value_name = "FILE",
        help_heading = "Connection"
    )]
    pub cacert: Option<PathBuf>,

    /// Client certificate chain (PEM).
    #[arg(
        long,
        value_name = "FILE",
        help_heading = "Connection",
        requires = "key"
    )]
    pub cert: Option<PathBuf>,

    /// Private key of the client certificate (PEM).
    #[arg(
        long,
        value_name = "FILE",
        help_heading = "Connection",
        requires = "cert"
    )]
    pub key: Option<PathBuf>,

    /// Connect here instead of to the URL's host and port.
    #[arg(
        long,
        value_name = "HOST:PORT",
        help_heading = "Connection",
        conflicts_with = "unix_socket"
    )]
    pub connect_to: Option<String>,

    /// Connect to this Unix socket.
    #[arg(long, value_name = "FILE", help_heading = "Connection")]
    pub unix_socket: Option<PathBuf>,

    /// Open a new connection for every request.
    #[arg(long, help_heading = "Connection")]
    pub disable_keepalive: bool,

    /// Wait so long for the service to answer before the run begins.
    #[arg(long, env = "A7PROBE_WAIT_READY", value_name = "TIME", value_parser = positive_duration(), help_heading = "Run")]
    pub wait_ready: Option<Duration>,

    /// Do not ask every endpoint once before the run.
    #[arg(long, help_heading = "Run", conflicts_with = "wait_ready")]
    pub no_preflight: bool,

    /// Do not measure the instrument's own error before the run (2 s, on loopback); the report says so.
    #[arg(long, help_heading = "Run")]
    pub no_calibration: bool,

    /// Put what `a7probe selftest --save FILE` said of the instrument into the run.
    #[arg(long, value_name = "FILE", help_heading = "Run")]
    pub certificate: Option<PathBuf>,

    /// Print the resolved plan, and per gate whether the plan can decide it; send nothing.
    #[arg(long, help_heading = "Run")]
    pub dry_run: bool,

    /// Save the run as JSON, for judge and compare.
    #[arg(long, env = "A7PROBE_SAVE", value_name = "FILE", help_heading = "Run")]
    pub save: Option<PathBuf>,

    /// Keep the bodies' templates in the saved run; without it, their length, type and 16 bits of their SHA-256.
    #[arg(long, help_heading = "Run")]
    pub save_bodies: bool,

    /// Settings file [default: a7probe.toml here, if there is one].
    #[arg(
        long,
        env = "A7PROBE_CONFIG",
        value_name = "FILE",
        help_heading = "Run"
    )]
    pub config: Option<PathBuf>,

    /// Profile of the settings file.
    #[arg(
        long,
        env = "A7PROBE_PROFILE",
        value_name = "NAME",
        help_heading = "Run"
    )]
    pub profile: Option<String>,

    /// How the result is shown.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// A duration above zero.
pub(crate) fn positive_duration() -> impl clap::builder::TypedValueParser<Value = Duration> {
    clap::builder::StringValueParser::new().try_map(|text| match parse_duration(&text) {
        Ok(duration) if duration.is_zero() => {
            Err(format!("'{text}' is no time; it must be above 0"))
        }
        Ok(duration) => Ok(duration),
        Err(e) => Err(e.to_string()),
    })
}

fn arrivals() -> impl clap::builder::TypedValueParser<Value = Arrivals> {
    clap::builder::PossibleValuesParser::new(["jitter", "grid", "poisson"]).map(|text| {
        match text.as_str() {
            "grid" => Arrivals::Grid,
            "poisson" => Arrivals::Poisson,
            _ => Arrivals::Jitter,
        }
    })
}
