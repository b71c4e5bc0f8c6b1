//! What can be typed after `capacity`.

use std::time::Duration;

use clap::builder::{OsStr, Resettable};
use clap::{Arg, Args};

use super::audit::AuditArgs;
use super::connection::ConnectionArgs;
use super::guard::GuardArgs;
use super::load::{BudgetArgs, LoadArgs, TimingArgs};
use super::measure::MeasureArgs;
use super::output::OutputArgs;
use super::run_setup::RunArgs;
use super::service::{ServiceArgs, SingleRequestArgs};
use super::settings_file::SettingsArgs;
use super::value::positive_duration;
use super::verdict::GateArgs;
use super::verdict_rules::InconclusiveArgs;
use crate::units::{Rate, parse_percentage};

/// Find the highest rate that stays within the gates: two rates, each shown on fresh data.
#[derive(Args, Debug, Clone)]
#[command(
    mut_args = of_trials,
    after_help = "\
Rates are doubled from --from until a trial fails, halved between the last good and the first bad one, and placed --width
apart. Both are then confirmed by pairs of blocks; only those claim anything, and all of them together are wrong in at
most 5% of searches. After each trial beyond the limit nothing is sent until the service answers as at --from.

Examples:
  a7probe capacity http://127.0.0.1:8080 --gate 'ingest p99 <= 150ms'
  a7probe capacity https://a7.example/search --gate 'p95 <= 200ms' --to 500/s
  a7probe capacity http://127.0.0.1:8080 --gate 'ingest p95 <= 150ms' --gate 'capacity >= 400/s'
  a7probe capacity http://127.0.0.1:8080 --gate 'ingest done.p95 <= 2s'   the rate at which the work keeps up

Exit codes: 0 shown, 1 the lowest rate fails or the service does not recover, 3 not shown, 4 target unreachable."
)]
pub struct CapacityArgs {
    #[command(flatten)]
    pub service: ServiceArgs,

    /// One URL instead of named endpoints.
    #[command(flatten)]
    pub single: SingleRequestArgs,

    #[command(flatten)]
    pub search: SearchArgs,

    #[command(flatten)]
    pub budget: BudgetArgs,

    #[command(flatten)]
    pub timing: TimingArgs,

    #[command(flatten)]
    pub gates: GateArgs,

    #[command(flatten)]
    pub guard: GuardArgs,

    #[command(flatten)]
    pub inconclusive: InconclusiveArgs,

    /// How the work on accepted events is audited, where a gate is about it.
    #[command(flatten)]
    pub audit: AuditArgs,

    #[command(flatten)]
    pub connection: ConnectionArgs,

    /// What happens before the trials, and what is saved of them.
    #[command(flatten)]
    pub run: RunArgs,

    #[command(flatten)]
    pub settings: SettingsArgs,

    #[command(flatten)]
    pub output: OutputArgs,
}

/// Where the search begins, and how far and how exactly it goes.
#[derive(Args, Debug, Clone)]
#[command(next_help_heading = "Search")]
pub struct SearchArgs {
    /// Lowest rate, and the reference of recoveries [default: 20/s].
    #[arg(long, value_name = "RATE")]
    pub from: Option<Rate>,

    /// Highest rate; obligatory where the service is on another machine [default: 10000/s].
    #[arg(long, value_name = "RATE")]
    pub to: Option<Rate>,

    /// Distance of the two rates that is asked for, 2% to 100%; 5% needs four times the data of 10%.
    #[arg(long, value_name = "PERCENT", default_value = "10%", value_parser = width)]
    pub width: f64,

    /// Length of a confirming block; longer where the gate needs it (60 s for P99) [default: 30s].
    #[arg(long, value_name = "TIME", value_parser = positive_duration())]
    pub confirm: Option<Duration>,

    /// How long the service may need to answer again as at --from.
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = positive_duration())]
    pub recover: Duration,
}

fn width(text: &str) -> Result<f64, String> {
    let width = parse_percentage(text).map_err(|e| e.to_string())?;
    if (0.02..=1.0).contains(&width) {
        Ok(width)
    } else {
        Err(format!("'{text}' is out of range; use 2% to 100%"))
    }
}

/// What is said of a run, said of trials.
fn of_trials(arg: Arg) -> Arg {
    match arg.get_id().as_str() {
        "rate" => arg.hide(true).env(Resettable::<OsStr>::Reset),
        "budget" => arg
            .env(Resettable::<OsStr>::Reset)
            .help("Longest time of all trials together [default: 15m]"),
        "gate" => arg.help(
            "What must hold at a rate (repeatable): 'ingest p99 <= 150ms', 'ingest error_rate <= 0.1%', 'ingest done.p95 <= 2s'; \
             'capacity >= 400/s' tests that one rate and searches nothing",
        ),
        // No duplicates are counted, and the audit follows from the gates.
        "audit" | "no_audit" | "audit_quiet" | "resend" => {
            arg.hide(true).env(Resettable::<OsStr>::Reset)
        }
        "audit_timeout" => arg.help(
            "Longest wait for the work of a trial after its last request [default: 30s, or --recover if that is longer]",
        ),
        "seed" => arg.help("Seed of the schedules [default: random]"),
        "wait_ready" => arg.help("Wait up to this time for the service to answer before the first trial"),
        "dry_run" => arg.help("Print the lengths of the trials and what to expect; send nothing"),
        "save" => arg
            .env(Resettable::<OsStr>::Reset)
            .help("Save the search with all its trials as JSON"),
        _ => arg,
    }
}

impl CapacityArgs {
    /// A `measure` of the same service at this rate, with these gates.
    pub(super) fn as_measure(&self, rate: Rate, gates: Vec<String>) -> MeasureArgs {
        MeasureArgs {
            service: ServiceArgs {
                rate: vec![rate.as_per_second().to_string()],
                ..self.service.clone()
            },
            single: self.single.clone(),
            load: LoadArgs {
                duration: Some(Duration::from_secs(1)),
                ..LoadArgs::default()
            },
            timing: self.timing.clone(),
            gates: GateArgs { gate: gates },
            guard: self.guard.clone(),
            connection: self.connection.clone(),
            ..MeasureArgs::default()
        }
    }
}
