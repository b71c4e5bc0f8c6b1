//! A command line without a command: `a7probe URL`, `a7probe -n 100 URL`.

use clap::Command;

use super::command_flags::{CommandFlags, SENDING, is_flag};
use super::usage_error::UsageError;

/// Refuses flags of `measure`, or a URL, where a command belongs. Any other word is left to clap, which knows the commands.
pub(super) fn check(typed: &[&str], ours: &Command) -> Result<(), UsageError> {
    let Some(&first) = typed.first() else {
        return Ok(());
    };
    let name = first.split('=').next().unwrap_or_default();
    let command = ours.find_subcommand(SENDING[0]);
    let is_ours = || command.is_some_and(|command| CommandFlags::of(command).typed(name).is_some());
    let error = if matches!(first, "-h" | "-V" | "--help" | "--version") {
        return Ok(());
    } else if is_flag(first) && is_ours() {
        "no command stands before the flags"
    } else if !is_flag(first) && is_url(first) {
        "no command stands before the URL"
    } else {
        return Ok(());
    };
    Err(UsageError::new(
        error,
        "use a7probe measure URL, with the flags after it",
    ))
}

/// A URL, or a host with a port, with a path or of several labels; not a file.
fn is_url(word: &str) -> bool {
    let host = word.split(['/', ':']).next().unwrap_or_default();
    let is_file = word.ends_with(".json") || std::path::Path::new(word).exists();
    let is_host = host == "localhost" || host.contains('.') || word.contains([':', '/']);
    word.contains("://") || (is_host && !is_file && !host.is_empty())
}
