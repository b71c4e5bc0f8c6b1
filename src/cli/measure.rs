//! The arguments of `measure`, not yet resolved.

use clap::Args;

use super::audit::AuditArgs;
use super::baseline::BaselineArgs;
use super::connection::ConnectionArgs;
use super::data::DataArgs;
use super::guard::GuardArgs;
use super::load::{LoadArgs, TimingArgs};
use super::output::OutputArgs;
use super::rate_file::RateFileArgs;
use super::run_setup::SingleRunArgs;
use super::service::{ServiceArgs, SingleRequestArgs};
use super::settings_file::SettingsArgs;
use super::shard::ShardArgs;
use super::verdict::{GateArgs, TargetArgs};
use super::verdict_rules::VerdictRuleArgs;

/// Measure endpoints and judge their percentiles
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
    pub data: DataArgs,

    #[command(flatten)]
    pub load: LoadArgs,

    #[command(flatten)]
    pub rate_file: RateFileArgs,

    #[command(flatten)]
    pub timing: TimingArgs,

    #[command(flatten)]
    pub shard: ShardArgs,

    #[command(flatten)]
    pub gates: GateArgs,

    #[command(flatten)]
    pub limit: TargetArgs,

    #[command(flatten)]
    pub baseline: BaselineArgs,

    #[command(flatten)]
    pub rules: VerdictRuleArgs,

    #[command(flatten)]
    pub guard: GuardArgs,

    #[command(flatten)]
    pub audit: AuditArgs,

    #[command(flatten)]
    pub connection: ConnectionArgs,

    /// Open a new connection for every request.
    #[arg(long, help_heading = "Connection and TLS")]
    pub disable_keepalive: bool,

    #[command(flatten)]
    pub run: SingleRunArgs,

    #[command(flatten)]
    pub settings: SettingsArgs,

    #[command(flatten)]
    pub output: OutputArgs,
}
