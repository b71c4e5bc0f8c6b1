//! `--episode` and `--iid`: the flags about bursts that `measure`, `judge` and `compare` share.

use std::time::Duration;

use clap::Args;

use super::measure::positive_duration;
use crate::run::plan::Guard;

/// Whether a verdict reckons with slow requests that come in bursts.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Verdict")]
pub struct GuardArgs {
    /// Slow episodes of this length must be excluded before a gate passes: at least 60 times as long for P95, 300
    /// times for P99 [default: 100ms]
    #[arg(long, value_name = "TIME", env = "A7PROBE_EPISODE", value_parser = positive_duration(), conflicts_with = "iid")]
    pub episode: Option<Duration>,

    /// Take requests as independent: no guard against bursts, and the output says so
    #[arg(long)]
    pub iid: bool,
}

impl GuardArgs {
    /// What was typed; `None` if nothing was.
    pub fn typed(&self) -> Option<Guard> {
        match (self.iid, self.episode) {
            (true, _) => Some(Guard::Iid),
            (false, Some(episode)) => Some(Guard::Episode(episode)),
            (false, None) => None,
        }
    }
}
