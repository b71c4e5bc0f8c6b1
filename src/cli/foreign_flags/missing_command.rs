//! A command line without a command is a `measure`: `a7probe URL`, `a7probe -n 100 URL`.

use clap::Command;

use super::command_flags::{CommandFlags, SENDING, is_flag};
use super::foreign_command;
use super::usage_error::{LONGEST_NAME, UsageError};
use crate::cli::nearest::nearest;
use crate::cli::service::named_url;

/// Whether `measure` stands unwritten before these words: they begin with one of its flags or with a URL. Any other word
/// is left to clap, which knows the commands.
///
/// # Errors
/// A command follows flags, which belong after it.
pub(super) fn is_implied(typed: &[&str], ours: &Command) -> Result<bool, UsageError> {
    let Some(&first) = typed.first() else {
        return Ok(false);
    };
    if matches!(first, "-h" | "-V" | "--help" | "--version") {
        return Ok(false);
    }
    if !is_flag(first) {
        return Ok(ours.find_subcommand(first).is_none() && is_url(first));
    }
    let Some(measure) = ours.find_subcommand(SENDING[0]) else {
        return Ok(false);
    };
    let flags = CommandFlags::of(measure);
    let mut before = "";
    for &word in typed {
        let is_value = is_flag(before) && takes_value(&flags, before);
        if !is_value && ours.find_subcommand(word).is_some() {
            return Err(UsageError::new(
                format!("the command {word} stands after flags"),
                format!(
                    "put it first: a7probe {word}, then the flags; a host of that name is http://{word}"
                ),
            ));
        }
        before = word;
    }
    Ok(true)
}

/// Refuses a first word that is neither a command nor a URL.
///
/// # Errors
/// The command of another tool, or a misspelt one of ours.
pub(super) fn check(typed: &[&str], ours: &Command) -> Result<(), UsageError> {
    let is_word = |word: &&&str| {
        let is_letter = |c: char| c.is_ascii_lowercase() || c == '-';
        !is_flag(word) && word.len() <= LONGEST_NAME && word.chars().all(is_letter)
    };
    let Some(&first) = typed.first().filter(is_word) else {
        return Ok(());
    };
    if ours.find_subcommand(first).is_some() || first == "help" {
        return Ok(());
    }
    if let Some(refused) = foreign_command::refused(typed) {
        return Err(refused);
    }
    let commands = ours.get_subcommands().map(Command::get_name);
    let near = nearest(first, commands, |edits, name| {
        edits <= 2 && edits < name.len()
    });
    let hint = match near {
        Some(name) => format!("did you mean a7probe {name}? A host is written http://{first}"),
        None => format!("see a7probe -h for the commands; a host is written http://{first}"),
    };
    Err(UsageError::new(format!("unknown command '{first}'"), hint))
}

/// Whether the word after this flag is its value.
fn takes_value(flags: &CommandFlags<'_>, flag: &str) -> bool {
    let is_attached = flag.contains('=') || (!flag.starts_with("--") && flag.len() > 2);
    let own = flags.typed(flag);
    !is_attached && own.is_none_or(|own| own.get_action().takes_values())
}

/// A URL, or a host with a port, with a path or of several labels, with or without `NAME=`; not a file.
fn is_url(word: &str) -> bool {
    let (_, url) = named_url(word);
    let host = url.split(['/', ':', '?']).next().unwrap_or_default();
    let is_file = url.ends_with(".json") || std::path::Path::new(url).exists();
    let is_host = host == "localhost" || host.contains('.') || url.contains([':', '/']);
    url.contains("://") || (is_host && !is_file && !host.is_empty())
}
