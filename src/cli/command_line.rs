//! The command line as it was typed: which flags stand in it, in which spelling, and the variables that they overrule.

use std::ffi::OsString;

use clap::builder::{OsStr, Resettable};
use clap::{Arg, Command};

use super::foreign_flags::{CommandFlags, is_flag};

/// The words after a command, and the flags that the command has.
pub(super) struct CommandLine<'a> {
    flags: CommandFlags<'a>,
    words: Vec<&'a str>,
}

impl<'a> CommandLine<'a> {
    /// Of the arguments, the program's name first; `None` where they name no command.
    pub(super) fn of(arguments: &'a [OsString], program: &'a Command) -> Option<CommandLine<'a>> {
        let mut words = arguments.iter().skip(1).filter_map(|word| word.to_str());
        let command = program.find_subcommand(words.next()?)?;
        Some(CommandLine {
            flags: CommandFlags::of(command),
            words: words.take_while(|word| *word != "--").collect(),
        })
    }

    /// `-z` or `--duration`: the spelling of a flag that was typed.
    pub(super) fn spelling(&self, wanted: &Arg) -> Option<String> {
        let mut is_value = false;
        for word in &self.words {
            if std::mem::take(&mut is_value) || !is_flag(word) {
                continue;
            }
            let found = match word.strip_prefix("--") {
                Some(long) => self.long(long, wanted),
                None => self.letters(word, wanted),
            };
            match found {
                FlagWord::Wanted(spelling) => return Some(spelling),
                FlagWord::Other { value_follows } => is_value = value_follows,
            }
        }
        None
    }

    fn long(&self, typed: &str, wanted: &Arg) -> FlagWord {
        let name = typed.split('=').next().unwrap_or_default();
        match self.flags.long(name) {
            Some(own) if own.get_id() == wanted.get_id() => FlagWord::Wanted(format!("--{name}")),
            Some(own) => FlagWord::Other {
                value_follows: needs_value(own) && !typed.contains('='),
            },
            None => FlagWord::Other {
                value_follows: false,
            },
        }
    }

    /// `-kn5`: switches, then at most one flag with a value.
    fn letters(&self, word: &str, wanted: &Arg) -> FlagWord {
        let mut letters = word.trim_start_matches('-').chars();
        while let Some(letter) = letters.next() {
            let Some(own) = self.flags.short(letter) else {
                break;
            };
            if own.get_id() == wanted.get_id() {
                return FlagWord::Wanted(format!("-{letter}"));
            }
            if needs_value(own) {
                return FlagWord::Other {
                    value_follows: letters.as_str().is_empty(),
                };
            }
        }
        FlagWord::Other {
            value_follows: false,
        }
    }

    /// Arguments that have a value in the environment and none on the command line.
    fn set_by_variables(&self) -> impl Iterator<Item = &'a Arg> {
        let command = self.flags.command;
        command
            .get_arguments()
            .filter(|arg| value_of(arg).is_some())
    }

    /// Variables that are empty, or that contradict a typed flag, by the ids of their arguments.
    fn overruled(&self) -> Vec<String> {
        let command = self.flags.command;
        let typed: Vec<&Arg> = command
            .get_arguments()
            .filter(|arg| self.spelling(arg).is_some())
            .collect();
        let contradicts = |arg: &Arg| {
            typed.iter().any(|flag| {
                let is_among = |all: Vec<&Arg>, one: &Arg| {
                    all.iter().any(|other| other.get_id() == one.get_id())
                };
                is_among(command.get_arg_conflicts_with(flag), arg)
                    || is_among(command.get_arg_conflicts_with(arg), flag)
            })
        };
        let overruled = self.set_by_variables().filter(|arg| {
            let is_empty = value_of(arg).is_some_and(|value| value.is_empty());
            self.spelling(arg).is_none() && (is_empty || contradicts(arg))
        });
        overruled.map(|arg| arg.get_id().to_string()).collect()
    }
}

/// One word that begins with a dash.
enum FlagWord {
    /// It holds the flag in this spelling.
    Wanted(String),
    /// It holds others.
    Other {
        /// Whether the next word is the value of one.
        value_follows: bool,
    },
}

fn needs_value(arg: &Arg) -> bool {
    let least = arg.get_num_args().map_or(1, |number| number.min_values());
    arg.get_action().takes_values() && least > 0
}

/// The value of an argument's variable, if it is set.
fn value_of(arg: &Arg) -> Option<OsString> {
    std::env::var_os(arg.get_env()?)
}

/// The same program, which does not read variables that are empty or that contradict a typed flag: flags win.
pub(super) fn without_overruled(program: Command, arguments: &[OsString]) -> Command {
    let overruled = CommandLine::of(arguments, &program)
        .map(|line| (line.flags.command.get_name().to_owned(), line.overruled()));
    let Some((name, overruled)) = overruled else {
        return program;
    };
    overruled.into_iter().fold(program, |program, id| {
        program.mut_subcommand(&name, |command| {
            command.mut_arg(id, |arg| arg.env(Resettable::<OsStr>::Reset))
        })
    })
}

/// The flag of a value or, where the value is that of its variable, the variable.
pub(super) fn flag_or_variable(flag: &str, variable: &str, value: &str) -> String {
    let is_set = std::env::var(variable).is_ok_and(|set| {
        set == value
            || set
                .split([',', ';'])
                .any(|part| part.trim() == value.trim())
    });
    if is_set { variable } else { flag }.to_owned()
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use clap::CommandFactory as _;

    use super::CommandLine;
    use crate::cli::Cli;

    fn spelling(line: &str, id: &str) -> Option<String> {
        let words: Vec<OsString> = line.split(' ').map(OsString::from).collect();
        let program = Cli::command();
        let line = CommandLine::of(&words, &program).unwrap();
        let mut own = line.flags.command.get_arguments();
        line.spelling(own.find(|arg| arg.get_id() == id).unwrap())
    }

    #[test]
    fn a_flag_is_found_in_its_spelling_and_a_value_is_not_a_flag() {
        for (line, id, expected) in [
            ("a7probe measure -n 5", "requests", Some("-n")),
            ("a7probe measure --samples=5", "requests", Some("--samples")),
            ("a7probe measure -kn5 http://a", "requests", Some("-n")),
            ("a7probe measure -H -n", "requests", None),
            ("a7probe measure --body -n http://a", "requests", None),
            ("a7probe measure -- -n", "requests", None),
            ("a7probe measure -Hn http://a", "requests", None),
        ] {
            assert_eq!(spelling(line, id).as_deref(), expected, "{line}");
        }
    }
}
