//! `man`: manual pages, made from the argument definitions, so they never lag behind.

use std::io::Write;

use anyhow::bail;
use clap::Command;
use clap_mangen::Man;

use crate::cli::{self, ManArgs};
use crate::exit::Exit;

/// Writes the page of the program, or that of one command.
pub(crate) fn run(args: &ManArgs, stdout: &mut dyn Write) -> anyhow::Result<Exit> {
    let mut program = cli::program().disable_help_subcommand(true);
    program.build();
    let page = match args.command.as_deref() {
        None => program_page(&program)?,
        Some(name) => match program.find_subcommand(name) {
            Some(command) => command_page(command)?,
            None => bail!("{}", unknown(name, &program)),
        },
    };
    stdout.write_all(ascii(&page).as_bytes())?;
    Ok(Exit::Pass)
}

fn unknown(name: &str, program: &Command) -> String {
    let commands: Vec<&str> = program.get_subcommands().map(Command::get_name).collect();
    let shown: String = name.chars().take(24).collect();
    format!(
        "unknown command '{shown}'\nhint: commands: {}",
        commands.join(", ")
    )
}

fn program_page(program: &Command) -> anyhow::Result<String> {
    let usage = "a7probe [OPTIONS] URL...\na7probe COMMAND [OPTIONS]";
    let mut page = Page::begin(program, "a7probe", usage)?;
    page.section("COMMANDS");
    for command in program.get_subcommands() {
        let about = command.get_about().map(ToString::to_string);
        page.entry(
            &format!("a7probe-{}(1)", command.get_name()),
            &about.unwrap_or_default(),
        );
    }
    page.end(program)
}

fn command_page(command: &Command) -> anyhow::Result<String> {
    let name = format!("a7probe-{}", command.get_name());
    let usage = command.clone().render_usage().to_string();
    let usage = usage.trim_start_matches("Usage: ");
    let mut page = Page::begin(command, &name, usage)?;
    let man = Man::new(command.clone());
    man.render_options_section(&mut page.roff)?;
    if let Some(notes) = command.get_after_help() {
        page.section("EXAMPLES AND NOTES");
        page.verbatim(&notes.to_string());
    }
    page.end(command)
}

/// A page as it grows, in roff.
struct Page {
    roff: Vec<u8>,
}

impl Page {
    /// Title, name, synopsis and description.
    fn begin(command: &Command, name: &str, usage: &str) -> anyhow::Result<Page> {
        let source = format!("a7probe {}", env!("CARGO_PKG_VERSION"));
        let display = command.clone().display_name(name.to_owned());
        let man = Man::new(display.override_usage(usage.to_owned()))
            .title(name.to_uppercase())
            .source(source)
            .manual("a7probe manual");
        let mut page = Page { roff: Vec::new() };
        man.render_title(&mut page.roff)?;
        man.render_name_section(&mut page.roff)?;
        man.render_synopsis_section(&mut page.roff)?;
        man.render_description_section(&mut page.roff)?;
        Ok(page)
    }

    fn section(&mut self, title: &str) {
        self.line(&format!(".SH \"{title}\""));
    }

    /// A term and what it means.
    fn entry(&mut self, term: &str, meaning: &str) {
        self.line(".TP");
        self.line(&format!("\\fB{}\\fR", escaped(term)));
        self.line(&escaped(meaning));
    }

    /// Lines as they are.
    fn verbatim(&mut self, text: &str) {
        self.line(".nf");
        text.lines().for_each(|line| self.line(&escaped(line)));
        self.line(".fi");
    }

    /// Exit status, files and other pages.
    fn end(mut self, command: &Command) -> anyhow::Result<String> {
        self.section("EXIT STATUS");
        for exit in Exit::ALL {
            self.entry(&exit.code().to_string(), &exit.meaning().replace('`', ""));
        }
        self.section("ENVIRONMENT");
        self.line("Flags with a variable name it.");
        self.line(&escaped(
            "An unknown variable whose name resembles one of these is an error. a7probe help environment lists them all.",
        ));
        self.section("FILES");
        self.entry(
            "a7probe.toml",
            "Settings of measure, ab and diagnose; a7probe init writes one.",
        );
        self.section("SEE ALSO");
        let others = match command.get_name() {
            "a7probe" => "a7probe help gates, a7probe help terms",
            _ => "a7probe(1), a7probe help gates, a7probe help terms",
        };
        self.line(&escaped(others));
        Ok(String::from_utf8(self.roff)?)
    }

    fn line(&mut self, line: &str) {
        self.roff.extend_from_slice(line.as_bytes());
        self.roff.push(b'\n');
    }
}

/// A line of text: no request, no escape, and dashes that can be copied.
fn escaped(line: &str) -> String {
    let text = line.replace('\\', "\\e").replace('-', "\\-");
    match text.chars().next() {
        Some('.' | '\'') => format!("\\&{text}"),
        _ => text,
    }
}

/// Other characters by their number, so that the page reads the same in every locale.
fn ascii(page: &str) -> String {
    let mut out = String::with_capacity(page.len());
    for c in page.chars() {
        if c.is_ascii() {
            out.push(c);
        } else {
            out.push_str(&format!("\\[u{:04X}]", u32::from(c)));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::{ascii, escaped, run};
    use crate::cli::{Cli, ManArgs};

    /// The page, or the error.
    fn page(command: Option<&str>) -> Result<String, String> {
        let mut out = Vec::new();
        let args = ManArgs {
            command: command.map(str::to_owned),
        };
        match run(&args, &mut out) {
            Ok(_) => Ok(String::from_utf8(out).unwrap()),
            Err(e) => Err(e.to_string()),
        }
    }

    #[test]
    fn every_command_has_a_page_with_its_flags() {
        let program = Cli::command();
        for command in program.get_subcommands() {
            let name = command.get_name();
            let page = page(Some(name)).unwrap();
            let title = format!(".TH A7PROBE-{} 1", name.to_uppercase());
            let first = page.lines().find(|line| line.starts_with(".TH"));
            assert!(first.unwrap_or_default().starts_with(&title), "{first:?}");
            let shown = command.get_arguments().filter(|arg| !arg.is_hide_set());
            for long in shown.filter_map(clap::Arg::get_long) {
                let flag = format!("\\-\\-{}", long.replace('-', "\\-"));
                assert!(page.contains(&flag), "{name}: {long}");
            }
            for section in ["NAME", "SYNOPSIS", "DESCRIPTION", "EXIT STATUS", "SEE ALSO"] {
                assert!(page.contains(section), "{name}: {section}");
            }
        }
        let whole = page(None).unwrap();
        for command in program.get_subcommands() {
            let name = format!("a7probe\\-{}(1)", command.get_name());
            assert!(whole.contains(&name), "{name}");
        }
        let error = page(Some("mesure")).unwrap_err();
        assert!(
            error.contains("unknown command 'mesure'\nhint: commands: "),
            "{error}"
        );
    }

    #[test]
    fn text_is_no_request_and_in_ascii() {
        assert_eq!(escaped(".TH"), "\\&.TH");
        assert_eq!(escaped("a-b\\n"), "a\\-b\\en");
        assert_eq!(ascii("≤ ok"), "\\[u2264] ok");
    }
}
