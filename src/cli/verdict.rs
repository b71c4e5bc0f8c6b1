//! `--gate` and `--target`: what must hold, the same for every command that judges.

use std::time::Duration;

use clap::Args;

use super::value::positive_duration;
use crate::judge::gate::Gate;

/// The gates as typed.
#[derive(Args, Debug, Clone, Default)]
#[command(next_help_heading = "Gates and verdict")]
pub struct GateArgs {
    /// Gate (repeatable; replaces the default gates): 'health p95 <= 150ms', '* p99 <= 300ms', 'ingest error_rate <=
    /// 0.1%', 'p95 <= baseline + 10% or 1ms'; with the suffix 'warn' it only warns.
    #[arg(long, env = "A7PROBE_GATE", value_delimiter = ';', value_name = "GATE")]
    pub gate: Vec<String>,
}

/// The limit of the default gates.
#[derive(Args, Debug, Clone, Default)]
#[command(next_help_heading = "Gates and verdict")]
pub struct TargetArgs {
    /// Limit of the default gates: P50, P95 and P99 of every endpoint; together with --gate it adds them [default:
    /// 150ms].
    #[arg(long, env = "A7PROBE_TARGET", value_name = "TIME", value_parser = positive_duration())]
    pub target: Option<Duration>,
}

impl GateArgs {
    /// The gates that were meant.
    ///
    /// # Errors
    /// One of them cannot be read; the message has a hint.
    pub(crate) fn parsed(&self) -> anyhow::Result<Vec<Gate>> {
        let gates: Result<Vec<Gate>, _> = self.gate.iter().map(|text| Gate::parse(text)).collect();
        Ok(gates?)
    }
}
