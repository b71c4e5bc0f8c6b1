//! The arguments of `a7probe compare`.

use std::path::PathBuf;

use clap::Args;
use clap::builder::{OsStr, Resettable};

use super::different_plans::DifferentPlansArgs;
use super::guard::GuardArgs;
use super::import::ImportArgs;
use super::noise::NoiseArgs;
use super::output::OutputArgs;
use super::verdict::GateArgs;
use super::verdict_rules::InconclusiveArgs;

/// Compare two saved runs, with intervals and gates
#[derive(Clone, Debug, Args)]
#[command(
    mut_arg("gate", |arg| arg.env(Resettable::<OsStr>::Reset).help(
        "Gate (repeatable): 'p95 reduction >= 70%', 'p95 <= baseline + 10%', or, of the run after, 'p95 <= 100ms'"
    )),
    mut_arg("endpoint", |arg| arg.help(
        "Name of a list of latencies, and the endpoint of a run to compare it with"
    )),
    after_help = "Examples:
  a7probe compare before.json after.json
  a7probe compare before.json after.json --gate 'p95 <= 100ms' --gate 'p95 reduction >= 70%'
  a7probe compare main.json branch.json --gate '* p95 <= baseline + 10%' --report markdown=comment.md
  a7probe compare before.txt after.txt --unit ms       lists of latencies, one a line

Without a gate there is no verdict, and the exit code is 0."
)]
pub struct CompareArgs {
    /// Run before: a saved run, a list of latencies, or a file of another load tool; - for stdin
    #[arg(value_name = "BEFORE")]
    pub before: PathBuf,

    /// Run after, of the same plan
    #[arg(value_name = "AFTER")]
    pub after: PathBuf,

    #[command(flatten)]
    pub gates: GateArgs,

    #[command(flatten)]
    pub noise: NoiseArgs,

    #[command(flatten)]
    pub plans: DifferentPlansArgs,

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
