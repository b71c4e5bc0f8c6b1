//! Unknown flags of the commands that send nothing: other tools' meanings do not apply to them.

use clap::{Arg, Command};

use super::usage_error::{LONGEST_NAME, UsageError};
use crate::cli::nearest::nearest;

/// Names of other servers for the address.
const HOST: [&str; 6] = ["host", "hostname", "listen", "addr", "address", "interface"];
const PORT: [&str; 4] = ["p", "port", "P", "http-port"];
/// Names of other servers for the number of threads.
const THREADS: [&str; 5] = ["threads", "t", "cpus", "procs", "w"];

/// Refuses a flag unless it is one of clap's own.
pub(super) fn check(
    command: &Command,
    name: &str,
    typed: &str,
    value: Option<&str>,
) -> Result<(), UsageError> {
    if name.is_empty() || has(command, name) || matches!(name, "help" | "version" | "h" | "V") {
        return Ok(());
    }
    let hint = ours(command, name, value)
        .or_else(|| near(command, name).map(|name| format!("use --{name}")))
        .unwrap_or_else(|| format!("see a7probe {} --help", command.get_name()));
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '-';
    // A long word may be a secret that lacks its flag.
    let shown = if typed.len() <= LONGEST_NAME + 2 && typed.chars().all(is_name) {
        typed.to_owned()
    } else {
        typed.chars().take(4).chain(['…']).collect()
    };
    Err(UsageError::unknown(&shown, "", hint))
}

/// The flag of ours with that meaning, if the command has one.
fn ours(command: &Command, name: &str, value: Option<&str>) -> Option<String> {
    let is_port = |text: &&str| text.parse::<u16>().is_ok_and(|port| port > 0);
    let is_number = |text: &&str| text.parse::<u8>().is_ok_and(|number| number > 0);
    if has(command, "bind") && PORT.contains(&name) {
        let port = value.filter(is_port);
        return Some(match port {
            Some(port) => format!("use --bind 127.0.0.1:{port}"),
            None => "use --bind HOST:PORT".to_owned(),
        });
    }
    if has(command, "bind") && HOST.contains(&name) {
        return Some("use --bind HOST:PORT".to_owned());
    }
    let threads = ["http-threads", "workers"].into_iter();
    let flag = threads
        .filter(|_| THREADS.contains(&name))
        .find(|flag| has(command, flag))?;
    Some(format!(
        "use --{flag} {}",
        value.filter(is_number).unwrap_or("N")
    ))
}

fn has(command: &Command, name: &str) -> bool {
    command
        .get_arguments()
        .any(|arg| arg.get_long() == Some(name))
}

/// A visible flag of which at most two letters differ.
fn near<'a>(command: &'a Command, name: &str) -> Option<&'a str> {
    let visible = command.get_arguments().filter(|arg| !arg.is_hide_set());
    let own = visible.filter_map(Arg::get_long);
    nearest(name, own.chain(["help", "version"]), |edits, long| {
        edits <= 2 && edits < long.len().min(name.len())
    })
}
