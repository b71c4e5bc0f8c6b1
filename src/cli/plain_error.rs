//! Errors of the command line's parser in the words of this program: the flag or the variable, its value, what is wrong
//! with it, and what to type.

mod conflict;
mod reason;

use std::error::Error as _;
use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, Command, Error};

use super::command_line::CommandLine;
use super::foreign_flags::UsageError;
use super::short_help;

/// The text of an error for stderr. The arguments begin with the program's name.
pub(super) fn text(error: &Error, program: &Command, arguments: &[OsString]) -> String {
    let name = arguments.get(1).and_then(|name| name.to_str());
    let command = name.and_then(|name| program.find_subcommand(name));
    let parsed = ParserError {
        error,
        command: command.unwrap_or(program),
        line: CommandLine::of(arguments, program),
    };
    parsed.explained().to_string()
}

/// The same of a value that is read after the parser: `-q fast is not a rate`, and the hint. The origin is a flag or a
/// variable.
pub(super) fn of_value(origin: &str, value: &str, reason: &str) -> String {
    let origin = if origin.starts_with('-') {
        ValueOrigin::Flag(origin.to_owned())
    } else {
        ValueOrigin::Variable(origin.to_owned())
    };
    let (error, hint) = origin.refused(value, reason);
    match hint {
        Some(hint) => format!("{error}\nhint: {hint}"),
        None => error,
    }
}

struct ParserError<'a> {
    error: &'a Error,
    /// The command, or the program where none is named.
    command: &'a Command,
    line: Option<CommandLine<'a>>,
}

impl ParserError<'_> {
    fn explained(&self) -> UsageError {
        match self.error.kind() {
            ErrorKind::InvalidValue => self.invalid_value(),
            ErrorKind::ValueValidation => self.refused_value(),
            ErrorKind::ArgumentConflict => self.conflict(),
            ErrorKind::MissingRequiredArgument => self.missing(),
            ErrorKind::UnknownArgument => self.unknown(),
            ErrorKind::InvalidSubcommand => self.unknown_command(),
            ErrorKind::InvalidUtf8 => UsageError::new(
                "a word on the command line is not valid UTF-8",
                "check the encoding of the terminal, or type the word again",
            ),
            _ => self.other(),
        }
    }

    fn context(&self, kind: ContextKind) -> String {
        match self.error.get(kind) {
            Some(ContextValue::String(text)) => text.clone(),
            Some(ContextValue::Strings(texts)) => texts.join(", "),
            _ => String::new(),
        }
    }

    fn several(&self, kind: ContextKind) -> Vec<String> {
        match self.error.get(kind) {
            Some(ContextValue::String(text)) => vec![text.clone()],
            Some(ContextValue::Strings(texts)) => texts.clone(),
            _ => Vec::new(),
        }
    }

    /// The argument that clap shows as `--timeout <TIME>`, `-h` or `<FILE>...`.
    fn argument(&self, shown: &str) -> Option<&Arg> {
        let mut arguments = self.command.get_arguments();
        let first = shown.split([' ', '=']).next().unwrap_or_default();
        let name = first.trim_matches(|c| "[]<>.".contains(c));
        match first.strip_prefix("--") {
            Some(long) => arguments.find(|arg| arg.get_long() == Some(long)),
            None => arguments.find(|arg| {
                let names = arg.get_value_names().unwrap_or_default();
                arg.is_positional() && names.iter().any(|own| own == name)
            }),
        }
    }

    /// The argument's origin as it was typed or set: `-t`, `--timeout`, `A7PROBE_TIMEOUT`, `FILE`.
    fn origin(&self, shown: &str) -> ValueOrigin {
        let Some(arg) = self.argument(shown) else {
            let name = shown.split(' ').next().unwrap_or_default();
            return ValueOrigin::Flag(name.trim_matches(|c| "[]<>.".contains(c)).to_owned());
        };
        let spelling = self.line.as_ref().and_then(|line| line.spelling(arg));
        let variable = arg
            .get_env()
            .filter(|name| std::env::var_os(name).is_some());
        match (spelling, variable, arg.get_long()) {
            (Some(spelling), _, _) => ValueOrigin::Flag(spelling),
            (None, Some(variable), _) if !arg.is_positional() => {
                ValueOrigin::Variable(variable.to_string_lossy().into_owned())
            }
            (None, _, Some(long)) => ValueOrigin::Flag(format!("--{long}")),
            _ => {
                let names = arg.get_value_names().unwrap_or_default();
                ValueOrigin::Word(names.first().map(ToString::to_string).unwrap_or_default())
            }
        }
    }

    /// A value that is not in a list, or none.
    fn invalid_value(&self) -> UsageError {
        let shown = self.context(ContextKind::InvalidArg);
        let (origin, value) = (self.origin(&shown), self.context(ContextKind::InvalidValue));
        let valid = self.several(ContextKind::ValidValue);
        let near = self.context(ContextKind::SuggestedValue);
        if value.is_empty() {
            let hint = match &origin {
                _ if !valid.is_empty() => format!("use {}", listed(&valid)),
                ValueOrigin::Flag(flag) => format!("write {flag} {}", self.value_name(&shown)),
                _ => self.see_help(),
            };
            return UsageError::new(format!("{} needs a value", origin.name()), hint);
        }
        let hint = if !near.is_empty() {
            format!("did you mean {near}?")
        } else if !valid.is_empty() {
            format!("use {}", listed(&valid))
        } else {
            self.see_help()
        };
        let error = match &origin {
            ValueOrigin::Word(name) => format!("unknown {} '{value}'", name.to_lowercase()),
            origin => format!("{}: unknown value", origin.with(&value)),
        };
        UsageError::new(error, hint)
    }

    /// A value that its parser refused.
    fn refused_value(&self) -> UsageError {
        let origin = self.origin(&self.context(ContextKind::InvalidArg));
        let value = self.context(ContextKind::InvalidValue);
        let reason = self.error.source().map(ToString::to_string);
        let reason = reason.unwrap_or_else(|| "the value cannot be read".to_owned());
        let (error, hint) = origin.refused(&value, &reason);
        UsageError::new(error, hint.unwrap_or_else(|| self.see_help()))
    }

    fn conflict(&self) -> UsageError {
        let shown = self.context(ContextKind::InvalidArg);
        let one = self.origin(&shown);
        let others = self.several(ContextKind::PriorArg);
        if others.is_empty() || others == [shown.clone()] {
            return UsageError::new(
                format!("{} is given more than once", one.name()),
                "give it once",
            );
        }
        let id = |shown: &str| self.argument(shown).map(|arg| arg.get_id().as_str());
        let ids: Vec<&str> = std::iter::once(shown.as_str())
            .chain(others.iter().map(String::as_str))
            .filter_map(id)
            .collect();
        let others: Vec<ValueOrigin> = others.iter().map(|other| self.origin(other)).collect();
        let are_variables = std::iter::once(&one)
            .chain(&others)
            .all(|origin| matches!(origin, ValueOrigin::Variable(_)));
        let names: Vec<&str> = others.iter().map(ValueOrigin::name).collect();
        let hint = if are_variables {
            "unset one of them"
        } else {
            conflict::hint(&ids)
        };
        UsageError::new(
            format!(
                "{} cannot be combined with {}",
                one.name(),
                names.join(", ")
            ),
            hint,
        )
    }

    fn missing(&self) -> UsageError {
        let missing = self.several(ContextKind::InvalidArg);
        let name = |shown: &String| match shown.split_once(' ') {
            Some((flag, _)) => flag.to_owned(),
            None => shown.trim_matches(|c| "[]<>.".contains(c)).to_owned(),
        };
        let names: Vec<String> = missing.iter().map(name).collect();
        let command = self.command.get_name();
        if let Some(flag) = missing.iter().find(|shown| shown.starts_with("--")) {
            let flag = flag.replace(['<', '>'], "");
            return UsageError::new(
                format!("{} is missing", names.join(" and ")),
                format!("add {flag}; another flag of the line needs it"),
            );
        }
        UsageError::new(
            format!("a7probe {command} needs {}", names.join(" and ")),
            match short_help::first_example(command) {
                Some(example) => format!("write it as in: {example}"),
                None => self.see_help(),
            },
        )
    }

    fn unknown(&self) -> UsageError {
        let word = self.context(ContextKind::InvalidArg);
        if !word.starts_with('-') {
            let usage = short_help::usage(self.command.get_name());
            return UsageError::new(
                format!("unexpected word '{word}'"),
                usage.map_or_else(|| self.see_help(), |usage| format!("usage: {usage}")),
            );
        }
        let near = self.context(ContextKind::SuggestedArg);
        let hint = match near.split(' ').next() {
            Some(near) if !near.is_empty() => format!("did you mean {near}?"),
            _ => self.see_help(),
        };
        UsageError::unknown(&word, "", hint)
    }

    fn unknown_command(&self) -> UsageError {
        let word = self.context(ContextKind::InvalidSubcommand);
        let near = self.several(ContextKind::SuggestedSubcommand);
        let is_file = word.contains('.') && !word.contains('…');
        let hint = match near.first() {
            Some(near) => format!("did you mean: a7probe {near}"),
            None if is_file => {
                format!("for a saved run or a list of latencies: a7probe judge {word}")
            }
            None => {
                "commands: a7probe -h; to measure a host, write its URL: a7probe http://HOST/PATH"
                    .to_owned()
            }
        };
        UsageError::new(format!("unknown command '{word}'"), hint)
    }

    /// What clap says, in one line.
    fn other(&self) -> UsageError {
        let text = self.error.render().to_string();
        let first = text.lines().next().unwrap_or_default();
        let first = first.strip_prefix("error: ").unwrap_or(first);
        UsageError::new(first.to_owned(), self.see_help())
    }

    fn value_name(&self, shown: &str) -> String {
        let names = self.argument(shown).and_then(Arg::get_value_names);
        let first = names.and_then(|names| names.first());
        first.map_or_else(|| "VALUE".to_owned(), ToString::to_string)
    }

    fn see_help(&self) -> String {
        match (&self.line, self.command.get_name()) {
            (Some(_), command) => format!("see a7probe {command} -h, or --help for every flag"),
            (None, _) => "see a7probe -h".to_owned(),
        }
    }
}

/// Where a value comes from.
enum ValueOrigin {
    /// A flag in the spelling that was typed.
    Flag(String),
    /// A variable of the environment.
    Variable(String),
    /// A word without a flag.
    Word(String),
}

impl ValueOrigin {
    fn name(&self) -> &str {
        let (ValueOrigin::Flag(name) | ValueOrigin::Variable(name) | ValueOrigin::Word(name)) =
            self;
        name
    }

    /// The error about a value that a parser refused for this reason, and its hint.
    fn refused(&self, value: &str, reason: &str) -> (String, Option<String>) {
        let (what, hint) = reason::explained(value, reason);
        let with = self.with(value);
        // A text that begins with a space continues the sentence.
        let error = match what.strip_prefix(' ') {
            Some(predicate) => format!("{with} {predicate}"),
            None => format!("{with}: {what}"),
        };
        (error, hint)
    }

    /// `-t 5`, `A7PROBE_TIMEOUT=5`, `SHELL tcsh`.
    fn with(&self, value: &str) -> String {
        let is_plain = |c: char| c.is_alphanumeric() || "-_./:%+=@,…".contains(c);
        let value = if !value.is_empty() && value.chars().all(is_plain) {
            value.to_owned()
        } else {
            format!("'{value}'")
        };
        match self {
            ValueOrigin::Variable(name) => format!("{name}={value}"),
            ValueOrigin::Flag(name) | ValueOrigin::Word(name) => format!("{name} {value}"),
        }
    }
}

/// `jitter, grid or poisson`.
fn listed(values: &[String]) -> String {
    match values {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use clap::CommandFactory as _;

    use crate::cli::{Cli, EarlyExit, read};

    fn said(line: &str) -> String {
        let words = std::iter::once("a7probe").chain(line.split(' '));
        let words: Vec<OsString> = words.map(OsString::from).collect();
        match read(&words) {
            Err(EarlyExit::Mistake(text)) => text,
            other => panic!("{line}: {other:?}"),
        }
    }

    #[test]
    fn every_kind_of_mistake_is_one_error_and_one_hint() {
        for (line, expected) in [
            (
                "measure http://a --timeout 5",
                "error: --timeout 5 has no unit\nhint: write 5s or 5ms",
            ),
            (
                "measure http://a --pairs 5",
                "error: unknown flag --pairs\nhint: see a7probe measure --help",
            ),
            (
                "measure http://a -c 70000",
                "error: -c 70000 is out of range\nhint: write a whole number from 1 to 65535",
            ),
            (
                "measure http://a -n 0",
                "error: -n 0 is out of range\nhint: write a whole number of at least 1",
            ),
            (
                "measure http://a --seed x",
                "error: --seed x is not a whole number\nhint: write a whole number, such as 10",
            ),
            (
                "measure http://a --arrivals even",
                "error: --arrivals even: unknown value\nhint: use jitter, grid or poisson",
            ),
            (
                "measure http://a -n 5 -z 5s",
                "error: -n cannot be combined with -z\nhint: -n fixes the number of requests, -z the time",
            ),
            (
                "measure http://a --target 1s --target 2s",
                "error: --target is given more than once\nhint: give it once",
            ),
            (
                "measure http://a -z",
                "error: -z needs a value\nhint: write -z TIME",
            ),
            (
                "mesure http://a",
                "error: unknown command 'mesure'\nhint: did you mean a7probe measure? A host is written http://mesure",
            ),
            (
                "run.json",
                "error: unknown command 'run.json'\nhint: for a saved run or a list of latencies: a7probe judge run.json",
            ),
            (
                "compare a.json",
                "error: a7probe compare needs AFTER\nhint: write it as in: a7probe compare before.json after.json",
            ),
            (
                "judge",
                "error: a7probe judge needs FILE\nhint: write it as in: a7probe judge run.json",
            ),
            (
                "compare a b c",
                "error: unexpected word 'c'\nhint: usage: a7probe compare [OPTIONS] BEFORE AFTER",
            ),
        ] {
            assert_eq!(said(line), expected, "{line}");
        }
    }

    #[test]
    fn no_mistake_is_told_in_the_words_of_the_parser() {
        for command in Cli::command().get_subcommands() {
            for arg in command.get_arguments().filter(|arg| !arg.is_hide_set()) {
                let Some(long) = arg.get_long().filter(|_| arg.get_action().takes_values()) else {
                    continue;
                };
                let line = format!("{} x --{long}", command.get_name());
                let text = said(&line);
                assert!(text.contains("\nhint: "), "{line}: {text}");
                assert!(!text.contains("For more information"), "{line}: {text}");
            }
        }
    }
}
