//! `completions`: made from the argument definitions, so they never lag behind.

use std::io::Write;

use clap::CommandFactory as _;
use clap_complete::Shell;

use crate::cli::Cli;
use crate::exit::Exit;

/// Writes the completion script of a shell.
pub(crate) fn completions(shell: Shell, stdout: &mut dyn Write) -> anyhow::Result<Exit> {
    clap_complete::generate(shell, &mut Cli::command(), "a7probe", stdout);
    Ok(Exit::Pass)
}
