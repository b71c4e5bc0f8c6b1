//! The checks before a measurement, and the files after it.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::output::OutputArgs;
use super::progress::{Console, ProgressArgs};
use super::value::positive_duration;

/// Places behind every other flag under the heading.
const DRY_RUN: usize = 990;
const SAVE: usize = 991;
const SAVE_BODIES: usize = 992;

/// The checks before runs, and their saved files.
#[derive(Args, Debug, Clone, Default)]
#[command(next_help_heading = "Checks before the run")]
pub struct RunArgs {
    /// Longest wait for the service to answer before the run.
    #[arg(long, env = "A7PROBE_WAIT_READY", value_name = "TIME", value_parser = positive_duration())]
    pub wait_ready: Option<Duration>,

    /// Print the resolved plan, and which gates it can decide; send nothing.
    #[arg(long, display_order = DRY_RUN)]
    pub dry_run: bool,

    #[command(flatten)]
    pub save: SaveArgs,

    /// How progress is shown.
    #[command(flatten)]
    pub progress: ProgressArgs,
}

/// Where a run is kept.
#[derive(Args, Debug, Clone, Default)]
#[command(next_help_heading = "Output")]
pub struct SaveArgs {
    /// Save the run as JSON, for judge and compare: a file, or an https:// URL that takes a PUT. Of a shard also a folder, or
    /// - for stdout.
    #[arg(long, env = "A7PROBE_SAVE", hide_env_values = true, value_name = "FILE", display_order = SAVE, help_heading = "Output")]
    pub save: Option<PathBuf>,
}

/// The same for a single run, whose plan is checked and whose instrument is calibrated.
#[derive(Args, Debug, Clone, Default)]
#[command(next_help_heading = "Checks before the run")]
pub struct SingleRunArgs {
    /// As every run has it.
    #[command(flatten)]
    pub base: RunArgs,

    /// Do not send one request to every endpoint before the run.
    #[arg(long, conflicts_with = "wait_ready")]
    pub no_preflight: bool,

    /// Do not measure this machine's overhead before the run (2 s, on loopback); the report says so.
    #[arg(long)]
    pub no_calibration: bool,

    /// Add the result of `a7probe selftest --save FILE` to the saved run.
    #[arg(long, value_name = "FILE")]
    pub certificate: Option<PathBuf>,

    /// Save the body templates in the run; without this flag, only their length, type and 16 bits of their SHA-256.
    #[arg(long, display_order = SAVE_BODIES, help_heading = "Output")]
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
    /// Whether the saved run keeps the bodies that were sent.
    pub save_bodies: bool,
    /// How the result is shown.
    pub output: OutputArgs,
    /// How progress is shown.
    pub progress: ProgressArgs,
}

impl RunSetup {
    /// The output on stderr, apart from the result.
    pub(crate) fn console(&self) -> Console {
        self.progress.console(&self.output.screen)
    }
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

impl RunArgs {
    /// Whether anything is sent.
    pub(crate) fn intent(&self) -> Intent {
        if self.dry_run {
            Intent::Show
        } else {
            Intent::Run
        }
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
            save_bodies: self.save_bodies,
            output: output.clone(),
            progress: self.base.progress,
        }
    }
}
