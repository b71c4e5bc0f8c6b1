//! `a7probe judge`: what was typed.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::guard::GuardArgs;
use super::import::ImportArgs;
use super::output::OutputArgs;
use super::value::positive_duration;
use crate::judge::gate::Gate;

/// Judge saved runs, or latencies measured by other tools, offline
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Examples:
  a7probe judge run.json                              by the gates it was measured with
  a7probe judge run.json --gate 'health p95 <= 150ms'
  a7probe judge latencies.txt --target 200ms          one latency a line: 163.2ms, 0.16 s, failed
  a7probe judge hey.csv --gate 'p95 <= 150ms'           or of oha, k6, vegeta, wrk2, Locust, HdrHistogram
  a7probe judge requests.csv --column elapsed --unit s
  … | a7probe judge - --unit ms --output json")]
pub struct JudgeArgs {
    /// Saved runs, lists of latencies (text or CSV), or files of other load tools; - for stdin
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,

    /// What must hold, such as 'health p95 <= 150ms' (repeatable); instead of the saved or default gates
    #[arg(long = "gate", value_name = "GATE", value_parser = Gate::parse)]
    pub gates: Vec<Gate>,

    /// P50, P95 and P99 of every endpoint must be within this [default: 150ms, unless there are other gates]
    #[arg(long, value_name = "DURATION", env = "A7PROBE_TARGET", value_parser = positive_duration())]
    pub target: Option<Duration>,

    #[command(flatten)]
    pub import: ImportArgs,

    /// What a list of latencies is called in gates and tables [default: the name of its file]
    #[arg(long, value_name = "NAME", value_parser = parse_name)]
    pub endpoint: Option<String>,

    /// How bursts are judged; for a run, as when it was measured unless it is said here.
    #[command(flatten)]
    pub guard: GuardArgs,

    #[command(flatten)]
    pub output: OutputArgs,
}

/// A name that a gate can hold: something, and nothing that a gate would take for its comparison.
fn parse_name(text: &str) -> Result<String, String> {
    let name = text.trim();
    if name.is_empty() || name.contains(['<', '>', '=', '!', '≤', '≥']) {
        Err(format!(
            "'{text}' is not a name that a gate could hold; write a name such as health"
        ))
    } else {
        Ok(name.to_owned())
    }
}
