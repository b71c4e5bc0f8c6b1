//! `--baseline`: the saved run of gates such as `p95 <= baseline + 10%`.

use std::path::PathBuf;

use clap::Args;

use super::different_plans::DifferentPlansArgs;

/// The saved run to judge against.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Gates and verdict")]
pub struct BaselineArgs {
    /// Saved run for gates such as 'p95 <= baseline + 10% or 1ms'. Without -n and -z the new run has the same size.
    #[arg(long, env = "A7PROBE_BASELINE", value_name = "FILE")]
    pub baseline: Option<PathBuf>,

    #[command(flatten)]
    pub plans: DifferentPlansArgs,
}
