//! How a screen is drawn: its colours and its glyphs. Colour only repeats what a word says.

use std::borrow::Cow;

use super::glyphs::ascii;
use crate::printable::COLOURS;
use crate::report::style::{Colour, Glyphs, Style};
use crate::verdict::Verdict;

/// Colours and glyphs of a screen.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::report) struct Ink {
    colour: Colour,
    glyphs: Glyphs,
}

impl Ink {
    pub(in crate::report) fn of(style: &Style) -> Ink {
        Ink {
            colour: style.colour,
            glyphs: style.glyphs,
        }
    }

    /// The text in the glyphs of the screen; before it is laid out, since a glyph may become two characters.
    pub(in crate::report) fn glyphs(self, text: &str) -> Cow<'_, str> {
        match self.glyphs {
            Glyphs::Unicode => Cow::Borrowed(text),
            Glyphs::Ascii => ascii(text),
        }
    }

    /// PASS green, FAIL red, INCONCLUSIVE and NOT JUDGED yellow.
    pub(in crate::report) fn verdict(self, verdict: Verdict, text: &str) -> String {
        self.painted(
            text,
            match verdict {
                Verdict::Pass => COLOURS[0],
                Verdict::Fail => COLOURS[1],
                Verdict::Inconclusive | Verdict::NotJudged => COLOURS[2],
            },
        )
    }

    /// Facts that stand back.
    pub(in crate::report) fn dim(self, text: &str) -> String {
        self.painted(text, COLOURS[4])
    }

    /// Headings and code of a page.
    pub(in crate::report) fn bold(self, text: &str) -> String {
        self.painted(text, COLOURS[5])
    }

    /// Bars beyond the limit.
    pub(in crate::report) fn beyond(self, text: &str) -> String {
        self.painted(text, COLOURS[1])
    }

    fn painted(self, text: &str, colour: &str) -> String {
        match self.colour {
            Colour::Never => text.to_owned(),
            Colour::Always => format!("{colour}{text}{}", COLOURS[3]),
        }
    }
}
