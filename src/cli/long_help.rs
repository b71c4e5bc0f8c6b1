//! `--help`: the notes behind the flags, broken at 80 columns.

use clap::Command;

use crate::printable::command_words::{quoted_words, with_values};
use crate::report::HelpTopic;

/// Columns of every help text.
const WIDTH: usize = 80;
/// A text that begins further to the right stands on a line of its own.
const FURTHEST: usize = 40;

/// The same program, whose notes fit and name the topics of `help`.
pub(super) fn fitted(program: Command) -> Command {
    let notes = program.get_after_help().map(ToString::to_string);
    let topics = HelpTopic::ALL.map(HelpTopic::name).join(", ");
    let notes = format!(
        "{}\nTopics of a7probe help: {topics}",
        notes.unwrap_or_default()
    );
    with_fitted_notes(program.after_help(notes)).mut_subcommands(with_fitted_notes)
}

fn with_fitted_notes(command: Command) -> Command {
    match command.get_after_help().map(ToString::to_string) {
        Some(notes) => command.after_help(fit(&notes)),
        None => command,
    }
}

fn fit(notes: &str) -> String {
    let lines: Vec<String> = notes.lines().flat_map(fit_line).collect();
    lines.join("\n")
}

/// Lines of at most [`WIDTH`] columns. A command that is broken can still be copied.
fn fit_line(line: &str) -> Vec<String> {
    if line.chars().count() <= WIDTH {
        return vec![line.to_owned()];
    }
    let text = line.trim_start();
    let lead = line.len() - text.len();
    let gap = text.find("  ").map(|start| {
        let after = text[start..].trim_start();
        (
            lead + text[..start].chars().count(),
            text.len() - after.len(),
        )
    });
    match gap {
        // A term and its meaning.
        Some((_, after)) if lead + text[..after].chars().count() <= FURTHEST => {
            let column = lead + text[..after].chars().count();
            let first = format!("{}{}", " ".repeat(lead), &text[..after]);
            broken(&first, &text[after..], column, "")
        }
        // A command and what it is for.
        Some((_, after)) => {
            let mut lines = fit_line(line[..lead + after].trim_end());
            let indent = lead + 4;
            lines.extend(broken(&" ".repeat(indent), &text[after..], indent, ""));
            lines
        }
        None => {
            let continued = if text.starts_with("a7probe ") {
                " \\"
            } else {
                ""
            };
            let hang = if continued.is_empty() { lead } else { lead + 4 };
            broken(&" ".repeat(lead), text, hang, continued)
        }
    }
}

/// Breaks a text at spaces outside of quotes; `first` stands before it, and `continued` ends each line but the last.
fn broken(first: &str, text: &str, hang: usize, continued: &str) -> Vec<String> {
    let room = WIDTH - continued.len();
    let mut lines = Vec::new();
    let mut line = first.to_owned();
    let mut is_begun = false;
    let words = quoted_words(text);
    let words = if continued.is_empty() {
        words
    } else {
        with_values(words)
    };
    for word in words {
        let needs = line.chars().count() + usize::from(is_begun) + word.chars().count();
        if is_begun && needs > room {
            lines.push(format!("{line}{continued}"));
            line = " ".repeat(hang);
            is_begun = false;
        }
        if is_begun {
            line.push(' ');
        }
        line.push_str(&word);
        is_begun = true;
    }
    lines.push(line);
    lines
}

#[cfg(test)]
mod tests {
    use clap::{Arg, Command};

    use super::{WIDTH, fit};
    use crate::cli::program;

    /// `--help` of a command.
    fn shown(command: &Command) -> String {
        command.clone().render_long_help().to_string()
    }

    fn commands() -> Vec<Command> {
        let mut program = program().term_width(WIDTH);
        program.build();
        program.get_subcommands().cloned().collect()
    }

    #[test]
    fn a_broken_command_can_be_copied_and_a_meaning_hangs() {
        let long = format!(
            "  a7probe ab {} --gate 'p95 reduction >= 70%'",
            "--x ".repeat(12).trim()
        );
        let fitted = fit(&long);
        assert!(
            fitted.contains(" \\\n      --gate 'p95 reduction >= 70%'"),
            "{fitted}"
        );
        let term = format!("  term   {}", "word ".repeat(20));
        let fitted = fit(term.trim_end());
        assert!(
            fitted
                .lines()
                .skip(1)
                .all(|line| line.starts_with("         word")),
            "{fitted}"
        );
        let comment = format!("  a7probe judge {} what it is for and more", " ".repeat(60));
        assert_eq!(
            fit(&comment),
            "  a7probe judge\n      what it is for and more"
        );
    }

    #[test]
    fn every_help_fits_80_columns() {
        for command in commands() {
            let help = shown(&command);
            for line in help.lines() {
                let name = command.get_name();
                assert!(line.chars().count() <= WIDTH, "{name}: {line}");
            }
        }
    }

    #[test]
    fn every_flag_of_a_large_command_has_a_heading_and_a_text() {
        for command in commands() {
            let flags: Vec<&Arg> = command
                .get_opts()
                .filter(|arg| {
                    !arg.is_hide_set() && arg.get_id() != "help" && arg.get_id() != "version"
                })
                .collect();
            for flag in &flags {
                let is_grouped = flags.len() < 10 || flag.get_help_heading().is_some();
                let name = command.get_name();
                assert!(is_grouped, "{name}: {}", flag.get_id());
                assert!(flag.get_help().is_some(), "{name}: {}", flag.get_id());
            }
        }
    }
}
