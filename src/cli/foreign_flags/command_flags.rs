//! The flags of one command, by name and letter.

use clap::{Arg, Command};

/// The commands that send, which people type other tools' flags after; the first stands for a missing command.
pub(super) const SENDING: [&str; 4] = ["measure", "ab", "capacity", "diagnose"];

/// The flags of one command.
pub(in crate::cli) struct CommandFlags<'a> {
    pub(in crate::cli) command: &'a Command,
    /// Whether it is one of [`SENDING`].
    pub(super) sends: bool,
}

impl<'a> CommandFlags<'a> {
    pub(in crate::cli) fn of(command: &'a Command) -> CommandFlags<'a> {
        CommandFlags {
            command,
            sends: SENDING.contains(&command.get_name()),
        }
    }

    pub(in crate::cli) fn long(&self, name: &str) -> Option<&'a Arg> {
        let is_name = |arg: &&Arg| {
            arg.get_long() == Some(name)
                || arg
                    .get_all_aliases()
                    .is_some_and(|aliases| aliases.contains(&name))
        };
        self.command.get_arguments().find(is_name)
    }

    pub(in crate::cli) fn short(&self, letter: char) -> Option<&'a Arg> {
        let is_letter = |arg: &&Arg| {
            let aliases = arg.get_all_short_aliases();
            arg.get_short() == Some(letter)
                || aliases.is_some_and(|aliases| aliases.contains(&letter))
        };
        self.command.get_arguments().find(is_letter)
    }

    /// `--flag` by its name, `-x` by its letter.
    pub(super) fn typed(&self, flag: &str) -> Option<&'a Arg> {
        match flag.strip_prefix("--") {
            Some(name) => self.long(name),
            None => self.short(flag.chars().nth(1)?),
        }
    }

    /// The first hint whose flags the command has, with the value in it.
    pub(super) fn hint(&self, hints: &[&str], value: &str) -> Option<String> {
        let hint = hints.iter().find(|hint| self.has_flags_of(hint))?;
        Some(hint.replace("{}", value))
    }

    /// Whether the command shows every flag that a hint names.
    fn has_flags_of(&self, hint: &str) -> bool {
        flags_of(hint).all(|flag| self.typed(flag).is_some_and(|own| !own.is_hide_set()))
    }
}

/// Whether clap reads it as a flag rather than as a value.
pub(in crate::cli) fn is_flag(argument: &str) -> bool {
    argument.len() > 1 && argument.starts_with('-')
}

/// Every `-x` and `--flag` in a hint.
pub(super) fn flags_of(hint: &str) -> impl Iterator<Item = &str> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '-';
    hint.split(move |c| !is_part(c)).filter(|word| {
        let name = word.trim_start_matches('-');
        match word.len() - name.len() {
            1 => name.len() == 1,
            2 => !name.is_empty(),
            _ => false,
        }
    })
}
