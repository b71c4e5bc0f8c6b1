//! What can be typed: one struct a subcommand, and every rule between flags.

pub(crate) mod ab;
pub(crate) mod audit;
pub(crate) mod baseline;
pub(crate) mod capacity;
mod ci;
mod command_line;
pub(crate) mod compare;
pub(crate) mod connection;
pub(crate) mod data;
pub(crate) mod defaults;
pub(crate) mod diagnose;
mod different_plans;
mod environment;
mod fitted_messages;
pub(crate) mod foreign_flags;
pub(crate) mod guard;
mod help;
#[cfg(feature = "reference")]
pub(crate) mod hosting;
pub(crate) mod import;
mod init;
pub(crate) mod judge;
pub(crate) mod load;
mod long_help;
pub(crate) mod measure;
pub(crate) mod merge;
mod nearest;
mod noise;
pub(crate) mod output;
mod plain_error;
pub(crate) mod progress;
#[cfg(feature = "reference")]
pub(crate) mod provider;
pub(crate) mod rate_file;
pub(crate) mod redacted_error;
pub(crate) mod report_file;
pub(crate) mod resolve;
pub(crate) mod run_setup;
pub mod schema;
pub(crate) mod selftest;
#[cfg(feature = "reference")]
pub(crate) mod serve;
pub(crate) mod service;
pub(crate) mod settings;
mod settings_error;
pub(crate) mod settings_file;
mod settings_key;
mod settings_value;
pub(crate) mod shard;
mod short_help;
mod slim;
mod speed;
#[cfg(feature = "reference")]
mod typed_flags;
mod value;
mod variables;
pub(crate) mod verdict;
pub(crate) mod verdict_rules;
mod version;
#[cfg(feature = "reference")]
pub(crate) mod work;
#[cfg(feature = "reference")]
pub(crate) mod worker;

use std::ffi::OsString;
use std::io::IsTerminal as _;

use clap::error::ErrorKind;
use clap::{Args, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

pub(crate) use fitted_messages::FittedMessages;
pub use init::{CiService, InitArgs};

/// What the help names to start with.
const FIRST_STEP: &str = if cfg!(feature = "reference") {
    "Start with `a7probe demo`, then `a7probe measure URL`."
} else {
    "Start with `a7probe measure URL`."
};

/// Is this service inside its latency target, did the fix help, and is what it accepted really done?
#[derive(Parser, Debug)]
#[command(
    name = "a7probe",
    version,
    long_version = version::long(),
    propagate_version = true,
    max_term_width = 80,
    after_help = format!(
        "Exit codes: 0 every gate passed, 1 a gate failed, 2 usage, configuration or internal error, 3 inconclusive, 4 service unreachable, 130 and 143 interrupted.\ndiagnose: 0 nothing wrong, 1 a likely cause found, 3 cannot tell.\n{FIRST_STEP}"
    )
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,

    /// Warnings about the environment, for stderr before the command runs.
    #[arg(skip)]
    pub warnings: Vec<String>,
}

/// The subcommands.
#[derive(Subcommand, Debug)]
pub enum Command {
    #[cfg(feature = "reference")]
    /// Serve, measure, fix, measure, compare and audit on this machine, in about 75 s.
    Demo(DemoArgs),
    /// Measure endpoints and judge their percentiles.
    Measure(Box<measure::MeasureArgs>),
    /// Judge saved runs, or results of other load tools.
    Judge(judge::JudgeArgs),
    /// Compare two saved runs, with intervals and gates.
    Compare(compare::CompareArgs),
    /// Compare two versions, interleaved in one run.
    Ab(Box<ab::AbArgs>),
    /// Find the highest rate that stays within the gates: two rates, each shown, never a guess.
    Capacity(Box<capacity::CapacityArgs>),
    /// Judge a run that was sharded over machines: one verdict from merged evidence.
    Merge(Box<merge::MergeArgs>),
    /// Find the likely cause of high latency, with a few short runs.
    Diagnose(Box<diagnose::DiagnoseArgs>),
    #[cfg(feature = "reference")]
    /// Run the reference ingest server.
    Serve(Box<serve::ServeArgs>),
    #[cfg(feature = "reference")]
    /// Process the events that `serve --mode queue` has accepted.
    Worker(Box<worker::WorkerArgs>),
    #[cfg(feature = "reference")]
    /// Simulate the mail provider in its own process.
    Provider(provider::ProviderArgs),
    /// Check this machine's measurement error.
    Selftest(selftest::SelftestArgs),
    /// Write a commented a7probe.toml to start from, or the files of a pipeline.
    Init(InitArgs),
    /// Print the JSON Schema of saved runs, of reports, or of capacity searches.
    Schema {
        /// Which: run (--save), report (--output json), capacity (of capacity), or capacity-change (of compare).
        #[arg(value_enum, default_value_t)]
        name: schema::SchemaName,
    },
    /// Print a completion script for a shell.
    Completions {
        /// Which shell.
        shell: clap_complete::Shell,
    },
    /// Print a manual page (roff).
    Man(ManArgs),
}

/// Parsing ends the program before a command runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EarlyExit {
    /// Help or the version: the text for stdout.
    Help(String),
    /// A mistake in the command line: the text for stderr.
    Mistake(String),
}

/// Reads the command line, the program's name first.
///
/// # Errors
/// The text to print instead of running a command.
pub(crate) fn read(arguments: &[OsString]) -> Result<Cli, EarlyExit> {
    if cfg!(not(feature = "reference"))
        && let Some(message) = slim::missing_command(arguments)
    {
        return Err(EarlyExit::Mistake(message));
    }
    if arguments.get(1).is_some_and(|command| command == "help") {
        return Err(help::answer(&arguments[1..]));
    }
    let arguments = foreign_flags::with_command(arguments, &Cli::command())
        .map_err(|e| EarlyExit::Mistake(e.to_string()))?;
    foreign_flags::check(&arguments, &Cli::command())
        .map_err(|e| EarlyExit::Mistake(e.to_string()))?;
    let is_short = arguments.iter().any(|argument| argument == "-h");
    let command = arguments.get(1).and_then(|command| command.to_str());
    let program = command_line::without_overruled(program(), &arguments);
    let matches = program.try_get_matches_from(&arguments);
    let parsed = matches.and_then(|matches| Cli::from_arg_matches(&matches));
    let parsed = parsed.map_err(|e| {
        match (e.kind(), command) {
            (ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand, None) => {
                return EarlyExit::Mistake(short_help::program());
            }
            (ErrorKind::DisplayHelp, Some("-h")) => {
                return EarlyExit::Help(short_help::program());
            }
            (ErrorKind::DisplayHelp, Some(command)) if is_short => {
                if let Some(screen) = short_help::command(command) {
                    return EarlyExit::Help(screen.to_owned());
                }
            }
            _ => {}
        }
        let e = redacted_error::redacted(e, &Cli::command());
        let text = e.render();
        if e.use_stderr() {
            EarlyExit::Mistake(plain_error::text(&e, &Cli::command(), &arguments))
        } else if wants_styles() {
            EarlyExit::Help(text.ansi().to_string())
        } else {
            EarlyExit::Help(text.to_string())
        }
    })?;
    with_warnings(parsed, &arguments)
}

/// The program as its help shows it.
pub(crate) fn program() -> clap::Command {
    long_help::fitted(Cli::command())
}

/// Looks for variables of the environment that are unknown, before a command that reads any.
fn with_warnings(mut cli: Cli, arguments: &[OsString]) -> Result<Cli, EarlyExit> {
    let program = Cli::command();
    let name = arguments.get(1).and_then(|name| name.to_str());
    let command = name.and_then(|name| program.find_subcommand(name));
    let reads_any = |command: &&clap::Command| {
        let mut arguments = command.get_arguments();
        arguments.any(|argument| argument.get_env().is_some())
    };
    let Some(command) = command.filter(reads_any) else {
        return Ok(cli);
    };
    let texts = environment::NamingTexts {
        arguments,
        settings: &environment::settings_text(cli.settings()),
    };
    for unknown in environment::unknown(&environment::variables(), &texts, command, &program) {
        match unknown {
            environment::UnknownVariable::Misspelt { .. } => {
                return Err(EarlyExit::Mistake(unknown.to_string()));
            }
            environment::UnknownVariable::Foreign { .. } => cli.warnings.push(unknown.to_string()),
        }
    }
    if arguments.iter().any(|argument| argument == "--quiet") {
        cli.warnings.clear();
    }
    Ok(cli)
}

impl Cli {
    /// Which settings file the command reads, if it reads one.
    fn settings(&self) -> Option<&settings_file::SettingsArgs> {
        match &self.command {
            Command::Measure(args) => Some(&args.settings),
            Command::Ab(args) => Some(&args.measure.settings),
            Command::Capacity(args) => Some(&args.settings),
            Command::Diagnose(args) => Some(&args.settings),
            _ => None,
        }
    }
}

fn wants_styles() -> bool {
    let is_set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let is_dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    std::io::stdout().is_terminal() && !is_set("NO_COLOR") && !is_dumb
}

#[cfg(feature = "reference")]
/// Arguments of `demo`.
#[derive(Args, Debug, Clone)]
pub struct DemoArgs {
    /// Folder for the report.
    #[arg(long, value_name = "FOLDER", default_value = "a7probe-demo")]
    pub out: std::path::PathBuf,

    /// Length of each of the two measurements.
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = value::positive_duration())]
    pub duration: std::time::Duration,

    /// Find the rate at which each mode falls over instead, in one picture; about 5 minutes, at most 8.
    #[arg(long, conflicts_with = "duration")]
    pub capacity: bool,

    /// How it looks.
    #[command(flatten)]
    pub screen: output::ScreenArgs,

    /// How progress is shown.
    #[command(flatten)]
    pub progress: progress::ProgressArgs,
}

/// Arguments of `man`.
#[derive(Args, Debug, Clone)]
#[command(after_help = "\
Examples:
  a7probe man > a7probe.1
  a7probe man measure > a7probe-measure.1")]
pub struct ManArgs {
    /// Command; without one, the page of the program
    #[arg(value_name = "COMMAND")]
    pub command: Option<String>,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::Cli;

    #[test]
    fn help_shows_no_value_of_a_variable_that_may_hold_a_password() {
        let mut found = 0;
        for command in Cli::command().get_subcommands() {
            for arg in command
                .get_arguments()
                .filter(|arg| arg.get_env().is_some())
            {
                let is_url =
                    |name: &clap::builder::Str| name.contains("URL") || name.contains("://");
                if arg
                    .get_value_names()
                    .is_some_and(|names| names.iter().any(is_url))
                {
                    found += 1;
                    let (command, arg_id) = (command.get_name(), arg.get_id());
                    assert!(arg.is_hide_env_values_set(), "{command} {arg_id}");
                }
            }
        }
        assert!(found >= 6, "{found}");
    }
}
