//! `completions` and `man`: made from the argument definitions, so they never lag behind.

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

/// Writes the manual page, one section a subcommand.
pub(crate) fn man(stdout: &mut dyn Write) -> anyhow::Result<Exit> {
    let command = Cli::command();
    clap_mangen::Man::new(command.clone()).render(stdout)?;
    for sub in command.get_subcommands() {
        let name = format!("a7probe {}", sub.get_name());
        clap_mangen::Man::new(sub.clone().name(name)).render(stdout)?;
    }
    Ok(Exit::Pass)
}
