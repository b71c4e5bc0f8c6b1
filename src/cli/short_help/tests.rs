//! The screens of `-h` name what exists and fit a terminal.

use std::ffi::OsString;

use clap::{Arg, Command, CommandFactory as _, Parser as _};

use super::{COMMANDS, PROGRAM, examples};
use crate::cli::{Cli, foreign_flags};

/// The screens whose command is built in.
fn screens() -> Vec<(&'static str, &'static str, Command)> {
    let program = Cli::command();
    let built_in = COMMANDS.iter().filter_map(|(name, screen)| {
        let command = program.find_subcommand(name)?;
        Some((*name, *screen, command.clone()))
    });
    built_in.collect()
}

fn flag<'a>(command: &'a Command, typed: &str) -> Option<&'a Arg> {
    let is = |argument: &&Arg| match typed.strip_prefix("--") {
        Some(long) => {
            let aliases = argument.get_all_aliases().unwrap_or_default();
            argument.get_long() == Some(long) || aliases.contains(&long)
        }
        None => {
            let letter = typed.chars().nth(1);
            let aliases = argument.get_all_short_aliases().unwrap_or_default();
            argument.get_short() == letter || letter.is_some_and(|l| aliases.contains(&l))
        }
    };
    command.get_arguments().find(is)
}

/// The flags in a text.
fn flags(text: &str) -> Vec<&str> {
    let words = text.split([' ', ',', ';', '\n', '(', ')', '\'', '=', '.']);
    let is_flag = |word: &&str| word.starts_with('-') && word.len() > 1;
    words
        .filter(is_flag)
        .filter(|word| *word != "--help")
        .collect()
}

#[test]
fn a_screen_has_three_examples_and_fits_80_columns_and_30_lines() {
    for (name, screen) in COMMANDS.iter().chain([&("program", PROGRAM)]) {
        for line in screen.lines() {
            assert!(line.chars().count() <= 80, "{name}: {line}");
            assert_eq!(line, line.trim_end(), "{name}");
        }
        let lines = screen.lines().count();
        assert!(lines <= 30, "{name} has {lines} lines");
        let head: Vec<&str> = screen.lines().take(5).collect();
        assert_eq!(examples(&head.join("\n")).len(), 3, "{name}");
    }
}

#[test]
fn every_example_is_a_command_line_of_this_program() {
    for (name, screen, _) in screens() {
        for example in examples(screen) {
            let words: Vec<OsString> = words(example);
            let flags = foreign_flags::check(&words, &Cli::command());
            assert!(flags.is_ok(), "{name}: {example}: {flags:?}");
            let parsed = Cli::try_parse_from(&words);
            assert!(parsed.is_ok(), "{name}: {example}: {parsed:?}");
        }
    }
}

/// Splits at spaces outside of single quotes.
fn words(line: &str) -> Vec<OsString> {
    let mut words = vec![String::new()];
    let mut is_quoted = false;
    for c in line.chars() {
        match (c, words.last_mut()) {
            ('\'', _) => is_quoted = !is_quoted,
            (' ', _) if !is_quoted => words.push(String::new()),
            (c, Some(word)) => word.push(c),
            _ => {}
        }
    }
    words.into_iter().map(OsString::from).collect()
}

#[test]
fn every_flag_that_a_screen_names_exists_with_its_default() {
    let mut seen = 0;
    let program = Cli::command();
    for (name, screen, command) in screens() {
        for typed in flags(screen) {
            let other = program.get_subcommands().find(|other| {
                let mention = format!("{} {typed}", other.get_name());
                screen.contains(&mention) || screen.contains(&format!("{} --", other.get_name()))
            });
            let exists = flag(&command, typed).is_some_and(|flag| !flag.is_hide_set());
            let is_of_other = other.is_some_and(|other| flag(other, typed).is_some());
            let is_config = name == "init" && typed == "--config";
            assert!(exists || is_of_other || is_config, "{name}: {typed}");
            seen += 1;
        }
        for line in screen.lines().filter(|line| line.ends_with(']')) {
            let (before, default) = line.rsplit_once('[').expect("a bracket");
            let own = flags(before).last().and_then(|typed| flag(&command, typed));
            let defaults = own.map(|flag| flag.get_default_values().to_vec());
            if let Some([expected]) = defaults.as_deref() {
                let default = default.trim_end_matches(']');
                assert_eq!(expected.to_str(), Some(default), "{name}: {line}");
            }
        }
    }
    assert!(seen > 120, "{seen}");
}

#[cfg(feature = "reference")]
#[test]
fn every_command_is_on_the_first_screen() {
    for command in Cli::command().get_subcommands() {
        let name = command.get_name();
        let is_named = PROGRAM
            .split(|c: char| !c.is_ascii_alphabetic())
            .any(|word| word == name);
        assert!(is_named, "{name}");
    }
}
