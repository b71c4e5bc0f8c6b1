//! `a7probe ab`: what was typed.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use clap::builder::{OsStr, Resettable};

use super::measure::MeasureArgs;
use super::noise::NoiseArgs;
use super::value::positive_duration;
use crate::units::parse_duration;

/// Before and after in turns: two URLs, or one URL with two sets of headers, measured in blocks that alternate
#[derive(Clone, Debug, Args)]
#[command(
    mut_arg("url", |arg| arg.help("Base URL of a side that is given none of its own").help_heading("Sides")),
    mut_arg("gate", |arg| arg.help(
        "What must hold (repeatable): 'p95 reduction >= 70%', 'p95 <= baseline + 10%', or of the side after \
         'p95 <= 100ms'; without any, the comparison is information"
    )),
    mut_arg("target", |arg| arg.help("Also gate P50, P95 and P99 of the side after at this limit")),
    mut_arg("requests", |arg| arg.hide(true).env(Resettable::<OsStr>::Reset)),
    mut_arg("duration", |arg| arg.hide(true).env(Resettable::<OsStr>::Reset)),
    mut_arg("budget", |arg| arg.hide(true).env(Resettable::<OsStr>::Reset)),
    mut_arg("warmup", |arg| arg.hide(true).env(Resettable::<OsStr>::Reset)),
    mut_arg("save", |arg| arg.hide(true).env(Resettable::<OsStr>::Reset)),
    mut_arg("audit", |arg| arg.hide(true)),
    mut_arg("no_audit", |arg| arg.hide(true)),
    mut_arg("audit_timeout", |arg| arg.hide(true).env(Resettable::<OsStr>::Reset)),
    mut_arg("audit_quiet", |arg| arg.hide(true).env(Resettable::<OsStr>::Reset)),
    mut_arg("audit_url", |arg| arg.hide(true).env(Resettable::<OsStr>::Reset)),
    mut_arg("audit_id", |arg| arg.hide(true)),
    mut_arg("audit_done", |arg| arg.hide(true)),
    mut_arg("audit_dead", |arg| arg.hide(true)),
    mut_arg("audit_ttl", |arg| arg.hide(true).env(Resettable::<OsStr>::Reset)),
    mut_arg("audit_done_at", |arg| arg.hide(true)),
    mut_arg("audit_accepted_at", |arg| arg.hide(true)),
    mut_arg("resend", |arg| arg.hide(true)),
    after_help = "\
Examples:
  a7probe ab --before http://127.0.0.1:8080 --after http://127.0.0.1:8081
  a7probe ab --before http://127.0.0.1:8080 --after http://127.0.0.1:8081 --gate 'p95 reduction >= 70%'
  a7probe ab https://a7.example --after-header 'X-Canary: 1' --get health=/health --pairs 12 --block 5s
  a7probe ab http://127.0.0.1:8080       the same on both sides: how much this setup sees where nothing changed

Blocks come in the order before, after, after, before, so that a linear drift cancels."
)]
pub struct AbArgs {
    /// Base URL of the side before
    #[arg(long, value_name = "URL", help_heading = "Sides")]
    pub before: Option<String>,

    /// Base URL of the side after
    #[arg(long, value_name = "URL", help_heading = "Sides")]
    pub after: Option<String>,

    /// Header of every request of the side before (repeatable); goes before one of the same name with -H
    #[arg(long, value_name = "NAME: VALUE", help_heading = "Sides")]
    pub before_header: Vec<String>,

    /// Header of every request of the side after (repeatable); goes before one of the same name with -H
    #[arg(long, value_name = "NAME: VALUE", help_heading = "Sides")]
    pub after_header: Vec<String>,

    /// Pairs of blocks, one of each side: an even number, so that drift cancels; 6 or more for an interval over pairs
    #[arg(long, visible_alias = "blocks", env = "A7PROBE_PAIRS", value_name = "N", default_value_t = 6,
        value_parser = clap::value_parser!(u32).range(1..=10_000), help_heading = "Blocks")]
    pub pairs: u32,

    /// How long a block is measured
    #[arg(long, env = "A7PROBE_BLOCK", value_name = "TIME", default_value = "10s", value_parser = positive_duration(),
        help_heading = "Blocks")]
    pub block: Duration,

    /// Sent before every block, so that connections are open and the switch has settled; recorded apart
    #[arg(long, env = "A7PROBE_SETTLE", value_name = "TIME", default_value = "2s", value_parser = parse_duration,
        help_heading = "Blocks")]
    pub settle: Duration,

    #[command(flatten, next_help_heading = "Verdict")]
    pub noise: NoiseArgs,

    /// Save the side before as a run, for judge and compare
    #[arg(long, value_name = "FILE", help_heading = "Run")]
    pub save_before: Option<PathBuf>,

    /// Save the side after as a run, for judge and compare
    #[arg(long, value_name = "FILE", help_heading = "Run")]
    pub save_after: Option<PathBuf>,

    /// What is sent, and how the result is shown: as with `measure`.
    #[command(flatten)]
    pub measure: MeasureArgs,
}
