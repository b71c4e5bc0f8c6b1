//! The rows of a list or CSV file: cells, quoted or not, behind a separator that the first lines show.

use std::io::Read;

use csv::StringRecord;

use super::ending::Ending;
use super::text_lines::{TextLine, TextLines};
use super::{ImportError, ListError, status_meaning, value};

/// Longest row that a quoted cell spreads over several lines.
const MAX_QUOTED: usize = 64 << 10;

#[derive(Clone, Debug, Default)]
pub(super) struct ListRow {
    /// Its first line, from 1.
    pub(super) line: u64,
    /// Trimmed.
    pub(super) cells: StringRecord,
    /// Whether the first cell was quoted.
    pub(super) quoted: bool,
    /// A line before it, behind the first row of a list, that may have been a request.
    pub(super) gap: Option<(u64, String)>,
}

/// Rows that say something: blank lines and comments are left out.
pub(super) struct ListRows<R> {
    lines: TextLines<R>,
    separator: Option<char>,
    /// Whether a row has been read.
    started: bool,
}

impl<R: Read> ListRows<R> {
    pub(super) fn new(input: R) -> Result<ListRows<R>, ImportError> {
        let mut records = ListRows {
            lines: TextLines::new(input)?,
            separator: None,
            started: false,
        };
        let mut first_lines: Vec<TextLine> = Vec::new();
        let has_content = |line: &&TextLine| !without_comment(&line.text).is_empty();
        while first_lines.iter().filter(has_content).count() < 2 {
            match records.lines.next()? {
                Some(line) => first_lines.push(line),
                None => break,
            }
        }
        let texts: Vec<&str> = first_lines
            .iter()
            .filter(has_content)
            .map(|line| without_comment(&line.text))
            .collect();
        match texts.first().and_then(|first| stated_separator(first)) {
            Some(separator) => {
                records.separator = Some(separator);
                let stated = first_lines.iter().position(|line| has_content(&line));
                first_lines.drain(..=stated.unwrap_or(0));
            }
            None => records.separator = separator_of(&texts),
        }
        records.lines.unread(first_lines);
        Ok(records)
    }

    /// The separator of the cells, if there are several.
    pub(super) fn separator(&self) -> Option<char> {
        self.separator
    }

    /// How the file ends; known at its end.
    pub(super) fn ending(&self) -> Ending {
        self.lines.ending()
    }

    /// Whether the row that was read last ends the file in the middle of a line.
    pub(super) fn is_cut(&mut self) -> Result<bool, ImportError> {
        Ok(self.lines.is_at_end()? && self.lines.ending() == Ending::MidLine)
    }

    /// Reads the next row; false at the end.
    pub(super) fn read(&mut self, row: &mut ListRow) -> Result<bool, ImportError> {
        row.gap = None;
        while let Some(line) = self.lines.next()? {
            let text = match self.separator {
                // A value may be followed by a comment.
                None if !line.text.trim_start().starts_with('"') => without_comment(&line.text),
                // Below the titles, a `#` belongs to a value.
                _ if !self.started && line.text.trim_start().starts_with('#') => "",
                _ => line.text.trim_matches([' ', '\r']),
            };
            if self.separator.is_none() && (self.started || !text.trim().is_empty()) {
                row.gap = row.gap.take().or_else(|| gap(&line, text));
            }
            if text.trim().is_empty() {
                continue;
            }
            self.started = true;
            row.line = line.number;
            row.quoted = text.trim_start().starts_with('"');
            if !split(text, self.separator, &mut row.cells) {
                let text = text.to_owned();
                self.read_quoted(text, row)?;
            }
            return Ok(true);
        }
        Ok(false)
    }

    /// A quoted cell that continues after the end of its line.
    fn read_quoted(&mut self, mut text: String, row: &mut ListRow) -> Result<(), ImportError> {
        while text.len() <= MAX_QUOTED {
            let Some(line) = self.lines.next()? else {
                break;
            };
            let closes = line.text.contains('"');
            text.push('\n');
            text.push_str(&line.text);
            if closes && split(&text, self.separator, &mut row.cells) {
                return Ok(());
            }
        }
        Err(ListError::at(
            row.line,
            "a quote is opened and not closed",
            "close the quote, and double a quote inside a quoted field",
        )
        .into())
    }
}

/// Why a line of a list may hide a request: it is blank, or its comment holds a value or a failure.
fn gap(line: &TextLine, text: &str) -> Option<(u64, String)> {
    if line.text.trim().is_empty() {
        return Some((line.number, "the line is blank".to_owned()));
    }
    let comment = line.text.trim().strip_prefix(text.trim())?;
    let comment = comment.trim().strip_prefix('#')?.trim();
    let hides = value::is_value(comment) || status_meaning::is_failing_word(comment);
    hides.then(|| {
        (
            line.number,
            format!("the comment '{comment}' may be a request"),
        )
    })
}

fn without_comment(line: &str) -> &str {
    line.split('#').next().unwrap_or("").trim()
}

/// The separator of a first line such as `sep=;`, which spreadsheets write.
fn stated_separator(line: &str) -> Option<char> {
    let mut rest = line.trim_matches('"').strip_prefix("sep=")?.chars();
    match (rest.next(), rest.next()) {
        (Some(separator @ (',' | ';' | '\t' | '|')), None) => Some(separator),
        _ => None,
    }
}

/// The separator of the first lines: the sign that gives both lines the same number of cells, else a sign in the first
/// line.
fn separator_of(lines: &[&str]) -> Option<char> {
    let mut record = StringRecord::new();
    let mut cells = |line: &str, separator| {
        split(line, Some(separator), &mut record);
        record.len()
    };
    let signs = ['\t', ';', ','];
    let first = lines.first()?;
    if let Some(second) = lines.get(1) {
        let agreed = signs.into_iter().find(|&sign| {
            let n = cells(first, sign);
            n > 1 && n == cells(second, sign)
        });
        if agreed.is_some() {
            return agreed;
        }
    }
    signs.into_iter().find(|&sign| cells(first, sign) > 1)
}

/// Splits a line into its cells; false if a quote is open at its end.
fn split(text: &str, separator: Option<char>, cells: &mut StringRecord) -> bool {
    cells.clear();
    let is_separator = |c: char| Some(c) == separator;
    let mut rest = text;
    loop {
        let start = rest.trim_start_matches(|c: char| c.is_whitespace() && !is_separator(c));
        let (cell, tail) = match start.strip_prefix('"') {
            Some(inner) => match unquote(inner) {
                Some((cell, tail)) => (Some(cell), tail),
                None => return false,
            },
            None => (None, start),
        };
        let end = tail.find(is_separator).unwrap_or(tail.len());
        match cell {
            Some(mut cell) => {
                cell.push_str(tail[..end].trim_end());
                cells.push_field(cell.trim());
            }
            None => cells.push_field(tail[..end].trim()),
        }
        let Some(sign) = tail[end..].chars().next() else {
            return true;
        };
        rest = &tail[end + sign.len_utf8()..];
    }
}

/// The text up to the closing quote, and the text after it.
fn unquote(inner: &str) -> Option<(String, &str)> {
    let mut cell = String::new();
    let mut rest = inner;
    loop {
        let end = rest.find('"')?;
        cell.push_str(&rest[..end]);
        rest = &rest[end + 1..];
        match rest.strip_prefix('"') {
            Some(more) => {
                cell.push('"');
                rest = more;
            }
            None => return Some((cell, rest)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{ListRow, ListRows};

    fn rows(text: &str) -> Vec<(u64, Vec<String>)> {
        let mut records = ListRows::new(text.as_bytes()).unwrap();
        let mut row = ListRow::default();
        let mut found = Vec::new();
        while records.read(&mut row).unwrap() {
            found.push((row.line, row.cells.iter().map(str::to_owned).collect()));
        }
        found
    }

    #[test]
    fn cells_are_read_as_spreadsheets_write_them() {
        let row = |line, cells: &[&str]| (line, cells.iter().map(|c| (*c).to_owned()).collect());
        assert_eq!(
            rows("# comment\n\na;\"b;c\"\n\n1,0; \"say \"\"hi\"\"\r\nthere\" \n2;3\n"),
            [
                row(3, &["a", "b;c"]),
                row(5, &["1,0", "say \"hi\"\nthere"]),
                row(7, &["2", "3"])
            ]
        );
        assert_eq!(
            rows("sep=|\na|b\n1|\n"),
            [row(2, &["a", "b"]), row(3, &["1", ""])]
        );
        assert_eq!(
            rows("\"1,5\"\n2 # two, three\n"),
            [row(1, &["1,5"]), row(2, &["2"])]
        );
        assert_eq!(
            rows("a\tb\n\t2\n"),
            [row(1, &["a", "b"]), row(2, &["", "2"])]
        );
        // A comma that only a title has is not a separator.
        assert_eq!(rows("time;a,b\n1;2\n")[0], row(1, &["time", "a,b"]));
    }

    #[test]
    fn an_open_quote_is_refused_with_its_line() {
        let mut records = ListRows::new(&b"a,b\n1,\"2\n3,4\n"[..]).unwrap();
        let mut row = ListRow::default();
        records.read(&mut row).unwrap();
        let error = records.read(&mut row).unwrap_err().to_string();
        assert!(
            error.starts_with("line 2: a quote is opened and not closed"),
            "{error}"
        );
    }
}
