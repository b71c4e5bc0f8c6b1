//! What surrounds a measurement: checks before it, and what is kept of it.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::output::OutputArgs;
use super::value::positive_duration;

/// Places behind every other flag under the heading.
const DRY_RUN: usize = 990;
const SAVE: usize = 991;
const SAVE_BODIES: usize = 992;

/// What happens before runs, and what is saved of them.
#[derive(Args, Debug, Clone, Default)]
#[command(next_help_heading = "Run")]
pub struct RunArgs {
    /// Wait so long for the service to answer before the run begins.
    #[arg(long, env = "A7PROBE_WAIT_READY", value_name = "TIME", value_parser = positive_duration())]
    pub wait_ready: Option<Duration>,

    /// Print the resolved plan, and per gate whether the plan can decide it; send nothing.
    #[arg(long, display_order = DRY_RUN)]
    pub dry_run: bool,

    /// Save the run as JSON, for judge and compare.
    #[arg(long, env = "A7PROBE_SAVE", value_name = "FILE", display_order = SAVE)]
    pub save: Option<PathBuf>,
}

/// The same for a single run, whose plan is checked and whose instrument is calibrated.
#[derive(Args, Debug, Clone, Default)]
#[command(next_help_heading = "Run")]
pub struct SingleRunArgs {
    /// As every run has it.
    #[command(flatten)]
    pub base: RunArgs,

    /// Do not ask every endpoint once before the run.
    #[arg(long, conflicts_with = "wait_ready")]
    pub no_preflight: bool,

    /// Do not measure the instrument's own error before the run (2 s, on loopback); the report says so.
    #[arg(long)]
    pub no_calibration: bool,

    /// Put what `a7probe selftest --save FILE` said of the instrument into the run.
    #[arg(long, value_name = "FILE")]
    pub certificate: Option<PathBuf>,

    /// Keep the bodies' templates in the saved run; without it, their length, type and 16 bits of their SHA-256.
    #[arg(long, display_order = SAVE_BODIES)]
    pub save_bodies: bool,
}

/// What surrounds a measurement, as it was meant.
#[derive(Debug, Clone)]
pub(crate) struct RunSetup {
    /// Whether every endpoint is asked once before the run. An answer that shows a wrong plan ends it there.
    pub preflight: Precheck,
    /// Whether the instrument is calibrated before the run, for two seconds against a null server.
    pub calibration: Precheck,
    /// What `selftest` saved, to go into the run.
    pub certificate: Option<PathBuf>,
    /// How long to wait for the service to answer.
    pub wait_ready: Option<Duration>,
    /// Whether anything is sent at all.
    pub intent: Intent,
    /// Whether the saved run keeps the bodies that were sent.
    pub save_bodies: bool,
    /// How the result is shown.
    pub output: OutputArgs,
}

/// Whether a check precedes the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Precheck {
    /// Before the first request.
    Run,
    /// Not at all (`--no-preflight`, `--no-calibration`).
    Skip,
}

impl Precheck {
    fn unless(skipped: bool) -> Precheck {
        if skipped {
            Precheck::Skip
        } else {
            Precheck::Run
        }
    }
}

/// Whether the plan is carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Intent {
    Run,
    /// Print the plan (`--dry-run`).
    Show,
}

impl Intent {
    /// As `--dry-run` says.
    pub(super) fn of(dry_run: bool) -> Intent {
        if dry_run { Intent::Show } else { Intent::Run }
    }
}

impl SingleRunArgs {
    /// The setup of a run whose result is shown like this.
    pub(super) fn setup(&self, output: &OutputArgs) -> RunSetup {
        RunSetup {
            preflight: Precheck::unless(self.no_preflight),
            calibration: Precheck::unless(self.no_calibration),
            certificate: self.certificate.clone(),
            wait_ready: self.base.wait_ready,
            intent: Intent::of(self.base.dry_run),
            save_bodies: self.save_bodies,
            output: output.clone(),
        }
    }
}
