//! The arguments of `a7probe merge`.

use std::path::PathBuf;

use clap::Args;
use clap::builder::{OsStr, Resettable};

use super::audit::AuditArgs;
use super::baseline::BaselineArgs;
use super::connection::ConnectionArgs;
use super::guard::GuardArgs;
use super::output::OutputArgs;
use super::run_setup::SaveArgs;
use super::service::HeaderArgs;
use super::verdict::{GateArgs, TargetArgs};
use super::verdict_rules::InconclusiveArgs;

/// Judge a run that was sharded over machines
#[derive(Clone, Debug, Args)]
#[command(
    mut_arg("gate", |arg| arg.env(Resettable::<OsStr>::Reset).help(
        "Gate, such as 'health p95 <= 150ms' (repeatable); replaces the gates of the shards"
    )),
    mut_arg("target", |arg| arg.env(Resettable::<OsStr>::Reset).help(
        "Limit for P50, P95 and P99 of every endpoint, in place of the gates of the shards"
    )),
    mut_arg("header", |arg| arg.help("Header of the audit's questions, such as credentials (repeatable)")),
    mut_arg("audit", |arg| arg.help(
        "Audit accepted events [default: if the shards were to be audited]"
    )),
    mut_arg("audit_ttl", |arg| arg.hide(true).env(Resettable::<OsStr>::Reset)),
    mut_arg("resend", |arg| arg.hide(true)),
    mut_arg("location", |arg| arg.hide(true)),
    mut_arg("trace", |arg| arg.hide(true)),
    mut_arg("streams", |arg| arg.hide(true).env(Resettable::<OsStr>::Reset)),
    mut_arg("save", |arg| arg.env(Resettable::<OsStr>::Reset).help(
        "Save the merged run as JSON, for judge and compare: a file, or an https:// URL that takes a PUT"
    )),
    after_help = "Examples:
  a7probe merge shards/                               with the gates of the run
  a7probe merge shards/ --save run.json -o report.html
  a7probe merge shard-0.json shard-1.json --gate 'p99 <= 300ms'
  a7probe merge https://bucket.example/shard-0.json https://bucket.example/shard-1.json

The shards' evidence is merged request by request, and judged as one machine's run. Where a shard is missing or was cut, a FAIL stands and no gate passes."
)]
pub struct MergeArgs {
    /// Files that a7probe measure --shard saved, folders of them, or URLs
    #[arg(required = true, value_name = "DIR|FILE|URL")]
    pub shards: Vec<PathBuf>,

    #[command(flatten)]
    pub gates: GateArgs,

    #[command(flatten)]
    pub limit: TargetArgs,

    #[command(flatten)]
    pub baseline: BaselineArgs,

    /// How slow spells are judged; without it, as the run was measured.
    #[command(flatten)]
    pub guard: GuardArgs,

    #[command(flatten)]
    pub inconclusive: InconclusiveArgs,

    #[command(flatten)]
    pub audit: AuditArgs,

    #[command(flatten)]
    pub headers: HeaderArgs,

    #[command(flatten)]
    pub connection: ConnectionArgs,

    #[command(flatten)]
    pub save: SaveArgs,

    #[command(flatten)]
    pub output: OutputArgs,
}
