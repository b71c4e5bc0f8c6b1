//! `a7probe compare`: what was typed.

use std::path::PathBuf;

use clap::Args;

use super::guard::GuardArgs;
use super::import::ImportArgs;
use super::noise::NoiseArgs;
use super::output::OutputArgs;
use crate::judge::gate::Gate;

/// Before and after: two saved runs side by side, with intervals and gates
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Examples:
  a7probe compare before.json after.json
  a7probe compare before.json after.json --gate 'p95 <= 100ms' --gate 'p95 reduction >= 70%'
  a7probe compare main.json branch.json --gate '* p95 <= baseline + 10%' --report markdown=comment.md
  a7probe compare before.txt after.txt --unit ms       lists of latencies, one a line

Without a gate the comparison is information and ends with exit code 0.")]
pub struct CompareArgs {
    /// The run before: saved, a list of latencies, or a file of another load tool; - for stdin
    #[arg(value_name = "BEFORE")]
    pub before: PathBuf,

    /// The run after, of the same plan
    #[arg(value_name = "AFTER")]
    pub after: PathBuf,

    /// What must hold (repeatable): 'p95 reduction >= 70%', 'p95 <= baseline + 10%', or of the run after 'p95 <= 100ms'
    #[arg(long = "gate", value_name = "GATE", value_parser = Gate::parse)]
    pub gates: Vec<Gate>,

    #[command(flatten)]
    pub noise: NoiseArgs,

    /// Compare runs although they were planned differently; says what differs
    #[arg(long)]
    pub allow_different_plans: bool,

    #[command(flatten)]
    pub import: ImportArgs,

    /// What a list of latencies is called, and which endpoint of a run it is compared with
    #[arg(long, value_name = "NAME")]
    pub endpoint: Option<String>,

    /// How bursts are judged; for a run, as when it was measured unless it is said here.
    #[command(flatten)]
    pub guard: GuardArgs,

    #[command(flatten)]
    pub output: OutputArgs,
}
