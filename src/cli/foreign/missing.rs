//! A command line without a command: `a7probe URL`, `a7probe -n 100 URL`.

use clap::Command;

use super::{Known, Refusal, SENDING, is_flag};

/// Refuses flags of `measure`, or a URL, where a command belongs. Any other word is left to clap, which knows the commands.
pub(super) fn check(typed: &[&str], ours: &Command) -> Result<(), Refusal> {
    let Some(&first) = typed.first() else {
        return Ok(());
    };
    let is_ours = |first: &str| {
        let command = ours.find_subcommand(SENDING[0]);
        let known = command.map(|command| Known {
            command,
            sends: true,
        });
        known.is_some_and(|known| match first.strip_prefix("--") {
            Some(long) => known
                .long(long.split('=').next().unwrap_or_default())
                .is_some(),
            None => first
                .chars()
                .nth(1)
                .is_some_and(|letter| known.short(letter).is_some()),
        })
    };
    let error = match is_flag(first) {
        true if matches!(first, "-h" | "-V" | "--help" | "--version") => return Ok(()),
        true if is_ours(first) => "no command stands before the flags",
        false if is_url(first) => "no command stands before the URL",
        _ => return Ok(()),
    };
    Err(Refusal {
        error: error.to_owned(),
        hint: "use a7probe measure URL, with the flags after it".to_owned(),
    })
}

/// A URL, or a host with a port, with a path or of several labels; not a file.
fn is_url(word: &str) -> bool {
    let host = word.split(['/', ':']).next().unwrap_or_default();
    let is_file = word.ends_with(".json") || std::path::Path::new(word).exists();
    let is_host = host == "localhost" || host.contains('.') || word.contains([':', '/']);
    word.contains("://") || (is_host && !is_file && !host.is_empty())
}
