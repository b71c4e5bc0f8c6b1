//! `a7probe selftest`: what was typed.

use std::path::PathBuf;

use clap::Args;

/// Measure known delays, stalls and bursts on this machine; print the instrument's own error.
#[derive(Args, Debug, Clone, Default)]
#[command(after_help = "\
Exit codes: 0 every figure is within its tolerance, 1 one is not.
Examples:
  a7probe selftest                          about 45 s
  a7probe selftest --quick --output json    about 15 s
  a7probe selftest --save certificate.json, then  a7probe measure URL --certificate certificate.json")]
pub struct SelftestArgs {
    /// Fewer requests: about 15 s instead of 45 s.
    #[arg(long)]
    pub quick: bool,

    /// Save the result, for `measure --certificate`.
    #[arg(long, value_name = "FILE")]
    pub save: Option<PathBuf>,

    /// Form of the result on stdout.
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = SelftestOutput::Human)]
    pub output: SelftestOutput,

    /// No progress on stderr.
    #[arg(long)]
    pub quiet: bool,
}

/// In which form a self-test is written.
#[derive(clap::ValueEnum, Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum SelftestOutput {
    /// A table for a terminal.
    #[default]
    Human,
    /// One JSON object.
    Json,
}
