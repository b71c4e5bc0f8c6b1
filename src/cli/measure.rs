//! What can be typed after `measure`; nothing here is decided yet.

use std::time::Duration;

use clap::Args;

use super::audit::AuditArgs;
use super::connection::ConnectionArgs;
use super::guard::GuardArgs;
use super::load::{LoadArgs, TimingArgs};
use super::output::OutputArgs;
use super::run_setup::SingleRunArgs;
use super::service::{ServiceArgs, SingleRequestArgs};
use super::settings_file::SettingsArgs;
use super::value::positive_duration;

/// Sample endpoints of a service, judge the percentiles against gates, save and report.
#[derive(Args, Debug, Clone, Default)]
#[command(after_help = "Examples:
  a7probe measure http://127.0.0.1:8080
  a7probe measure https://a7.example --get health=/healthz --post ingest=/v2/ingest --target 200ms
  a7probe measure http://127.0.0.1:8080 -q 100 -z 60s --gate 'ingest p99 <= 300ms' --save run.json
  a7probe 127.0.0.1:8080/search -c 32 -n 10000      one URL, closed model")]
pub struct MeasureArgs {
    #[command(flatten)]
    pub service: ServiceArgs,

    /// One URL instead of named endpoints.
    #[command(flatten)]
    pub single: SingleRequestArgs,

    #[command(flatten)]
    pub load: LoadArgs,

    #[command(flatten)]
    pub timing: TimingArgs,

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

    #[command(flatten)]
    pub guard: GuardArgs,

    #[command(flatten)]
    pub audit: AuditArgs,

    #[command(flatten)]
    pub connection: ConnectionArgs,

    /// Open a new connection for every request.
    #[arg(long, help_heading = "Connection")]
    pub disable_keepalive: bool,

    #[command(flatten)]
    pub run: SingleRunArgs,

    #[command(flatten)]
    pub settings: SettingsArgs,

    #[command(flatten)]
    pub output: OutputArgs,
}
