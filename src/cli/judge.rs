//! The arguments of `a7probe judge`.

use std::path::PathBuf;

use clap::Args;
use clap::builder::{OsStr, Resettable};

use super::baseline::BaselineArgs;
use super::guard::GuardArgs;
use super::import::ImportArgs;
use super::output::OutputArgs;
use super::verdict::{GateArgs, TargetArgs};
use super::verdict_rules::InconclusiveArgs;

/// Judge saved runs, or results of other load tools
#[derive(Clone, Debug, Args)]
#[command(
    mut_arg("gate", |arg| arg.env(Resettable::<OsStr>::Reset).help(
        "Gate, such as 'health p95 <= 150ms' (repeatable); replaces the saved or default gates"
    )),
    mut_arg("target", |arg| arg.help(
        "Limit for P50, P95 and P99 of every endpoint [default: 150ms, unless there are other gates]"
    )),
    after_help = "Examples:
  a7probe judge run.json                              with the gates of the run
  a7probe judge run.json --gate 'health p95 <= 80ms'  at any other limit
  a7probe judge run.json --baseline main.json --gate 'p95 <= baseline + 10% or 1ms'
  a7probe judge latencies.txt --target 200ms          one latency per line: 163.2ms, 0.16 s, failed
  a7probe judge hey.csv --gate 'p95 <= 150ms'           or of oha, k6, vegeta, wrk2, Locust, HdrHistogram
  a7probe judge requests.csv --column elapsed --unit s
  … | a7probe judge - --unit ms --output json"
)]
pub struct JudgeArgs {
    /// Saved runs, lists of latencies (text or CSV), or files of other load tools; - for stdin
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,

    #[command(flatten)]
    pub gates: GateArgs,

    #[command(flatten)]
    pub limit: TargetArgs,

    #[command(flatten)]
    pub baseline: BaselineArgs,

    #[command(flatten)]
    pub import: ImportArgs,

    /// How slow spells are judged; without it, as each run was measured.
    #[command(flatten)]
    pub guard: GuardArgs,

    #[command(flatten)]
    pub inconclusive: InconclusiveArgs,

    #[command(flatten)]
    pub output: OutputArgs,
}
