//! How the progress of a run is shown: the flag, and what it means on this stderr.

use std::io::{self, IsTerminal};

use clap::{Args, ValueEnum};

use super::output::{ScreenArgs, colour, glyphs};
use super::variables::variable;
use crate::report::{Glyphs, Style, Verbosity};

/// The flag about progress.
#[derive(Clone, Copy, Debug, Default, Args)]
#[command(next_help_heading = "Output")]
pub struct ProgressArgs {
    /// Progress on stderr: panel (redrawn in place, on a terminal), plain (a line every 10 s), json (an object every
    /// second) or none; auto is panel on a terminal, none with --quiet, else plain
    #[arg(long, value_name = "FORM", value_enum, env = "A7PROBE_PROGRESS", default_value_t = ProgressForm::Auto,
        hide_possible_values = true)]
    pub progress: ProgressForm,
}

/// The values of `--progress`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ProgressForm {
    /// What suits stderr.
    #[default]
    Auto,
    Panel,
    Plain,
    Json,
    None,
}

/// How progress is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ProgressMode {
    /// Several lines that are redrawn in place.
    Panel,
    /// Lines for a log, every ten seconds.
    Plain,
    /// A JSON object a line, every second.
    Json,
    /// Not at all.
    Silent,
}

/// Whether a command says more than its result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Talk {
    /// Warnings and what happens.
    Normal,
    /// The result alone (`--quiet`).
    Quiet,
}

/// What a stream can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Redrawing {
    Possible,
    /// A file, a pipe or a terminal without a movable cursor.
    Impossible,
}

/// The stderr output of a command, apart from its result.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Console {
    /// How progress is shown.
    pub mode: ProgressMode,
    /// Colours and glyphs of the panel; its size is asked for at every drawing.
    pub style: Style,
    pub talk: Talk,
}

impl ProgressArgs {
    /// What is shown with these flags about the output.
    pub(crate) fn console(self, screen: &ScreenArgs) -> Console {
        let stderr = io::stderr().is_terminal();
        let style = Style {
            colour: colour(screen.look.color, stderr, variable),
            glyphs: if screen.look.ascii {
                Glyphs::Ascii
            } else {
                glyphs(variable)
            },
            width: None,
            verbosity: Verbosity::Normal,
        };
        let redrawing = if stderr && variable("TERM").as_deref() != Some("dumb") {
            Redrawing::Possible
        } else {
            Redrawing::Impossible
        };
        let talk = if screen.quiet {
            Talk::Quiet
        } else {
            Talk::Normal
        };
        Console {
            mode: mode(self.progress, talk, redrawing),
            style,
            talk,
        }
    }
}

/// A form that was typed wins over `--quiet`.
fn mode(form: ProgressForm, talk: Talk, redrawing: Redrawing) -> ProgressMode {
    match (form, redrawing) {
        (ProgressForm::Auto, _) if talk == Talk::Quiet => ProgressMode::Silent,
        (ProgressForm::Auto | ProgressForm::Panel, Redrawing::Possible) => ProgressMode::Panel,
        (ProgressForm::Auto | ProgressForm::Panel, Redrawing::Impossible)
        | (ProgressForm::Plain, _) => ProgressMode::Plain,
        (ProgressForm::Json, _) => ProgressMode::Json,
        (ProgressForm::None, _) => ProgressMode::Silent,
    }
}

/// Size of the terminal behind stderr.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TerminalSize {
    pub columns: u16,
    pub rows: u16,
}

impl TerminalSize {
    /// As it is now; `None` where stderr is not a terminal.
    pub(crate) fn of_stderr() -> Option<TerminalSize> {
        let (columns, rows) = terminal_size::terminal_size_of(io::stderr())?;
        Some(TerminalSize {
            columns: columns.0,
            rows: rows.0,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{ProgressForm, ProgressMode, Redrawing, Talk, mode};

    #[test]
    fn a_panel_is_for_terminals_and_a_typed_form_wins_over_quiet() {
        use ProgressForm::{Auto, Json, None, Panel, Plain};
        use Redrawing::{Impossible, Possible};
        use Talk::{Normal, Quiet};
        for (form, talk, redrawing, expected) in [
            (Auto, Normal, Possible, ProgressMode::Panel),
            (Auto, Normal, Impossible, ProgressMode::Plain),
            (Auto, Quiet, Possible, ProgressMode::Silent),
            (Panel, Normal, Impossible, ProgressMode::Plain),
            (Panel, Quiet, Possible, ProgressMode::Panel),
            (Plain, Normal, Possible, ProgressMode::Plain),
            (Json, Quiet, Impossible, ProgressMode::Json),
            (None, Normal, Possible, ProgressMode::Silent),
        ] {
            let got = mode(form, talk, redrawing);
            assert_eq!(got, expected, "{form:?} {talk:?} {redrawing:?}");
        }
    }
}
