//! Errors, warnings and hints on a terminal: broken between words. A line with a command is left whole, so that it can be
//! copied.

use std::io::{self, Write};

use crate::report::at_words;

/// What the lines begin with.
const LABELS: [&str; 4] = ["error: ", "warning: ", "hint: ", "note: "];

/// In lines that are left to the terminal.
const WHOLE: [&str; 2] = ["a7probe ", "://"];

/// Writes to a terminal of this width; without a width nothing is changed.
pub(crate) struct FittedMessages<'a> {
    out: &'a mut dyn Write,
    width: Option<u16>,
    /// The beginning of a line that may be a message, or the part of it that has arrived.
    line: Vec<u8>,
    state: LineState,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum LineState {
    /// At the start of a line: it may become a message.
    Start,
    /// In a message, which is kept until its end.
    Message,
    /// In any other line, which is written as it comes.
    Other,
}

impl<'a> FittedMessages<'a> {
    /// For stderr.
    pub(crate) fn on_stderr(out: &'a mut dyn Write) -> FittedMessages<'a> {
        let size = terminal_size::terminal_size_of(io::stderr());
        FittedMessages::new(out, size.map(|(width, _)| width.0))
    }

    fn new(out: &'a mut dyn Write, width: Option<u16>) -> FittedMessages<'a> {
        FittedMessages {
            out,
            width,
            line: Vec::new(),
            state: LineState::Start,
        }
    }

    /// Adds a part of one line, or the end of it.
    fn add(&mut self, piece: &[u8]) -> io::Result<()> {
        if self.state == LineState::Other {
            self.out.write_all(piece)?;
        } else {
            self.line.extend_from_slice(piece);
        }
        if self.state == LineState::Start {
            self.state = state_of(&self.line);
            if self.state == LineState::Other {
                self.release()?;
            }
        }
        if piece.ends_with(b"\n") {
            if self.state == LineState::Message {
                self.write_message()?;
            }
            self.state = LineState::Start;
        }
        Ok(())
    }

    /// Writes the kept part as it is.
    fn release(&mut self) -> io::Result<()> {
        self.out.write_all(&std::mem::take(&mut self.line))
    }

    fn write_message(&mut self) -> io::Result<()> {
        let text = String::from_utf8_lossy(&self.line).into_owned();
        if WHOLE.iter().any(|part| text.contains(part)) {
            return self.release();
        }
        self.line.clear();
        let text = text.trim_end_matches('\n');
        let label = LABELS.iter().find(|label| text.starts_with(**label));
        let indent = label.map_or(0, |label| label.len());
        for line in at_words(text, self.width, indent) {
            writeln!(self.out, "{line}")?;
        }
        Ok(())
    }
}

/// What a line is that begins like this.
fn state_of(line: &[u8]) -> LineState {
    let is = |label: &&str| line.starts_with(label.as_bytes());
    let may_be = |label: &&str| label.as_bytes().starts_with(line);
    if LABELS.iter().any(is) {
        LineState::Message
    } else if LABELS.iter().any(may_be) {
        LineState::Start
    } else {
        LineState::Other
    }
}

impl Write for FittedMessages<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.width.is_none() {
            return self.out.write(bytes);
        }
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.add(piece)?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

impl Drop for FittedMessages<'_> {
    /// A message without its line end; a failure to write it cannot be reported.
    fn drop(&mut self) {
        if self.state == LineState::Message {
            let _ = self.write_message();
        } else {
            let _ = self.release();
        }
        let _ = self.out.flush();
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::FittedMessages;

    fn written(width: Option<u16>, pieces: &[&str]) -> String {
        let mut out = Vec::new();
        let mut fitted = FittedMessages::new(&mut out, width);
        for piece in pieces {
            fitted.write_all(piece.as_bytes()).unwrap();
        }
        drop(fitted);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn messages_are_broken_between_words_and_everything_else_is_as_it_is() {
        let pieces = ["er", "ror: one two three\nhi", "nt: four five six\n", "e"];
        assert_eq!(
            written(Some(16), &pieces),
            "error: one two\n       three\nhint: four five\n      six\ne"
        );
        assert_eq!(
            written(None, &pieces),
            "error: one two three\nhint: four five six\ne"
        );
        let progress = "10 s  search 203: P95 51.8 ms\r\x1b[2A";
        assert_eq!(written(Some(10), &[progress]), progress);
        let command = "hint: a7probe judge run.json --verbose\n";
        assert_eq!(written(Some(10), &[command]), command);
        assert_eq!(
            written(Some(12), &["error: one two"]),
            "error: one\n       two\n"
        );
    }
}
