//! The arguments of `diagnose`.

use std::time::Duration;

use clap::builder::{OsStr, Resettable};
use clap::{Arg, Args};

use super::connection::ConnectionArgs;
use super::defaults::DEFAULT_DIAGNOSE_BUDGET;
use super::load::{BudgetArgs, LoadArgs, TimingArgs};
use super::measure::MeasureArgs;
use super::output::OutputArgs;
use super::run_setup::RunArgs;
use super::service::ServiceArgs;
use super::settings_file::SettingsArgs;
use super::verdict::TargetArgs;

/// Find the likely cause of high latency: connection set-up, a slow call, a blocked event loop, queueing, a shared HTTP/2
/// connection, or this machine
#[derive(Args, Debug, Clone)]
#[command(
    mut_args = of_steps,
    mut_arg("url", |arg| arg.help("Base URL of the service")),
    mut_arg("get", |arg| arg.help(
        "Measure GET PATH and call it NAME; the first of two endpoints should always be fast, the second is the suspect [default: health=/health]"
    )),
    mut_arg("post", |arg| arg.help("Measure POST PATH and call it NAME; follows the endpoints of --get [default: ingest=/ingest]")),
    mut_arg("expect", |arg| arg.value_name("[NAME=]STATUS")),
    mut_arg("rate", |arg| arg.value_delimiter(None).env(Resettable::<OsStr>::Reset).help(
        "Full load, in requests per second per endpoint; NAME= picks one. Most steps use less [default: 20]"
    )),
    mut_arg("budget", |arg| arg.env("A7PROBE_DIAGNOSE_BUDGET").help(
        "Longest total time of all steps [default: 60s]"
    )),
    mut_arg("target", |arg| arg.help(
        "Latency limit; effects below a tenth of it do not count [default: 150ms]"
    )),
    mut_arg("seed", |arg| arg.help("Seed of the schedules [default: random]")),
    mut_arg("timeout", |arg| arg.help(
        "Request timeout, at most 10% of the budget [default: 10s]"
    )),
    after_help = "Causes and how to fix them:
  blocked event loop            a blocking call on the loop makes other endpoints wait. FastAPI: a plain `def` (thread
                                pool) or an async client, also in BackgroundTasks; or a worker process
  slow call inside the request  commit, answer 202, then call: a7probe serve --mode background shows how
  overload                      more requests arrive than the service can answer: lower the rate, or add workers, connections, threads
  network and connections       new connections are slow: keep them open; distance, certificates, a proxy
  shared HTTP/2 connection      its requests wait for each other: more connections, or a higher limit of streams
  client-limited                this machine sends late: use a quieter one, or a lower rate

Examples:
  a7probe diagnose http://127.0.0.1:8080
  a7probe diagnose https://a7.example --get health=/healthz --post ingest=/v2/events -q 50
  a7probe diagnose http://127.0.0.1:8080 --budget 20s --report markdown=diagnosis.md --save steps/

Exit codes: 0 nothing wrong, 1 a likely cause found, 3 cannot tell, 4 service unreachable."
)]
pub struct DiagnoseArgs {
    #[command(flatten)]
    pub service: ServiceArgs,

    #[command(flatten)]
    pub budget: BudgetArgs,

    #[command(flatten)]
    pub limit: TargetArgs,

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
        "wait_ready" => arg.help("Longest wait for the service to answer before the first step"),
        "dry_run" => arg.help("Print the steps; send nothing"),
        "save" => arg
            .value_name("FOLDER")
            .env(Resettable::<OsStr>::Reset)
            .help("Save the run of every step in this folder, for judge and compare"),
        _ => arg,
    }
}

impl DiagnoseArgs {
    /// The longest time of all steps together.
    pub(super) fn budget(&self) -> Duration {
        self.budget.budget.unwrap_or(DEFAULT_DIAGNOSE_BUDGET)
    }

    /// A `measure` of the same service that fills the budget.
    pub(super) fn as_measure(&self) -> MeasureArgs {
        MeasureArgs {
            service: self.service.clone(),
            load: LoadArgs {
                duration: Some(self.budget()),
                ..LoadArgs::default()
            },
            timing: self.timing.clone(),
            limit: self.limit.clone(),
            connection: self.connection.clone(),
            ..MeasureArgs::default()
        }
    }
}
