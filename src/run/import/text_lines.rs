//! The lines of a text, one at a time and of bounded length, with any line end.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read};

use super::encoding::Utf8;
use super::ending::Ending;
use super::{ImportError, ListError};

/// Longest line.
const MAX_LINE: usize = 1 << 20;

/// Line ends besides CR and LF: vertical tab, form feed, NEL, line and paragraph separator.
const RARE_ENDS: [char; 5] = ['\u{b}', '\u{c}', '\u{85}', '\u{2028}', '\u{2029}'];

/// One line, without its end, and its number from 1.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct TextLine {
    pub(super) number: u64,
    pub(super) text: String,
}

/// The lines of a text in any encoding that [`Utf8`] reads.
pub(super) struct TextLines<R> {
    input: BufReader<Utf8<R>>,
    raw: Vec<u8>,
    number: u64,
    /// Lines that were read in advance.
    ahead: VecDeque<TextLine>,
    /// Whether a CR ended the last line, so that a LF belongs to it.
    after_cr: bool,
    ending: Ending,
}

impl<R: Read> TextLines<R> {
    pub(super) fn new(input: R) -> Result<TextLines<R>, ImportError> {
        Ok(TextLines {
            input: BufReader::new(Utf8::new(input).map_err(|e| ImportError::unreadable(&e))?),
            raw: Vec::new(),
            number: 0,
            ahead: VecDeque::new(),
            after_cr: false,
            ending: Ending::Whole,
        })
    }

    /// The next line; `None` at the end.
    pub(super) fn next(&mut self) -> Result<Option<TextLine>, ImportError> {
        match self.ahead.pop_front() {
            Some(line) => Ok(Some(line)),
            None => self.read(),
        }
    }

    /// Puts lines back in front of the others.
    pub(super) fn unread(&mut self, lines: Vec<TextLine>) {
        for line in lines.into_iter().rev() {
            self.ahead.push_front(line);
        }
    }

    /// How the last line ended.
    pub(super) fn ending(&self) -> Ending {
        self.ending
    }

    /// Whether nothing is left to read.
    pub(super) fn is_at_end(&mut self) -> Result<bool, ImportError> {
        if !self.ahead.is_empty() {
            return Ok(false);
        }
        match self.read()? {
            None => Ok(true),
            Some(line) => {
                self.ahead.push_front(line);
                Ok(false)
            }
        }
    }

    fn read(&mut self) -> Result<Option<TextLine>, ImportError> {
        if !self.fill()? {
            return Ok(None);
        }
        self.number += 1;
        let number = self.number;
        let text = std::str::from_utf8(&self.raw)
            .ok()
            .filter(|text| !text.contains('\0'))
            .ok_or(ImportError::NotText(Some(number as usize)))?;
        if !text.contains(RARE_ENDS) {
            let text = text.to_owned();
            return Ok(Some(TextLine { number, text }));
        }
        let mut parts = text.split(RARE_ENDS).map(str::to_owned);
        let first = parts.next().unwrap_or_default();
        for (number, text) in (number + 1..).zip(parts) {
            self.number = number;
            self.ahead.push_back(TextLine { number, text });
        }
        Ok(Some(TextLine {
            number,
            text: first,
        }))
    }

    /// Reads the bytes of a line up to CR or LF; false at the end of the file.
    fn fill(&mut self) -> Result<bool, ImportError> {
        self.raw.clear();
        loop {
            let bytes = self
                .input
                .fill_buf()
                .map_err(|e| ImportError::unreadable(&e))?;
            if bytes.is_empty() {
                if !self.raw.is_empty() {
                    self.ending = Ending::MidLine;
                }
                return Ok(!self.raw.is_empty());
            }
            if std::mem::take(&mut self.after_cr) && bytes[0] == b'\n' {
                self.input.consume(1);
                continue;
            }
            let end = bytes.iter().position(|&b| matches!(b, b'\n' | b'\r'));
            self.raw
                .extend_from_slice(&bytes[..end.unwrap_or(bytes.len())]);
            self.after_cr = end.is_some_and(|at| bytes[at] == b'\r');
            let consumed = end.map_or(bytes.len(), |at| at + 1);
            self.input.consume(consumed);
            if self.raw.len() > MAX_LINE {
                return Err(ListError::at(
                    self.number + 1,
                    "the line is longer than 1 MiB",
                    "one value per line, such as 163.2ms, or 'failed'",
                )
                .into());
            }
            if end.is_some() {
                return Ok(true);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::TextLines;
    use crate::run::import::ending::Ending;

    fn all(text: &str) -> (Vec<(u64, String)>, Ending) {
        let mut lines = TextLines::new(text.as_bytes()).unwrap();
        let mut found = Vec::new();
        while let Some(line) = lines.next().unwrap() {
            found.push((line.number, line.text));
        }
        (found, lines.ending())
    }

    #[test]
    fn every_line_end_ends_a_line_and_counts_once() {
        let text = "1\n2\r\n3\r4\u{85}5\u{2028}6\u{b}7\u{2029}8\n\r9\r\n";
        let expected: Vec<(u64, String)> = ["1", "2", "3", "4", "5", "6", "7", "8", "", "9"]
            .into_iter()
            .map(str::to_owned)
            .enumerate()
            .map(|(i, text)| (i as u64 + 1, text))
            .collect();
        assert_eq!(all(text), (expected, Ending::Whole));
        assert_eq!(all("1\r2").1, Ending::MidLine);
    }

    #[test]
    fn a_line_is_bounded_and_text() {
        let long = "1".repeat((1 << 20) + 1);
        assert!(TextLines::new(long.as_bytes()).unwrap().next().is_err());
        assert!(TextLines::new(&b"1\xe9\n"[..]).unwrap().next().is_err());
        assert!(TextLines::new(&b"12345\0\n"[..]).unwrap().next().is_err());
    }
}
