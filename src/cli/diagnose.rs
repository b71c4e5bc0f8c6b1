//! What can be typed after `diagnose`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::measure::{MeasureArgs, positive_duration};
use super::output::OutputArgs;

/// Which root cause do the data support: connection set-up, a slow call, a blocked event loop, queueing, this machine?
#[derive(Args, Debug, Clone)]
#[command(after_help = "\
Examples:
  a7probe diagnose http://127.0.0.1:8080
  a7probe diagnose https://a7.example --get health=/healthz --post ingest=/v2/events -q 50
  a7probe diagnose http://127.0.0.1:8080 --budget 20s --report markdown=diagnosis.md --save steps/

Exit codes: 0 nothing wrong, 1 a likely cause found, 3 cannot tell, 4 target unreachable.")]
pub struct DiagnoseArgs {
    /// Base URL of the service.
    #[arg(env = "A7PROBE_URL", hide_env_values = true, value_name = "URL")]
    pub url: Option<String>,

    /// GET PATH, called NAME: of two endpoints the first should be quick whatever else happens, the second is under
    /// suspicion [default: health=/health].
    #[arg(long, value_name = "NAME=PATH", help_heading = "Endpoints")]
    pub get: Vec<String>,

    /// POST PATH, called NAME; after those of --get [default: ingest=/ingest].
    #[arg(long, value_name = "NAME=PATH", help_heading = "Endpoints")]
    pub post: Vec<String>,

    /// Body, may hold {{uuid}}, {{ n }} and {{now}}; @FILE reads a file; NAME= picks the endpoint.
    #[arg(
        short = 'd',
        long = "body",
        value_name = "[NAME=]TEXT|@FILE",
        help_heading = "Endpoints"
    )]
    pub body: Vec<String>,

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
    #[arg(long, value_name = "[NAME=]STATUS", help_heading = "Endpoints")]
    pub expect: Vec<String>,

    /// The load that the service should bear, requests per second to each endpoint; NAME= picks one. Most steps use
    /// less [default: 20].
    #[arg(
        short = 'q',
        long = "rate",
        value_name = "[NAME=]RATE",
        help_heading = "Load"
    )]
    pub rate: Vec<String>,

    /// All steps together take at most so long.
    #[arg(long, env = "A7PROBE_DIAGNOSE_BUDGET", value_name = "TIME", default_value = "60s", value_parser = positive_duration(), help_heading = "Load")]
    pub budget: Duration,

    /// What latency should be within; a tenth of it is the least that matters [default: 150ms].
    #[arg(long, env = "A7PROBE_TARGET", value_name = "TIME", value_parser = positive_duration(), help_heading = "Load")]
    pub target: Option<Duration>,

    /// Longest response time that is waited for; never more than 10 % of the budget [default: 10s].
    #[arg(short = 't', long, env = "A7PROBE_TIMEOUT", value_name = "TIME", value_parser = positive_duration(), help_heading = "Load")]
    pub timeout: Option<Duration>,

    /// Seed of the schedules [default: random].
    #[arg(long, env = "A7PROBE_SEED", value_name = "N", help_heading = "Load")]
    pub seed: Option<u64>,

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

    /// Wait so long for the service to answer before the first step.
    #[arg(long, env = "A7PROBE_WAIT_READY", value_name = "TIME", value_parser = positive_duration(), help_heading = "Run")]
    pub wait_ready: Option<Duration>,

    /// Print the steps; send nothing.
    #[arg(long, help_heading = "Run")]
    pub dry_run: bool,

    /// Save the run of every step here, for judge and compare.
    #[arg(long, value_name = "FOLDER", help_heading = "Run")]
    pub save: Option<PathBuf>,

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

impl DiagnoseArgs {
    /// The same service as `measure` would be told of.
    pub(super) fn as_measure(&self) -> MeasureArgs {
        MeasureArgs {
            url: self.url.clone(),
            get: self.get.clone(),
            post: self.post.clone(),
            body: self.body.clone(),
            content_type: self.content_type.clone(),
            header: self.header.clone(),
            expect: self.expect.clone(),
            rate: self.rate.clone(),
            duration: Some(self.budget),
            target: self.target,
            timeout: self.timeout,
            seed: self.seed,
            insecure: self.insecure,
            cacert: self.cacert.clone(),
            cert: self.cert.clone(),
            key: self.key.clone(),
            connect_to: self.connect_to.clone(),
            unix_socket: self.unix_socket.clone(),
            config: self.config.clone(),
            profile: self.profile.clone(),
            ..MeasureArgs::default()
        }
    }
}
