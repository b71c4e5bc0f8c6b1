//! Control characters that a terminal or a CI log would act upon, shown as `\u001b` instead.

pub mod causes;
pub(crate) mod command_words;

use std::borrow::Cow;
use std::fmt::{self, Write as _};
use std::io::{self, Write};
use std::path::Path;

/// The colours of a verdict, their end, the one of facts that stand back and bold: the only sequences that this program's
/// results send to a terminal.
pub const COLOURS: [&str; 6] = [
    "\x1b[1;32m",
    "\x1b[1;31m",
    "\x1b[1;33m",
    "\x1b[0m",
    "\x1b[2m",
    "\x1b[1m",
];

/// Whether a character moves the cursor, changes the order of its neighbours, or cannot be seen: C0 and C1 controls,
/// line separators, bidirectional controls, characters without width, and tags.
pub fn is_unprintable(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// A name or another text that belongs on one line: line ends and tabs are escaped as well.
///
/// ```
/// use a7probe::printable::one_line;
/// assert_eq!(one_line("red\x1b[31m\n"), "red\\u001b[31m\\n");
/// assert_eq!(one_line("µ-service"), "µ-service");
/// ```
pub fn one_line(text: &str) -> Cow<'_, str> {
    escaped(text, is_unprintable)
}

/// A text of several lines: line ends and tabs stay.
pub fn lines(text: &str) -> Cow<'_, str> {
    escaped(text, is_unprintable_in_lines)
}

fn is_unprintable_in_lines(c: char) -> bool {
    is_unprintable(c) && !matches!(c, '\n' | '\t')
}

fn escaped(text: &str, is_unprintable: fn(char) -> bool) -> Cow<'_, str> {
    if !text.contains(is_unprintable) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if is_unprintable(c) {
            escape(c, &mut out)
        } else {
            out.push(c)
        }
    }
    Cow::Owned(out)
}

/// As JSON writes it, so that a filtered JSON string keeps its value.
fn escape(c: char, out: &mut String) {
    match c {
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        _ => {
            for unit in c.encode_utf16(&mut [0; 2]) {
                // Writing to a string cannot fail.
                let _ = write!(out, "\\u{unit:04x}");
            }
        }
    }
}

/// A path as it may be shown.
pub trait Shown {
    /// The path on one line, without control characters.
    fn shown(&self) -> impl fmt::Display;
}

impl Shown for Path {
    fn shown(&self) -> impl fmt::Display {
        one_line(&self.to_string_lossy()).into_owned()
    }
}

/// Which escape sequences are our own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sequences {
    /// None: every escape is shown as text.
    None,
    /// [`COLOURS`], around text that has been escaped before.
    Colours,
    /// Every colour and weight (`ESC [ … m`), of help and logs, whose values are escaped before.
    Styles,
}

/// A stream that shows control characters instead of sending them. Line ends and tabs pass.
#[derive(Debug)]
pub struct Printable<W> {
    inner: W,
    sequences: Sequences,
    /// The beginning of a character or of an escape sequence that the last write cut.
    cut: Vec<u8>,
    /// The end of the current line, as far as a command of a CI runner may begin in it.
    line: LineEnd,
}

/// The beginning of a runner command that the last characters may form: runners read `::error::` at the start of a line
/// and `##[error]` anywhere as commands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LineEnd {
    Start,
    Colon,
    Text,
    /// This many `#`.
    Hashes(u8),
}

impl LineEnd {
    /// After one more character, and whether it must be escaped so that it begins no command.
    fn then(self, c: char) -> (LineEnd, bool) {
        match (self, c) {
            (_, '\n') => (LineEnd::Start, false),
            (LineEnd::Start, ' ' | '\t') => (LineEnd::Start, false),
            (LineEnd::Start, ':') => (LineEnd::Colon, false),
            (LineEnd::Colon, ':') | (LineEnd::Hashes(2), '[') => (LineEnd::Text, true),
            (LineEnd::Hashes(count), '#') => (LineEnd::Hashes((count + 1).min(2)), false),
            (_, '#') => (LineEnd::Hashes(1), false),
            _ => (LineEnd::Text, false),
        }
    }
}

/// No sequence of our own is longer.
const LONGEST_SEQUENCE: usize = 24;

impl<W: Write> Printable<W> {
    /// Filters the output to `inner`.
    pub fn new(inner: W, sequences: Sequences) -> Printable<W> {
        Printable {
            inner,
            sequences,
            cut: Vec::new(),
            line: LineEnd::Start,
        }
    }

    fn push_plain(&mut self, text: &str, out: &mut String) {
        for c in text.chars() {
            let (line, begins_command) = self.line.then(c);
            self.line = line;
            if begins_command || is_unprintable_in_lines(c) {
                escape(c, out)
            } else {
                out.push(c)
            }
        }
    }

    /// Writes the complete characters in `bytes`, and returns the number of bytes written.
    fn write_complete(&mut self, bytes: &[u8], last: bool) -> io::Result<usize> {
        let mut out = String::with_capacity(bytes.len() + 16);
        let mut used = 0;
        while used < bytes.len() {
            let rest = &bytes[used..];
            match next_piece(rest, self.sequences) {
                TextPiece::Cut if !last => break,
                TextPiece::Cut => {
                    out.push(char::REPLACEMENT_CHARACTER);
                    used = bytes.len();
                }
                TextPiece::Invalid(length) => {
                    out.push(char::REPLACEMENT_CHARACTER);
                    used += length;
                }
                TextPiece::Plain(text) => {
                    self.push_plain(text, &mut out);
                    used += text.len();
                }
                TextPiece::Own(text) => {
                    out.push_str(text);
                    used += text.len();
                }
            }
        }
        self.inner.write_all(out.as_bytes())?;
        Ok(used)
    }
}

enum TextPiece<'a> {
    /// To be escaped where necessary.
    Plain(&'a str),
    /// A sequence of our own.
    Own(&'a str),
    /// This many bytes are not UTF-8.
    Invalid(usize),
    /// More bytes are needed.
    Cut,
}

fn next_piece(bytes: &[u8], sequences: Sequences) -> TextPiece<'_> {
    let valid = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(e) if e.valid_up_to() > 0 => {
            std::str::from_utf8(&bytes[..e.valid_up_to()]).unwrap_or_default()
        }
        Err(e) => {
            return match e.error_len() {
                Some(length) => TextPiece::Invalid(length),
                None => TextPiece::Cut,
            };
        }
    };
    if sequences == Sequences::None {
        return TextPiece::Plain(valid);
    }
    match valid.find('\x1b') {
        None => TextPiece::Plain(valid),
        Some(0) => sequence(valid, bytes.len() > valid.len(), sequences),
        Some(start) => TextPiece::Plain(&valid[..start]),
    }
}

/// Classifies bytes that begin with an escape character.
fn sequence(text: &str, goes_on: bool, sequences: Sequences) -> TextPiece<'_> {
    let is_part = |c: char| c.is_ascii_digit() || c == ';';
    let parameters = text.get(2..).unwrap_or_default();
    let end = parameters.find(|c| !is_part(c));
    let begins = text == "\x1b" || text.starts_with("\x1b[");
    match end {
        None if begins && text.len() < LONGEST_SEQUENCE && !goes_on => TextPiece::Cut,
        Some(end) if begins && parameters[end..].starts_with('m') => {
            let own = &text[..end + 3];
            if sequences == Sequences::Styles || COLOURS.contains(&own) {
                TextPiece::Own(own)
            } else {
                TextPiece::Plain(own)
            }
        }
        _ => TextPiece::Plain("\x1b"),
    }
}

impl<W: Write> Write for Printable<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.cut.is_empty() {
            let used = self.write_complete(bytes, false)?;
            self.cut.extend_from_slice(&bytes[used..]);
        } else {
            let mut all = std::mem::take(&mut self.cut);
            all.extend_from_slice(bytes);
            let used = self.write_complete(&all, false)?;
            self.cut.extend_from_slice(&all[used..]);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if !self.cut.is_empty() {
            let cut = std::mem::take(&mut self.cut);
            self.write_complete(&cut, true)?;
        }
        self.inner.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use proptest::prelude::*;

    use super::{COLOURS, Printable, Sequences, is_unprintable, one_line};

    fn through(sequences: Sequences, parts: &[&[u8]]) -> String {
        let mut out = Vec::new();
        let mut stream = Printable::new(&mut out, sequences);
        for part in parts {
            stream.write_all(part).unwrap();
        }
        stream.flush().unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn controls_of_every_kind_are_shown_as_text() {
        for (c, shown) in [
            ("\x1b", "\\u001b"),
            ("\r", "\\r"),
            ("\x08", "\\u0008"),
            ("\x7f", "\\u007f"),
            ("\u{9b}", "\\u009b"),
            ("\u{85}", "\\u0085"),
            ("\u{61c}", "\\u061c"),
            ("\u{200b}", "\\u200b"),
            ("\u{200e}", "\\u200e"),
            ("\u{202e}", "\\u202e"),
            ("\u{2066}", "\\u2066"),
            ("\u{2028}", "\\u2028"),
            ("\u{feff}", "\\ufeff"),
            ("\u{e0041}", "\\udb40\\udc41"),
        ] {
            assert_eq!(one_line(c), shown);
            assert_eq!(through(Sequences::None, &[c.as_bytes()]), shown);
        }
        assert_eq!(through(Sequences::None, &[b"a\tb\n"]), "a\tb\n");
        assert_eq!(one_line("a\tb\n"), "a\\tb\\n");
        assert_eq!(one_line("µs ≤ 150 · 日本"), "µs ≤ 150 · 日本");
    }

    #[test]
    fn no_line_begins_with_a_command_of_a_ci_runner() {
        for (text, shown) in [
            ("::error::x\n", ":\\u003aerror::x\n"),
            (
                "a\n  ::set-output name=x::y",
                "a\n  :\\u003aset-output name=x::y",
            ),
            ("a ::error::x", "a ::error::x"),
            ("a ##[error]x", "a ##\\u005berror]x"),
            ("## [title](url)", "## [title](url)"),
            ("std::io", "std::io"),
        ] {
            assert_eq!(through(Sequences::None, &[text.as_bytes()]), shown);
            let (head, tail) = text.as_bytes().split_at(text.len() / 2);
            assert_eq!(through(Sequences::None, &[head, tail]), shown);
        }
    }

    #[test]
    fn only_our_own_sequences_pass_where_they_may() {
        let red = format!("{}FAIL{}", COLOURS[1], COLOURS[3]);
        assert_eq!(through(Sequences::Colours, &[red.as_bytes()]), red);
        assert_eq!(
            through(Sequences::None, &[red.as_bytes()]),
            "\\u001b[1;31mFAIL\\u001b[0m"
        );
        for (sequences, hostile) in [
            (Sequences::Colours, "\x1b[8m"),
            (Sequences::Colours, "\x1b[2J"),
            (Sequences::Styles, "\x1b[2J"),
            (Sequences::Styles, "\x1b]0;title\x07"),
            (Sequences::Styles, "\x1bc"),
            (Sequences::Styles, "\x1b[31"),
        ] {
            let shown = through(sequences, &[hostile.as_bytes()]);
            assert!(!shown.contains('\x1b'), "{hostile:?} became {shown:?}");
        }
        assert_eq!(through(Sequences::Styles, &[b"\x1b[4mx"]), "\x1b[4mx");
    }

    proptest! {
        #[test]
        fn no_control_reaches_the_terminal_however_the_bytes_are_cut(
            text in "(\\PC|\\pC|\x1b|\\[|[0-9;m\n]){0,40}",
            cut in 0_usize..200,
        ) {
            let bytes = text.as_bytes();
            let (head, tail) = bytes.split_at(cut.min(bytes.len()));
            for sequences in [Sequences::None, Sequences::Colours] {
                let mut shown = through(sequences, &[head, tail]);
                prop_assert_eq!(&shown, &through(sequences, &[bytes]));
                if sequences == Sequences::Colours {
                    for colour in COLOURS {
                        shown = shown.replace(colour, "");
                    }
                }
                let bad = shown.chars().find(|&c| is_unprintable(c) && c != '\n' && c != '\t');
                prop_assert_eq!(bad, None);
            }
        }

        #[test]
        fn json_that_was_filtered_has_the_same_value(text in "(\\PC|\\pC){0,40}") {
            let json = serde_json::to_string(&text).unwrap();
            let shown = through(Sequences::None, &[json.as_bytes()]);
            prop_assert_eq!(serde_json::from_str::<String>(&shown).unwrap(), text);
        }
    }
}
