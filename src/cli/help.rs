//! `a7probe help`: a command, or a topic of its own page.

use std::ffi::OsString;

use clap::error::ErrorKind;
use clap::{Command, CommandFactory as _, Parser};

use super::nearest::nearest;
use super::output::LookArgs;
use super::{Cli, EarlyExit, plain_error, redacted_error, short_help};
use crate::report::HelpTopic;

/// Explain a command or a topic
#[derive(Parser, Debug)]
#[command(
    name = "a7probe help",
    max_term_width = 80,
    disable_help_subcommand = true
)]
struct HelpArgs {
    /// Command, or one of gates, audit, diagnose, exit-codes, environment, method, terms
    #[arg(value_name = "COMMAND|TOPIC")]
    subject: Option<String>,

    #[command(flatten)]
    look: LookArgs,
}

/// The text for `help` and the words after it. The first of the arguments is `help`.
pub(super) fn answer(arguments: &[OsString]) -> EarlyExit {
    let args = match HelpArgs::try_parse_from(arguments) {
        Ok(args) => args,
        Err(e) => return refused(e, arguments),
    };
    let Some(subject) = args.subject.as_deref() else {
        return EarlyExit::Help(overview());
    };
    let mut program = Cli::command();
    program.build();
    let topic = HelpTopic::ALL
        .into_iter()
        .find(|topic| topic.name() == subject);
    match (topic, program.find_subcommand(subject)) {
        (None, None) => EarlyExit::Mistake(unknown(subject, &program)),
        (None, Some(_)) if subject == "help" => EarlyExit::Help(overview()),
        (None, Some(_)) => long_help(subject),
        (Some(topic), command) => {
            let mut page = Vec::new();
            // Writing to memory cannot fail.
            let _ = topic.write(&args.look.style(), &mut page);
            let mut page = String::from_utf8_lossy(&page).into_owned();
            if command.is_some() {
                page.push_str(&format!(
                    "\nFlags: a7probe {subject} -h, or --help for all\n"
                ));
            }
            EarlyExit::Help(page)
        }
    }
}

fn refused(e: clap::Error, arguments: &[OsString]) -> EarlyExit {
    if e.kind() == ErrorKind::DisplayHelp {
        return EarlyExit::Help(e.render().to_string());
    }
    let e = redacted_error::redacted(e, &HelpArgs::command());
    EarlyExit::Mistake(plain_error::text(&e, &HelpArgs::command(), arguments))
}

/// Every flag of a command, as its `--help` has them.
fn long_help(command: &str) -> EarlyExit {
    let words = ["a7probe", command, "--help"].map(OsString::from);
    match super::read(&words) {
        Err(answer) => answer,
        Ok(_) => EarlyExit::Help(overview()),
    }
}

/// Of `a7probe help` alone.
fn overview() -> String {
    let topics = topics();
    format!("{}Topics: {topics}\n", short_help::program())
}

fn topics() -> String {
    HelpTopic::ALL.map(HelpTopic::name).join(", ")
}

/// The error names everything that there is.
fn unknown(subject: &str, program: &Command) -> String {
    let commands: Vec<&str> = program.get_subcommands().map(Command::get_name).collect();
    let names = HelpTopic::ALL.map(HelpTopic::name);
    let all = commands.iter().chain(&names).copied();
    let near = nearest(subject, all, |edits, name| edits <= 2 && edits < name.len());
    let meant = match near {
        Some(name) => format!("did you mean '{name}'?\n"),
        None => String::new(),
    };
    let shown: String = subject.chars().take(24).collect();
    let lead = if meant.is_empty() { "" } else { "      " };
    format!(
        "error: unknown command or topic '{shown}'\nhint: {meant}{lead}commands: {}\n      topics: {}",
        commands.join(", "),
        topics()
    )
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use super::answer;
    use crate::cli::EarlyExit;
    use crate::report::HelpTopic;

    fn text(line: &str) -> Result<String, String> {
        let words: Vec<OsString> = line.split(' ').map(OsString::from).collect();
        match answer(&words) {
            EarlyExit::Help(text) => Ok(text),
            EarlyExit::Mistake(text) => Err(text),
        }
    }

    #[test]
    fn a_topic_is_its_page_and_a_command_its_flags() {
        for topic in HelpTopic::ALL {
            let line = format!("help {} --color never", topic.name());
            let page = text(&line).unwrap();
            let title = page.lines().next().unwrap_or_default();
            let expected = topic.page();
            let heading = expected.lines().next().unwrap_or_default();
            assert_eq!(format!("# {title}"), heading);
        }
        assert!(text("help measure").unwrap().contains("--warmup"));
        let both = text("help diagnose --ascii").unwrap();
        assert!(both.ends_with("Flags: a7probe diagnose -h, or --help for all\n"));
        let all = text("help").unwrap();
        for topic in HelpTopic::ALL {
            assert!(all.contains(topic.name()), "{all}");
        }
    }

    #[test]
    fn an_unknown_subject_is_answered_with_the_nearest_and_with_all() {
        let error = text("help gats").unwrap_err();
        assert!(
            error.starts_with(
                "error: unknown command or topic 'gats'\nhint: did you mean 'gates'?\n"
            ),
            "{error}"
        );
        assert!(
            error.contains("commands: ") && error.contains("exit-codes"),
            "{error}"
        );
        let error = text("help weather").unwrap_err();
        assert!(error.contains("\nhint: commands: "), "{error}");
        assert!(text("help gates audit").is_err());
    }
}
