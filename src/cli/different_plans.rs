//! `--allow-different-plans`: compare two runs with different plans.

use clap::Args;

/// Whether two runs may have different plans.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Gates and verdict")]
pub struct DifferentPlansArgs {
    /// Compare runs with different plans; warnings name the differences.
    #[arg(long)]
    pub allow_different_plans: bool,
}
