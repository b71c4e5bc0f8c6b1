//! What can be typed: one struct a subcommand, and every rule between flags.

pub(crate) mod ab;
pub(crate) mod audit;
pub(crate) mod compare;
pub(crate) mod connection;
pub(crate) mod defaults;
pub(crate) mod diagnose;
pub(crate) mod foreign_flags;
pub(crate) mod guard;
#[cfg(feature = "reference")]
pub(crate) mod hosting;
pub(crate) mod import;
pub(crate) mod judge;
pub(crate) mod load;
pub(crate) mod measure;
mod noise;
pub(crate) mod output;
#[cfg(feature = "reference")]
pub(crate) mod provider;
pub(crate) mod redacted_error;
pub(crate) mod resolve;
pub(crate) mod run_setup;
pub(crate) mod selftest;
#[cfg(feature = "reference")]
pub(crate) mod serve;
pub(crate) mod service;
pub(crate) mod settings;
mod settings_error;
pub(crate) mod settings_file;
mod slim;
#[cfg(feature = "reference")]
mod typed_flags;
mod value;
mod variables;
#[cfg(feature = "reference")]
pub(crate) mod work;
#[cfg(feature = "reference")]
pub(crate) mod worker;

use std::ffi::OsString;
use std::io::IsTerminal as _;
use std::path::PathBuf;

use clap::{Args, CommandFactory as _, Parser, Subcommand};

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
    propagate_version = true,
    max_term_width = 110,
    after_help = format!(
        "Exit codes: 0 every gate passed, 1 a gate failed, 2 usage, configuration or internal error, \
                  3 inconclusive, 4 target unreachable, 130 and 143 interrupted.\n\
                  diagnose: 0 nothing wrong, 1 a likely cause found, 3 cannot tell.\n\
                  {FIRST_STEP}"
    )
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The subcommands.
#[derive(Subcommand, Debug)]
pub enum Command {
    #[cfg(feature = "reference")]
    /// The whole story on this machine in about 75 seconds: serve, measure, fix, measure, compare, check.
    Demo(DemoArgs),
    /// Sample endpoints of a service, judge their percentiles, save and report.
    Measure(Box<measure::MeasureArgs>),
    /// Judge saved runs, or latencies measured by other tools, offline.
    Judge(judge::JudgeArgs),
    /// Before and after: two saved runs side by side, with intervals and gates.
    Compare(compare::CompareArgs),
    /// Before and after in turns: two URLs, or two sets of headers, in blocks that alternate.
    Ab(Box<ab::AbArgs>),
    /// Which root cause do the data support? A few short runs within a budget.
    Diagnose(Box<diagnose::DiagnoseArgs>),
    #[cfg(feature = "reference")]
    /// Run the reference ingest server.
    Serve(Box<serve::ServeArgs>),
    #[cfg(feature = "reference")]
    /// Do the work that `serve --mode queue` has accepted.
    Worker(Box<worker::WorkerArgs>),
    #[cfg(feature = "reference")]
    /// Simulate the mail provider as a process of its own.
    Provider(provider::ProviderArgs),
    /// Measure known delays on this machine; print the instrument's own error.
    Selftest(selftest::SelftestArgs),
    /// Write a commented a7probe.toml to start from.
    Init(InitArgs),
    /// Print the JSON Schema of saved runs.
    Schema,
    /// Print a completion script for a shell.
    Completions {
        /// Which shell.
        shell: clap_complete::Shell,
    },
    /// Print the manual page (roff).
    Man,
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
    let mistake = |e: foreign_flags::UsageError| EarlyExit::Mistake(e.to_string());
    let arguments = foreign_flags::with_command(arguments, &Cli::command()).map_err(mistake)?;
    foreign_flags::check(&arguments, &Cli::command()).map_err(mistake)?;
    Cli::try_parse_from(arguments).map_err(|e| {
        let e = redacted_error::redacted(e, &Cli::command());
        let text = e.render();
        if e.use_stderr() {
            EarlyExit::Mistake(redacted_error::in_plain_words(text.to_string()))
        } else if wants_styles() {
            EarlyExit::Help(text.ansi().to_string())
        } else {
            EarlyExit::Help(text.to_string())
        }
    })
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
    pub out: PathBuf,

    /// How long each of the two measurements lasts.
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = value::positive_duration())]
    pub duration: std::time::Duration,

    /// No progress on stderr.
    #[arg(long)]
    pub quiet: bool,
}

/// Arguments of `init`.
#[derive(Args, Debug, Clone)]
pub struct InitArgs {
    /// Where to write it.
    #[arg(default_value = settings_file::DEFAULT_FILE, value_name = "FILE")]
    pub file: PathBuf,

    /// Replace a file that is there.
    #[arg(long)]
    pub force: bool,
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
