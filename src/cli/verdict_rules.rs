//! `--quick`, `--no-gates`, `--fail-fast` and `--inconclusive`: which verdict is wanted, and when a run may stop for it.

use anyhow::bail;
use clap::{Args, ValueEnum};

use crate::judge::abort_rule::AbortRule;
use crate::judge::gate::StopRule;
use crate::report::InconclusivePolicy;
use crate::run::plan::Design;
use crate::run::run_file::Gating;

/// Which verdict a run is for.
#[derive(Args, Debug, Clone, Default)]
#[command(next_help_heading = "Gates and verdict")]
pub struct VerdictRuleArgs {
    /// Judge P50 and P95 only; stop after 15 s at most.
    #[arg(long, conflicts_with_all = ["gate", "requests", "duration", "budget", "no_gates"])]
    pub quick: bool,

    /// Measure only: no verdict, exit code 0.
    #[arg(long, conflicts_with_all = ["gate", "target"])]
    pub no_gates: bool,

    /// Stop at the first FAIL.
    #[arg(long, conflicts_with = "no_gates")]
    pub fail_fast: bool,

    /// Abort the run if it overloads the service (repeatable): '[ENDPOINT] p95 > 500ms for 10s', 'error_rate > 5% for
    /// 10s'.
    #[arg(long, value_name = "RULE", value_parser = AbortRule::parse)]
    pub abort_on: Vec<AbortRule>,

    #[command(flatten)]
    pub inconclusive: InconclusiveArgs,
}

/// What an INCONCLUSIVE verdict means for a pipeline.
#[derive(Args, Debug, Clone, Copy, Default)]
#[command(next_help_heading = "Gates and verdict")]
pub struct InconclusiveArgs {
    /// Exit code of INCONCLUSIVE: fail for 3, warn for 0 with a warning.
    #[arg(
        long,
        value_name = "HOW",
        env = "A7PROBE_INCONCLUSIVE",
        value_enum,
        default_value_t
    )]
    pub inconclusive: OnInconclusive,
}

/// What an INCONCLUSIVE verdict means for a pipeline.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum OnInconclusive {
    /// Exit code 3.
    #[default]
    Fail,
    /// Exit code 0, and a warning.
    Warn,
}

impl InconclusiveArgs {
    /// The choice as the report needs it.
    pub(crate) fn policy(self) -> InconclusivePolicy {
        match self.inconclusive {
            OnInconclusive::Fail => InconclusivePolicy::Fail,
            OnInconclusive::Warn => InconclusivePolicy::Warn,
        }
    }
}

impl VerdictRuleArgs {
    /// Whether the run is to be judged at all.
    pub(super) fn gating(&self) -> Gating {
        if self.no_gates {
            Gating::None
        } else {
            Gating::Gates
        }
    }

    /// When a run of this design may stop.
    ///
    /// # Errors
    /// A run of a fixed size cannot stop at a FAIL: an early stop needs evidence that is valid at any time.
    pub(super) fn stop_rule(&self, design: Design) -> anyhow::Result<StopRule> {
        if !self.fail_fast {
            return Ok(StopRule::Decided);
        }
        match design {
            Design::Adaptive => Ok(StopRule::FirstFail),
            Design::Fixed => bail!(
                "--fail-fast does not fit a run of fixed size, which is judged once, at its end\nhint: use --budget instead of -n or -z, and a rate with -q instead of -c alone"
            ),
        }
    }
}
