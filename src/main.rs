//! Parses, calls the library, turns the status into an exit code; nothing else.

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    let cli = a7probe::cli::Cli::try_parse()
        .unwrap_or_else(|error| a7probe::cli::discreet::of(error).exit());
    let mut stdout = std::io::stdout().lock();
    let mut stderr = std::io::stderr();
    a7probe::run(cli, &mut stdout, &mut stderr).into()
}
