//! What can be typed after `diagnose`.

use std::time::Duration;

use clap::builder::{OsStr, Resettable};
use clap::{Arg, Args};

use super::connection::ConnectionArgs;
use super::load::{LoadArgs, TimingArgs};
use super::measure::MeasureArgs;
use super::output::OutputArgs;
use super::run_setup::RunArgs;
use super::service::ServiceArgs;
use super::settings_file::SettingsArgs;
use super::value::positive_duration;

/// Which root cause do the data support: connection set-up, a slow call, a blocked event loop, queueing, this machine?
#[derive(Args, Debug, Clone)]
#[command(
    mut_args = of_steps,
    mut_arg("url", |arg| arg.help("Base URL of the service")),
    mut_arg("get", |arg| arg.help(
        "GET PATH, called NAME: of two endpoints the first should be quick whatever else happens, the second is under \
         suspicion [default: health=/health]"
    )),
    mut_arg("post", |arg| arg.help("POST PATH, called NAME; after those of --get [default: ingest=/ingest]")),
    mut_arg("expect", |arg| arg.value_name("[NAME=]STATUS")),
    mut_arg("rate", |arg| arg.value_delimiter(None).env(Resettable::<OsStr>::Reset).help(
        "The load that the service should bear, requests per second to each endpoint; NAME= picks one. Most steps use \
         less [default: 20]"
    )),
    mut_arg("seed", |arg| arg.help("Seed of the schedules [default: random]")),
    mut_arg("timeout", |arg| arg.help(
        "Longest response time that is waited for; never more than 10 % of the budget [default: 10s]"
    )),
    after_help = "\
Examples:
  a7probe diagnose http://127.0.0.1:8080
  a7probe diagnose https://a7.example --get health=/healthz --post ingest=/v2/events -q 50
  a7probe diagnose http://127.0.0.1:8080 --budget 20s --report markdown=diagnosis.md --save steps/

Exit codes: 0 nothing wrong, 1 a likely cause found, 3 cannot tell, 4 target unreachable."
)]
pub struct DiagnoseArgs {
    #[command(flatten)]
    pub service: ServiceArgs,

    /// All steps together take at most so long.
    #[arg(long, env = "A7PROBE_DIAGNOSE_BUDGET", value_name = "TIME", default_value = "60s", value_parser = positive_duration(), help_heading = "Load")]
    pub budget: Duration,

    /// What latency should be within; a tenth of it is the least that matters [default: 150ms].
    #[arg(long, env = "A7PROBE_TARGET", value_name = "TIME", value_parser = positive_duration(), help_heading = "Load")]
    pub target: Option<Duration>,

    #[command(flatten)]
    pub timing: TimingArgs,

    #[command(flatten)]
    pub connection: ConnectionArgs,

    /// What happens before the steps, and what is saved of them.
    #[command(flatten)]
    pub run: RunArgs,

    #[command(flatten)]
    pub settings: SettingsArgs,

    #[command(flatten)]
    pub output: OutputArgs,
}

/// What is said of a run, said of the steps.
fn of_steps(arg: Arg) -> Arg {
    match arg.get_id().as_str() {
        "wait_ready" => arg.help("Wait so long for the service to answer before the first step"),
        "dry_run" => arg.help("Print the steps; send nothing"),
        "save" => arg
            .value_name("FOLDER")
            .env(Resettable::<OsStr>::Reset)
            .help("Save the run of every step here, for judge and compare"),
        _ => arg,
    }
}

impl DiagnoseArgs {
    /// A `measure` of the same service that fills the budget.
    pub(super) fn as_measure(&self) -> MeasureArgs {
        MeasureArgs {
            service: self.service.clone(),
            load: LoadArgs {
                duration: Some(self.budget),
                ..LoadArgs::default()
            },
            timing: self.timing.clone(),
            target: self.target,
            connection: self.connection.clone(),
            ..MeasureArgs::default()
        }
    }
}
