//! The arguments of `a7probe ab`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use clap::builder::{OsStr, Resettable};

use super::measure::MeasureArgs;
use super::noise::NoiseArgs;
use super::value::positive_duration;
use crate::units::parse_duration;

/// Compare two versions, interleaved in one run: two URLs, or one URL with two sets of headers or two versions of HTTP
#[derive(Clone, Debug, Args)]
#[command(
    mut_arg("url", |arg| arg.help("Base URL of a side without its own").help_heading("Sides")),
    mut_arg("gate", |arg| arg.help(
        "Gate (repeatable): 'p95 reduction >= 70%', 'p95 <= baseline + 10%', or, of the side after, 'p95 <= 100ms'; without a gate there is no verdict"
    )),
    mut_arg("target", |arg| arg.help("Also gate P50, P95 and P99 of the side after at this limit")),
    mut_arg("requests", |arg| arg.hide(true).env(Resettable::<OsStr>::Reset)),
    mut_arg("duration", |arg| arg.hide(true).env(Resettable::<OsStr>::Reset)),
    mut_arg("budget", |arg| arg.hide(true).env(Resettable::<OsStr>::Reset)),
    mut_arg("rate_file", |arg| arg.hide(true).env(Resettable::<OsStr>::Reset)),
    mut_arg("speed", |arg| arg.hide(true).env(Resettable::<OsStr>::Reset)),
    mut_arg("format", |arg| arg.hide(true)),
    mut_arg("warmup", |arg| arg.hide(true).env(Resettable::<OsStr>::Reset)),
    mut_arg("data_once", |arg| arg.hide(true)),
    mut_arg("quick", |arg| arg.hide(true)),
    mut_arg("no_gates", |arg| arg.hide(true)),
    mut_arg("fail_fast", |arg| arg.hide(true)),
    mut_arg("abort_on", |arg| arg.hide(true)),
    mut_arg("save", |arg| arg.hide(true).env(Resettable::<OsStr>::Reset)),
    mut_arg("shard", |arg| arg.hide(true).env(Resettable::<OsStr>::Reset)),
    mut_arg("start_at", |arg| arg.hide(true).env(Resettable::<OsStr>::Reset)),
    mut_arg("rendezvous", |arg| arg.hide(true).env(Resettable::<OsStr>::Reset)),
    mut_arg("rendezvous_timeout", |arg| arg.hide(true).env(Resettable::<OsStr>::Reset)),
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
    after_help = "Examples:
  a7probe ab --before http://127.0.0.1:8080 --after http://127.0.0.1:8081
  a7probe ab --before http://127.0.0.1:8080 --after http://127.0.0.1:8081 --gate 'p95 reduction >= 70%'
  a7probe ab https://a7.example --after-header 'X-Canary: 1' --get health=/health --pairs 12 --block 5s
  a7probe ab https://a7.example --after-http2 --get health=/health
  a7probe ab http://127.0.0.1:8080       the same on both sides: the differences that this setup shows without a change

Blocks come in the order before, after, after, before, so that a linear drift cancels."
)]
pub struct AbArgs {
    /// Base URL of the side before
    #[arg(long, value_name = "URL", help_heading = "Sides")]
    pub before: Option<String>,

    /// Base URL of the side after
    #[arg(long, value_name = "URL", help_heading = "Sides")]
    pub after: Option<String>,

    /// Header of every request to the side before (repeatable); replaces a header of the same name from -H
    #[arg(long, value_name = "NAME: VALUE", help_heading = "Sides")]
    pub before_header: Vec<String>,

    /// Header of every request to the side after (repeatable); replaces a header of the same name from -H
    #[arg(long, value_name = "NAME: VALUE", help_heading = "Sides")]
    pub after_header: Vec<String>,

    /// Speak HTTP/2 to the side before alone; --http2 speaks it to both
    #[arg(long, help_heading = "Sides", conflicts_with = "http2")]
    pub before_http2: bool,

    /// Speak HTTP/2 to the side after alone; --http2 speaks it to both
    #[arg(long, help_heading = "Sides", conflicts_with_all = ["http2", "before_http2"])]
    pub after_http2: bool,

    /// Pairs of blocks, one of each side: an even number, so that drift cancels; 6 or more for an interval over pairs
    #[arg(long, visible_alias = "blocks", env = "A7PROBE_PAIRS", value_name = "N", default_value_t = 6,
        value_parser = clap::value_parser!(u32).range(1..=10_000), help_heading = "Blocks")]
    pub pairs: u32,

    /// Length of a block
    #[arg(long, env = "A7PROBE_BLOCK", value_name = "TIME", default_value = "10s", value_parser = positive_duration(),
        help_heading = "Blocks")]
    pub block: Duration,

    /// Warm-up before every block, recorded apart
    #[arg(long, env = "A7PROBE_SETTLE", value_name = "TIME", default_value = "2s", value_parser = parse_duration,
        help_heading = "Blocks")]
    pub settle: Duration,

    #[command(flatten)]
    pub noise: NoiseArgs,

    /// Save the side before as a run, for judge and compare
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub save_before: Option<PathBuf>,

    /// Save the side after as a run, for judge and compare
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub save_after: Option<PathBuf>,

    /// The flags of `measure` about requests and output.
    #[command(flatten)]
    pub measure: MeasureArgs,
}
