//! Flags of other load generators: refused with our spelling, before clap takes one for the value of `-d` or `-h`.

mod command_flags;
mod foreign_command;
mod missing_command;
mod own_value;
mod table;
#[cfg(test)]
mod tests;
mod unknown_flag;
mod usage_error;
mod value;

use std::ffi::OsString;

use clap::{Arg, Command};
use command_flags::SENDING;
use table::{ForeignFlag, TABLE};
use usage_error::shown;

pub(super) use command_flags::{CommandFlags, is_flag};
pub(crate) use usage_error::{UsageError, UsageErrors};

/// Most letters after one dash that are read as one switch each.
const MOST_SWITCHES: usize = 3;

/// Switches of curl about its output, which have no meaning here.
const CURL_SWITCHES: &str = "fsSiNgJO";

/// The arguments, the program's name first, with `measure` where it is left out.
///
/// # Errors
/// A command follows flags, which belong after it.
pub(crate) fn with_command(
    arguments: &[OsString],
    ours: &Command,
) -> Result<Vec<OsString>, UsageError> {
    let mut whole = arguments.to_vec();
    let typed = before_dashes(arguments);
    if missing_command::is_implied(&typed, ours)? {
        whole.insert(1, SENDING[0].into());
    }
    Ok(whole)
}

/// The words after the program's name and before `--`.
fn before_dashes(arguments: &[OsString]) -> Vec<&str> {
    arguments
        .iter()
        .skip(1)
        .take_while(|argument| *argument != "--")
        .map(|argument| argument.to_str().unwrap_or_default())
        .collect()
}

/// Looks through the arguments, the program's name first.
///
/// # Errors
/// Each flag of another tool, and each text attached to `-d` or `-h` that may be one.
pub(crate) fn check(arguments: &[OsString], ours: &Command) -> Result<(), UsageErrors> {
    let typed = before_dashes(arguments);
    missing_command::check(&typed, ours).map_err(UsageErrors::of)?;
    let named = typed.iter().find_map(|name| ours.find_subcommand(name));
    // Without a subcommand clap refuses every flag but -h. Flags are then read as those of `measure`.
    let command = match named {
        Some(command) => command,
        None => ours.find_subcommand(SENDING[0]).unwrap_or(ours),
    };
    let flags = CommandFlags::of(command);
    let mut errors = UsageErrors::default();
    let mut words = typed.iter().copied().peekable();
    while let Some(argument) = words.next() {
        let next = words.peek().copied();
        if let Some(Err(negative)) = next.map(|value| flags.check_sign(argument, value)) {
            errors.add(Err(negative));
            // The value is not a flag.
            words.next();
            continue;
        }
        errors.add(flags.check(argument, next.filter(|next| !is_flag(next))));
    }
    if let Some(last) = typed.last()
        && arguments.len() > typed.len() + 1
    {
        errors.add(flags.check_before_dashes(last));
    }
    errors.none()
}

impl CommandFlags<'_> {
    /// `-z -5s`: clap would take the value for a flag.
    fn check_sign(&self, flag: &str, value: &str) -> Result<(), UsageError> {
        let is_negative = value
            .strip_prefix('-')
            .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit() || c == '.'));
        let own = self.typed(flag).filter(|_| is_flag(flag) && is_negative);
        match own.filter(|own| own.get_action().takes_values()) {
            Some(_) if flag != "-d" => Err(UsageError::new(
                format!("{flag} {value}: negative values are not possible"),
                "write a number without a sign",
            )),
            _ => Ok(()),
        }
    }

    fn check(&self, argument: &str, next: Option<&str>) -> Result<(), UsageError> {
        let Some(flag) = argument.strip_prefix('-').filter(|flag| !flag.is_empty()) else {
            return Ok(());
        };
        let Some(long) = flag.strip_prefix('-') else {
            return self.check_one_dash(flag, next);
        };
        let (name, value) = name_and_value(long, next);
        let typed = format!("--{name}");
        match self.long(name) {
            Some(own) => own_value::check(self, own, &typed, value),
            None => self.refuse_unknown(name, &typed, value),
        }
    }

    /// `-rate=50`, `-h2`, `-d@file`, `-kv`: one dash, and one letter or more.
    fn check_one_dash(&self, flag: &str, next: Option<&str>) -> Result<(), UsageError> {
        let (name, value) = name_and_value(flag, next);
        self.check_long_name(name, value)?;
        let mut letters = flag.chars();
        let Some(letter) = letters.next() else {
            return Ok(());
        };
        let rest = letters.as_str();
        if matches!(letter, 'h' | 'V') {
            return check_help(flag, letter, rest);
        }
        let typed = format!("-{letter}");
        let attached = rest.strip_prefix('=').unwrap_or(rest);
        let value = if rest.is_empty() {
            next
        } else {
            Some(attached)
        };
        match self.short(letter) {
            None => {
                if let Some(switches) = self.curl_switches(flag) {
                    return Err(switches);
                }
                // `-iv`: switches of another tool, not a value of the first.
                let is_cluster = !rest.is_empty() && rest.chars().all(|c| c.is_ascii_alphabetic());
                let value = value.filter(|_| !is_cluster || name.len() > MOST_SWITCHES);
                self.refuse_unknown(&letter.to_string(), &typed, value)
            }
            Some(own) if own.get_action().takes_values() => {
                if letter == 'd' && self.sends && may_be_a_flag(rest) {
                    let hint = "if it is a body, put a space after -d: -d TEXT".to_owned();
                    return Err(UsageError::unknown(&shown(name, 'd'), "", hint));
                }
                own_value::check(self, own, &typed, value)
            }
            Some(_) if rest.is_empty() => self.check_switch(letter, next),
            Some(_) => self.check_one_dash(rest, next),
        }
    }

    /// `-sS`, `-fsSL`: switches of curl in one word, of which some may be ours.
    fn curl_switches(&self, letters: &str) -> Option<UsageError> {
        let is_switch = |own: &Arg| !own.get_action().takes_values();
        let is_own = |letter: char| self.short(letter).is_some_and(is_switch);
        let are_known = letters
            .chars()
            .all(|letter| CURL_SWITCHES.contains(letter) || is_own(letter));
        if !self.sends || letters.len() < 2 || !are_known {
            return None;
        }
        let own: String = letters.chars().filter(|letter| is_own(*letter)).collect();
        let hint = if own.is_empty() {
            "leave it out; errors are always shown, response bodies never".to_owned()
        } else {
            format!("use -{own}; the other letters have no use here")
        };
        Some(UsageError::unknown(&format!("-{letters}"), "curl", hint))
    }

    /// A name of several letters after one dash.
    fn check_long_name(&self, name: &str, value: Option<&str>) -> Result<(), UsageError> {
        let mut letters = name.chars();
        let (Some(first), Some(_)) = (letters.next(), letters.next()) else {
            return Ok(());
        };
        let typed = format!("-{name}");
        if self.sends || self.short(first).is_none() {
            self.refuse_unknown(name, &typed, value)?;
        }
        if first.is_ascii_alphabetic() && self.long(name).is_some() {
            return Err(UsageError::unknown(&typed, "", format!("use --{name}")));
        }
        Ok(())
    }

    /// A switch of ours that takes a value in other tools.
    fn check_switch(&self, letter: char, next: Option<&str>) -> Result<(), UsageError> {
        match next.filter(|next| next.chars().all(|c| c.is_ascii_digit())) {
            Some(number) if self.sends => Err(UsageError::new(
                format!("-{letter} {number} (ab: verbosity): -{letter} has no value here"),
                format!("use -{letter} alone"),
            )),
            _ => Ok(()),
        }
    }

    fn refuse_unknown(
        &self,
        name: &str,
        typed: &str,
        value: Option<&str>,
    ) -> Result<(), UsageError> {
        if !self.sends {
            return unknown_flag::check(self.command, name, typed, value);
        }
        let mut meanings = TABLE.iter().filter(|entry| entry.names.contains(&name));
        let found = meanings.find_map(|entry| Some((entry, entry.repeated(value)?)));
        let Some((entry, value)) = found else {
            if typed.starts_with("--") {
                return unknown_flag::check(self.command, name, typed, value);
            }
            return Ok(());
        };
        let hint = self.hint(entry.hints, &value).unwrap_or_else(|| {
            let command = self.command.get_name();
            format!("leave it out; see a7probe {command} --help")
        });
        Err(UsageError::unknown(typed, entry.tools, hint))
    }

    /// `-d -- URL`: a flag that needs a value, right before the two dashes.
    fn check_before_dashes(&self, last: &str) -> Result<(), UsageError> {
        let is_one = last.starts_with("--") || (is_flag(last) && last.chars().count() == 2);
        let own = self.typed(last).filter(|_| is_one);
        let needs_value = |own: &Arg| {
            let least = own.get_num_args().map_or(1, |number| number.min_values());
            own.get_action().takes_values() && least > 0
        };
        if own.is_some_and(needs_value) {
            return Err(UsageError::new(
                format!("{last} needs a value, and -- is not one: it ends the flags"),
                format!("put the value after {last}, or leave {last} out"),
            ));
        }
        Ok(())
    }
}

impl ForeignFlag {
    /// The value as a hint repeats it; `None` if this meaning does not fit it. A value that may be a secret is not
    /// repeated, whatever the flag is about.
    fn repeated(&self, value: Option<&str>) -> Option<String> {
        match value {
            Some(value) if value::may_be_secret(value) => {
                (self.value)(value).map(|_| self.example.to_owned())
            }
            Some(value) => (self.value)(value),
            None => (self.value)("").map(|_| self.example.to_owned()),
        }
    }
}

/// `-h2`, `-Vx`: text attached to a flag that takes none.
fn check_help(flag: &str, letter: char, rest: &str) -> Result<(), UsageError> {
    if rest.is_empty() {
        return Ok(());
    }
    let hint = match letter {
        'h' => "use -h for help",
        _ => "use -V for the version",
    };
    Err(UsageError::unknown(
        &shown(flag, letter),
        "",
        hint.to_owned(),
    ))
}

fn name_and_value<'a>(flag: &'a str, next: Option<&'a str>) -> (&'a str, Option<&'a str>) {
    match flag.split_once('=') {
        Some((name, value)) => (name, Some(value)),
        None => (flag, next),
    }
}

/// Text right after `-d` that could be the rest of a flag: it begins with a letter, a digit or a dash, and is not
/// `NAME=…` with a plain name. Any other text, such as `@file` or `{"a":1}`, can only be a body.
fn may_be_a_flag(attached: &str) -> bool {
    let begins = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_');
    if !attached.starts_with(begins) || value::duration(attached).is_some() {
        return false;
    }
    match attached.split_once('=') {
        Some((name, _)) => name.contains('-'),
        None => true,
    }
}
